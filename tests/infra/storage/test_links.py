from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.errors import Invalid
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.links import PATH, Grant, LinkRefused, LinkSigner

KEY = ObjectKey(UUID(int=1), UUID(int=2), "source", UUID(int=3))
READ = Grant(KEY, file_name="My talk & more/№1.mp4")
SEND = Grant(KEY, upload="an-upload", part=3, size=5)
SIGNER = LinkSigner(b"a secret of the test")
HOUR = timedelta(hours=1)
LINK = SIGNER.sign(SEND, HOUR)
LATER = 4e9


def test_a_link_allows_what_it_was_made_for() -> None:
    assert SIGNER.verify(LINK, method="PUT", size=5) == SEND
    assert SIGNER.verify(SIGNER.sign(READ, HOUR), method="GET") == READ
    assert SIGNER.verify(SIGNER.sign(Grant(KEY), HOUR), method="GET") == Grant(KEY)


@pytest.mark.parametrize(("method", "size"), [("GET", None), ("DELETE", None), ("PUT", 6), ("PUT", None)])
def test_a_link_is_refused_for_another_request(method: str, size: int | None) -> None:
    with pytest.raises(LinkRefused):
        SIGNER.verify(LINK, method=method, size=size)


def test_a_link_expires_and_fits_one_installation_only() -> None:
    with pytest.raises(LinkRefused, match="expired"):
        SIGNER.verify(LINK, method="PUT", size=5, now=LATER)
    with pytest.raises(LinkRefused):
        LinkSigner(b"another").verify(LINK, method="PUT", size=5)


@pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(days=8)])
def test_a_link_lasts_neither_no_time_nor_for_ever(expires_in: timedelta) -> None:
    with pytest.raises(Invalid):
        SIGNER.sign(READ, expires_in)


@pytest.mark.parametrize(
    "link",
    [
        LINK.replace("0000-000000000001", "0000-000000000009"),
        LINK.replace("expires=", "expires=9"),
        LINK.replace("size=5", "size=6"),
        LINK.replace("part=3", "part=4"),
        f"{LINK}&size=6",
        LINK.replace("?", "?size=6&"),
        LINK.rpartition("&")[0],
        f"{PATH}{KEY}?signature=é",
        f"{PATH}{KEY}?x=1&signature=\ud800",
        "http://[",
        "",
    ],
)
def test_a_changed_link_is_refused(link: str) -> None:
    assert link != LINK
    with pytest.raises(LinkRefused):
        SIGNER.verify(link, method="PUT", size=5)


@given(st.text())
def test_text_that_is_no_link_is_refused(link: str) -> None:
    with pytest.raises(LinkRefused):
        SIGNER.verify(link, method="GET")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_file_name_comes_through(name: str) -> None:
    grant = Grant(KEY, file_name=name)
    assert SIGNER.verify(SIGNER.sign(grant, HOUR), method="GET") == grant
