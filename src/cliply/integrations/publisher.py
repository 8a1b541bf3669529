"""What it takes to put a clip on a network: the words that the client of each network and its users share.

A client changes something at the network with one request at most and never sends that one again by itself. What it
cannot know afterwards it says (`Unknown`), and a later look at the network decides.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias


class Network(StrEnum):
    YOUTUBE = "youtube"
    TIKTOK = "tiktok"

    @property
    def label(self) -> str:
        """As people write it."""
        return {"youtube": "YouTube", "tiktok": "TikTok"}[self.value]


# Connecting an account


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody has allowed us on an account of theirs, as the network last told it."""

    access_token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    """Those that were granted, which may be fewer than were asked for."""
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None
    """None where the network names no end."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as people know it."""

    external_id: str
    name: str
    handle: str | None = None
    picture: str | None = None
    """Address of a picture, which may expire."""


class Connector(Protocol):
    """The OAuth of one network. Failures are those below."""

    network: Network
    asks_for: frozenset[str]
    """Scopes that are asked for."""
    publishes_with: frozenset[str]
    """Scopes without which nothing can be published."""
    issuer: str | None
    """What `iss` has to be in the network's answer where it is sent (RFC 9207); None where it never is."""
    revokes_all: bool
    """Whether a revocation takes all that the same person has allowed us, on whatever account."""
    revokes_by_access: bool
    """Whether only an access token that has not expired takes a permission back."""

    def consent_url(self, *, redirect_uri: str, state: str, verifier: str, again: bool) -> str:
        """Where the browser goes. `verifier` proves later that it was we who asked (PKCE); `again`: choose anew."""
        ...

    def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Grant: ...

    def refresh(self, grant: Grant) -> Grant:
        """A new grant; its refresh token is the new one where the network sends one, else the one it had."""
        ...

    def revoke(self, grant: Grant) -> None:
        """What is revoked already is no failure."""
        ...

    def profile(self, grant: Grant) -> Profile:
        """The account that was chosen at consent. Raises Rejected where there is none, as without a channel."""
        ...


# Publishing a clip


@dataclass(frozen=True, slots=True)
class Video:
    """A rendered file, and what networks ask of it."""

    path: Path
    size: int
    """Bytes."""
    media_type: str
    seconds: float
    width: int
    height: int
    frame_rate: float


@dataclass(frozen=True, slots=True)
class Post:
    """What is to be published, in the words of people; `options` are the network's own."""

    title: str
    description: str
    hashtags: tuple[str, ...]
    """Without their `#`."""
    privacy: str
    """In the network's own word."""
    made_for_kids: bool = False
    synthetic: bool = False
    """Whether it is to be labelled as made or altered by AI."""
    cover: Path | None = None
    """A picture, for networks that take one."""
    cover_at: timedelta | None = None
    """The moment of the video that is its cover, for networks that take that instead."""
    publish_at: datetime | None = None
    """When the network makes it public by itself, where it can."""
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule of the network that a post breaks; its message names the rule and what to change."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Handle:
    """What the network knows a begun upload by. It is kept before the first byte is sent, and sealed: its address is
    all that somebody needs to write to the upload."""

    address: str = field(repr=False)
    reference: str = ""
    """The network's number of it, where it gives one."""
    part_size: int = 0
    """Bytes of a part as it was agreed on, where the network wants that."""
    expires_at: datetime | None = None
    size: int = 0
    """Bytes of the whole as they were announced, where the network tells of an upload only what has come."""
    public: bool = False
    """Whether everybody is to see it, where a network reviews such posts before it tells their number."""


class Phase(StrEnum):
    """How far a post is, at the network."""

    UPLOADING = "uploading"
    """It waits for bytes."""
    PROCESSING = "processing"
    PENDING = "pending"
    """It is there and waits for somebody's decision: a moderator's, or its owner's in the app."""
    PUBLISHED = "published"
    GONE = "gone"
    """The upload has expired, or what was published has been deleted."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a look at the network found."""

    phase: Phase
    received: int = 0
    """Bytes, while it is uploading."""
    external_id: str | None = None
    """Of the post, as soon as the network tells it; digits stay text."""
    url: str | None = None
    note: str = ""
    """What people should know: why it is pending, or what of it was left out."""
    surely_absent: bool = False
    """Of one that is gone: whether the network says that it never had all of it, so another may be begun now."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Cumulative; None where the network does not tell."""

    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    watched_seconds: float | None = None
    average_share_watched: float | None = None
    """0 to 1; more where people watch it again."""


class Standing(StrEnum):
    """Who sees a post that was published, as its network tells it now."""

    SHOWN = "shown"
    """More people than its owner."""
    PRIVATE = "private"
    """Its owner only."""
    HIDDEN = "hidden"
    """Not shown any more. It may be private or deleted: the network does not tell which."""
    GONE = "gone"


Sent: TypeAlias = Callable[[int], None]
"""Told how many bytes the network has; what it raises ends the sending."""


Spend: TypeAlias = Callable[[str, int], None]
"""Told before each request what it takes from what the network allows the whole app: a bucket's name and how much. What
it raises (TryLater, concerning the app) keeps the request from being sent."""


def spend_freely(bucket: str, amount: int) -> None:
    """For those who keep no budget."""


class Publisher(Protocol):
    """One network. `token` is an access token that has not expired."""

    network: Network

    def problems(self, post: Post, video: Video) -> Sequence[Problem]:
        """Rules that it breaks and that can be known without asking."""
        ...

    def fresh_problems(self, token: str, post: Post, video: Video) -> Sequence[Problem]:
        """Rules that only the network can tell, by a look that changes nothing: what this account may do today."""
        ...

    def begin(self, token: str, post: Post, video: Video, *, mark: str) -> Handle:
        """Start an upload; nothing is to be seen of it before its last byte has arrived. `mark` is put where a later
        look can find it, if the network has a place that its users do not see."""
        ...

    def send(self, token: str, handle: Handle, video: Video, on_sent: Sent) -> Sighting:
        """Send what the network does not have yet, after asking it. Raises Unknown where the answer to the last byte
        was lost."""
        ...

    def look(self, token: str, handle: Handle, external_id: str | None) -> Sighting:
        """How far it is; changes nothing."""
        ...

    def find(self, token: str, *, mark: str, post: Post, since: datetime) -> Sighting | None:
        """What became of an upload that nobody can ask about any more, among what the account has."""
        ...

    def dress(self, token: str, external_id: str, post: Post) -> str:
        """Set what can be set only now, as the cover. What failed of it is told: a post without it is a post."""
        ...

    def figures(self, token: str, external_ids: Collection[str]) -> Mapping[str, Figures | None]:
        """Of each of these posts, as many as the network takes at once; None where it tells nothing of one."""
        ...

    def standing(self, token: str, external_ids: Collection[str]) -> Mapping[str, Standing]:
        """How each of these posts stands. Those that the network leaves open are left out."""
        ...


# Failures: each says what is to be done about it


class PublishFailure(Exception):
    """What a network did not do for us. The message is for people and holds nothing secret; `code` is the network's."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Concerns(StrEnum):
    """Whom a limit stops."""

    REQUEST = "request"
    ACCOUNT = "account"
    APP = "app"
    """Everybody who publishes with this installation's app: a quota is shared by all workspaces."""


class TryLater(PublishFailure):
    """Nothing was changed, and the same request may succeed at `at`."""

    def __init__(
        self,
        message: str,
        code: str = "",
        *,
        at: datetime | None,
        concerns: Concerns,
        anew: bool = False,
        bucket: str | None = None,
    ) -> None:
        super().__init__(message, code)
        self.at = at
        """None: soon, with a wait that grows."""
        self.concerns = concerns
        self.anew = anew
        """Whether the upload that was begun is of no use any more, and another is to be begun then."""
        self.bucket = bucket
        """Which of the app's quotas is used up, by the name that `Spend` has for it; None where it is another limit."""


class TokenExpired(PublishFailure):
    """The access token is not taken: get a fresh one, and try once more."""


class Reconnect(PublishFailure):
    """The account's owner has to allow it again; nothing else helps."""


class Rejected(PublishFailure):
    """Final for this post as it is; `field` names what to change, where the network says so."""

    def __init__(self, message: str, code: str = "", *, field: str | None = None) -> None:
        super().__init__(message, code)
        self.field = field


class Misconfigured(PublishFailure):
    """The installation's app is not set up as the network wants it: for its operators, no account is at fault."""


class Unknown(PublishFailure):
    """A request that changes something was sent, and no answer came: it may have been done, and is not sent again."""
