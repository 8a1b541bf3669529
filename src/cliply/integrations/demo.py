"""Publishing without networks, for trying it out: accounts that are nobody's, and a folder that posts are written to.

What it makes calls itself a demo wherever it is shown: the accounts' names, the posts' ids, addresses and notes. An
account of a network is never taken for one of these, nor the other way round: their tokens and scopes differ.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cliply.integrations.publisher import (
    Concerns,
    Connector,
    Figures,
    Grant,
    Handle,
    Misconfigured,
    Network,
    Phase,
    Post,
    Problem,
    Profile,
    Rejected,
    Sent,
    Sighting,
    Standing,
    TryLater,
    Video,
)
from cliply.media.slug import slug

PAGE = "/api/demo/consent"
"""Of the service: says that it is a demo, and asks for an account of it."""
ACCOUNTS = ("1", "2")
"""So many on each network, so that one has to be chosen."""
_SCOPE = "demo"
_TOKEN = "demo:"  # noqa: S105 - what a token of a demo begins with; it opens nothing
_LASTS = timedelta(days=1)
_CALLBACK = re.compile(r"/api/oauth/(google|tiktok)/callback")
ACCOUNT_PATTERN = r"demo-(youtube|tiktok)-\d"
"""Of the whole id of an account; no network has such."""
_ACCOUNT = re.compile(ACCOUNT_PATTERN)
_POST = re.compile(r"demo-[\w-]{1,200}")
_PART = 1 << 20
_BEGUN = ".begun"

Rules = Callable[[Post, Video], Sequence[Problem]]
"""A network's own, as far as they are known without asking it."""


def is_demo(external_id: str) -> bool:
    """Whether an account is one of these."""
    return _ACCOUNT.fullmatch(external_id) is not None


def why_not_here(external_id: str, connector: Connector) -> str | None:
    """Why nothing can be done with an account in this mode; None where it belongs here."""
    label, in_demo = connector.network.label, isinstance(connector, DemoConnector)
    if in_demo and not is_demo(external_id):
        return f"It is an account of {label} itself, and this installation is in demo mode, which leaves it alone."
    if is_demo(external_id) and not in_demo:
        return f"It is an account of demo mode, and this installation publishes on {label} itself."
    return None


def code_for(account: str, challenge: str) -> str:
    """What the page of consent sends back with who has chosen an account."""
    return f"demo.{account}.{challenge}"


class DemoConnector:
    """Implements `Connector`. The page of consent is the service's own, and there is nothing to be revoked."""

    asks_for = frozenset({_SCOPE})
    publishes_with = frozenset({_SCOPE})
    issuer: str | None = None
    revokes_all = False
    revokes_by_access = False

    def __init__(self, network: Network, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.network = network
        self._now = now

    def consent_url(self, *, redirect_uri: str, state: str, verifier: str, again: bool) -> str:  # noqa: ARG002 - the page always asks anew
        """At the service's own address where it is known by what is come back to; else without one."""
        back = urlsplit(redirect_uri)
        here = f"{back.scheme}://{back.netloc}" if _CALLBACK.fullmatch(back.path) else ""
        asked = {"network": self.network.value, "redirect_uri": redirect_uri, "state": state}
        return f"{here}{PAGE}?{urlencode({**asked, 'challenge': _challenge(verifier)})}"

    def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Grant:  # noqa: ARG002 - the code is good wherever it was sent
        account, _, challenge = code.removeprefix("demo.").partition(".")
        proved = secrets.compare_digest(challenge.encode(), _challenge(verifier).encode())
        if account not in ACCOUNTS or not proved:
            raise Rejected("This code is not of the demo's page. Begin again.", "invalid_grant")
        return self._grant(f"{_TOKEN}demo-{self.network.value}-{account}")

    def refresh(self, grant: Grant) -> Grant:
        return self._grant(_own(grant.access_token, self.network))

    def revoke(self, grant: Grant) -> None:
        _own(grant.access_token, self.network)

    def profile(self, grant: Grant) -> Profile:
        external_id = _account(grant.access_token, self.network)
        number = external_id[-1]
        return Profile(external_id, f"DEMO {self.network.label} {number}", f"@demo{number}")

    def _grant(self, token: str) -> Grant:
        # There is nothing to be kept secret; what renews it is the same.
        return Grant(token, self._now() + _LASTS, frozenset({_SCOPE}), refresh_token=token)


class DemoPublisher:
    """Implements `Publisher`. A post is a folder with the video, its cover and `post.json`; it appears whole.

    What a network would refuse by the rules that are known without asking it is refused here as well.
    """

    def __init__(
        self, network: Network, folder: Path, rules: Rules, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.network = network
        self._folder = folder / network.value
        self._rules = rules
        self._now = now

    def problems(self, post: Post, video: Video) -> Sequence[Problem]:
        return self._rules(post, video)

    def fresh_problems(self, token: str, post: Post, video: Video) -> Sequence[Problem]:  # noqa: ARG002 - a folder takes all
        _own(token, self.network)
        return ()

    def begin(self, token: str, post: Post, video: Video, *, mark: str) -> Handle:
        account = _account(token, self.network)
        name = f"demo-{slug(post.title)}-{secrets.token_hex(6)}"
        with _disk():
            begun = self._begun(name)
            begun.mkdir(parents=True)
            told = json.dumps(self._told(post, account, mark), indent=2, ensure_ascii=False)
            (begun / "post.json").write_text(told, encoding="utf-8")
            if post.cover is not None:
                shutil.copyfile(post.cover, begun / f"cover{post.cover.suffix}")
        return Handle(name, reference=name, size=video.size)

    def send(self, token: str, handle: Handle, video: Video, on_sent: Sent) -> Sighting:
        _own(token, self.network)
        name = _name(handle)
        with _disk():
            seen = self._seen(name, handle.size)
            if seen.phase is not Phase.UPLOADING:
                return seen
            self._write(self._begun(name) / "video.mp4", video.path, seen.received, on_sent)
            # Whoever else was at it has written the same bytes at the same places.
            return self._published(name)

    def look(self, token: str, handle: Handle, external_id: str | None) -> Sighting:  # noqa: ARG002 - the handle tells
        _own(token, self.network)
        with _disk():
            return self._seen(_name(handle), handle.size)

    def find(self, token: str, *, mark: str, post: Post, since: datetime) -> Sighting | None:  # noqa: ARG002 - the mark tells
        _own(token, self.network)
        with _disk():
            for folder in sorted(self._folder.glob("demo-*")):
                if _read(folder / "post.json").get("mark") == mark:
                    return self._sighting(folder.name)
        return None

    def dress(self, token: str, external_id: str, post: Post) -> str:  # noqa: ARG002 - the cover is there from the start
        return ""

    def figures(self, token: str, external_ids: Collection[str]) -> Mapping[str, Figures | None]:
        """Nobody looks at a folder: nothing is counted."""
        return {each: Figures() if self._is_there(token, each) else None for each in external_ids}

    def standing(self, token: str, external_ids: Collection[str]) -> Mapping[str, Standing]:
        return {each: Standing.SHOWN if self._is_there(token, each) else Standing.GONE for each in external_ids}

    def _is_there(self, token: str, external_id: str) -> bool:
        # What was published on a network is not gone because this folder knows nothing of it.
        _own(token, self.network)
        return _POST.fullmatch(external_id) is not None and (self._folder / external_id).is_dir()

    def _told(self, post: Post, account: str, mark: str) -> dict[str, Any]:
        said = {name: value for name, value in asdict(post).items() if name not in ("cover", "cover_at")}
        publish_at = None if post.publish_at is None else post.publish_at.isoformat()
        return {
            "demo": f"Written by Cliply in demo mode. Nothing was sent to {self.network.label}.",
            "network": self.network.value,
            "account": account,
            **said,
            "hashtags": list(post.hashtags),
            "options": dict(post.options),
            "publish_at": publish_at,
            "begun_at": self._now().isoformat(),
            "mark": mark,
        }

    def _begun(self, name: str) -> Path:
        return self._folder / _BEGUN / name

    def _write(self, target: Path, source: Path, received: int, on_sent: Sent) -> None:
        opened = os.open(target, os.O_CREAT | os.O_WRONLY, 0o644)
        with source.open("rb") as file, os.fdopen(opened, "wb", closefd=True) as out:
            on_sent(received)
            file.seek(received)
            while chunk := file.read(_PART):
                os.pwrite(out.fileno(), chunk, received)
                received += len(chunk)
                on_sent(received)
            os.fsync(out.fileno())

    def _published(self, name: str) -> Sighting:
        try:
            self._begun(name).rename(self._folder / name)
        except FileNotFoundError:
            # Somebody else was quicker.
            if not (self._folder / name).is_dir():
                raise
        return self._sighting(name)

    def _seen(self, name: str, size: int) -> Sighting:
        if (self._folder / name).is_dir():
            return self._sighting(name)
        if not self._begun(name).is_dir():
            return Sighting(Phase.GONE, surely_absent=not (self._folder / name).is_dir())
        file = self._begun(name) / "video.mp4"
        return Sighting(Phase.UPLOADING, received=min(size, file.stat().st_size) if file.exists() else 0)

    def _sighting(self, name: str) -> Sighting:
        note = f"DEMO: written to a folder of this installation. Nothing was sent to {self.network.label}."
        url = (self._folder / name / "video.mp4").resolve().as_uri()
        return Sighting(Phase.PUBLISHED, external_id=name, url=url, note=note)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _own(token: str, network: Network) -> str:
    """The token, where it is one of the demo's for this network. Raises Misconfigured."""
    account = token.removeprefix(_TOKEN)
    if not token.startswith(_TOKEN) or not account.startswith(f"demo-{network.value}-") or not is_demo(account):
        raise Misconfigured(
            f"This installation publishes to a folder (CLIPLY_PROVIDERS=demo), and this is an account of "
            f"{network.label} itself. Nothing is done with it here.",
            "demo",
        )
    return token


def _account(token: str, network: Network) -> str:
    return _own(token, network).removeprefix(_TOKEN)


def _name(handle: Handle) -> str:
    """Raises Rejected for what is no name of a post: a folder beside ours is not touched."""
    if _POST.fullmatch(handle.address) is None:
        raise Rejected("This upload is not one of the demo's.", "demo")
    return handle.address


def _read(file: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise TryLater(
            f"The folder of the demo cannot be written ({failed.strerror}).", "disk", at=None, concerns=Concerns.APP
        ) from None
