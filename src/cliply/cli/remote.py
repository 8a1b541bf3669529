"""Which service the command line talks to and as whom, and which uploads to it are under way."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from cliply.cli.asking import at_a_terminal, typed
from cliply.cli.console import note, settings
from cliply.errors import CliplyError, NotAllowed
from cliply.integrations.service import NotSignedIn, Proof, Service, check_address
from cliply.integrations.service_account import sign_in
from cliply.media.cache import write_text
from cliply.media.fingerprint import fingerprint


class NoLogin(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "No service is known yet. Run `cliply login ADDRESS`, or set CLIPLY_REMOTE__URL and CLIPLY_REMOTE__KEY."
        )


@dataclass(frozen=True, slots=True)
class Login:
    """A service, a key for one workspace of it, and the account that made the key, where that is known.

    Without a key its owner stays signed in: as what they are in the workspace they may make none.
    """

    url: str
    key: str | None = field(repr=False)
    workspace: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in: for twelve hours unseen, for thirty days at most."""

    url: str
    email: str
    cookie: str = field(repr=False)


def service() -> Service:
    """By the settings, or by the last `cliply login`: what its key allows. Raises NoLogin or NotSignedIn."""
    login = known_login()
    if login is None:
        raise NoLogin
    if login.key is None:
        return replace(account(), workspace=login.workspace)
    return Service(login.url, Proof.by_key(login.key))


def account() -> Service:
    """For what people do to each other and to the installation.

    As who is signed in, or else by the key; where that may not do it, a terminal is asked for the password.
    Raises NoLogin or NotSignedIn.
    """
    login, session = known_login(), known_session()
    if session is not None and login is not None and login.url != session.url:
        session = None
    known = session or login
    if known is None:
        raise NoLogin
    proofs = [] if session is None else [Proof.by_session(session.cookie)]
    proofs += [] if login is None or login.key is None else [Proof.by_key(login.key)]
    email = known.email or (None if login is None else login.email)
    return _proved(known.url, proofs, _Asking(known.url, email) if at_a_terminal() else None)


def _proved(url: str, proofs: list[Proof], asking: "_Asking | None") -> Service:
    if not proofs:
        if asking is None:
            raise NotSignedIn(is_key=False)
        proofs = [asking()]
    if asking is None and len(proofs) > 1:
        # A session that is over keeps no program from what its key may do.
        return Service(url, proofs[0], in_person=lambda: proofs[1])
    return Service(url, proofs[0], in_person=asking)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Signs in where a command needs that, and once for all that it does."""

    url: str
    email: str | None
    done: list[Proof] = field(default_factory=list)

    def __call__(self) -> Proof:
        if not self.done:
            note(f"This needs you to be signed in at {self.url}.")
            email = self.email or typed("E-mail", hidden=False)
            self.done.append(signed_in(self.url, email, typed(f"Password of {email}")).proof)
        return self.done[0]


def signed_in(url: str, email: str, password: str) -> Service:
    """Sign in and keep the session where only this user reads it."""
    session = Session(url, email, sign_in(url, email, password))
    keep_session(session)
    return Service(url, Proof.by_session(session.cookie))


def keep_session(session: Session) -> None:
    _keep(_session_file(), asdict(session))


def known_login() -> Login | None:
    named = settings().remote
    if named.url is not None and named.key is not None:
        return Login(check_address(named.url), named.key.get_secret_value())
    return saved_login()


def saved_login() -> Login | None:
    """By the last `cliply login`, whatever the environment names."""
    match _kept(_login_file()):
        case {"url": str(url), "key": str() | None as key, **more}:
            words = {name: value for name in ("workspace", "email") if isinstance(value := more.get(name), str)}
            return Login(check_address(url), key, **words)
    return None


def known_session() -> Session | None:
    match _kept(_session_file()):
        case {"url": str(url), "email": str(email), "cookie": str(cookie)}:
            return Session(check_address(url), email, cookie)
    return None


def save_login(login: Login) -> None:
    """Keep the key where only this user reads it."""
    _keep(_login_file(), asdict(login))


def move_to(email: str) -> None:
    """Know the account that is signed in by its new address."""
    login, session = saved_login(), known_session()
    if session is None:
        return
    keep_session(replace(session, email=email))
    if login is not None and login.email == session.email:
        save_login(replace(login, email=email))


def end_session() -> None:
    """Sign out here."""
    session = known_session()
    if session is not None:
        sign_out(Service(session.url, Proof.by_session(session.cookie)))
        forget_session()


def sign_out(found: Service) -> None:
    """It may be over already, or the service gone; that keeps nobody from forgetting it."""
    with suppress(CliplyError):
        found.post("/api/auth/sign-out", tries=1)


def forget_session() -> None:
    _session_file().unlink(missing_ok=True)


def forget_login() -> None:
    _login_file().unlink(missing_ok=True)


def _kept(file: Path) -> Any:
    with suppress(OSError, ValueError):
        return json.loads(file.read_text(encoding="utf-8"))
    return None


def _keep(file: Path, value: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    opened = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as writing:
        json.dump(value, writing)
    part.replace(file)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads that were begun from this machine, so that one that was dropped goes on."""

    file: Path
    url: str

    def known(self, source: Path) -> str | None:
        """The project that this file was being uploaded to."""
        return self._all().get(self._name(source))

    def keep(self, source: Path, project_id: str) -> None:
        self._write(self._all() | {self._name(source): project_id})

    def forget(self, source: Path) -> None:
        left = self._all()
        left.pop(self._name(source), None)
        self._write(left)

    def _name(self, source: Path) -> str:
        return f"{self.url} {fingerprint(source)}"

    def _all(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            found: Any = json.loads(self.file.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {str(name): str(project) for name, project in found.items()}
        return {}

    def _write(self, found: dict[str, str]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.file, json.dumps(found))


def uploads_to(found: Service) -> Uploads:
    return Uploads(settings().cache / "uploads.json", found.url)


def _login_file() -> Path:
    return platformdirs.user_config_path("cliply") / "service.json"


def _session_file() -> Path:
    return platformdirs.user_config_path("cliply") / "session.json"
