"""The stand-in for Stripe beside the description of Stripe's API that its library carries in its types."""

import importlib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import pytest
import stripe
import typing_extensions as extensions
from tests.dev_providers.stripe_account import FAILS_LATER, shop

from cliply.dev_providers.stripe_app import ENDPOINTS
from cliply.dev_providers.stripe_parameters import Fields, Kind, Many, OneOf
from cliply.dev_providers.stripe_world import ASKED_FOR, VERSION, shown

_NAMED = {
    "/v1/checkout/sessions": "checkout.Session",
    "/v1/billing_portal/sessions": "billing_portal.Session",
    "/v1/billing_portal/configurations": "billing_portal.Configuration",
    "/v1/test_helpers/test_clocks": "test_helpers.TestClock",
    "/v1/customers": "Customer",
    "/v1/products": "Product",
    "/v1/prices": "Price",
    "/v1/subscriptions": "Subscription",
    "/v1/invoices": "Invoice",
    "/v1/payment_methods": "PaymentMethod",
    "/v1/refunds": "Refund",
    "/v1/charges": "Charge",
    "/v1/payment_intents": "PaymentIntent",
    "/v1/disputes": "Dispute",
    "/v1/webhook_endpoints": "WebhookEndpoint",
    "/v1/events": "Event",
}
_DEEDS = {"line_items": "ListLineItems", "void": "VoidInvoice"}
_OPTIONS = set(stripe.RequestOptions.__annotations__)
"""What every call may say besides, of how it is made."""


def params_of(verb: str, path: str) -> str:
    """What the library calls the parameters of a call, as `checkout.SessionCreateParams`."""
    whole, _, deed = path.partition("/{id}")
    if whole.endswith("/create_preview"):
        return "InvoiceCreatePreviewParams"
    name = _NAMED[whole]
    if deed:
        word = deed.strip("/")
        return f"{name}{_DEEDS.get(word, word.title())}Params"
    if "{id}" not in path:
        return f"{name}{'List' if verb == 'GET' else 'Create'}Params"
    deeds = {"GET": "Retrieve", "POST": "Update", "DELETE": "Cancel" if "subscriptions" in path else "Delete"}
    return f"{name}{deeds[verb]}Params"


def found(name: str) -> Any:
    module, _, last = f"stripe.params.{name}".rpartition(".")
    return getattr(importlib.import_module(module), last)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.verb} {each.path}")
def test_every_parameter_that_is_taken_is_one_of_stripe_s(endpoint: Any) -> None:
    compare(endpoint.takes, found(params_of(endpoint.verb, endpoint.path)), "")


def compare(kind: Kind, told: Any, path: str) -> None:
    options = list(plain(told))
    if isinstance(kind, Fields):
        wanted = [each for each in options if extensions.is_typeddict(each)]
        assert len(wanted) == 1, f"{path}: {options}"
        hints = resolved(wanted[0])
        assert set(kind.known) <= set(hints), f"{path}: {set(kind.known) - set(hints)}"
        required = {name for name, hint in hints.items() if get_origin(hint) is not extensions.NotRequired}
        assert required <= set(kind.required), f"{path}: {required - set(kind.required)} must be said"
        for name, each in kind.known.items():
            compare(each, hints[name], f"{path}.{name}")
    elif isinstance(kind, Many):
        lists = [each for each in options if get_origin(each) is list]
        assert lists, f"{path}: {options}"
        compare(kind.of, get_args(lists[0])[0], f"{path}[]")
    elif isinstance(kind, OneOf):
        literals = {value for each in options if get_origin(each) is Literal for value in get_args(each)}
        if literals:
            assert set(kind.values) <= literals, f"{path}: {set(kind.values) - literals}"


def plain(told: Any) -> Iterator[Any]:
    """What a parameter may be, without the marks around it."""
    origin = get_origin(told)
    if origin in (extensions.NotRequired, extensions.Required):
        yield from plain(get_args(told)[0])
    elif origin in (Union, types.UnionType):
        for each in get_args(told):
            yield from plain(each)
    else:
        yield told


def resolved(wanted: Any) -> Mapping[str, Any]:
    """The hints of a TypedDict of the library, with its forward references found."""
    module = importlib.import_module(wanted.__module__)
    names = {name: hint for name, hint in wanted.__annotations__.items() if name not in _OPTIONS}
    return {name: _deep(hint, vars(module)) for name, hint in names.items()}


def _deep(hint: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(hint, str | ForwardRef):
        text = hint if isinstance(hint, str) else hint.__forward_arg__
        # `|` is not for names in quotes, and an enumeration stays open to what comes later.
        text = text.replace("Literal['']|", "").replace("|str", "").replace("|int", "")
        return _deep(eval(text, {**vars(extensions), **names}), names)  # noqa: S307 - the library's own types
    arguments = get_args(hint)
    if not arguments or get_origin(hint) is Literal:
        return hint
    deeper = tuple(_deep(each, names) for each in arguments)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return Union[deeper]  # noqa: UP007 - its parts are known at run time only
    if origin in (extensions.NotRequired, extensions.Required):
        return origin[deeper[0]]
    return origin[deeper]


_CLASSES: Mapping[str, Any] = {
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "plan": stripe.Plan,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


def test_every_thing_has_the_fields_that_stripe_s_have() -> None:
    with shop() as at:
        subscription = at.subscribed(FAILS_LATER)
        at.subscribed("4000000000000259")
        at.later(days=31, hours=2)
        client = at.client.v1
        client.billing_portal.sessions.create(params={"customer": subscription.customer})
        client.webhook_endpoints.create(params={"url": "http://127.0.0.1:1/", "enabled_events": ["*"]})
        client.test_helpers.test_clocks.create(params={"frozen_time": 1})
        charge = at.stripe.account.every("charge", paid=True)[0]
        client.refunds.create(params={"charge": charge["id"], "amount": 1})
        seen = set()
        for kind in _CLASSES:
            for thing in at.stripe.account.every(kind):
                for each in nested(shown(thing, *ASKED_FOR.get(kind, ()))):
                    check(each)
                    seen.add(each["object"])
    assert seen == set(_CLASSES)


def nested(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("object"), str) and value["object"] != "list":
            yield value
        for each in value.values():
            yield from nested(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from nested(each)


def check(thing: Mapping[str, Any]) -> None:
    """Names that Stripe does not have, and names that it always has."""
    kind = thing["object"]
    hints = {name: str(hint) for name, hint in _CLASSES[kind].__annotations__.items() if name != "OBJECT_NAME"}
    assert set(thing) <= set(hints), f"{kind}: {set(thing) - set(hints)}"
    always = {name for name, hint in hints.items() if "Optional[" not in hint and "NoneType" not in hint}
    assert always <= set(thing), f"{kind}: {always - set(thing)}"


def test_the_version_is_the_library_s() -> None:
    assert stripe.api_version == VERSION
