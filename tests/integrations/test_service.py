"""A service somewhere else as its client sees it, against a server that says what a service may say."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cliply.errors import CliplyError, Conflict, Invalid, LimitReached, NotAllowed, NotFound, Unavailable
from cliply.integrations.service import NeedsPerson, NotAKey, NotSignedIn, Proof, RoleTooLow, Service, check_address
from cliply.integrations.service_account import NoSession, sign_in

KEY = "clp_live_secret"
COOKIE = "cliply=hunter2-hunter2"


@dataclass
class Answers:
    """What is answered, one after the other, the last for good; and what was asked."""

    given: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def give(self, status: int, body: Any = None, **headers: str) -> None:
        self.given.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    def refuse(self, status: int, code: str) -> None:
        self.give(status, {"code": code, "detail": f"No: {code}."})


@pytest.fixture
def answers() -> Iterator[Answers]:
    found = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            self.rfile.read(length)
            found.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, body, headers = found.given.pop(0) if len(found.given) > 1 else found.given[0]
            written = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(written))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(written)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


def by_key(answers: Answers, **more: Any) -> Service:
    return Service(answers.url, Proof.by_key(KEY), **more)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "not_for_keys", NeedsPerson),
        (403, "scope_missing", NeedsPerson),
        (403, "role_too_low", RoleTooLow),
        (403, "not_admin", NotAllowed),
        (401, "wrong_key", NotSignedIn),
        (404, "no_such_project", NotFound),
        (409, "last_owner", Conflict),
        (410, "invitation_over", Conflict),
        (413, "payload_too_large", LimitReached),
        (422, "validation_failed", Invalid),
        (500, "fault", Unavailable),
    ],
)
def test_a_refusal_is_the_kind_of_error_that_it_is(
    answers: Answers, status: int, code: str, kind: type[CliplyError]
) -> None:
    answers.refuse(status, code)
    with pytest.raises(kind) as refused:
        by_key(answers).get("/api/things")
    assert type(refused.value) is kind


@pytest.mark.parametrize(
    "key", ["", "  ", "\n", f"{KEY}\n{KEY}", f"{KEY} {KEY}", f"{KEY}\t.", f"{KEY}\u00a0x", "sch\u00fcssel"]
)
def test_what_cannot_be_a_key_is_refused_before_anything_is_sent_and_not_repeated(key: str) -> None:
    with pytest.raises(NotAKey, match=r"cliply login ADDRESS --email") as refused:
        Proof.by_key(key)
    assert KEY not in str(refused.value)


def test_what_stands_around_a_key_is_no_part_of_it(answers: Answers) -> None:
    answers.give(200, [])
    assert Proof.by_key(f" \t{KEY}\r\n") == Proof.by_key(KEY)
    assert Service(answers.url, Proof.by_key(f"{KEY}\n")).get("/api/things") == []


def test_somebody_is_asked_for_only_where_a_person_could_do_more(answers: Answers) -> None:
    calls: list[str] = []

    def asked() -> Proof:
        calls.append("asked")
        return Proof.by_session(COOKIE)

    service = by_key(answers, in_person=asked)
    answers.refuse(403, "not_admin")
    with pytest.raises(NotAllowed):
        service.get("/api/things")
    assert calls == []
    answers.given.clear()
    answers.refuse(403, "not_for_keys")
    answers.give(200, [1])
    assert service.get("/api/things") == [1]
    assert calls == ["asked"]
    keys, people = answers.asked[-2][2], answers.asked[-1][2]
    assert (keys["authorization"], "cookie" in keys) == (f"Bearer {KEY}", False)
    assert (people["cookie"], "authorization" in people) == (COOKIE, False)


def test_a_request_that_met_a_busy_service_is_sent_again_as_the_same_one(answers: Answers) -> None:
    answers.give(503, None)
    answers.give(201, {"id": 1})
    assert by_key(answers).post("/api/things", {}) == {"id": 1}
    first, second = (headers["idempotency-key"] for _, _, headers in answers.asked)
    assert first == second


def test_who_asked_too_often_waits_as_long_as_is_said(answers: Answers) -> None:
    answers.give(429, {"detail": "Too many requests."}, **{"Retry-After": "0"})
    answers.give(200, {"id": 1})
    assert by_key(answers).get("/api/projects/1") == {"id": 1}


def test_who_would_have_to_wait_for_long_is_told_so_at_once(answers: Answers) -> None:
    answers.give(429, {"detail": "Too many requests. Wait 12 minutes, then try again."}, **{"Retry-After": "720"})
    with pytest.raises(Unavailable, match="Wait 12 minutes"):
        by_key(answers).get("/api/projects/1")


def test_what_holds_a_password_is_sent_once(answers: Answers) -> None:
    answers.give(503, {"detail": "Not now."})
    with pytest.raises(Unavailable, match="Not now"):
        by_key(answers).post("/api/me/password", {}, tries=1)
    assert len(answers.asked) == 1


def test_a_check_that_finds_something_wrong_is_an_answer(answers: Answers) -> None:
    answers.give(503, {"ready": False})
    assert by_key(answers).look("/api/admin/readyz") == {"ready": False}
    assert len(answers.asked) == 1


def test_the_workspace_that_is_meant_is_named_with_every_request(answers: Answers) -> None:
    answers.give(200, {"items": [], "next": None})
    assert list(by_key(answers, workspace="abc").pages("/api/things")) == []
    assert answers.asked[0][2]["x-workspace-id"] == "abc"


def test_a_file_appears_whole_or_not_at_all(answers: Answers, tmp_path: Path) -> None:
    answers.refuse(404, "no_such_log")
    with pytest.raises(NotFound, match="no_such_log"):
        by_key(answers).save("/api/log", tmp_path / "log.csv")
    assert list(tmp_path.iterdir()) == []
    answers.given.clear()
    answers.give(200, b"a,b\n")
    by_key(answers).save("/api/log", tmp_path / "log.csv", format="csv")
    assert (tmp_path / "log.csv").read_bytes() == b"a,b\n"
    assert answers.asked[-1][1] == "/api/log?format=csv"


def test_a_link_is_read_without_telling_who_reads_it(answers: Answers, tmp_path: Path) -> None:
    answers.give(200, b"video")
    by_key(answers).download(f"{answers.url}/files/1", tmp_path / "clip.mp4")
    assert "authorization" not in answers.asked[0][2]


def test_a_proof_is_told_nobody_else(answers: Answers) -> None:
    assert KEY not in repr(by_key(answers))
    assert COOKIE not in repr(Service(answers.url, Proof.by_session(COOKIE)))
    with pytest.raises(Unavailable) as silent:
        Service("http://127.0.0.1:1", Proof.by_session(COOKIE)).post("/api/things", tries=1)
    assert COOKIE not in str(silent.value)
    assert silent.value.__cause__ is None


@pytest.mark.parametrize("key", ["clp_live_é", "clp_live_x\r\nCookie: a=b", "clp\x00"])
def test_what_no_header_can_hold_is_no_key(key: str) -> None:
    with pytest.raises(Invalid, match="no API key"):
        Proof.by_key(key)


def test_signing_in_gives_the_session_and_nothing_else(answers: Answers) -> None:
    answers.give(200, {}, Set_Cookie="other=1; Path=/")
    with pytest.raises(NoSession):
        sign_in(answers.url, "ada@example.com", "x")
    answers.given.clear()
    answers.give(200, {}, Set_Cookie=f"{COOKIE}; HttpOnly; Path=/; SameSite=lax")
    assert sign_in(answers.url, "ada@example.com", "x") == COOKIE


@pytest.mark.parametrize("address", ["ftp://x", "clips.example.com", "http://", "http://a@b", "http://x/?y"])
def test_what_is_no_address_is_said_so(address: str) -> None:
    with pytest.raises(Invalid):
        check_address(address)
