"""Anything in any order: people, jobs, workers that die, and networks that fail. No clip is there twice."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.features.publishing.hours import live, pass_by, watch
from tests.features.publishing.mortal import Killed, attempted, bury, kills_at, taken
from tests.features.publishing.stage import AGREED, Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.errors import Conflict
from cliply.features.publishing import publications
from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.models import UNFINISHED, PublicationState
from cliply.features.publishing.publications import Verdict
from cliply.integrations.publisher import Network

PATHS = "^/(upload/)?(youtube|v2/post|video)/"
REFUSED = b'{"error": {"code": 400, "message": "No.", "errors": [{"reason": "invalidTitle"}]}}'
HAPPENS = (
    Fault(Kind.DROP_UNREAD, PATHS),
    Fault(Kind.DROP_ANSWER, PATHS),
    Fault(Kind.DROP_ANSWER, PATHS, times=6),
    Fault(Kind.DROP_IN_BODY, PATHS, after=100_000),
    Fault(Kind.ANSWER, PATHS, status=503, times=6),
    Fault(Kind.ANSWER, PATHS, status=429, headers={"Retry-After": "60"}),
    Fault(Kind.ANSWER, "^/upload/youtube/v3/videos", "POST", status=400, body=REFUSED),
)


class Publishing(RuleBasedStateMachine):
    """Over the stage that `on` is set to; whatever one run leaves is finished at its end."""

    on: Stage
    number = 0
    wanted = Bundle("wanted")

    def __init__(self) -> None:
        super().__init__()
        self.titles: dict[UUID, str] = {}

    @initialize()
    def nothing_fails(self) -> None:
        for network in Network:
            self.on.faults(network).clear()

    @rule(target=wanted, network=some.sampled_from(list(Network)), later=some.booleans())
    def publish(self, network: Network, later: bool) -> UUID:
        Publishing.number += 1
        said = {"privacy": "PUBLIC_TO_EVERYONE", "options": AGREED} if network is Network.TIKTOK else {}
        title = f"Number {Publishing.number:05}"
        run_at = datetime.now(UTC) + timedelta(minutes=30) if later else None
        made = self.on.publish(network, wanted=Wanted.model_validate({"title": title, **said}), run_at=run_at)
        self.titles[made.id] = title
        return made.id

    @rule(which=wanted)
    def cancel(self, which: UUID) -> None:
        with suppress(Conflict), self.on.office.entered("owner") as (session, caller):
            publications.cancel(session, caller, which)

    @rule(which=wanted, minutes=some.integers(1, 90))
    def move(self, which: UUID, minutes: int) -> None:
        with suppress(Conflict), self.on.office.entered("owner") as (session, caller):
            publications.move(session, caller, which, datetime.now(UTC) + timedelta(minutes=minutes))

    @rule(which=wanted)
    def retry(self, which: UUID) -> None:
        with suppress(Conflict), self.on.office.entered("owner") as (session, caller):
            publications.retry(session, caller, which)

    @rule(which=wanted)
    def settle(self, which: UUID) -> None:
        """By somebody who looks with care, and asks for another look where nothing is to be seen."""
        verdict = Verdict.PUBLISHED if self.posts()[self.titles[which]] else Verdict.LOOK
        with suppress(Conflict), self.on.office.entered("owner") as (session, caller):
            publications.reconcile(session, caller, which, verdict)

    @rule(network=some.sampled_from(list(Network)), fault=some.sampled_from(HAPPENS), skip=some.integers(0, 6))
    def fail(self, network: Network, fault: Fault, skip: int) -> None:
        self.on.faults(network).plan(Fault(**{name: getattr(fault, name) for name in Fault.__slots__} | {"skip": skip}))

    @rule(dies_at=some.none() | some.integers(1, 45))
    def work(self, dies_at: int | None) -> None:
        token = taken(self.on)
        if token is None:
            return
        try:
            attempted(self.on, token, kills_at(dies_at or 10**6))
        except Killed:
            bury(self.on)

    @rule(minutes=some.integers(1, 120))
    def wait(self, minutes: int) -> None:
        pass_by(self.on, timedelta(minutes=minutes))
        watch(self.on)

    @invariant()
    def nothing_is_there_twice_or_against_somebodys_will(self) -> None:
        there = self.posts()
        for which, title in self.titles.items():
            now = self.on.publication(which)
            assert there[title] <= 1, self.on.states(which)
            if now.state is PublicationState.CANCELLED:
                assert there[title] == 0, self.on.states(which)
            if now.state is PublicationState.PUBLISHED:
                assert there[title] == 1, self.on.states(which)

    def teardown(self) -> None:
        for network in Network:
            self.on.faults(network).clear()
        for _ in range(3):
            live(self.on, 30)
            pass_by(self.on, timedelta(minutes=6))
            watch(self.on)
        self.nothing_is_there_twice_or_against_somebodys_will()
        for which in self.titles:
            now = self.on.publication(which)
            assert now.state not in UNFINISHED, (self.on.states(which), now.error)
            assert self.on.copies(which) == []

    def posts(self) -> Counter[str]:
        return Counter(str(post.details.get("title") or str(post.details["caption"])[:12]) for post in self.on.posts())


def whatever_happens(stage: Stage, examples: int, *, derandomize: bool) -> None:
    for network in Network:
        stage.connect(network)
    machine: type[RuleBasedStateMachine] = type("Here", (Publishing,), {"on": stage})
    chosen = settings(
        max_examples=examples, stateful_step_count=25, deadline=None, derandomize=derandomize, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
def test_whatever_happens_no_clip_is_there_twice(busy: Stage) -> None:
    whatever_happens(busy, 12, derandomize=True)


@pytest.mark.soak
def test_whatever_happens_for_hours_no_clip_is_there_twice(busy: Stage) -> None:
    whatever_happens(busy, 400, derandomize=False)
