"""The server that waits for whoever comes back from a network's page of consent."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.servers.consent import browser

from cliply.cli import loopback
from cliply.cli.loopback import NobodyCameBack, PortTaken, WayBack, way_back


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def back(port: int) -> Iterator[WayBack]:
    with way_back(port) as it:
        it.expect("s3cret")
        yield it


def at(back: WayBack, path: str) -> httpx2.Response:
    return browser().get(f"http://127.0.0.1:{back.port}{path}")


def test_whoever_comes_back_waits_for_the_page_that_says_what_came_of_it(back: WayBack) -> None:
    with ThreadPoolExecutor() as pool:
        shown = pool.submit(at, back, "/oauth?state=s3cret&code=a%2Fb&scope=x&iss=https%3A%2F%2Fa.example")
        visit = back.wait(10)
        assert visit.brought == {"state": "s3cret", "code": "a/b", "scope": "x", "iss": "https://a.example"}
        assert not shown.done()
        visit.show("YouTube is connected", "<script>alert(1)</script>")
        page = shown.result(10)
    assert page.status_code == 200
    assert "<h1>YouTube is connected</h1>" in page.text
    assert "<script>" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/", "/favicon.ico", "/oauth/?state=s3cret", "/OAUTH?state=s3cret"],
)
def test_what_is_asked_for_elsewhere_is_not_there_and_ends_nothing(back: WayBack, path: str) -> None:
    assert at(back, path).status_code == 404
    with pytest.raises(NobodyCameBack):
        back.wait(0.05)


@pytest.mark.parametrize("state", ["", "state=", "state=S3CRET", "state=s3cre", "state=s3crets", "state=%FF", "code=c"])
def test_an_answer_to_what_was_not_begun_ends_nothing(back: WayBack, state: str) -> None:
    assert at(back, f"/oauth?{state}").status_code == 400
    with pytest.raises(NobodyCameBack):
        back.wait(0.05)


def test_an_answer_is_taken_once(back: WayBack) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(at, back, "/oauth?state=s3cret&code=a")
        visit = back.wait(10)
        assert at(back, "/oauth?state=s3cret&code=b").status_code == 400
        visit.show("Done", "", status=400)
        assert first.result(10).status_code == 400
    with pytest.raises(NobodyCameBack, match="Run the command again"):
        back.wait(0.05)


def test_other_methods_are_not_known(back: WayBack) -> None:
    assert browser().post(f"http://127.0.0.1:{back.port}/oauth", data={"state": "s3cret"}).status_code == 501


def test_a_connection_that_says_nothing_keeps_nobody_waiting(back: WayBack) -> None:
    with socket.create_connection(("127.0.0.1", back.port)), ThreadPoolExecutor() as pool:
        shown = pool.submit(at, back, "/oauth?state=s3cret&error=access_denied")
        back.wait(10).show("Done", "")
        assert shown.result(10).status_code == 200


def test_it_listens_on_this_machine_alone_and_no_more_once_it_is_left(port: int) -> None:
    with way_back(port) as back:
        assert back.port == port
        with pytest.raises(PortTaken, match=f"Port {port} of this machine is taken"), way_back(port):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_where_the_usual_port_is_taken_another_one_is_and_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(loopback, "PORT", port)
    with way_back() as first, way_back() as second:
        assert first.port == port != second.port
    assert f"Port {port} is taken, so port {second.port} is used" in capsys.readouterr().err


def test_what_came_back_is_not_in_a_repr(back: WayBack) -> None:
    with ThreadPoolExecutor() as pool:
        shown = pool.submit(at, back, "/oauth?state=s3cret&code=canary")
        visit = back.wait(10)
        assert "canary" not in repr(visit)
        visit.show("Done", "")
        shown.result(10)


def test_nothing_of_a_request_is_written_down(back: WayBack, capfd: pytest.CaptureFixture[str]) -> None:
    at(back, "/oauth?state=other&code=canary")
    assert capfd.readouterr() == ("", "")
