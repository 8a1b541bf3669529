"""What is told of figures: of one publication, and of many together, as somebody who adds them up by hand has it."""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from tests.features.workspaces.conftest import Office

from cliply.errors import Invalid, NotFound
from cliply.features.publishing import metrics
from cliply.features.publishing.ages import AGES
from cliply.features.publishing.metrics import Period, Summary, Sums
from cliply.features.publishing.models import Channel, ChannelState, Publication, PublicationState, Snapshot
from cliply.features.publishing.publications import NoSuchPublication
from cliply.integrations.publisher import Network

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
FIRST, LAST = date(2026, 10, 19), date(2026, 11, 15)
BERLIN = ZoneInfo("Europe/Berlin")
FIGURES = ("views", "likes", "comments", "shares")


def channel_of(office: Office, network: Network, name: str) -> UUID:
    with office.database.workspace(office.id) as session:
        channel = Channel(network=network, external_id=name, name=name, state=ChannelState.DISCONNECTED)
        session.add(channel)
        session.flush()
        return channel.id


def publication_of(channel_id: UUID, network: Network, published_at: datetime | None) -> Publication:
    if published_at is None:
        return Publication(id=uuid4(), channel_id=channel_id, network=network, post={}, state=PublicationState.INTENT)
    return Publication(
        id=uuid4(), channel_id=channel_id, network=network, post={}, state=PublicationState.PUBLISHED,
        published_at=published_at, handle_sealed=b"sealed", begun_at=published_at,
    )  # fmt: skip


def drawn(chance: random.Random, network: Network, publication: Publication, ages: Iterable[int]) -> list[Snapshot]:
    """Figures that grow; some are not told."""
    views, made = 0, []
    at = publication.published_at or datetime.now(UTC)
    for age in ages:
        views += chance.randrange(1000)
        tells = network is YOUTUBE and age > 24
        made.append(
            Snapshot(
                publication_id=publication.id, age_hours=age, taken_at=at + timedelta(hours=age), views=views,
                likes=None if chance.random() < 0.3 else views // 10, comments=None if network is TIKTOK else 1,
                shares=None, watched_seconds=views * 7.5 if tells else None,
                average_share_watched=chance.random() if tells else None,
            )
        )  # fmt: skip
    return made


def added(found: list[tuple[Publication, Snapshot | None]]) -> Sums:
    taken = [snapshot for _, snapshot in found if snapshot is not None]
    known = {name: [each for one in taken if (each := getattr(one, name)) is not None] for name in FIGURES}
    watched = [one.watched_seconds for one in taken if one.watched_seconds is not None]
    shares = [(one.average_share_watched, one.views or 0) for one in taken if one.average_share_watched is not None]
    weight = sum(views for _, views in shares)
    return Sums(
        len(found), len(taken), **{name: sum(told) if told else None for name, told in known.items()},
        watched_seconds=sum(watched) if watched else None,
        average_share_watched=sum(share * views for share, views in shares) / weight if weight else None,
    )  # fmt: skip


def alike(found: Sums, wanted: Sums) -> bool:
    pairs = [(getattr(found, name), getattr(wanted, name)) for name in Sums.__dataclass_fields__]
    return all(one == other or (one and other and abs(one - other) < 1e-6 * other) for one, other in pairs)


def asked(office: Office, **more: object) -> Summary:
    with office.entered("owner") as (session, caller):
        return metrics.summary(session, caller, **{"since": FIRST, "until": LAST, **more})  # type: ignore[arg-type] # as a client


@pytest.mark.parametrize("age", [None, 1, 72])
def test_sums_are_those_of_whoever_adds_them_up_by_hand(office: Office, age: int | None) -> None:
    chance = random.Random(7)
    names = {channel_of(office, network, name): (network, name) for network, name in
             ((YOUTUBE, "Bees"), (YOUTUBE, "Wasps"), (TIKTOK, "Ants"))}  # fmt: skip
    kept: list[tuple[Publication, Snapshot | None]] = []
    with office.database.workspace(office.id) as session:
        session.execute(text("update workspaces set timezone = 'Europe/Berlin'"))
        for number in range(60):
            channel_id = chance.choice(list(names))
            network = names[channel_id][0]
            published_at = datetime(2026, 10, 10, tzinfo=UTC) + timedelta(hours=chance.randrange(1100))
            publication = publication_of(channel_id, network, published_at if number % 10 else None)
            session.add(publication)
            session.flush()
            taken = drawn(chance, network, publication, AGES[: chance.randrange(8)] if number % 10 else ())
            session.add_all(taken)
            if publication.published_at and FIRST <= publication.published_at.astimezone(BERLIN).date() <= LAST:
                fitting = [each for each in taken if age in (None, each.age_hours)]
                kept.append((publication, fitting[-1] if fitting else None))

    found = asked(office, age_hours=age, period=Period.WEEK)
    assert alike(found.total, added(kept))
    assert 20 < found.total.publications < 54
    assert found.total.shares is None, "nobody tells it, which is no 0"
    assert [network for network, _ in found.networks] == [TIKTOK, YOUTUBE]
    for network, sums in found.networks:
        assert alike(sums, added([each for each in kept if each[0].network is network]))
    assert {each[:2] for each in found.channels} == {(channel_id, name) for channel_id, (_, name) in names.items()}
    for channel_id, _, _, sums in found.channels:
        assert alike(sums, added([each for each in kept if each[0].channel_id == channel_id]))
    begins = [first for first, _ in found.periods]
    assert begins == sorted(begins)
    assert {first.weekday() for first in begins} == {0}
    for first, sums in found.periods:
        assert alike(sums, added([each for each in kept if 0 <= (_day(each[0]) - first).days < 7]))
    assert sum(sums.publications for _, sums in found.periods) == found.total.publications
    only = asked(office, age_hours=age, network=TIKTOK)
    assert (only.total, [network for network, _ in only.networks]) == (dict(found.networks)[TIKTOK], [TIKTOK])
    bees = next(channel_id for channel_id, (_, name) in names.items() if name == "Bees")
    theirs = added([each for each in kept if each[0].channel_id == bees])
    assert alike(asked(office, age_hours=age, channel_id=bees).total, theirs)


def _day(publication: Publication) -> date:
    assert publication.published_at is not None
    return publication.published_at.astimezone(BERLIN).date()


def test_days_are_the_workspace_s_own(office: Office) -> None:
    channel_id = channel_of(office, YOUTUBE, "Bees")
    with office.database.workspace(office.id) as session:
        session.execute(text("update workspaces set timezone = 'Europe/Berlin'"))
        # An hour before midnight in Berlin, where clocks were put back that day, and one after it.
        for at in (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), datetime(2026, 10, 25, 23, 30, tzinfo=UTC)):
            session.add(publication_of(channel_id, YOUTUBE, at))
    found = asked(office, since=date(2026, 10, 25), until=date(2026, 10, 26), period=Period.DAY)
    assert [(first, sums.publications) for first, sums in found.periods] == [
        (date(2026, 10, 25), 1), (date(2026, 10, 26), 1)
    ]  # fmt: skip
    assert asked(office, since=date(2026, 10, 26), until=date(2026, 10, 26)).total.publications == 1


def test_nothing_published_is_an_empty_summary_of_four_weeks(office: Office) -> None:
    found = asked(office, since=None, until=None)
    assert found.until - found.since == timedelta(days=27)
    assert (found.total, found.networks, found.channels, found.periods) == (Sums(), [], [], [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": LAST, "until": FIRST},
        {"since": date(2020, 1, 1)},
        {"since": date.min, "until": date.min},
        {"since": None, "until": date.min},
        {"until": date.max},
        {"age_hours": 2},
        {"age_hours": 0},
    ],
)
def test_days_and_ages_that_make_no_sense_are_refused_with_a_reason(office: Office, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        asked(office, **wrong)


def test_another_workspace_s_figures_are_nobody_s_here(office: Office) -> None:
    with pytest.raises(NotFound):
        asked(office, channel_id=uuid4())
    with office.entered("owner") as (session, caller), pytest.raises(NoSuchPublication):
        metrics.of_publication(session, caller, uuid4())
