"""Networks that fail three requests of ten for hours, or all of them: what goes out goes out once."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from tests.features.publishing.hours import live
from tests.features.publishing.stage import Stage
from tests.features.publishing.stage import stage as staged
from tests.features.workspaces.conftest import Office

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.publishing.models import UNFINISHED, PublicationState
from cliply.infra.breakers import RULE
from cliply.infra.shared_breakers import SharedBreakers
from cliply.integrations.publisher import Network

PATHS = {Network.YOUTUBE: "^/(upload/)?youtube/", Network.TIKTOK: "^/(v2/(post|video)|video)/"}
"""Of what publishing asks for; tokens are another test's."""
FAULTS = (
    Fault(Kind.ANSWER, status=429, body=b"{}"),
    Fault(Kind.ANSWER, status=429, headers={"Retry-After": "90"}, body=b"{}"),
    Fault(Kind.ANSWER, status=500, body=b"<html>Oops</html>"),
    Fault(Kind.ANSWER, status=502),
    Fault(Kind.ANSWER, status=503, headers={"Retry-After": "30"}),
    Fault(Kind.DROP_UNREAD),
    Fault(Kind.DROP_IN_BODY, after=70_000),
    Fault(Kind.DROP_ANSWER),
    Fault(Kind.DROP_ANSWER),
)


@pytest.fixture
def shaky(office: Office, tmp_path: Path, media: Path) -> Iterator[Stage]:
    """The breakers are those of an installation."""
    breakers = SharedBreakers(office.database, fresh=0.0)
    with staged(office, tmp_path, media, parts=True, generous=True, breakers=breakers) as made:
        yield made


def published_in_the_end(stage: Stage, count: int, *, seed: int) -> None:
    for network in Network:
        stage.connect(network)
    wanted: dict[Network, list[UUID]] = {network: [] for network in Network}
    for number in range(count):
        network = list(Network)[number % 2]
        wanted[network].append(stage.publish(network).id)
    with ExitStack() as faulty:
        for network, path in PATHS.items():
            faults = [Fault(each.kind, path, status=each.status, headers=each.headers, body=each.body, after=each.after)
                      for each in FAULTS]  # fmt: skip
            faulty.enter_context(stage.faults(network).drawing(0.3, faults, seed=seed))
        live(stage, hours=12)
    became = Counter(stage.publication(each).state for ids in wanted.values() for each in ids)
    unfinished = {state for state in became if state in UNFINISHED - {PublicationState.UNKNOWN}}
    assert not unfinished, became
    assert became[PublicationState.PUBLISHED] >= 0.99 * count, became
    marks = Counter(post.details.get("file_name") or post.details["publish_id"] for post in stage.posts())
    assert set(marks.values()) == {1}
    assert {post.details["sha256"] for post in stage.posts()} == {stage.digest}
    assert len(marks) == became[PublicationState.PUBLISHED]


@pytest.mark.slow
def test_three_requests_of_ten_that_fail_keep_nothing_from_being_published_once(shaky: Stage) -> None:
    published_in_the_end(shaky, 60, seed=4)


@pytest.mark.soak
def test_three_requests_of_ten_that_fail_keep_nothing_of_a_thousand_from_being_published_once(shaky: Stage) -> None:
    published_in_the_end(shaky, 1000, seed=random.randrange(10**6))


@pytest.mark.slow
def test_a_network_that_is_down_is_left_alone_and_gets_everything_when_it_is_back(shaky: Stage) -> None:
    shaky.connect(Network.YOUTUBE)
    publications = [shaky.publish(Network.YOUTUBE).id for _ in range(40)]
    calls = itertools.count()

    def counted(_headers: Mapping[str, str]) -> bool:
        return next(calls) >= 0

    shaky.faults(Network.YOUTUBE).plan(Fault(Kind.DROP_UNREAD, times=None, where=counted))
    attempts, asked = live(shaky, 1.5), next(calls)
    # Until it opens, and then by one probe at a time.
    assert asked - RULE.failures <= 0.05 * (attempts - RULE.failures), (asked, attempts)
    assert {shaky.publication(each).state.value for each in publications} == {"parked"}
    assert shaky.posts() == []
    shaky.faults(Network.YOUTUBE).clear()
    live(shaky, 3)
    assert {shaky.publication(each).state.value for each in publications} == {"published"}
    assert len(shaky.posts()) == len(publications)
