"""Connections that break before, in and after every request of a publication: one post, with the clip's own bytes."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.features.publishing.stage import PART, Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.integrations.publisher import Network

LATER = timedelta(minutes=2)


def from_byte(first: int | str) -> Fault:
    def starts(headers: Mapping[str, str]) -> bool:
        return headers.get("content-range", "").startswith(f"bytes {first}")

    return Fault(Kind.ANSWER, path="^/(upload|video)", method="PUT", where=starts)


PLACES = {
    Network.YOUTUBE: {
        "begin": Fault(Kind.ANSWER, path="^/upload/youtube/v3/videos", method="POST"),
        "question": from_byte("*"),
        **{f"part {number}": from_byte(f"{number * PART}-") for number in range(4)},
        "look": Fault(Kind.ANSWER, path="^/youtube/v3/videos"),
        "cover": Fault(Kind.ANSWER, path="^/upload/youtube/v3/thumbnails"),
    },
    Network.TIKTOK: {
        "creator": Fault(Kind.ANSWER, path="creator_info"),
        "begin": Fault(Kind.ANSWER, path="video/init"),
        "question": Fault(Kind.ANSWER, path="status/fetch"),
        **{f"part {number}": from_byte(f"{number * PART}-") for number in range(3)},
        "look": Fault(Kind.ANSWER, path="status/fetch", skip=1),
    },
}
BREAKS = {
    "before": Fault(Kind.DROP_UNREAD),
    "at its first byte": Fault(Kind.DROP_IN_BODY, after=1),
    "in the middle": Fault(Kind.DROP_IN_BODY, after=100_001),
    "after its last byte": Fault(Kind.DROP_IN_BODY, after=10**9),
    "instead of the answer": Fault(Kind.DROP_ANSWER),
}
"""An upload's part has more bytes than any of them; of another request, they are all after its last one."""


QUICK = {"before", "instead of the answer"}


def cases() -> Iterator[object]:
    """All of them; those in the quick run that differ most."""
    for network, places in PLACES.items():
        for place in places:
            for how in BREAKS:
                for times in (1, 6):
                    quick = times == 1 and (how in QUICK or (how == "in the middle" and place == "part 1"))
                    yield pytest.param(
                        network, place, how, times, id=f"{network}-{place}-{how}-{times}",
                        marks=() if quick else pytest.mark.slow,
                    )  # fmt: skip


@pytest.mark.parametrize(("network", "place", "how", "times"), list(cases()))
def test_a_connection_that_breaks_makes_no_second_post_and_loses_none(
    parted: Stage, network: Network, place: str, how: str, times: int
) -> None:
    parted.connect(network)
    clip = parted.clip()
    publication = parted.publish(network, clip)
    where, met = PLACES[network][place], itertools.count()

    def counted(headers: Mapping[str, str]) -> bool:
        return where.where(headers) and next(met) >= 0

    broken = replace(where, kind=BREAKS[how].kind, after=BREAKS[how].after, times=times, where=counted)
    parted.faults(network).plan(broken)
    parted.run(passing=LATER)
    now = parted.publication(publication.id)
    assert (now.state, now.error) == ("published", None), parted.states(publication.id)
    [post] = parted.posts()
    assert post.details["sha256"] == clip.files["video"]["sha256"]
    assert now.external_id == (post.details.get("id") or post.details.get("post_id"))
    assert parted.copies(publication.id) == []
    assert next(met) > where.skip
