"""What TikTok does with videos: uploads of an hour, processing and review by the clock, and the caps of posting."""

import hashlib
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cliply.dev_providers.audience import Watched, watched
from cliply.dev_providers.tiktok_checks import PostInfo, Refused, Sizes, Source, is_public, privacy_options
from cliply.dev_providers.world import App, Bearer, TikTokPerson, TikTokWorld

_HOUR = timedelta(hours=1)
_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
_FIRST_POST = 7_100_000_000_000_000_001
"""Beyond what a floating-point number tells apart."""
_CONTAINERS = (b"ftyp", b"\x1aE\xdf\xa3")
_HEAD = 12


@dataclass(frozen=True, slots=True)
class Caps:
    """How much TikTok lets happen; a minute and a day are sliding windows."""

    posts_a_day: int = 15
    """For each creator, with all apps together."""
    pending_shares: int = 5
    """Uploads to an inbox in 24 hours that its owner has not finished."""
    users_a_day: int = 1000
    """Who may post with an app in 24 hours."""
    users_a_day_unaudited: int = 5
    a_minute: dict[str, int] = field(
        default_factory=lambda: {"creator_info": 20, "init": 6, "status": 30, "list": 600, "query": 600}
    )
    """Requests with one token."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, by the clock."""

    processing: timedelta = timedelta(seconds=30)
    review: timedelta = timedelta(minutes=1)
    """Until everybody can see a public post, and its number is told."""


@dataclass(slots=True, eq=False)
class Upload:
    """From its beginning to the post that becomes of it."""

    publish_id: str
    upload_id: str
    token: str = field(repr=False)
    app: App
    person: TikTokPerson
    source: Source
    info: PostInfo | None
    """None for the inbox: its owner chooses."""
    began_at: datetime
    received: int = 0
    hash: "hashlib._Hash" = field(default_factory=hashlib.sha256, repr=False)
    head: bytes = b""
    complete_at: datetime | None = None
    failure: str | None = None
    delivered: bool = False
    """To the inbox."""
    posted_at: datetime | None = None
    post_id: int | None = None
    privacy: str = ""
    caption: str = ""
    deleted: bool = False
    shown_before: timedelta = timedelta()
    """How long everybody could see it until its owner last changed that."""
    changed_at: datetime | None = None
    views: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0


class Posting:
    """All uploads and posts at this TikTok. `sizes` may be smaller, so that tests need not send megabytes."""

    def __init__(
        self, world: TikTokWorld, *, caps: Caps | None = None, pace: Pace | None = None, sizes: Sizes | None = None
    ) -> None:
        self.world = world
        self.caps = caps or Caps()
        self.pace = pace or Pace()
        self.sizes = sizes or Sizes()
        self.tells_last_byte = False
        """How progress is written: by the number of bytes, or by the last one's."""
        self.leaves_count_out = False
        """Whether a status tells no number of bytes where there are none, or all."""
        self.has_audience = False
        """Whether somebody watches what everybody can see."""
        self._lock = threading.RLock()
        self._uploads: list[Upload] = []
        self._asked: dict[tuple[str, str], deque[datetime]] = {}
        self._informed: dict[tuple[str, str], datetime] = {}
        self._failures: deque[str] = deque()

    def fail_next(self, *reasons: str) -> None:
        """The next videos that are processed fail, each for its `fail_reason`."""
        with self._lock:
            self._failures.extend(reasons)

    def uploads(self) -> Sequence[Upload]:
        """Oldest first, as they are now."""
        with self._lock:
            self._settle()
            return list(self._uploads)

    def finish_draft(self, publish_id: str, *, privacy: str, caption: str = "") -> None:
        """The owner posts what is in their inbox. Raises ValueError, as `delete` does."""
        with self._lock:
            upload = self.find(publish_id)
            if upload is None or not upload.delivered or upload.posted_at is not None:
                raise ValueError(f"{publish_id} is not in anybody's inbox")
            if privacy not in privacy_options(upload.person):
                raise ValueError(f"{upload.person.name} cannot choose {privacy}")
            self._publish(upload, privacy, caption, self.world.clock.now())

    def delete(self, publish_id: str) -> None:
        """The owner deletes a post, which only they can."""
        with self._lock:
            upload = self.find(publish_id)
            if upload is None or upload.posted_at is None or upload.deleted:
                raise ValueError(f"{publish_id} is not among the posts")
            upload.deleted = True
            self.world.ledger.add("tiktok", "video_deleted", who=upload.person.open_id, publish_id=publish_id)

    def set_privacy(self, publish_id: str, privacy: str) -> None:
        """The owner changes in the app who sees a post."""
        with self._lock:
            upload, now = self.find(publish_id), self.world.clock.now()
            if upload is None or upload.posted_at is None or upload.deleted:
                raise ValueError(f"{publish_id} is not among the posts")
            upload.shown_before, upload.changed_at = self._shown_for(upload), now
            upload.privacy = privacy
            self.world.ledger.add(
                "tiktok", "privacy_changed", who=upload.person.open_id, publish_id=publish_id, privacy=privacy
            )

    def watched(self, upload: Upload) -> Watched:
        """What TikTok counts of a post: what was set, and what an audience does."""
        own = Watched(upload.views, upload.likes, upload.comments, upload.shares, 0.0, 0.0)
        if not self.has_audience:
            return own
        with self._lock:
            seen = watched(str(upload.post_id), self._shown_for(upload))
        return Watched(
            own.views + seen.views, own.likes + seen.likes, own.comments + seen.comments, own.shares + seen.shares,
            seen.minutes, seen.percent,
        )  # fmt: skip

    def _shown_for(self, upload: Upload) -> timedelta:
        if self.told_id(upload) is None or upload.posted_at is None:
            return upload.shown_before
        since = upload.changed_at or upload.posted_at + self.pace.review
        return upload.shown_before + max(timedelta(), self.world.clock.now() - since)

    def find(self, publish_id: str) -> Upload | None:
        return self._first(lambda upload: upload.publish_id == publish_id)

    def find_address(self, upload_id: str) -> Upload | None:
        return self._first(lambda upload: upload.upload_id == upload_id)

    def count_request(self, kind: str, bearer: Bearer[TikTokPerson]) -> None:
        """Raises Refused where the token has asked too often within a minute."""
        now = self.world.clock.now()
        with self._lock:
            asked = self._asked.setdefault((kind, bearer.mark), deque())
            while asked and asked[0] <= now - _MINUTE:
                asked.popleft()
            if len(asked) >= self.caps.a_minute[kind]:
                raise Refused(429, "rate_limit_exceeded", "Too many requests within a minute.")
            asked.append(now)

    def inform(self, bearer: Bearer[TikTokPerson]) -> None:
        """The app has asked about the creator. Raises Refused where they may not post now."""
        with self._lock:
            self._settle()
            self._informed[_pair(bearer)] = self.world.clock.now()
            self._check_caps(bearer)

    def begin(self, bearer: Bearer[TikTokPerson], source: Source, info: PostInfo | None) -> Upload:
        now = self.world.clock.now()
        with self._lock:
            self._settle()
            if info is None:
                self._check_inbox(bearer)
            else:
                if self._informed.get(_pair(bearer), now - 2 * _HOUR) <= now - _HOUR:
                    raise Refused(400, "invalid_params", "creator_info has to be asked for before a post.")
                self._check_caps(bearer)
            number = secrets.randbelow(10**18)
            upload = Upload(
                publish_id=f"v_{'inbox' if info is None else 'pub'}_file~v2-1.{number:018}",
                upload_id=f"{secrets.randbelow(10**18):018}",
                token=secrets.token_urlsafe(24),
                app=bearer.app,
                person=bearer.account,
                source=source,
                info=info,
                began_at=now,
            )
            self._uploads.append(upload)
        self.world.ledger.add(
            "tiktok", "upload_begun", who=upload.person.open_id, publish_id=upload.publish_id, size=source.size,
            inbox=info is None,
        )  # fmt: skip
        return upload

    def expired(self, upload: Upload) -> bool:
        return self.world.clock.now() >= upload.began_at + _HOUR

    def keep(self, upload: Upload, first: int, hashed: "hashlib._Hash", head: bytes, length: int) -> bool:
        """A chunk has come in whole; False where another that was quicker has taken its place."""
        with self._lock:
            if upload.received != first:
                return False
            upload.received, upload.hash = first + length, hashed
            upload.head = upload.head or head[:_HEAD]
            if upload.received == upload.source.size:
                upload.complete_at = self.world.clock.now()
        self.world.ledger.add(
            "tiktok", "chunk_received", who=upload.person.open_id, publish_id=upload.publish_id, first=first,
            length=length,
        )  # fmt: skip
        if upload.complete_at is not None:
            self.world.ledger.add(
                "tiktok", "video_received", who=upload.person.open_id, publish_id=upload.publish_id,
                size=upload.received, sha256=upload.hash.hexdigest(),
            )  # fmt: skip
        return True

    def settle(self) -> None:
        """Let happen what is due by the clock."""
        with self._lock:
            self._settle()

    def told_id(self, upload: Upload) -> int | None:
        """The number of a post that everybody can see, once it was reviewed."""
        if upload.posted_at is None or upload.post_id is None or upload.deleted or not is_public(upload.privacy):
            return None
        return upload.post_id if self.world.clock.now() >= upload.posted_at + self.pace.review else None

    def public_posts(self, person: TikTokPerson) -> list[Upload]:
        """Newest first."""
        return [
            upload
            for upload in reversed(self.uploads())
            if upload.person is person and self.told_id(upload) is not None
        ]

    def _settle(self) -> None:
        now = self.world.clock.now()
        for upload in self._uploads:
            if upload.complete_at is None or upload.failure or upload.delivered or upload.posted_at is not None:
                continue
            done_at = upload.complete_at + self.pace.processing
            if now >= done_at:
                self._process(upload, done_at)

    def _process(self, upload: Upload, done_at: datetime) -> None:
        who = upload.person.open_id
        if (reason := self._verdict(upload)) is not None:
            upload.failure = reason
            self.world.ledger.add("tiktok", "video_failed", who=who, publish_id=upload.publish_id, reason=reason)
        elif upload.info is None:
            upload.delivered = True
            self.world.ledger.add(
                "tiktok", "draft_delivered", who=who, publish_id=upload.publish_id, sha256=upload.hash.hexdigest()
            )
        else:
            self._publish(upload, upload.info.privacy, upload.info.caption, done_at)

    def _verdict(self, upload: Upload) -> str | None:
        if not any(mark in upload.head for mark in _CONTAINERS):
            return "file_format_check_failed"
        if upload.info is not None and self._posts_of(upload.person) >= self.caps.posts_a_day:
            return "spam_risk_too_many_posts"
        return self._failures.popleft() if self._failures else None

    def _publish(self, upload: Upload, privacy: str, caption: str, at: datetime) -> None:
        upload.privacy, upload.caption, upload.posted_at = privacy, caption, at
        upload.post_id = _FIRST_POST + sum(each.post_id is not None for each in self._uploads)
        info = upload.info
        self.world.ledger.add(
            "tiktok", "video_published", who=upload.person.open_id, publish_id=upload.publish_id,
            post_id=str(upload.post_id), caption=caption, privacy=privacy, size=upload.received,
            sha256=upload.hash.hexdigest(), synthetic=info is not None and info.synthetic,
            branded=info is not None and info.branded, own_brand=info is not None and info.own_brand,
            allows=sorted(info.allows) if info else [], cover_at=info.cover_at if info else None,
        )  # fmt: skip

    def _check_caps(self, bearer: Bearer[TikTokPerson]) -> None:
        if bearer.account.banned:
            raise Refused(403, "spam_risk_user_banned_from_posting", "The user may not post.")
        if self._posts_of(bearer.account) >= self.caps.posts_a_day:
            raise Refused(403, "spam_risk_too_many_posts", "The daily cap of posts is reached.")
        users = {upload.person.open_id for upload in self._of_the_day(self._direct_of(bearer.app))}
        cap = self.caps.users_a_day if bearer.app.audited else self.caps.users_a_day_unaudited
        if bearer.account.open_id not in users and len(users) >= cap:
            raise Refused(403, "reached_active_user_cap", "The app's daily cap of users is reached.")

    def _check_inbox(self, bearer: Bearer[TikTokPerson]) -> None:
        pending = [
            upload
            for upload in self._of_the_day(self._uploads)
            if upload.person is bearer.account and upload.info is None and upload.posted_at is None
        ]
        if len(pending) >= self.caps.pending_shares:
            raise Refused(403, "spam_risk_too_many_pending_share", "Five uploads wait in the inbox.")

    def _posts_of(self, person: TikTokPerson) -> int:
        since = self.world.clock.now() - _DAY
        return sum(
            upload.person is person and upload.posted_at is not None and upload.posted_at > since
            for upload in self._uploads
        )

    def _direct_of(self, app: App) -> Iterable[Upload]:
        return (upload for upload in self._uploads if upload.app is app and upload.info is not None)

    def _of_the_day(self, uploads: Iterable[Upload]) -> Iterable[Upload]:
        since = self.world.clock.now() - _DAY
        return (upload for upload in uploads if upload.began_at > since)

    def _first(self, fits: Callable[[Upload], bool]) -> Upload | None:
        with self._lock:
            self._settle()
            return next((upload for upload in self._uploads if fits(upload)), None)


def _pair(bearer: Bearer[TikTokPerson]) -> tuple[str, str]:
    return bearer.app.id, bearer.account.open_id
