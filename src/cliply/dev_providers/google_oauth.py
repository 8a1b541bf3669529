"""Google's OAuth 2.0 for web applications: the page of consent, tokens, their end, and the discovery document."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, wraps
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
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
from cliply.dev_providers.world import App, Code, Consent, GoogleAccount, GoogleWorld

AUTHORIZE, TOKEN, REVOKE = "/o/oauth2/v2/auth", "/token", "/revoke"
DISCOVERY = "/.well-known/openid-configuration"
_SCOPE = "https://www.googleapis.com/auth/"
SCOPES: Mapping[str, str] = {
    f"{_SCOPE}youtube": "Manage your YouTube account",
    f"{_SCOPE}youtube.force-ssl": "See, edit, and permanently delete your YouTube videos, ratings and comments",
    f"{_SCOPE}youtube.upload": "Manage your YouTube videos",
    f"{_SCOPE}youtube.readonly": "View your YouTube account",
    f"{_SCOPE}youtubepartner": "View and manage your assets on YouTube",
    f"{_SCOPE}yt-analytics.readonly": "View YouTube Analytics reports for your YouTube content",
}
_CODE_LASTS = timedelta(minutes=10)
_ACCESS_LASTS = timedelta(seconds=3599)
_REFRESH_LASTS = timedelta(days=183)
"""Since it was last used."""
_TESTING_LASTS = timedelta(days=7)
_MOST_REFRESH_TOKENS = 100
"""Of one person for one app; one more ends the oldest."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class _Asked:
    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None
    lasting: bool
    """Whether a refresh token is wanted."""
    forced: bool
    """Whether consent is asked for though it was given before."""
    includes_granted: bool


def routes(world: GoogleWorld) -> Sequence[BaseRoute]:
    visits: Visits[_Asked] = Visits()
    return [
        Route(DISCOVERY, _discovery, methods=["GET"]),
        Route(AUTHORIZE, _on_page(partial(_ask, world, visits)), methods=["GET"]),
        Route(AUTHORIZE, _on_page(partial(_decide, world, visits)), methods=["POST"]),
        Route(TOKEN, _as_json(world, partial(_token, world)), methods=["POST"]),
        Route(REVOKE, _as_json(world, partial(_revoke, world)), methods=["POST"]),
    ]


_Endpoint = Callable[[Request], Awaitable[Response]]


def _on_page(endpoint: _Endpoint) -> _Endpoint:
    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            return pages.refusal(pages.GOOGLE, refused.code, refused.told)

    return told


def _as_json(world: GoogleWorld, endpoint: _Endpoint) -> _Endpoint:
    @wraps(endpoint.func if isinstance(endpoint, partial) else endpoint)
    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            world.ledger.add("google", "refused", path=request.url.path, error=refused.code)
            return answered({"error": refused.code, "error_description": refused.told}, refused.status)

    return told


async def _discovery(request: Request) -> Response:
    base = _base(request)
    return answered(
        {
            "issuer": base,
            "authorization_endpoint": base + AUTHORIZE,
            "token_endpoint": base + TOKEN,
            "revocation_endpoint": base + REVOKE,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


async def _ask(world: GoogleWorld, visits: Visits[_Asked], request: Request) -> Response:
    asked = _asked(world, query_of(request))
    world.ledger.add("google", "consent_asked", who=asked.app.id, scopes=sorted(asked.scopes))
    accounts = [Choice(key, _named(account)) for key, account in _accounts(world).items()]
    if not accounts:
        raise Refused("invalid_request", "Nobody has an account here.")
    scopes = [Choice(scope, SCOPES[scope]) for scope in asked.scopes]
    return pages.page(
        "Sign in with Google",
        pages.paragraph(f"{asked.app.name} wants to access your Google Account."),
        pages.consent_form(AUTHORIZE, visits.begin(asked), accounts, scopes),
        brand=pages.GOOGLE,
    )


def _asked(world: GoogleWorld, query: Mapping[str, str]) -> _Asked:
    """What an app asks for. Parameters that nobody knows are passed over, as Google does."""
    client_id, redirect_uri, scope, kind = needed(query, "client_id", "redirect_uri", "scope", "response_type")
    app = world.app(client_id)
    if app is None:
        raise Refused("invalid_client", "The OAuth client was not found.")
    if not is_registered(redirect_uri, app.redirect_uris):
        raise Refused("redirect_uri_mismatch", "The redirect URI in the request is none that the app has registered.")
    if not redirect_uri.startswith("https://") and not is_local(redirect_uri):
        raise Refused("invalid_request", "The redirect URI has to use https, except on this machine.")
    if kind != "code":
        raise Refused("unsupported_response_type", f"Invalid response_type: {kind}")
    scopes = tuple(dict.fromkeys(scope.split(" ")))
    if unknown := [each for each in scopes if each not in SCOPES]:
        raise Refused("invalid_scope", f"Some requested scopes were invalid: {unknown}")
    prompts = _words(query, "prompt", {"none", "consent", "select_account"})
    if "none" in prompts:
        raise Refused("interaction_required", "Nobody is signed in here, so that somebody has to be asked.")
    return _Asked(
        app,
        redirect_uri,
        scopes,
        query.get("state"),
        _challenge(query),
        lasting=_words(query, "access_type", {"online", "offline"}) == {"offline"},
        forced="consent" in prompts,
        includes_granted=_words(query, "include_granted_scopes", {"true", "false"}) == {"true"},
    )


def _words(query: Mapping[str, str], name: str, known: set[str]) -> set[str]:
    words = set(query.get(name, "").split())
    if not words <= known:
        raise Refused("invalid_request", f"Invalid value for {name}: {query[name]}")
    return words


def _challenge(query: Mapping[str, str]) -> str | None:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
    if challenge is None and "code_challenge_method" in query:
        raise Refused("invalid_request", "There is a code_challenge_method without a code_challenge.")
    if challenge is None:
        return None
    if method != "S256":
        raise Refused("invalid_request", "This server takes code_challenge_method S256 only.")
    if not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "The code_challenge is no SHA-256 in base64url without padding.")
    return challenge


async def _decide(world: GoogleWorld, visits: Visits[_Asked], request: Request) -> Response:
    form = await form_of(request)
    given = only_once([(name, value) for name, value in form if name != "scope"])
    asked = visits.end(given.get("visit", ""))
    if asked is None:
        raise Refused("invalid_request", "This page was answered before. Go back to the app.")
    back = {} if asked.state is None else {"state": asked.state}
    back["iss"] = _base(request)
    if given.get("answer") != "allow":
        world.ledger.add("google", "consent_denied", who=asked.app.id)
        return sent_back(asked.redirect_uri, {"error": "access_denied", **back})
    account = _accounts(world).get(given.get("account", ""))
    ticked = frozenset(value for name, value in form if name == "scope")
    if account is None or not ticked <= set(asked.scopes):
        raise Refused("invalid_request", "That is none of what was offered.")
    if not ticked:
        return sent_back(asked.redirect_uri, {"error": "access_denied", **back})
    consent = Consent(
        asked.app, account, ticked | _granted_before(world, asked, account), _lasts(world, asked, account)
    )
    world.ledger.add("google", "consent_given", who=_who(account), app=asked.app.id, scopes=sorted(consent.scopes))
    code = Code(consent, asked.redirect_uri, asked.challenge, world.clock.now() + _CODE_LASTS)
    written = world.tokens.new_code(code, prefix="4/0A")
    return sent_back(
        asked.redirect_uri, {"code": written, "scope": " ".join(sorted(consent.scopes)), "authuser": "0", **back}
    )


def _granted_before(world: GoogleWorld, asked: _Asked, account: GoogleAccount) -> frozenset[str]:
    if not asked.includes_granted:
        return frozenset()
    return frozenset[str]().union(
        *(each.scopes for each in world.tokens.consents() if each.app is asked.app and each.account == account)
    )


def _lasts(world: GoogleWorld, asked: _Asked, account: GoogleAccount) -> bool:
    """A refresh token comes with the first consent, and with another one only where that was forced."""
    before = any(each.app is asked.app and each.account == account for each in world.tokens.consents())
    return asked.lasting and (asked.forced or not before)


async def _token(world: GoogleWorld, request: Request) -> Response:
    form = only_once(await form_of(request))
    app = _client(world, request, form)
    (kind,) = needed(form, "grant_type")
    match kind:
        case "authorization_code":
            return _exchange(world, app, form)
        case "refresh_token":
            return _refresh(world, app, form)
    raise Refused("unsupported_grant_type", f"Invalid grant_type: {kind}")


def _client(world: GoogleWorld, request: Request, form: Mapping[str, str]) -> App:
    """By the form, or by the header; not by both."""
    named, secret = form.get("client_id"), form.get("client_secret")
    scheme, _, written = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        if secret is not None:
            raise Refused("invalid_request", "The client proves who it is in two ways at once.")
        named, secret = _basic(written)
    if named is None:
        raise Refused("invalid_request", "Could not determine client ID from request.")
    app = world.app(named)
    if app is None:
        raise Refused("invalid_client", "The OAuth client was not found.", 401)
    if secret is None:
        raise Refused("invalid_request", "client_secret is missing.")
    if not same(secret, app.secret):
        raise Refused("invalid_client", "The provided client secret is invalid.", 401)
    return app


def _basic(written: str) -> tuple[str, str]:
    try:
        named, _, secret = base64.b64decode(written, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused("invalid_client", "Unauthorized", 401) from None
    return unquote(named), unquote(secret)


def _exchange(world: GoogleWorld, app: App, form: Mapping[str, str]) -> Response:
    written, redirect_uri = needed(form, "code", "redirect_uri")
    code = world.tokens.take_code(written)
    if code is None:
        raise Refused("invalid_grant", "Malformed auth code.")
    if code.consent.app is not app:
        raise Refused("invalid_grant", "Bad Request")
    if code.redirect_uri != redirect_uri:
        raise Refused("redirect_uri_mismatch", "Bad Request")
    verifier = form.get("code_verifier")
    if code.challenge is None and verifier is not None:
        raise Refused("invalid_grant", "code_verifier or verifier is not needed.")
    if code.challenge is not None and verifier is None:
        raise Refused("invalid_grant", "Missing code verifier.")
    if code.challenge is not None and not proves(verifier or "", code.challenge, hexadecimal=False):
        raise Refused("invalid_grant", "Invalid code verifier.")
    return _issued(world, code.consent, "token_issued")


def _refresh(world: GoogleWorld, app: App, form: Mapping[str, str]) -> Response:
    (token,) = needed(form, "refresh_token")
    known = world.tokens.find(token)
    if known is not None and known.app is not app:
        raise Refused("unauthorized_client", "Unauthorized", 401)
    consent = world.tokens.refreshed(token, rotate=False, extended=None if app.testing else _REFRESH_LASTS)
    if consent is None or consent.account.person.closed:
        raise Refused("invalid_grant", "Token has been expired or revoked.")
    return _issued(world, consent, "token_refreshed")


def _issued(world: GoogleWorld, consent: Consent[GoogleAccount], what: str) -> Response:
    access = world.tokens.issue(consent, _ACCESS_LASTS, prefix="ya29.")
    body: dict[str, object] = {
        "access_token": access,
        "expires_in": int(_ACCESS_LASTS.total_seconds()),
        "scope": " ".join(sorted(consent.scopes)),
        "token_type": "Bearer",
    }
    if what == "token_issued" and consent.lasting:
        lasts = _TESTING_LASTS if consent.app.testing else _REFRESH_LASTS
        world.tokens.make_room(consent, _MOST_REFRESH_TOKENS, same=lambda each: each.person is consent.account.person)
        body["refresh_token"] = world.tokens.issue_refresh(consent, lasts, prefix="1//0")
        if consent.app.testing:
            body["refresh_token_expires_in"] = int(lasts.total_seconds()) - 1
    world.ledger.add("google", what, who=_who(consent.account), token=mark_of(access))
    return answered(body)


async def _revoke(world: GoogleWorld, request: Request) -> Response:
    form = only_once([*(await form_of(request)), *request.query_params.multi_items()])
    (token,) = needed(form, "token")
    consent = world.tokens.find(token)
    if consent is None:
        raise Refused("invalid_token", "Token expired or revoked")
    withdraw(world, consent)
    return answered({})


def withdraw(world: GoogleWorld, consent: Consent[GoogleAccount]) -> None:
    """Whatever the same person has allowed the same app is over, on whatever channel: as by a revocation, or as its
    owner does on Google's own page."""
    person = consent.account.person
    world.tokens.end(
        *(e for e in world.tokens.consents() if e.app is consent.app and e.account.person is person), consent
    )
    world.ledger.add("google", "grant_revoked", who=person.email, app=consent.app.id)


def _accounts(world: GoogleWorld) -> dict[str, GoogleAccount]:
    """By what the page calls them: each channel by itself, and whoever has none."""
    found: dict[str, GoogleAccount] = {}
    for person in world.people:
        if not person.closed:
            for channel in (*person.channels, *([] if person.channels else [None])):
                found[f"{person.email}/{channel.id if channel else ''}"] = GoogleAccount(person, channel)
    return found


def _named(account: GoogleAccount) -> str:
    channel = "no YouTube channel" if account.channel is None else f"{account.channel.title} ({account.channel.handle})"
    return f"{account.person.name}, {account.person.email}: {channel}"


def _who(account: GoogleAccount) -> str:
    return account.person.email if account.channel is None else account.channel.id


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
