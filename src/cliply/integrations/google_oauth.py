"""Connecting YouTube channels: OAuth 2.0 of Google for web applications, with PKCE."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from cliply.infra.outbound import BadReply, NoAnswer, ProviderClient
from cliply.integrations.oauth import OAuthApp, TokenServer, unheard
from cliply.integrations.oauth_errors import Words
from cliply.integrations.publisher import (
    Concerns,
    Grant,
    Network,
    Profile,
    PublishFailure,
    Reconnect,
    Rejected,
    Spend,
    TryLater,
    spend_freely,
)
from cliply.integrations.youtube_errors import failure, plain
from cliply.integrations.youtube_quota import Bucket

HOSTS = ("oauth2.googleapis.com", "www.googleapis.com")
"""Whoever is asked here, without a stand-in."""
_SCOPE = "https://www.googleapis.com/auth/"
UPLOAD, READ, ANALYTICS = f"{_SCOPE}youtube.upload", f"{_SCOPE}youtube.readonly", f"{_SCOPE}yt-analytics.readonly"
_WORDS = Words("Google", "CLIPLY_GOOGLE__CLIENT_ID and CLIPLY_GOOGLE__CLIENT_SECRET", "the Google Cloud console")
_NO_CHANNEL = "This Google account has no YouTube channel. Create one on youtube.com, then connect it again."


@dataclass(frozen=True, slots=True)
class GoogleAddresses:
    """`issuer` is what Google calls itself in `iss`; the others are without a slash at their ends."""

    consent: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke: str = "https://oauth2.googleapis.com/revoke"
    api: str = "https://www.googleapis.com"
    issuer: str = "https://accounts.google.com"

    @classmethod
    def below(cls, url: str) -> "GoogleAddresses":
        """All of them at one server that stands in for Google's."""
        url = url.rstrip("/")
        return cls(f"{url}/o/oauth2/v2/auth", f"{url}/token", f"{url}/revoke", url, url)


class GoogleConnector:
    """Implements `Connector`. Each channel is a grant of its own: at consent, one is chosen."""

    network = Network.YOUTUBE
    asks_for = frozenset({UPLOAD, READ, ANALYTICS})
    publishes_with = frozenset({UPLOAD, READ})
    revokes_all = True
    revokes_by_access = False

    def __init__(
        self,
        client: ProviderClient,
        app: OAuthApp,
        addresses: GoogleAddresses = GoogleAddresses(),
        *,
        spend: Spend = spend_freely,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._app = app
        self._addresses = addresses
        self._server = TokenServer(client, _WORDS)
        self._spend = spend
        self._now = now
        self.issuer: str | None = addresses.issuer

    def consent_url(self, *, redirect_uri: str, state: str, verifier: str, again: bool) -> str:
        query = {
            "client_id": self._app.id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(sorted(self.asks_for)),
            "access_type": "offline",
            # Only with the page of consent comes a refresh token, for whoever has allowed it before too.
            "prompt": "select_account consent" if again else "consent",
            "include_granted_scopes": "true",
            "state": state,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{self._addresses.consent}?{urlencode(query)}"

    def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Grant:
        form = {
            **self._named,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        grant = self._server.token(self._addresses.token, form, once=True)
        if grant.refresh_token is None:
            raise Reconnect(
                "Google gave no lasting permission. Remove Cliply at myaccount.google.com/connections, then connect "
                "the account again.",
                "no_refresh_token",
            )
        return grant

    def refresh(self, grant: Grant) -> Grant:
        form = {**self._named, "grant_type": "refresh_token", "refresh_token": _lasting(grant)}
        # The refresh token stays the same, so that asking twice costs nothing.
        return self._server.token(self._addresses.token, form, once=False, kept=grant)

    def revoke(self, grant: Grant) -> None:
        """Takes back all that the same person has allowed this app, on whatever channel."""
        self._server.revoke(self._addresses.revoke, {"token": grant.refresh_token or grant.access_token})

    def profile(self, grant: Grant) -> Profile:
        items = self._channels(grant).get("items")
        if not isinstance(items, list) or not items:
            raise Rejected(_NO_CHANNEL, "no_channel")
        profile = _profile(items[0])
        if profile is None:
            raise TryLater("YouTube told nothing about the channel.", "no_profile", at=None, concerns=Concerns.REQUEST)
        return profile

    @property
    def _named(self) -> dict[str, str]:
        return {"client_id": self._app.id, "client_secret": self._app.secret}

    def _channels(self, grant: Grant) -> dict[str, Any]:
        try:
            reply = self._client.request(
                "GET",
                f"{self._addresses.api}/youtube/v3/channels",
                repeatable=True,
                headers={"Authorization": f"Bearer {grant.access_token}"},
                params={"part": "id,snippet", "mine": "true"},
                before_each=partial(self._spend, Bucket.UNITS, 1),
            )
            answer = reply.json() if reply.status == 200 else None
        except (NoAnswer, BadReply) as silent:
            lost: PublishFailure = unheard(silent, _WORDS, once=False)
        else:
            if reply.status == 200:
                return answer if isinstance(answer, dict) else {}
            failed = failure(reply.status, reply.body, now=self._now(), retry_after=reply.retry_after)
            lost = Rejected(_NO_CHANNEL, failed.code) if failed.code == "youtubeSignupRequired" else failed
        raise lost


def challenge(verifier: str) -> str:
    """What proves later that it was we who asked: RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _lasting(grant: Grant) -> str:
    if grant.refresh_token is None:
        raise Reconnect("The permission for this channel has run out. Connect it again.", "no_refresh_token")
    return grant.refresh_token


def _profile(item: Any) -> Profile | None:
    """None where it cannot be read."""
    told = item if isinstance(item, dict) else {}
    snippet = told.get("snippet")
    snippet = snippet if isinstance(snippet, dict) else {}
    channel, title, handle = (told.get("id"), snippet.get("title"), snippet.get("customUrl"))
    if not isinstance(channel, str) or not channel:
        return None
    name = plain(title) if isinstance(title, str) else ""
    return Profile(
        external_id=channel,
        name=name or channel,
        handle=handle if isinstance(handle, str) and handle else None,
        picture=_picture(snippet.get("thumbnails")),
    )


def _picture(told: Any) -> str | None:
    for size in ("medium", "default", "high"):
        picture = told.get(size) if isinstance(told, dict) else None
        url = picture.get("url") if isinstance(picture, dict) else None
        if isinstance(url, str) and url.startswith("https://"):
            return url
    return None
