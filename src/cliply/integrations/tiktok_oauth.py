"""Connecting TikTok accounts: Login Kit v2, as it is for web sites, and as it is for programs on somebody's machine."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from cliply.infra.outbound import BadReply, NoAnswer, ProviderClient
from cliply.integrations.oauth import OAuthApp, TokenServer, unheard
from cliply.integrations.oauth_errors import Words
from cliply.integrations.publisher import (
    Concerns,
    Grant,
    Misconfigured,
    Network,
    Profile,
    PublishFailure,
    Reconnect,
    TryLater,
)
from cliply.integrations.tiktok_api import API
from cliply.integrations.tiktok_errors import data_of

CONSENT = "https://www.tiktok.com"
"""Where its page of consent is; people go there, and no program."""
BASIC, NAMES, POST, DRAFT, LIST = "user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list"
_WORDS = Words("TikTok", "CLIPLY_TIKTOK__CLIENT_KEY and CLIPLY_TIKTOK__CLIENT_SECRET", "developers.tiktok.com")


class TikTokConnector:
    """Implements `Connector`. A refresh token is good once: whoever uses it keeps what comes before anything else."""

    network = Network.TIKTOK
    asks_for = frozenset({BASIC, NAMES, POST, DRAFT, LIST})
    publishes_with = frozenset({BASIC, POST})
    issuer: str | None = None
    revokes_all = False
    revokes_by_access = True

    def __init__(self, client: ProviderClient, app: OAuthApp, *, url: str | None = None) -> None:
        """`url` is a server that stands in for all of TikTok's."""
        self._client = client
        self._app = app
        self._consent = f"{(url or CONSENT).rstrip('/')}/v2/auth/authorize/"
        self._api = (url or API).rstrip("/")
        self._server = TokenServer(client, _WORDS)

    def consent_url(self, *, redirect_uri: str, state: str, verifier: str, again: bool) -> str:
        query = {
            "client_key": self._app.id,
            "response_type": "code",
            "scope": ",".join(sorted(self.asks_for)),
            "redirect_uri": _checked(redirect_uri),
            "state": state,
        }
        if _on_this_machine(redirect_uri):
            query |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
        if again:
            # Who is signed in there is asked all the same, and can choose another account.
            query["disable_auto_auth"] = "1"
        return f"{self._consent}?{urlencode(query)}"

    def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Grant:
        form = {
            **self._named,
            "grant_type": "authorization_code",
            # It holds what is escaped in an address; whoever copies it from there copies that too.
            "code": unquote(code),
            "redirect_uri": redirect_uri,
        }
        if _on_this_machine(redirect_uri):
            form["code_verifier"] = verifier
        return self._server.token(f"{self._api}/v2/oauth/token/", form, once=True)

    def refresh(self, grant: Grant) -> Grant:
        if grant.refresh_token is None:
            raise Reconnect("The permission for this account has run out. Connect it again.", "no_refresh_token")
        form = {**self._named, "grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        return self._server.token(f"{self._api}/v2/oauth/token/", form, once=True, kept=grant)

    def revoke(self, grant: Grant) -> None:
        """By the access token, which has to be good for that: an expired one would leave the permission alive."""
        if grant.expires_at <= datetime.now(UTC) and grant.refresh_token is not None:
            try:
                grant = self.refresh(grant)
            except Reconnect:
                return
        self._server.revoke(f"{self._api}/v2/oauth/revoke/", {**self._named, "token": grant.access_token})

    def profile(self, grant: Grant) -> Profile:
        fields = ["open_id", "display_name", "avatar_url", *(["username"] if NAMES in grant.scopes else [])]
        try:
            reply = self._client.request(
                "GET",
                f"{self._api}/v2/user/info/",
                repeatable=True,
                headers={"Authorization": f"Bearer {grant.access_token}"},
                params={"fields": ",".join(fields)},
            )
        except (NoAnswer, BadReply) as silent:
            lost: PublishFailure = unheard(silent, _WORDS, once=False)
        else:
            data = data_of(reply.status, reply.body, now=datetime.now(UTC), changes=False, asked_wait=reply.retry_after)
            profile = _profile(data.get("user"))
            if profile is not None:
                return profile
            lost = TryLater("TikTok told nothing about the account.", "no_profile", at=None, concerns=Concerns.REQUEST)
        raise lost

    @property
    def _named(self) -> dict[str, str]:
        return {"client_key": self._app.id, "client_secret": self._app.secret}


def challenge(verifier: str) -> str:
    """As TikTok has it, and nobody else: the digest in hexadecimal digits."""
    return hashlib.sha256(verifier.encode()).hexdigest()


def _on_this_machine(redirect_uri: str) -> bool:
    """What TikTok calls a desktop app; only these prove with a verifier that it was they who asked."""
    return urlsplit(redirect_uri).hostname in ("localhost", "127.0.0.1")


def _checked(redirect_uri: str) -> str:
    address = urlsplit(redirect_uri)
    if address.scheme != "https" and not _on_this_machine(redirect_uri):
        raise Misconfigured(
            "TikTok sends people back to https addresses only. Serve Cliply over HTTPS, and say so in "
            "CLIPLY_SERVER__URL; or connect accounts from the command line.",
            "redirect_uri",
        )
    return redirect_uri


def _profile(told: Any) -> Profile | None:
    """None where it cannot be read."""
    user = told if isinstance(told, dict) else {}
    open_id, name, username, picture = map(user.get, ("open_id", "display_name", "username", "avatar_url"))
    if not isinstance(open_id, str) or not open_id:
        return None
    handle = username if isinstance(username, str) and username else None
    return Profile(
        external_id=open_id,
        name=name if isinstance(name, str) and name.strip() else handle or open_id,
        handle=handle,
        picture=picture if isinstance(picture, str) and picture.startswith("https://") else None,
    )
