"""Who there is at a provider: apps, people and what they have, and whose token is whose."""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.ledger import Ledger, mark_of


@dataclass(slots=True, eq=False)
class App:
    """A program that was registered at a provider. What may change in its life can be changed here."""

    id: str
    """Google's client ID, TikTok's client key."""
    secret: str = field(repr=False)
    name: str
    redirect_uris: tuple[str, ...]
    """TikTok takes `*` for the port of one on the user's own machine."""
    audited: bool = True
    """Whether the provider has looked at it; TikTok lets others post privately only."""
    testing: bool = False
    """Google lets grants to such an app end after seven days."""


@dataclass(slots=True, eq=False)
class Channel:
    """On YouTube."""

    id: str
    """`UC` and 22 more."""
    title: str
    handle: str
    phone_verified: bool = True
    """Others may set no thumbnails, and upload no more than 15 minutes."""
    daily_uploads: int = 50


@dataclass(slots=True, eq=False)
class GooglePerson:
    email: str
    name: str
    channels: list[Channel] = field(default_factory=list)
    suspended: bool = False
    closed: bool = False


@dataclass(slots=True, eq=False)
class TikTokPerson:
    open_id: str
    username: str
    name: str
    private: bool = False
    comments_off: bool = False
    duets_off: bool = False
    stitches_off: bool = False
    longest: int = 600
    """Seconds that a video of theirs may have."""
    banned: bool = False
    """From posting."""


@dataclass(frozen=True, slots=True)
class GoogleAccount:
    """What is chosen at consent; without a channel, there is nothing to upload to."""

    person: GooglePerson
    channel: Channel | None


Account = TypeVar("Account")


@dataclass(frozen=True, slots=True)
class Consent(Generic[Account]):
    """What somebody has allowed an app, by one visit of the page."""

    app: App
    account: Account
    scopes: frozenset[str]
    lasting: bool = True
    """Whether a refresh token comes with it."""


@dataclass(frozen=True, slots=True)
class Code(Generic[Account]):
    consent: Consent[Account]
    redirect_uri: str
    challenge: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Bearer(Generic[Account]):
    """Who calls, and what they may do."""

    app: App
    account: Account
    scopes: frozenset[str]
    mark: str
    """Tells this token from others: limits are counted by it."""


@dataclass(frozen=True, slots=True)
class _Issued(Generic[Account]):
    consent: Consent[Account]
    expires_at: datetime | None


class Tokens(Generic[Account]):
    """Codes are good once. Tokens are opaque, and end by the clock or when they are revoked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, Code[Account]] = {}
        self._spent: dict[str, Consent[Account]] = {}
        self._access: dict[str, _Issued[Account]] = {}
        self._refresh: dict[str, _Issued[Account]] = {}

    def new_code(self, code: Code[Account], *, prefix: str) -> str:
        written = prefix + secrets.token_urlsafe(24)
        with self._lock:
            self._codes[written] = code
        return written

    def take_code(self, written: str) -> Code[Account] | None:
        """None where it was never given, is over, or was taken before; then whatever it brought is dead too."""
        with self._lock:
            code = self._codes.pop(written, None)
            if code is None:
                if (consent := self._spent.get(written)) is not None:
                    self._end(consent)
                return None
            self._spent[written] = code.consent
        return code if code.expires_at > self._clock.now() else None

    def issue(self, consent: Consent[Account], lasts: timedelta, *, prefix: str) -> str:
        token = prefix + secrets.token_urlsafe(32)
        with self._lock:
            self._access[token] = _Issued(consent, self._clock.now() + lasts)
        return token

    def issue_refresh(self, consent: Consent[Account], lasts: timedelta | None, *, prefix: str) -> str:
        token = prefix + secrets.token_urlsafe(32)
        with self._lock:
            self._refresh[token] = _Issued(consent, None if lasts is None else self._clock.now() + lasts)
        return token

    def refreshed(self, token: str, *, rotate: bool, extended: timedelta | None = None) -> Consent[Account] | None:
        """What a refresh token stands for; with `rotate` it is dead from now on, and one that is `extended` lasts so
        long from now on."""
        with self._lock:
            issued = self._refresh.pop(token, None) if rotate else self._refresh.get(token)
            consent = self._good(issued)
            if consent is not None and extended is not None:
                self._refresh[token] = _Issued(consent, self._clock.now() + extended)
        return consent

    def make_room(self, consent: Consent[Account], most: int, *, same: Callable[[Account], bool]) -> None:
        """End the oldest refresh tokens of the same app and account, so that one more makes no more than `most`."""
        with self._lock:
            of_it = [
                token
                for token, issued in self._refresh.items()
                if issued.consent.app is consent.app and same(issued.consent.account)
            ]
            for token in of_it[: max(0, len(of_it) - most + 1)]:
                del self._refresh[token]

    def of_access(self, token: str) -> Consent[Account] | None:
        with self._lock:
            issued = self._access.get(token)
        return self._good(issued)

    def find(self, token: str) -> Consent[Account] | None:
        """Of an access or a refresh token, ended or not."""
        with self._lock:
            issued = self._access.get(token) or self._refresh.get(token)
        return None if issued is None else issued.consent

    def end(self, *consents: Consent[Account]) -> None:
        """Every token of these is dead."""
        with self._lock:
            for consent in consents:
                self._end(consent)

    def consents(self) -> Iterator[Consent[Account]]:
        """Those that have a token which may be used."""
        with self._lock:
            issued = [*self._access.values(), *self._refresh.values()]
        found: dict[int, Consent[Account]] = {}
        for each in issued:
            if (consent := self._good(each)) is not None:
                found[id(consent)] = consent
        yield from found.values()

    def _end(self, consent: Consent[Account]) -> None:
        for tokens in (self._access, self._refresh):
            for token in [token for token, issued in tokens.items() if issued.consent is consent]:
                del tokens[token]

    def _good(self, issued: _Issued[Account] | None) -> Consent[Account] | None:
        if issued is None or (issued.expires_at is not None and issued.expires_at <= self._clock.now()):
            return None
        return issued.consent


class World(Generic[Account]):
    """What the apps of one provider share."""

    def __init__(self, clock: Clock, ledger: Ledger, faults: Faults, apps: Sequence[App]) -> None:
        self.clock = clock
        self.ledger = ledger
        self.faults = faults
        self.apps = list(apps)
        self.tokens: Tokens[Account] = Tokens(clock)

    def app(self, wanted: str) -> App | None:
        return next((app for app in self.apps if app.id == wanted), None)

    def bearer(self, authorization: str | None) -> Bearer[Account] | None:
        """By the header's value; None where it names no token that is good now."""
        scheme, _, token = (authorization or "").partition(" ")
        consent = self.tokens.of_access(token) if scheme.lower() == "bearer" else None
        if consent is None:
            return None
        return Bearer(consent.app, consent.account, consent.scopes, mark_of(token))


class GoogleWorld(World[GoogleAccount]):
    def __init__(
        self, clock: Clock, ledger: Ledger, faults: Faults, apps: Sequence[App], people: Sequence[GooglePerson]
    ) -> None:
        super().__init__(clock, ledger, faults, apps)
        self.people = list(people)


class TikTokWorld(World[TikTokPerson]):
    def __init__(
        self, clock: Clock, ledger: Ledger, faults: Faults, apps: Sequence[App], people: Sequence[TikTokPerson]
    ) -> None:
        super().__init__(clock, ledger, faults, apps)
        self.people = list(people)
        self.access_lasts = timedelta(hours=2)
        self.refresh_lasts = timedelta(days=180)
        self.refusal_status = 200
        """With which its token server refuses; the real one takes 200 as well as 400 and 401."""
