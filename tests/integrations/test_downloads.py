"""Links: what is fetched, and what cannot be reached by any of them. Everything runs on this machine."""

import base64
import http.client
import http.server
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.media.clips import TONE, make
from tests.servers.loopback import QuietHandler, listening

from cliply.infra.settings import Downloads
from cliply.integrations.downloads import (
    Downloaded,
    DownloadFailed,
    LinkNotAllowed,
    LinksNotAllowed,
    NotALink,
    NoVideoThere,
    VideoTooLarge,
    check_link,
    download,
)
from cliply.integrations.egress import Egress
from cliply.media.probe import probe

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class Site:
    """Answers each path with what a test says, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.pages: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []


def _not_there(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


@contextmanager
def site() -> Iterator[Site]:
    found = Site()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers.get("range")))
            found.pages.get(self.path, _not_there)(self)

        def do_HEAD(self) -> None:
            self.do_GET()

    with listening(Handler) as found.url:
        yield found


def file(content: bytes, *, length: bool = True) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("range", "")
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        handler.send_response(206 if wanted else 200)
        handler.send_header("Content-Type", "video/mp4")
        if wanted:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if length:
            handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(content[start:])

    return answer


def redirect(to: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def allowing(found: Site, **more: Any) -> Downloads:
    """As an operator who takes links of this one server of theirs."""
    wanted = {"rights_confirmed": True, "hosts": [found.url], "extractors": ["generic"], "networks": ["127.0.0.1/32"]}
    return Downloads.model_validate(wanted | more)


def fetch(found: Site, folder: Path, path: str = "/talk.mp4", **more: Any) -> Downloaded:
    limits = {"largest": more.pop("largest", 50_000_000), "longest": more.pop("longest", 3600.0)}
    on_progress = more.pop("on_progress", lambda _share: None)
    return download(found.url + path, folder, allowing(found, **more), **limits, on_progress=on_progress)


@pytest.fixture(scope="session")
def talk_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    return make(path, "testsrc2=s=64x64:r=5", TONE.format(seconds=20), "-t", "20").path.read_bytes()


@pytest.mark.slow
def test_a_video_is_fetched_with_its_progress(talk_bytes: bytes, tmp_path: Path) -> None:
    shares: list[float] = []
    with site() as found:
        found.pages["/talk.mp4"] = file(talk_bytes)
        got = fetch(found, tmp_path, on_progress=shares.append)
    assert got.file.read_bytes() == talk_bytes
    assert got.title == "talk"
    assert probe(got.file).duration == 20_000
    assert shares[-1] == 1.0


@pytest.mark.slow
def test_a_download_that_was_cut_goes_on(talk_bytes: bytes, tmp_path: Path) -> None:
    half = len(talk_bytes) // 2
    (tmp_path / "source.mp4.part").write_bytes(talk_bytes[:half])
    with site() as found:
        found.pages["/talk.mp4"] = file(talk_bytes)
        got = fetch(found, tmp_path)
        assert ("/talk.mp4", f"bytes={half}-") in found.asked
    assert got.file.read_bytes() == talk_bytes


@pytest.mark.slow
@pytest.mark.parametrize("length", [True, False])
def test_what_is_larger_than_allowed_is_cut_off(talk_bytes: bytes, tmp_path: Path, length: bool) -> None:
    with site() as found:
        found.pages["/talk.mp4"] = file(talk_bytes * 20, length=length)
        with pytest.raises(VideoTooLarge):
            fetch(found, tmp_path, largest=len(talk_bytes))
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < len(talk_bytes) * 2


@pytest.mark.slow
def test_what_is_not_there_and_what_is_no_video_is_said(tmp_path: Path) -> None:
    with site() as found:
        found.pages["/page"] = file(b"<html><body>Nothing here</body></html>")
        with pytest.raises(DownloadFailed):
            fetch(found, tmp_path / "a", path="/gone.mp4")
        with pytest.raises(NoVideoThere):
            fetch(found, tmp_path / "b", extractors=["youtube"])


@pytest.mark.slow
def test_whoever_asks_to_stop_is_heard_at_once(talk_bytes: bytes, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(_share: float) -> None:
        raise Enough

    def wait(_handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(3)

    with site() as found:
        found.pages["/talk.mp4"] = wait
        with pytest.raises(Enough):
            fetch(found, tmp_path, on_progress=stop)


@pytest.mark.slow
def test_a_redirect_leads_to_no_private_address(talk_bytes: bytes, tmp_path: Path) -> None:
    with site() as secret, site() as found:
        secret.pages["/talk.mp4"] = file(talk_bytes)
        host, port = "127.0.0.1", secret.url.rpartition(":")[2]
        found.pages["/away.mp4"] = redirect(f"http://{host}:{port}/talk.mp4")
        with pytest.raises(DownloadFailed):
            fetch(found, tmp_path / "refused", path="/away.mp4")
        assert secret.asked == []
        # The same way is open to who names that server too.
        fetch(found, tmp_path / "taken", path="/away.mp4", hosts=[found.url, secret.url])
        assert secret.asked


def through(proxy: str, host: str, port: str) -> int:
    """The answer to a request by the proxy, as any program may send it."""
    address = urlsplit(proxy)
    word = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.request("GET", f"http://{host}:{port}/talk.mp4", headers={"Proxy-Authorization": f"Basic {word}"})
    return connection.getresponse().status


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]"],
)
def test_no_way_of_writing_it_leads_to_this_machine(host: str) -> None:
    with site() as secret:
        secret.pages["/talk.mp4"] = file(b"secret")
        port = secret.url.rpartition(":")[2]
        with Egress(largest=10_000, ports={int(port)}).served() as proxy:
            assert through(proxy, host, port) == 403
            assert through(proxy.replace("cliply:", "cliply:x"), host, port) == 407
        assert secret.asked == []
        open_to_us = Egress(largest=10_000, ports={int(port)}, networks=[ipaddress.ip_network("127.0.0.0/8")])
        with open_to_us.served() as proxy:
            assert through(proxy, "127.0.0.1", port) == 200


def test_what_comes_is_counted_and_slowed_down() -> None:
    with site() as found:
        found.pages["/talk.mp4"] = file(bytes(300_000))
        port = found.url.rpartition(":")[2]
        slow = Egress(largest=10**6, rate=200_000, ports={int(port)}, networks=[ipaddress.ip_network("127.0.0.0/8")])
        begun = time.monotonic()
        with slow.served() as proxy:
            address = urlsplit(proxy)
            word = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
            connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
            connection.request("GET", f"{found.url}/talk.mp4", headers={"Proxy-Authorization": f"Basic {word}"})
            assert len(connection.getresponse().read()) == 300_000
        assert time.monotonic() - begun > 1
        assert 300_000 < slow.came < 310_000


CONFIRMED = Downloads(rights_confirmed=True)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "youtube.com/watch",
        "file:///etc/passwd",
        "ftp://youtube.com/a",
        "https://",
        "https:///a",
        "javascript:alert(1)",
        "https://user@youtube.com/a",
        "https://youtube.com@127.0.0.1/",
        "https://youtube.com\\@127.0.0.1/",
        "https://youtube.com:22/",
        "https://youtube.com:99999/",
        "http://youtube.com/watch?v=a",
        "https://youtube.com.evil.org/",
        "https://evil.org/?https://youtube.com/",
        "https://evil.org#youtube.com",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://yоutube.com/",
        "https://youtube.com/\r\nHost: a",
        "https://youtube.com/ --exec ls",
        "-o/tmp/a",
        "https://youtube.com/" + "a" * 2000,
        "data:video/mp4;base64,AAAA",
        "https://localhost/",
        "https://169.254.169.254/latest",
    ],
)
def test_only_links_of_named_hosts_are_taken(link: str) -> None:
    with pytest.raises((NotALink, LinkNotAllowed)):
        check_link(link, CONFIRMED)


def test_links_are_off_until_somebody_answers_for_them() -> None:
    link = "https://www.youtube.com/watch?v=aaaaaaaaaaa"
    with pytest.raises(LinksNotAllowed, match="upload the file"):
        check_link(link, Downloads())
    assert check_link(link, CONFIRMED) == link


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fc00::1", False),
        ("fe80::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:db8::1", False),
        ("198.18.0.1", False),
        ("192.0.2.1", False),
        ("240.0.0.1", False),
        ("ff02::1", False),
    ],
)
def test_only_public_addresses_are_reached(address: str, allowed: bool) -> None:
    assert Egress(largest=1).allows(ipaddress.ip_address(address)) is allowed
