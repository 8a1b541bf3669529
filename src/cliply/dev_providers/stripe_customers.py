"""Customers, and the ways in which they pay."""

from collections.abc import Mapping

from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_cards import dispute, method, refund
from cliply.dev_providers.stripe_errors import Refused, wrong
from cliply.dev_providers.stripe_parameters import Kind, Metadata, Text, Whole, call, fields, listing, one_of
from cliply.dev_providers.stripe_world import Account, Thing, merged, new_id

_TEXTS = ("name", "email", "description", "phone")
_SAID: Mapping[str, Kind] = {
    "name": Text(256, clears=True),
    "email": Text(512, clears=True),
    "description": Text(clears=True),
    "phone": Text(20, clears=True),
    "metadata": Metadata(),
}


def add_customer(account: Account, *, clock: str | None = None, **told: str | None) -> Thing:
    about = {"test_clock": clock}
    made = account.new(
        "customer",
        "cus",
        about,
        address=None,
        balance=0,
        currency=None,
        default_source=None,
        delinquent=False,
        discount=None,
        invoice_prefix=new_id("x")[2:10].upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        shipping=None,
        tax_exempt="none",
        test_clock=clock,
        **{name: told.get(name) for name in _TEXTS},
    )
    return account.add(made)


def _create(account: Account, asked: Call) -> Thing:
    clock = asked.get("test_clock")
    if clock is not None:
        account.get("test_helpers.test_clock", clock, "test_clock")
    made = add_customer(account, clock=clock, **{name: asked.get(name) for name in _TEXTS})
    made["metadata"] = merged({}, asked.get("metadata", {}))
    if asked.get("payment_method"):
        _default(made, _attached(account, made, asked.get("payment_method")))
    _settings(account, made, asked)
    account.emit("customer.created", made)
    return made


def _update(account: Account, asked: Call) -> Thing:
    customer = living(account, asked.ids["id"])
    with account.changing(customer, "customer.updated"):
        for name in _TEXTS:
            if name in asked.params:
                customer[name] = asked.params[name]
        customer["metadata"] = merged(customer["metadata"], asked.get("metadata", {}))
        _settings(account, customer, asked)
    return customer


def _settings(account: Account, customer: Thing, asked: Call) -> None:
    wanted = (asked.get("invoice_settings") or {}).get("default_payment_method")
    if wanted is not None:
        found = account.get("payment_method", wanted, "invoice_settings[default_payment_method]")
        if found["customer"] != customer["id"]:
            raise wrong("The customer does not have a payment method with the ID.", "invoice_settings")
        _default(customer, found)


def _default(customer: Thing, method: Thing) -> None:
    customer["invoice_settings"]["default_payment_method"] = method["id"]


def living(account: Account, wanted: str, param: str = "id") -> Thing:
    """Raises Refused, for one who was deleted as well."""
    customer = account.get("customer", wanted, param)
    if customer.get("deleted"):
        raise Refused(
            404 if param == "id" else 400, f"No such customer: '{wanted}'", code="resource_missing", param=param
        )
    return customer


def _retrieve(account: Account, asked: Call) -> Thing:
    customer = account.get("customer", asked.ids["id"])
    if customer.get("deleted"):
        return {"id": customer["id"], "object": "customer", "deleted": True}
    return customer


def _delete(account: Account, asked: Call) -> Thing:
    customer = living(account, asked.ids["id"])
    for each in account.every("subscription", customer=customer["id"]):
        if each["status"] not in subscriptions.ENDED:
            subscriptions.end(account, each)
    account.emit("customer.deleted", customer)
    customer["deleted"] = True
    return {"id": customer["id"], "object": "customer", "deleted": True}


def _list(account: Account, asked: Call) -> list[Thing]:
    found = [each for each in account.every("customer") if not each.get("deleted")]
    email = asked.get("email")
    return found if email is None else [each for each in found if each["email"] == email]


def _attached(account: Account, customer: Thing, wanted: str) -> Thing:
    found = method(account, wanted)
    if found["customer"] not in (None, customer["id"]):
        raise wrong("The payment method you provided has already been attached to a customer.", "payment_method")
    if found["customer"] is None:
        if (refused := found["_card"].refused) is not None:
            raise Refused(402, "Your card was declined.", kind="card_error", code=refused[0], decline_code=refused[1])
        found["customer"] = customer["id"]
        account.emit("payment_method.attached", found)
    return found


def _attach(account: Account, asked: Call) -> Thing:
    return _attached(account, living(account, asked.get("customer"), "customer"), asked.ids["id"])


def _methods(account: Account, asked: Call) -> list[Thing]:
    return account.every("payment_method", customer=living(account, asked.get("customer"), "customer")["id"])


def _refund(account: Account, asked: Call) -> Thing:
    if (asked.get("charge") is None) == (asked.get("payment_intent") is None):
        raise wrong("Name one of charge and payment_intent.", "charge")
    wanted = asked.get("charge")
    if wanted is None:
        wanted = account.get("payment_intent", asked.get("payment_intent"), "payment_intent")["latest_charge"]
    charge = account.get("charge", wanted, "charge")
    return refund(account, charge, asked.get("amount"), asked.get("reason"))


def dispute_last(account: Account, customer: Thing) -> Thing | None:
    """As its owner does at their bank."""
    paid = next(iter(account.every("charge", customer=customer["id"], paid=True, disputed=False)), None)
    return None if paid is None else dispute(account, paid)


def refund_last(account: Account, customer: Thing) -> Thing | None:
    paid = next(iter(account.every("charge", customer=customer["id"], paid=True, refunded=False)), None)
    return None if paid is None else refund(account, paid)


def _get(kind: str) -> Endpoint:
    plural = {"charge": "charges", "payment_intent": "payment_intents", "refund": "refunds", "dispute": "disputes"}
    return Endpoint("GET", f"/v1/{plural[kind]}/{{id}}", call(), lambda at, asked: at.get(kind, asked.ids["id"]))


_SETTINGS = fields(default_payment_method=Text())
ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/customers",
        call(**_SAID, payment_method=Text(), invoice_settings=_SETTINGS, test_clock=Text()),
        _create,
    ),
    Endpoint("GET", "/v1/customers", listing(email=Text()), _list),
    Endpoint("GET", "/v1/customers/{id}", call(), _retrieve),
    Endpoint("POST", "/v1/customers/{id}", call(**_SAID, invoice_settings=_SETTINGS), _update),
    Endpoint("DELETE", "/v1/customers/{id}", fields(), _delete),
    Endpoint("POST", "/v1/payment_methods/{id}/attach", call("customer", customer=Text()), _attach),
    Endpoint("GET", "/v1/payment_methods", listing(customer=Text(), type=one_of("card")), _methods),
    Endpoint(
        "POST",
        "/v1/refunds",
        call(
            charge=Text(),
            payment_intent=Text(),
            amount=Whole(1),
            reason=one_of("duplicate", "fraudulent", "requested_by_customer"),
        ),
        _refund,
    ),
    *map(_get, ("charge", "payment_intent", "refund", "dispute")),
]
