"""What all calls of Stripe's API share: keys, versions, idempotency, pages of lists, expanding, and its errors."""

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers.ledger import mark_of, sha256
from cliply.dev_providers.stripe_errors import Refused, missing, wrong
from cliply.dev_providers.stripe_parameters import Fields, taken_apart
from cliply.dev_providers.stripe_world import VERSION, Account, Thing, listed, new_id, shown

_KEPT = 24 * 3600
"""Seconds for which an answer is given again."""
_DEEPEST = 4
_EXPANDABLE: Mapping[str, Sequence[str]] = {
    "billing_portal.session": ("configuration",),
    "charge": ("customer", "payment_intent"),
    "checkout.session": ("customer", "invoice", "line_items", "subscription"),
    "customer": ("default_source", "test_clock"),
    "dispute": ("charge", "payment_intent"),
    "invoice": ("customer", "default_payment_method", "parent.subscription_details.subscription", "payments"),
    "invoice_payment": ("invoice", "payment.payment_intent"),
    "line_item": ("pricing.price_details.price",),
    "payment_intent": ("customer", "latest_charge", "payment_method"),
    "payment_method": ("customer",),
    "price": ("product",),
    "product": ("default_price",),
    "refund": ("charge", "payment_intent"),
    "subscription": ("customer", "default_payment_method", "latest_invoice"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One that has been looked at and may be answered."""

    params: Mapping[str, Any]
    ids: Mapping[str, str]
    """Of the address."""

    def get(self, name: str, otherwise: Any = None) -> Any:
        return self.params.get(name, otherwise)


Answer: TypeAlias = Callable[[Account, Call], Thing | list[Thing]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    verb: str
    path: str
    takes: Fields
    answer: Answer
    """Of a list, all that fit, the newest first."""


@dataclass(slots=True)
class _Kept:
    fingerprint: str
    at: int
    answer: tuple[int, Thing] | None = None
    """None while the first request is at work."""


class Idempotency:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def begin(self, key: str, fingerprint: str, now: int) -> tuple[int, Thing] | None:
        """What was answered before; None for who is first. Raises Refused."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.at + _KEPT <= now:
                self._kept[key] = _Kept(fingerprint, now)
                return None
            if kept.fingerprint != fingerprint:
                raise Refused(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key}' if you meant to execute a different request.",
                    kind="idempotency_error",
                )
            if kept.answer is None:
                raise Refused(
                    409,
                    f"There is currently another in-progress request using this Idempotent Key ({key}).",
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            return kept.answer

    def end(self, key: str, answer: tuple[int, Thing] | None) -> None:
        """None for a request that was not begun to be carried out: the key is free again."""
        with self._lock:
            if answer is None:
                self._kept.pop(key, None)
            else:
                self._kept[key].answer = answer


def routes(account: Account, endpoints: Sequence[Endpoint], settle: Callable[[], None]) -> list[BaseRoute]:
    """`settle` lets happen what is due by the clock."""
    keys = Idempotency()
    found: list[BaseRoute] = [
        Route(each.path, partial(_answered, account, each, keys, settle), methods=[each.verb]) for each in endpoints
    ]
    found.append(Route("/v1/{rest:path}", _unknown, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]))
    return found


async def _unknown(request: Request) -> Response:
    told = f"Unrecognized request URL ({request.method}: {request.url.path}), or one that this stand-in does not know."
    return _response(404, Refused(404, told).body(), new_id("req"))


async def _answered(
    account: Account, endpoint: Endpoint, keys: Idempotency, settle: Callable[[], None], request: Request
) -> Response:
    number, key = new_id("req"), request.headers.get("idempotency-key")
    form = (await request.body()).decode("utf-8", "replace") if endpoint.verb == "POST" else request.url.query
    replayed = False
    try:
        _vouched(account, request)
        call = Call(endpoint.takes.read("", taken_apart(form)) or {}, dict(request.path_params))
        if key is None or endpoint.verb != "POST":
            status, body = _carried_out(account, endpoint, call, settle, number, None, str(request.base_url))
        else:
            before = keys.begin(key, sha256(f"{request.url.path}\n{form}".encode()), account.now())
            if before is not None:
                (status, body), replayed = before, True
            else:
                done: tuple[int, Thing] | None = None
                try:
                    done = _carried_out(account, endpoint, call, settle, number, key, str(request.base_url))
                finally:
                    keys.end(key, done)
                status, body = done
    except Refused as refused:
        account.ledger.add("stripe", "request_refused", call=f"{endpoint.verb} {endpoint.path}", why=str(refused))
        status, body = refused.status, refused.body()
    headers = {"Idempotency-Key": key} if key else {}
    return _response(status, body, number, **headers, **({"Idempotent-Replayed": "true"} if replayed else {}))


def _vouched(account: Account, request: Request) -> None:
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            said = base64.b64decode(said).decode().partition(":")[0]
    if not said:
        raise Refused(
            401, "You did not provide an API key. You need to provide your API key in the Authorization header."
        )
    if said != account.key:
        raise Refused(401, f"Invalid API Key provided: {said[:7]}{'*' * 8}{said[-4:]}")
    version = request.headers.get("stripe-version", VERSION)
    if version != VERSION:
        raise wrong(f"Invalid Stripe API version: {version}. This stand-in knows {VERSION}.")
    kind = request.headers.get("content-type", "application/x-www-form-urlencoded")
    if request.method == "POST" and not kind.startswith("application/x-www-form-urlencoded"):
        raise wrong(f"Invalid request (check that your POST content type is a form, not {kind})")
    if len(request.headers.get("idempotency-key", "")) > 255:
        raise wrong("Idempotency keys have at most 255 characters")


def _carried_out(
    account: Account,
    endpoint: Endpoint,
    call: Call,
    settle: Callable[[], None],
    number: str,
    key: str | None,
    address: str,
) -> tuple[int, Thing]:
    with account.lock:
        account.address = address.rstrip("/")
        settle()
        account.cause = (number, key)
        try:
            with nullcontext() if endpoint.verb == "GET" else account.undone_on_failure():
                found = endpoint.answer(account, call)
                expand = call.get("expand", [])
                if isinstance(found, list):
                    return 200, _page(account, call, found, endpoint.path, expand)
                return 200, expanded(account, found, expand)
        except Refused as refused:
            mark = mark_of(account.key)
            account.ledger.add(
                "stripe", "call_failed", who=mark, call=f"{endpoint.verb} {endpoint.path}", why=str(refused)
            )
            return refused.status, refused.body()
        finally:
            account.cause = (None, None)


def _page(account: Account, call: Call, found: list[Thing], url: str, expand: Sequence[str]) -> Thing:
    ids = [each["id"] for each in found]
    most = call.get("limit", 10)
    after, before = call.get("starting_after"), call.get("ending_before")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and cursor not in ids:
            raise missing("object", cursor, name)
    if before is not None:
        rest = found[: ids.index(before)]
        page, more = rest[-most:], len(rest) > most
    else:
        rest = found[ids.index(after) + 1 :] if after is not None else found
        page, more = rest[:most], len(rest) > most
    inside = [each.removeprefix("data.") for each in expand]
    if any(not each.startswith("data.") for each in expand):
        raise wrong("What is expanded in a list begins with data.", "expand")
    page = [expanded(account, each, inside) for each in page]
    return {"object": "list", "data": page, "has_more": more, "url": url}


def expanded(account: Account, thing: Thing, expand: Sequence[str]) -> Thing:
    """As it is told, with the things themselves instead of the ids that `expand` names."""
    told = shown(thing, *expand, *(each.partition(".")[0] for each in expand))
    for path in expand:
        if path.count(".") >= _DEEPEST + 2:
            raise wrong(f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}", "expand")
        _expand(account, told, path)
    return told


def _expand(account: Account, thing: Thing, path: str) -> None:
    known = _EXPANDABLE.get(thing.get("object", ""), ())
    name = next((each for each in known if path == each or path.startswith(f"{each}.")), None)
    if name is None:
        raise wrong(f"This property cannot be expanded ({path}).", "expand")
    *above, last = name.split(".")
    inner = thing
    for each in above:
        inner = inner.get(each) or {}
    value = inner.get(last)
    if isinstance(value, str) and (found := account.find(value)) is not None:
        value = inner[last] = shown(found, path.removeprefix(f"{name}.").partition(".")[0])
    rest = path.removeprefix(name).removeprefix(".")
    if not rest or value is None:
        return
    if isinstance(value, dict) and value.get("object") == "list":
        for each in value["data"]:
            _expand(account, each, rest.removeprefix("data."))
    elif isinstance(value, dict):
        _expand(account, value, rest)


def _response(status: int, body: Thing, number: str, **headers: str) -> Response:
    should = {"Stripe-Should-Retry": "false"} if 400 <= status < 500 and status != 409 else {}
    return Response(
        json.dumps(body, indent=2),
        status,
        {"Request-Id": number, "Stripe-Version": VERSION, **should, **headers},
        media_type="application/json",
    )


def included(things: Sequence[Thing], url: str) -> Thing:
    return listed([shown(each) for each in things], url)
