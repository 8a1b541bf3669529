from typing import Any
from uuid import UUID

import pytest

from cliply.errors import Invalid, NotAllowed
from cliply.infra.signed_links import Grant, byte_range, sign, verify
from cliply.infra.storage import ObjectKey

SECRET = b"a secret of the test"
GRANT = Grant(ObjectKey(UUID(int=1), UUID(int=2), "source", UUID(int=3)), "PUT", 1000, "video/mp4", 5)
LINK = sign(SECRET, GRANT)


def check(
    query: str = LINK,
    *,
    secret: bytes = SECRET,
    method: str = "PUT",
    now: float = 999,
    kind: str = "video/mp4",
    length: int = 5,
) -> Grant:
    return verify(secret, query, method=method, now=now, type=kind, length=length)


def test_a_link_allows_what_it_was_made_for() -> None:
    assert check() == GRANT


@pytest.mark.parametrize(
    "request_of",
    [{"method": "GET"}, {"kind": "text/html"}, {"length": 6}, {"now": 1000}, {"secret": b"another"}],
)
def test_a_link_is_refused_for_anything_else(request_of: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        check(**request_of)


@pytest.mark.parametrize(
    "query",
    [
        LINK.replace("0000-000000000001", "0000-000000000009"),
        LINK.replace("expires=1000", "expires=9000"),
        LINK.replace("length=5", "length=6"),
        LINK + "&key=other",
        LINK.rpartition("&")[0],
        "signature=%C3%A9",
        "",
    ],
)
def test_a_changed_link_is_refused(query: str) -> None:
    assert query != LINK
    with pytest.raises(NotAllowed):
        check(query)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", range(10)),
        ("bytes=2-4", range(2, 5)),
        ("bytes=2-99", range(2, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=1-2", None),
    ],
)
def test_a_range_is_what_the_header_asks_for(header: str | None, expected: range | None) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=11-12"])
def test_a_range_outside_the_file_is_refused(header: str) -> None:
    with pytest.raises(Invalid):
        byte_range(header, 10)
