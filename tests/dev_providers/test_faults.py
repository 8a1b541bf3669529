"""Faults happen where they were planned, and to the bytes that were named."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from tests.servers.consent import browser

from cliply.dev_providers.faults import Fault, Faults, Kind
from cliply.dev_providers.serve import serving


@dataclass
class There:
    url: str
    faults: Faults
    got: list[bytes] = field(default_factory=list)
    """Of each request, the bytes that came."""
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Counts requests that the app is through with."""

    def status(self, path: str = "/", body: bytes | None = None, **headers: str) -> int | None:
        """None where the connection was cut."""
        method = "GET" if body is None else "PUT"
        try:
            return browser().request(method, self.url + path, content=body, headers=headers).status_code
        except httpx2.TransportError:
            return None


@pytest.fixture
def there() -> Iterator[There]:
    async def answer(request: Request) -> Response:
        found.got.append(b"")
        try:
            async for chunk in request.stream():
                found.got[-1] += chunk
        except ClientDisconnect:
            found.got[-1] += b"|"
            raise
        finally:
            found.ended.release()
        return Response(b"done")

    faults = Faults()
    with serving(faults.wrap(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])]))) as url:
        found = There(url, faults)
        yield found


def test_nothing_goes_wrong_unless_it_was_planned(there: There) -> None:
    assert [there.status() for _ in range(3)] == [200] * 3


def test_a_fault_meets_as_many_as_it_is_for_after_those_it_skips(there: There) -> None:
    there.faults.plan(Fault(Kind.ANSWER, path="^/a$", method="PUT", skip=1, times=2, status=500))
    assert [there.status("/a", b"x") for _ in range(4)] == [200, 500, 500, 200]
    assert len(there.got) == 2, "what is answered by a fault is not done"
    there.faults.plan(Fault(Kind.ANSWER, path="^/a$", method="PUT", times=None))
    assert [there.status(*each) for each in (("/b", b"x"), ("/a",), ("/a", b"x"), ("/a", b"x"))] == [200, 200, 503, 503]
    there.faults.clear()
    assert there.status("/a", b"x") == 200


def test_a_fault_may_look_at_headers(there: There) -> None:
    there.faults.plan(Fault(Kind.ANSWER, where=lambda headers: headers.get("x-part") == "2", status=503))
    assert [there.status("/", b"x", **{"X-Part": each}) for each in ("1", "2", "2")] == [200, 503, 200]


def test_a_fault_answers_with_what_it_was_given(there: There) -> None:
    there.faults.plan(Fault(Kind.ANSWER, status=429, headers={"Retry-After": "7"}, body=b'{"a": 1}'))
    reply = browser().put(there.url, content=b"x" * 1_000_000)
    assert (reply.status_code, reply.headers["retry-after"], reply.json()) == (429, "7", {"a": 1})


@pytest.mark.parametrize(
    ("fault", "got"),
    [
        (Fault(Kind.DROP_UNREAD), []),
        (Fault(Kind.DROP_ANSWER), [b"x" * 300_000]),
        (Fault(Kind.DROP_IN_BODY, after=0), [b"|"]),
        (Fault(Kind.DROP_IN_BODY, after=1), [b"x|"]),
        (Fault(Kind.DROP_IN_BODY, after=123_457), [b"x" * 123_457 + b"|"]),
        (Fault(Kind.DROP_IN_BODY, after=300_000), [b"x" * 300_000 + b"|"]),
        (Fault(Kind.DROP_IN_BODY, after=400_000), [b"x" * 300_000 + b"|"]),
    ],
)
def test_a_connection_is_cut_exactly_where_it_was_said(there: There, fault: Fault, got: list[bytes]) -> None:
    there.faults.plan(fault)
    assert there.status("/", b"x" * 300_000) is None
    # Who sent it may know before the app does.
    assert not got or there.ended.acquire(timeout=10)
    assert there.got == got
    assert there.status("/", b"y") == 200


def test_a_delay_comes_before_what_is_done_all_the_same(there: There) -> None:
    there.faults.plan(Fault(Kind.DELAY, seconds=0.01))
    assert there.status("/", b"x") == 200
    assert there.got == [b"x"]


def test_faults_by_chance_are_the_same_for_the_same_seed(there: There) -> None:
    kinds = [Fault(Kind.ANSWER, path="^/a", status=503), Fault(Kind.DROP_UNREAD, path="^/a")]

    def run(seed: int) -> list[int | None]:
        with there.faults.drawing(0.3, kinds, seed=seed):
            return [there.status("/a") for _ in range(30)]

    first = run(1)
    assert first == run(1) != run(2)
    assert 4 <= sum(each != 200 for each in first) <= 16
    assert {None, 503, 200} == set(first)
    with there.faults.drawing(1.0, kinds, seed=1):
        assert there.status("/b") == 200
    assert there.status("/a") == 200
