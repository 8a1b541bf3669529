"""A month of an installation whose networks give it little: no quota is overdrawn, and each snapshot is there once."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.features.publishing.hours import pass_by
from tests.features.publishing.mortal import Killed, attempted, bury, kills_at
from tests.features.publishing.polls import followed, poll, posted, snapshots, watch
from tests.features.publishing.stage import Stage
from tests.features.publishing.stage import stage as staged
from tests.features.workspaces.conftest import Office
from tests.infra.queue.claiming import claim

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.youtube_quotas import Quota
from cliply.features.publishing.ages import AGES
from cliply.features.publishing.models import Channel, Performance, Publication
from cliply.features.publishing.tasks import QUEUE
from cliply.infra.quotas import of_today
from cliply.integrations.publisher import Network
from cliply.integrations.youtube_quota import Bucket, next_reset

DAYS, TICK = 35, timedelta(hours=1)
POSTING = 28
"""Days on which something is published."""
A_DAY = 7
"""Requests for figures that YouTube allows this installation; eight are due on most days."""


@pytest.fixture
def poor(office: Office, tmp_path: Path, media: Path) -> Iterator[Stage]:
    """Its days are those of the networks' clock, so that both sides count the same ones."""
    with staged(office, tmp_path, media) as stage:
        budget = stage.runtime.providers.budget
        assert budget is not None
        # Hours go by from half past to half past, so that nothing is under way when a day ends.
        stage.clock.advance(timedelta(minutes=(30 - stage.clock.now().minute) % 60))

        def reset() -> datetime:
            """As a moment of the service's clock, which goes on while the networks' is moved."""
            now = stage.clock.now()
            return datetime.now(UTC) + (next_reset(now) - now)

        small = replace(budget, most={**budget.most, Bucket.STATISTICS: A_DAY, Bucket.UNITS: 4 * A_DAY}, reset=reset)
        provider = stage.runtime.providers.of(Network.YOUTUBE)
        provider.publisher._spend = small.spend  # type: ignore[attr-defined] # the same client with the smaller budget
        stage.youtube.quotas.limits |= {Quota.STATISTICS: A_DAY, Quota.UNITS: 4 * A_DAY}
        stage.youtube.library.has_audience = True
        yield replace(stage, runtime=replace(stage.runtime, providers=replace(stage.runtime.providers, budget=small)))


@dataclass
class Month:
    stage: Stage
    accounts: Sequence[Channel]
    chance: random.Random = field(default_factory=lambda: random.Random(20261130))
    made: list[Publication] = field(default_factory=list)
    spent: Counter[str] = field(default_factory=Counter)
    """The most of a day, by bucket."""
    deaths: int = 0

    def live(self, days: int) -> None:
        """An hour at a time, without those in which there is nothing to do."""
        waited = timedelta()
        for number in range(days * 24):
            waited += TICK
            posts = number % 24 == 9 and number < POSTING * 24
            if not posts and not self._something_is_due(waited):
                continue
            pass_by(self.stage, waited)
            waited = timedelta()
            if posts:
                for which, account in enumerate(self.accounts):
                    self.made += [posted(self.stage, account, on=which) for _ in range(self.chance.randrange(1, 4))]
            if self.chance.random() < 0.1:
                self.die()
            poll(self.stage)
            self._count()
        pass_by(self.stage, waited)

    def _something_is_due(self, after: timedelta) -> bool:
        with self.stage.office.database.system() as session:
            first = session.scalar(select(func.min(Performance.next_at)))
        return first is not None and first <= datetime.now(UTC) + after

    def _count(self) -> None:
        for quota in (Quota.STATISTICS, Quota.UNITS):
            self.spent[quota.value] = max(self.stage.youtube.quotas.of_each_day("client", quota), default=0)
        with self.stage.office.database.system() as session:
            assert all(each.used <= each.most for each in of_today(session))

    def die(self) -> None:
        """A worker, at whatever step it is; what it did last is done again by another."""
        watch(self.stage)
        token = claim(self.stage.office.database, self.stage.worker(), queues=[QUEUE])
        if token is not None:
            try:
                attempted(self.stage, token, kills_at(self.chance.randrange(1, 16)))
            except Killed:
                self.deaths += 1
                bury(self.stage)


@pytest.mark.slow
def test_a_month_of_figures_stays_within_the_quota_and_takes_each_snapshot_once(poor: Stage) -> None:
    month = Month(poor, [poor.connect(Network.YOUTUBE), poor.connect(Network.YOUTUBE, account="UCbbbb")])
    faults = [Fault(Kind.ANSWER, "batchGetStats", status=503), Fault(Kind.DROP_ANSWER, "batchGetStats")]
    with poor.google.faults.drawing(0.1, faults, seed=7):
        month.live(DAYS)
    refused = Counter(entry.details.get("reason") for entry in poor.ledger.entries("youtube_refused"))
    taken, reached = Counter[int](), Counter[int]()
    for publication in month.made:
        found, counts_from = snapshots(poor, publication.id), followed(poor, publication).counts_from
        old = [(each.taken_at - counts_from) / TICK for each in found]
        following = dict(zip(AGES, [*AGES[1:], DAYS * 24], strict=True))
        assert all(each.age_hours <= age < following[each.age_hours] for each, age in zip(found, old, strict=True))
        views = [each.views for each in found if each.views is not None]
        assert (len(views), views) == (len(found), sorted(views))
        taken.update(each.age_hours for each in found)
        reached.update(age for age in AGES if (datetime.now(UTC) - counts_from) / TICK > age)
    print(  # noqa: T201 - the figures are what the run is for
        f"{len(month.made)} posts, {month.deaths} deaths, at most {dict(month.spent)} a day, refused: {dict(refused)};"
        f" taken {dict(sorted(taken.items()))} of {dict(sorted(reached.items()))}"
    )
    assert month.spent[Quota.STATISTICS.value] == A_DAY, "all of it is used, and no more"
    assert not {"rateLimitExceeded", "quotaExceeded"} & {str(each) for each in refused}
    assert month.deaths > 5
    missed = reached.total() - taken.total()
    assert 0 < missed < reached.total() / 3, "there is too little for all, and enough for most"
    assert taken[168] > 0.9 * reached[168]
