"""An OpenID Connect server that nobody here has written (`oidc-provider`, from npm), and a person with a browser at it.

It is installed beside its script, in `node_modules`, the first time that a test wants it.
"""

import base64
import fcntl
import hashlib
import json
import secrets
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import pytest
from tests.servers.consent import read_form

AUDIENCE = "cliply"
BACK = "http://127.0.0.1:8765/oauth"
WEB = "https://cliply.test/api/oauth/google/callback"
SECRET = "client-secret-canary"
_FOLDER = Path(__file__).parent / "oidc"
_MISSING = "Node 20 or newer and npm are not here: install them (nodejs.org) to try an independent OIDC server"
_UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")
"""What npm says where there is no network."""


class Refused(Exception):
    """The server showed a page of its own and sent nobody back: nobody vouches for the address that was asked for."""


@dataclass
class StrictIssuer:
    url: str
    keys: list[dict[str, Any]] = field(repr=False)
    """Private ones, as JWK: what a thief of them could do is tried as well."""
    process: subprocess.Popen[str] = field(repr=False)

    def renew_keys(self, *, keep: bool) -> None:
        """Sign with new ones; those of before are still published, or no more."""
        self._ask("keys", keep=keep)

    def move_clock(self, seconds: int) -> None:
        """As seen from the real time, not from where it was moved before."""
        self._ask("clock", seconds=seconds)

    def sign_in(
        self, account: str = "ada", *, audience: str = AUDIENCE, algorithm: str = "RS256", client: str = "client",
        scope: str = "openid email profile", **headers: str,
    ) -> dict[str, Any]:  # fmt: skip
        """All that the server gives to a client that somebody has signed in with: `access_token` is for the API."""
        verifier = secrets.token_urlsafe(48)
        asked = {"scope": scope, "resource": f"urn:api:{audience}:{algorithm}", "client_id": client}
        sent = allow(self.consent_url(verifier, **asked), account)
        form = {"grant_type": "authorization_code", "code": sent["code"], "redirect_uri": BACK,
                "code_verifier": verifier, "client_id": client, "client_secret": SECRET}  # fmt: skip
        return self.post("/token", form, **headers)

    def renew(self, told: dict[str, Any], *, audience: str = AUDIENCE, algorithm: str = "RS256") -> dict[str, Any]:
        """With the refresh token that came with the sign-in."""
        form = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"], "client_id": "client",
                "client_secret": SECRET, "resource": f"urn:api:{audience}:{algorithm}"}  # fmt: skip
        return self.post("/token", form)

    def consent_url(self, verifier: str, **asked: str) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {"redirect_uri": BACK, "response_type": "code", "code_challenge": digest,
                 "code_challenge_method": "S256", **asked}  # fmt: skip
        return f"{self.url}/o/oauth2/v2/auth?{urlencode(query)}"

    def post(self, path: str, form: dict[str, str], **headers: str) -> dict[str, Any]:
        answer = httpx2.post(f"{self.url}{path}", data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def _ask(self, request: str, **told: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"request": request, **told}) + "\n")
        self.process.stdin.flush()
        self.keys = _line(self.process)["keys"]


def client(client_id: str = "client", **more: Any) -> dict[str, Any]:
    """What a server knows of a client: its code is good for a browser and a program of this machine."""
    return {
        "client_id": client_id, "client_secret": SECRET, "redirect_uris": [BACK, WEB],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_post",
        **more,
    }  # fmt: skip


@contextmanager
def strict_issuing(clients: Sequence[dict[str, Any]] = (client(),)) -> Iterator[StrictIssuer]:
    """Skips the test where Node is missing, saying what to install."""
    node = _installed()
    command = [node, str(_FOLDER / "server.mjs"), json.dumps({"clients": clients})]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        told = _line(process)
        yield StrictIssuer(told["url"], told["keys"], process)
    finally:
        process.communicate(timeout=30)


def _line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the server has ended; it says why on stderr"
    told: dict[str, Any] = json.loads(line)
    return told


def _installed() -> str:
    """Where Node is. Once for all test processes, and again where the pinned versions have changed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(_MISSING)
    with (_FOLDER / "package-lock.json").open("rb") as lock:
        wanted = hashlib.file_digest(lock, "sha256").hexdigest()
        fcntl.flock(lock, fcntl.LOCK_EX)
        there = _FOLDER / "node_modules" / ".installed"
        if not there.exists() or there.read_text() != wanted:
            done = subprocess.run([npm, "ci"], cwd=_FOLDER, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode and any(each in done.stderr for each in _UNREACHABLE):
                pytest.skip("npm reaches no registry, so the independent OIDC server cannot be installed")
            assert done.returncode == 0, done.stderr
            there.write_text(wanted)
    return node


def allow(url: str, account: str = "ada", *, without: Collection[str] = (), deny: bool = False) -> dict[str, str]:
    """What somebody comes back with who opens the page, says who they are, unticks, and allows it. Raises Refused."""
    with httpx2.Client() as browser:
        page = _follow(browser, browser.get(url))
        if isinstance(page, dict):
            return page
        form = read_form(page.text)
        sent = [
            *form.hidden.items(),
            ("account", account),
            *(("scope", each) for each in form.scopes if each not in without),
            ("answer", "deny" if deny else "allow"),
        ]
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answered = browser.post(urljoin(str(page.url), form.action), content=urlencode(sent), headers=headers)
        back = _follow(browser, answered)
    assert isinstance(back, dict), back.text
    return back


def _follow(browser: httpx2.Client, answer: httpx2.Response) -> httpx2.Response | dict[str, str]:
    """The page that is shown in the end, or what came along where the browser was sent away from the server."""
    while answer.is_redirect:
        to = urljoin(str(answer.url), answer.headers["location"])
        if urlsplit(to).netloc != answer.url.netloc.decode():
            where = urlsplit(to)
            return dict(parse_qsl(where.query or where.fragment))
        answer = browser.get(to)
    if answer.status_code != 200:
        raise Refused(answer.text)
    return answer
