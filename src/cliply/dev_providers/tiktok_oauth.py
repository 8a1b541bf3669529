"""TikTok's Login Kit v2: the page of consent, tokens that are replaced with each use, their end, and whose they are."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import pages
from cliply.dev_providers.ledger import mark_of
from cliply.dev_providers.oauth import (
    Refused,
    Visits,
    answered,
    form_of,
    is_local,
    is_registered,
    needed,
    only_once,
    proves,
    query_of,
    same,
    sent_back,
)
from cliply.dev_providers.pages import Choice
from cliply.dev_providers.world import App, Code, Consent, TikTokPerson, TikTokWorld

AUTHORIZE, TOKEN, REVOKE, USER = "/v2/auth/authorize/", "/v2/oauth/token/", "/v2/oauth/revoke/", "/v2/user/info/"
SCOPES: Mapping[str, str] = {
    "user.info.basic": "Read your profile info (avatar, display name)",
    "user.info.profile": "Read your additional profile information (username, bio, profile link)",
    "user.info.stats": "Read your engagement statistics",
    "video.list": "Read your public videos on TikTok",
    "video.upload": "Share content to your TikTok account as a draft to further edit and post in TikTok",
    "video.publish": "Directly post content to your TikTok profile",
}
_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("open_id", "union_id", "avatar_url", "avatar_large_url", "display_name"), "user.info.basic"),
    **dict.fromkeys(("username", "bio_description", "profile_deep_link", "is_verified"), "user.info.profile"),
    **dict.fromkeys(("follower_count", "following_count", "likes_count", "video_count"), "user.info.stats"),
}
"""What each field of a person takes."""
_CODE_LASTS = timedelta(minutes=10)
_LONGEST_REDIRECT = 512
_CHALLENGE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Asked:
    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None


def routes(world: TikTokWorld) -> Sequence[BaseRoute]:
    visits: Visits[_Asked] = Visits()
    return [
        Route(AUTHORIZE, _on_page(partial(_ask, world, visits)), methods=["GET"]),
        Route(AUTHORIZE, _on_page(partial(_decide, world, visits)), methods=["POST"]),
        Route(TOKEN, _as_json(world, partial(_token, world)), methods=["POST"]),
        Route(REVOKE, _as_json(world, partial(_revoke, world)), methods=["POST"]),
        Route(USER, partial(_user, world), methods=["GET"]),
    ]


_Endpoint = Callable[[Request], Awaitable[Response]]


def _on_page(endpoint: _Endpoint) -> _Endpoint:
    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            return pages.refusal(pages.TIKTOK, refused.code, refused.told)

    return told


def _as_json(world: TikTokWorld, endpoint: _Endpoint) -> _Endpoint:
    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            world.ledger.add("tiktok", "refused", path=request.url.path, error=refused.code)
            body = {"error": refused.code, "error_description": refused.told, "log_id": _log_id()}
            return answered(body, world.refusal_status)

    return told


async def _ask(world: TikTokWorld, visits: Visits[_Asked], request: Request) -> Response:
    asked = _asked(world, query_of(request))
    world.ledger.add("tiktok", "consent_asked", who=asked.app.id, scopes=sorted(asked.scopes))
    accounts = [Choice(each.open_id, f"{each.name} (@{each.username})") for each in world.people]
    if not accounts:
        raise Refused("invalid_request", "Nobody has an account here.")
    scopes = [Choice(scope, SCOPES[scope]) for scope in asked.scopes]
    return pages.page(
        "Log in with TikTok",
        pages.paragraph(f"{asked.app.name} would like access to your TikTok account."),
        pages.consent_form(AUTHORIZE, visits.begin(asked), accounts, scopes),
        brand=pages.TIKTOK,
    )


def _asked(world: TikTokWorld, query: Mapping[str, str]) -> _Asked:
    client_key, kind, scope, redirect_uri = needed(query, "client_key", "response_type", "scope", "redirect_uri")
    app = world.app(client_key)
    if app is None:
        raise Refused("invalid_client", "client_key")
    if kind != "code":
        raise Refused("unsupported_response_type", "response_type")
    if not _may_be(redirect_uri) or not is_registered(redirect_uri, app.redirect_uris):
        raise Refused("invalid_request", "redirect_uri")
    scopes = tuple(dict.fromkeys(scope.split(",")))
    if unknown := [each for each in scopes if each not in SCOPES]:
        raise Refused("invalid_scope", f"scope: {','.join(unknown)}")
    if query.get("disable_auto_auth", "0") not in ("0", "1"):
        raise Refused("invalid_request", "disable_auto_auth")
    return _Asked(app, redirect_uri, scopes, query.get("state"), _challenge(query, redirect_uri))


def _may_be(redirect_uri: str) -> bool:
    """On the web by https, absolute and static; on somebody's machine with a port."""
    try:
        address = urlsplit(redirect_uri)
        port = address.port
    except ValueError:
        return False
    if len(redirect_uri) >= _LONGEST_REDIRECT or address.query or "#" in redirect_uri or "?" in redirect_uri:
        return False
    if is_local(redirect_uri):
        return address.scheme in ("http", "https") and port is not None
    return address.scheme == "https" and bool(address.hostname)


def _challenge(query: Mapping[str, str], redirect_uri: str) -> str | None:
    challenge = query.get("code_challenge")
    if not is_local(redirect_uri):
        # Nothing is documented about it for the web, so that no app may rely on it there.
        if challenge is not None or "code_challenge_method" in query:
            raise Refused("invalid_request", "code_challenge")
        return None
    if challenge is None or query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "code_challenge")
    return challenge


async def _decide(world: TikTokWorld, visits: Visits[_Asked], request: Request) -> Response:
    form = await form_of(request)
    given = only_once([(name, value) for name, value in form if name != "scope"])
    asked = visits.end(given.get("visit", ""))
    if asked is None:
        raise Refused("invalid_request", "This page was answered before. Go back to the app.")
    back = {} if asked.state is None else {"state": asked.state}
    person = next((each for each in world.people if each.open_id == given.get("account")), None)
    ticked = frozenset(value for name, value in form if name == "scope")
    if given.get("answer") != "allow" or not ticked:
        world.ledger.add("tiktok", "consent_denied", who=asked.app.id)
        denied = {"error": "access_denied", "error_description": "User has denied access"}
        return sent_back(asked.redirect_uri, {**denied, **back})
    if person is None or not ticked <= set(asked.scopes):
        raise Refused("invalid_request", "That is none of what was offered.")
    world.ledger.add("tiktok", "consent_given", who=person.open_id, app=asked.app.id, scopes=sorted(ticked))
    code = Code(
        Consent(asked.app, person, ticked), asked.redirect_uri, asked.challenge, world.clock.now() + _CODE_LASTS
    )
    # The real ones too hold what has to be escaped in an address.
    written = world.tokens.new_code(code, prefix=f"{secrets.token_hex(4)}*1!4512.e1")
    return sent_back(asked.redirect_uri, {"code": written, "scopes": ",".join(sorted(ticked)), **back})


async def _token(world: TikTokWorld, request: Request) -> Response:
    form = only_once(await form_of(request))
    app = _client(world, form)
    (kind,) = needed(form, "grant_type")
    match kind:
        case "authorization_code":
            return _issued(world, _exchanged(world, app, form), "token_issued")
        case "refresh_token":
            return _issued(world, _refreshed(world, app, form), "token_refreshed")
    raise Refused("unsupported_grant_type", "The grant type is not supported.")


def _client(world: TikTokWorld, form: Mapping[str, str]) -> App:
    client_key, secret = needed(form, "client_key", "client_secret")
    app = world.app(client_key)
    if app is None or not same(secret, app.secret):
        raise Refused("invalid_client", "Client key or secret is incorrect.")
    return app


def _exchanged(world: TikTokWorld, app: App, form: Mapping[str, str]) -> Consent[TikTokPerson]:
    written, redirect_uri = needed(form, "code", "redirect_uri")
    code = world.tokens.take_code(written)
    if code is None or code.consent.app is not app:
        raise Refused("invalid_grant", "Authorization code is expired.")
    if code.redirect_uri != redirect_uri:
        raise Refused("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
    verifier = form.get("code_verifier")
    if code.challenge is None and verifier is not None:
        raise Refused("invalid_request", "Code verifier is for mobile and desktop only.")
    if code.challenge is not None and not proves(verifier or "", code.challenge, hexadecimal=True):
        raise Refused("invalid_grant", "Code verifier or code challenge is invalid.")
    return code.consent


def _refreshed(world: TikTokWorld, app: App, form: Mapping[str, str]) -> Consent[TikTokPerson]:
    (token,) = needed(form, "refresh_token")
    known = world.tokens.find(token)
    # Another app's use of it kills nothing.
    consent = world.tokens.refreshed(token, rotate=True) if known is not None and known.app is app else None
    if consent is None:
        raise Refused("invalid_grant", "Refresh token is invalid or expired.")
    return consent


def _issued(world: TikTokWorld, consent: Consent[TikTokPerson], what: str) -> Response:
    access = world.tokens.issue(consent, world.access_lasts, prefix="act.")
    refresh = world.tokens.issue_refresh(consent, world.refresh_lasts, prefix="rft.")
    world.ledger.add("tiktok", what, who=consent.account.open_id, token=mark_of(access))
    return answered(
        {
            "open_id": consent.account.open_id,
            "scope": ",".join(sorted(consent.scopes)),
            "access_token": access,
            "expires_in": int(world.access_lasts.total_seconds()),
            "refresh_token": refresh,
            "refresh_expires_in": int(world.refresh_lasts.total_seconds()),
            "token_type": "Bearer",
        }
    )


async def _revoke(world: TikTokWorld, request: Request) -> Response:
    form = only_once(await form_of(request))
    app = _client(world, form)
    (token,) = needed(form, "token")
    consent = world.tokens.of_access(token)
    if consent is None or consent.app is not app:
        raise Refused("invalid_grant", "Access token is invalid or expired.")
    withdraw(world, consent)
    return Response(b"")


def withdraw(world: TikTokWorld, consent: Consent[TikTokPerson]) -> None:
    """It is over, as by a revocation, or as its owner does in TikTok's own settings."""
    world.tokens.end(consent)
    world.ledger.add("tiktok", "grant_revoked", who=consent.account.open_id, app=consent.app.id)


async def _user(world: TikTokWorld, request: Request) -> Response:
    caller = world.bearer(request.headers.get("authorization"))
    if caller is None:
        return _told("access_token_invalid", "The access token is invalid or not found in the request.", 401)
    fields = [each for each in request.query_params.get("fields", "").split(",") if each]
    if not fields or not set(fields) <= set(_FIELDS):
        return _told("invalid_params", "Invalid fields.", 400)
    if missing := {_FIELDS[each] for each in fields} - caller.scopes:
        return _told("scope_not_authorized", f"The user did not authorize the scope: {min(missing)}", 401)
    person = caller.account
    whole = {
        "open_id": person.open_id,
        "union_id": f"union-{person.open_id}",
        "avatar_url": f"https://p16.example.com/{person.open_id}.jpeg",
        "avatar_large_url": f"https://p16.example.com/{person.open_id}-large.jpeg",
        "display_name": person.name,
        "username": person.username,
        "bio_description": "",
        "profile_deep_link": f"https://vm.tiktok.com/{person.username}/",
        "is_verified": False,
        **dict.fromkeys(("follower_count", "following_count", "likes_count", "video_count"), 0),
    }
    return _told("ok", "", 200, {"user": {name: whole[name] for name in fields}})


def _told(code: str, message: str, status: int, data: Mapping[str, object] | None = None) -> Response:
    error = {"code": code, "message": message, "log_id": _log_id()}
    return JSONResponse({"data": data or {}, "error": error}, status_code=status)


def _log_id() -> str:
    return secrets.token_hex(16).upper()
