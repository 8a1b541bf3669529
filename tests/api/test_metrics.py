"""Figures over HTTP: what is not told is null, what came late says so, and wrong questions are answered as such."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import World

from cliply.features.publishing.models import (
    Channel,
    ChannelState,
    Performance,
    Publication,
    PublicationState,
    Snapshot,
)
from cliply.integrations.publisher import Network, Standing

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


@pytest.fixture
def publication_id(world: World) -> UUID:
    """On TikTok two days ago; the first snapshot was missed, and the second came two hours late."""
    publication_id = uuid4()
    with world.database.workspace(world.workspace) as session:
        channel = Channel(network=Network.TIKTOK, external_id="open-ada", name="Ada", state=ChannelState.DISCONNECTED)
        session.add(channel)
        session.flush()
        session.add(
            Publication(
                id=publication_id, channel_id=channel.id, network=Network.TIKTOK, post={}, handle_sealed=b"sealed",
                state=PublicationState.PUBLISHED, begun_at=BEGAN, published_at=BEGAN,
            )
        )  # fmt: skip
        session.flush()
        following = BEGAN + timedelta(hours=72)
        session.add(
            Performance(
                publication_id=publication_id, counts_from=BEGAN, next_at=following, standing=Standing.SHOWN
            )
        )  # fmt: skip
        for age, hours, views in ((3, 5, 40), (24, 24, 90)):
            taken_at = BEGAN + timedelta(hours=hours)
            session.add(Snapshot(publication_id=publication_id, age_hours=age, taken_at=taken_at, views=views, likes=4))
    return publication_id


def test_a_publication_s_figures_say_what_is_not_told_and_what_came_late(
    client: TestClient, world: World, publication_id: UUID
) -> None:
    told = client.get(f"/api/publications/{publication_id}/metrics", **world.as_("viewer")).json()
    first, second = told["snapshots"]
    assert (first["age_hours"], first["real_age_hours"], first["views"]) == (3, 5.0, 40)
    assert (second["age_hours"], second["real_age_hours"], second["views"]) == (24, 24.0, 90)
    assert {first[name] for name in ("comments", "shares", "watched_seconds", "average_share_watched")} == {None}
    assert (told["standing"], told["gone_at"], told["problem"]) == ("shown", None, None)
    assert datetime.fromisoformat(told["counts_from"]) == BEGAN
    assert client.get(f"/api/publications/{uuid4()}/metrics", **world.as_("viewer")).status_code == 404


def test_a_summary_counts_each_publication_once(client: TestClient, world: World, publication_id: UUID) -> None:
    told = client.get("/api/metrics/summary", **world.as_("viewer")).json()
    sums = {"publications": 1, "measured": 1, "views": 90, "likes": 4, "comments": None, "shares": None}
    for part in (told["total"], *told["networks"], *told["accounts"], *told["periods"]):
        assert sums.items() <= part.items()
    assert (told["networks"][0]["network"], told["accounts"][0]["name"]) == ("tiktok", "Ada")
    at = client.get("/api/metrics/summary", params={"age_hours": 3, "period": "day"}, **world.as_("viewer")).json()
    assert (at["total"]["views"], at["age_hours"], len(at["periods"])) == (40, 3, 1)
    missed = client.get("/api/metrics/summary", params={"age_hours": 1}, **world.as_("viewer")).json()
    assert (missed["total"]["publications"], missed["total"]["measured"], missed["total"]["views"]) == (1, 0, None)
    elsewhere = client.get("/api/metrics/summary", headers=world.headers("stranger", workspace=world.other)).json()
    assert elsewhere["total"]["publications"] == 0
    assert str(publication_id) not in str(told)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"since": "2026-11-30", "until": "2026-11-01"}, 422),
        ({"since": "0001-01-01"}, 422),
        ({"until": "9999-12-31"}, 422),
        ({"until": "0001-01-01"}, 422),
        ({"age_hours": "99999999999999999999999999"}, 422),
        ({"period": "year"}, 422),
        ({"account_id": str(uuid4())}, 404),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_as_such(
    client: TestClient, world: World, asked: dict[str, str], status: int
) -> None:
    answer = client.get("/api/metrics/summary", params=asked, **world.as_("viewer"))
    assert answer.status_code == status, answer.text
    assert client.get("/api/metrics/summary").status_code == 401
