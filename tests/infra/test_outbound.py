"""The policy for providers, against a server on this machine that answers, breaks and hangs up as it is told."""

import io
import json
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from tests.infra.test_metrics import figure
from tests.infra.test_public_hosts import PRIVATE
from tests.servers.loopback import QuietHandler

from cliply.dev_providers.faults import Fault, Faults, Kind
from cliply.dev_providers.serve import serving
from cliply.infra.breakers import ProcessBreakers, Rule
from cliply.infra.db import Database
from cliply.infra.logging import configure
from cliply.infra.outbound import (
    BadReply,
    BreakerOpen,
    NoAnswer,
    NotReachable,
    Outbound,
    OutboundFailure,
    ProviderClient,
)
from cliply.infra.settings import Settings
from cliply.infra.shared_breakers import SharedBreakers

PATIENT = Rule(failures=1000)
"""Breakers that stay out of what a test is about."""
SECRET = "canary-4f6b2c"


@dataclass
class There:
    """A server, what it was asked, and what of that came to its app."""

    url: str
    faults: Faults
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def there() -> Iterator[There]:
    async def answer(request: Request) -> Response:
        body = await request.body()
        found.asked.append((str(request.url), dict(request.headers), body))
        match request.url.path:
            case "/moved":
                return RedirectResponse("/", status_code=302)
            case "/cookie":
                return Response(b"{}", headers={"Set-Cookie": "a=b"})
            case "/long":
                return Response(b"x" * 5_000_000)
            case "/packed":
                return Response(b"x", headers={"Content-Encoding": "gzip"})
            case "/odd":
                return Response(b"<html>" + SECRET.encode())
        return Response(b'{"ok": true}', media_type="application/json")

    faults = Faults()
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT"])])
    with serving(faults.wrap(app)) as url:
        found = There(url, faults)
        yield found


@contextmanager
def client(url: str | None = None, *, hosts: tuple[str, ...] = (), breakers: Any = None) -> Iterator[ProviderClient]:
    outbound = Outbound(breakers or ProcessBreakers(PATIENT), pause=0.001)
    yield outbound.client("Provider", hosts=hosts, url=url)
    outbound.close()


def test_a_read_is_tried_again_and_a_change_is_not(there: There) -> None:
    with client(there.url) as provider:
        there.faults.plan(Fault(Kind.ANSWER, status=503), Fault(Kind.DROP_UNREAD), Fault(Kind.DROP_ANSWER))
        assert provider.request("GET", there.url, repeatable=True).json() == {"ok": True}
        assert len(there.asked) == 2, "one whose answer was lost, and the last"
        there.faults.plan(Fault(Kind.ANSWER, status=503))
        assert provider.request("POST", there.url, repeatable=False, json={}).status == 503
        assert len(there.asked) == 2
        there.faults.plan(Fault(Kind.DROP_ANSWER))
        with pytest.raises(NoAnswer) as lost:
            provider.request("POST", there.url, repeatable=False, json={})
        assert lost.value.sent
        assert len(there.asked) == 3


def test_reads_end_after_a_few_tries(there: There) -> None:
    with client(there.url) as provider:
        there.faults.plan(Fault(Kind.ANSWER, status=500, times=None))
        assert provider.request("GET", there.url, repeatable=True).status == 500
        there.faults.clear()
        there.faults.plan(Fault(Kind.DROP_UNREAD, times=None))
        with pytest.raises(NoAnswer):
            provider.request("GET", there.url, repeatable=True)


def test_content_that_can_be_read_once_is_sent_once(there: There) -> None:
    there.faults.plan(Fault(Kind.ANSWER, status=503, times=None))
    with client(there.url) as provider:
        reply = provider.request("PUT", there.url, repeatable=True, content=iter([b"a", b"b"]))
        assert reply.status == 503
        there.faults.clear()
        length = {"Content-Length": "2"}
        provider.request("PUT", there.url, repeatable=True, content=iter([b"a", b"b"]), headers=length)
    assert [(body, headers.get("content-length")) for _, headers, body in there.asked] == [(b"ab", "2")]


def test_what_content_raises_ends_the_call(there: There) -> None:
    def content() -> Iterator[bytes]:
        yield b"a"
        raise KeyError("stopped")

    with client(there.url) as provider:
        with pytest.raises(KeyError, match="stopped"):
            provider.request("PUT", there.url, repeatable=True, content=content())
        assert provider.request("GET", there.url, repeatable=True).status == 200


@pytest.mark.parametrize(
    ("status", "asked", "tries"),
    [
        (429, None, 1),
        (429, "0", 4),
        (429, "3600", 1),
        (503, "3600", 1),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", 4),
        (503, "soon", 4),
        (400, None, 1),
        (401, "0", 1),
    ],
)
def test_whoever_is_busy_is_asked_again_only_after_the_short_wait_that_it_names(
    there: There, status: int, asked: str | None, tries: int
) -> None:
    headers = {} if asked is None else {"Retry-After": asked}
    there.faults.plan(Fault(Kind.ANSWER, status=status, headers=headers, times=tries))
    with client(there.url) as provider:
        reply = provider.request("GET", there.url, repeatable=True)
        assert reply.status == status
        assert (reply.retry_after or 0) in (0, 3600)
        # All that were planned have happened, so this one passes.
        assert provider.request("GET", there.url, repeatable=False).status == 200


def test_without_a_connection_it_is_certain_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with client(closed) as provider, pytest.raises(NoAnswer) as failed:
        provider.request("POST", closed, repeatable=False, json={})
    assert not failed.value.sent


@pytest.mark.parametrize("kind", [Kind.DROP_UNREAD, Kind.DROP_ANSWER, Kind.DROP_IN_BODY])
def test_whatever_was_cut_off_may_have_arrived(there: There, kind: Kind) -> None:
    there.faults.plan(Fault(kind, after=100_000))
    with client(there.url) as provider, pytest.raises(NoAnswer) as failed:
        provider.request("PUT", there.url, repeatable=False, content=b"x" * 1_000_000)
    assert failed.value.sent


def test_silence_ends_a_call(there: There) -> None:
    there.faults.plan(Fault(Kind.DELAY, seconds=0.4))
    with client(there.url) as provider, pytest.raises(NoAnswer, match="ReadTimeout") as failed:
        provider.request("POST", there.url, repeatable=False, json={}, timeout=0.05)
    assert failed.value.sent


def test_redirects_are_answers_and_cookies_are_forgotten(there: There) -> None:
    with client(there.url) as provider:
        moved = provider.request("GET", f"{there.url}/moved", repeatable=True)
        assert (moved.status, moved.headers["LOCATION"]) == (302, "/")
        provider.request("GET", f"{there.url}/cookie", repeatable=True)
        provider.request("GET", f"{there.url}/cookie", repeatable=True)
    assert len(there.asked) == 3
    assert "cookie" not in there.asked[-1][1]


@pytest.mark.parametrize("path", ["/long", "/packed", "/odd"])
def test_an_answer_that_cannot_be_read_says_so(there: There, path: str) -> None:
    with client(there.url) as provider, pytest.raises(BadReply) as failed:
        provider.request("GET", there.url + path, repeatable=True).json()
    assert SECRET not in str(failed.value)
    assert len(there.asked) == 1


def test_only_hosts_of_the_provider_are_asked_and_the_one_that_was_named(there: There) -> None:
    port = there.url.rpartition(":")[2]
    refused = [
        f"http://localhost:{port}/", f"http://127.0.0.1:{port[:-1]}/", f"https://127.0.0.1:{port}/",
        f"http://a@127.0.0.1:{port}/", "http://api.example.com/", "https://api.example.com:8443/",
        "https://example.com/", "https://example.com.evil.org/", "https://api.example.com@evil.org/", "ftp://x/",
        "file:///etc/passwd", "https://api.example.com.evil.org/", "", "/path", "https://", "https://[::1", "\ud800",
        "https://api_example.com/", "//api.example.com/",
    ]  # fmt: skip
    with client(there.url, hosts=("*.example.com",)) as provider:
        for address in refused:
            with pytest.raises(NotReachable) as failed:
                provider.request("GET", address, repeatable=True)
            assert not failed.value.sent
        assert provider.request("GET", f"{there.url}/path", repeatable=True).status == 200
    assert len(there.asked) == 1


@pytest.mark.parametrize("address", PRIVATE)
def test_no_host_of_a_provider_leads_into_this_network(address: str) -> None:
    written = f"[{address}]" if ":" in address else address
    with client(hosts=("*",)) as provider, pytest.raises(NotReachable) as failed:
        provider.request("GET", f"https://{written}/", repeatable=True)
    assert not failed.value.sent


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f000001", "127.1", "017700000001", "LOCALHOST."])
def test_odd_names_of_this_machine_lead_nowhere(name: str) -> None:
    with client(hosts=("*",)) as provider, pytest.raises(NoAnswer) as failed:
        provider.request("GET", f"https://{name}/", repeatable=False)
    assert not failed.value.sent


def test_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver changes its mind with each answer."""
    answers = ["142.250.1.95", "127.0.0.1"]
    connected: list[Any] = []

    def resolver(_host: str, port: int, **_more: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    def connect(address: Any, *_args: Any, **_more: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(socket, "create_connection", connect)
    with client(hosts=("api.example.com",)) as provider, pytest.raises(NoAnswer, match="cannot be reached"):
        provider.request("GET", "https://api.example.com/", repeatable=False)
    assert connected == [("142.250.1.95", 443)]
    with client(hosts=("api.example.com",)) as provider, pytest.raises(NotReachable):
        provider.request("GET", "https://api.example.com/", repeatable=False)
    assert len(connected) == 1


def test_a_name_with_one_private_address_is_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("142.250.1.95", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: both)
    with client(hosts=("api.example.com",)) as provider, pytest.raises(NotReachable):
        provider.request("GET", "https://api.example.com/", repeatable=False)


@contextmanager
def with_certificate(name: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """A server that speaks TLS and shows a certificate for `name`: its port, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file, secret)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, file
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("name", "trusted", "known"), [
    ("localhost", True, True), ("localhost", False, False), ("elsewhere.example.com", True, False),
])  # fmt: skip
def test_a_server_proves_that_it_is_who_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, known: bool
) -> None:
    with with_certificate(name, tmp_path) as (port, certificate):
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        url = f"https://localhost:{port}"
        with client(url) as provider:
            if known:
                assert provider.request("GET", url, repeatable=False).status == 204
            else:
                with pytest.raises(NoAnswer) as failed:
                    provider.request("GET", url, repeatable=False)
                assert not failed.value.sent


@pytest.mark.parametrize("fault", [Fault(Kind.ANSWER, status=503, times=None), Fault(Kind.DROP_UNREAD, times=None)])
def test_a_provider_that_is_down_is_hardly_asked_once_its_breaker_is_open(
    there: There, database: Database, fault: Fault
) -> None:
    """Two processes' worth of clients share what they have seen."""
    reached = threading.Semaphore(0)

    def counted(_headers: Any) -> bool:
        reached.release()
        return True

    there.faults.plan(Fault(fault.kind, status=fault.status, times=None, where=counted))
    calls = 400
    with (
        client(there.url, breakers=SharedBreakers(database)) as one,
        client(there.url, breakers=SharedBreakers(database)) as other,
    ):
        refused = 0
        for number in range(calls):
            try:
                (one, other)[number % 2].request("GET", there.url, repeatable=False)
            except BreakerOpen:
                refused += 1
            except NoAnswer:
                pass
    arrived = 0
    while reached.acquire(blocking=False):
        arrived += 1
    assert arrived + refused == calls
    assert arrived <= calls * 0.05


def test_a_provider_that_comes_back_is_asked_again(there: There) -> None:
    moment = [0.0]
    breakers = ProcessBreakers(Rule(failures=2), clock=lambda: moment[0])
    with client(there.url, breakers=breakers) as provider:
        there.faults.plan(Fault(Kind.ANSWER, status=500, times=2))
        for _ in range(2):
            provider.request("GET", there.url, repeatable=False)
        with pytest.raises(BreakerOpen, match="left alone") as left_alone:
            provider.request("GET", there.url, repeatable=False)
        assert not left_alone.value.sent
        moment[0] += 31
        assert provider.request("GET", there.url, repeatable=False).status == 200
        assert provider.request("GET", there.url, repeatable=False).status == 200


def test_calls_are_counted_by_provider_and_class(there: There) -> None:
    with client(there.url) as provider:
        before = {each: figure("cliply_provider_calls_total", provider="provider", outcome=each) for each in OUTCOMES}
        there.faults.plan(Fault(Kind.ANSWER, status=404), Fault(Kind.DROP_UNREAD))
        for _ in range(3):
            with suppress(NoAnswer):
                provider.request("GET", there.url, repeatable=False)
        with pytest.raises(BadReply):
            provider.request("GET", f"{there.url}/packed", repeatable=False)
    after = {each: figure("cliply_provider_calls_total", provider="provider", outcome=each) for each in OUTCOMES}
    assert {each: after[each] - before[each] for each in OUTCOMES} == dict.fromkeys(OUTCOMES, 1)


OUTCOMES = ("2xx", "4xx", "no_answer", "bad_reply")


def test_no_secret_gets_into_an_error_a_line_or_a_representation(there: There, tmp_path: Path) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    lines = io.StringIO()
    configure(Settings(data=tmp_path, log_level="debug", log_format="json"), service="test", stream=lines)
    said: list[str] = []
    try:
        with client(there.url, hosts=("*",)) as provider:
            faults = [Fault(kind, status=503, body=json.dumps({"token": SECRET}).encode()) for kind in Kind]
            there.faults.plan(*faults)
            addresses = [
                *(f"{there.url}/x?upload_token={SECRET}" for _ in faults),
                *(f"{there.url}/{path}?t={SECRET}" for path in ("odd", "long", "packed")),
                f"https://127.0.0.1/{SECRET}", f"ftp://{SECRET}/", f"https://{SECRET}.invalid/", f"http://u:{SECRET}@x/",
            ]  # fmt: skip
            for address in addresses:
                said += _said_of(provider, address)
    finally:
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)
        root.setLevel(level)
    assert len(said) > 30
    assert [each for each in said if SECRET in each] == []
    assert SECRET not in lines.getvalue()


def _said_of(provider: ProviderClient, address: str) -> Iterator[str]:
    log = logging.getLogger("cliply.test")
    try:
        reply = provider.request(
            "POST",
            address,
            repeatable=False,
            headers={"Authorization": f"Bearer {SECRET}"},
            form={"refresh_token": SECRET},
            timeout=0.5,
        )
        yield repr(reply)
        reply.json()
    except OutboundFailure as failed:
        log.exception("call_failed")
        # Whatever an error was raised from would hold the request.
        yield from map(repr, (failed, str(failed), failed.__context__, failed.__cause__))
        yield "".join(traceback.format_exception(failed))
    yield repr(provider)
