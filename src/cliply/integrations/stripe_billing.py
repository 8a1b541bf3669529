"""Payments over Stripe, by its own library."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import stripe
from pydantic import BaseModel, ValidationError

from cliply.infra.settings import Billing
from cliply.integrations.payments import (
    Checkout,
    Event,
    ForgedEvent,
    Invoice,
    NotThere,
    OfOtherMode,
    PaymentDeclined,
    PaymentsAway,
    PaymentsMisconfigured,
    Preview,
    Price,
    Subscription,
    Wanted,
)
from cliply.integrations.price_list import PriceList
from cliply.integrations.stripe_shapes import (
    ChargeTold,
    CheckoutTold,
    CustomerTold,
    EventTold,
    InvoiceTold,
    PreviewTold,
    PriceTold,
    SubscriptionTold,
)

WORKSPACE = "cliply_workspace"
"""In the metadata of customers and subscriptions: whose they are, should we ever have forgotten it."""
_TIMEOUT = 10.0
_SHOWN_WITHIN = 3.0
"""Seconds for what is shown only: a page without it is better than one that comes late."""
_RETRIES = 2
_AT_ONCE = 4
"""Calls of one process: whoever waits for Stripe holds a connection of ours."""
_TURN_WITHIN = 2.0
_TOLERANCE = 300
_PAGE = 100

log = logging.getLogger(__name__)

Told = TypeVar("Told", bound=BaseModel)


class StripeBilling:
    def __init__(self, key: str, *, secrets: Sequence[str], url: str | None = None) -> None:
        self._secrets = secrets
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._client = stripe.StripeClient(
            key,
            base_addresses={} if url is None else {"api": url},
            max_network_retries=_RETRIES,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT),
        )
        self._impatient = stripe.StripeClient(
            key,
            base_addresses={} if url is None else {"api": url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=_SHOWN_WITHIN),
        )
        self._price_list = PriceList(self._price_soon)

    def add_customer(self, workspace_id: UUID, *, name: str, email: str, once: str) -> str:
        with self._asking() as api:
            params = {"name": name[:256], "email": email, "metadata": {WORKSPACE: str(workspace_id)}}
            return _read(CustomerTold, _once(api.customers.create, once, params=params)).id

    def workspace_of(self, customer_id: str) -> UUID | None:
        with self._asking() as api:
            told = _read(CustomerTold, api.customers.retrieve(customer_id))
        try:
            return None if told.deleted else UUID(told.metadata.get(WORKSPACE, ""))
        except ValueError:
            return None

    def customer_of_charge(self, charge_id: str) -> str | None:
        with self._asking() as api:
            return _read(ChargeTold, api.charges.retrieve(charge_id)).customer

    def price(self, price_id: str) -> Price:
        with self._asking() as api:
            return _read(PriceTold, api.prices.retrieve(price_id)).read()

    def prices(self, ids: Sequence[str]) -> Mapping[str, Price]:
        return self._price_list.of(ids)

    def _price_soon(self, price_id: str) -> Price:
        with self._asking(self._impatient) as api:
            return _read(PriceTold, api.prices.retrieve(price_id)).read()

    def subscriptions(self, customer_id: str) -> Sequence[Subscription] | None:
        with self._asking() as api:
            found = self._all(api, customer=customer_id)
            # Nothing of who was deleted goes on; that saves a question about everybody else.
            if all(each.ended_at is not None for each in found):
                return None if _read(CustomerTold, api.customers.retrieve(customer_id)).deleted else found
            return found

    def all_subscriptions(self) -> Sequence[Subscription]:
        with self._asking() as api:
            return self._all(api)

    def _all(self, api: Any, **of: str) -> Sequence[Subscription]:
        found = api.subscriptions.list(
            params={**of, "status": "all", "limit": _PAGE, "expand": ["data.latest_invoice"]}
        )
        return [_read(SubscriptionTold, each).read() for each in found.auto_paging_iter()]

    def begin_checkout(
        self,
        customer_id: str,
        workspace_id: UUID,
        price_id: str,
        *,
        trial_days: int,
        success_url: str,
        cancel_url: str,
        once: str,
    ) -> Checkout:
        mine: dict[str, Any] = {"metadata": {WORKSPACE: str(workspace_id)}}
        with self._asking() as api:
            made = _once(
                api.checkout.sessions.create,
                once,
                params={
                    "mode": "subscription",
                    "customer": customer_id,
                    "line_items": [{"price": price_id, "quantity": 1}],
                    "client_reference_id": str(workspace_id),
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                    "subscription_data": mine | ({"trial_period_days": trial_days} if trial_days else {}),
                    **mine,
                },
            )
            return _read(CheckoutTold, made).read()

    def checkout(self, checkout_id: str) -> Checkout:
        with self._asking() as api:
            return _read(CheckoutTold, api.checkout.sessions.retrieve(checkout_id)).read()

    def expire_checkout(self, checkout_id: str) -> None:
        with self._asking() as api:
            api.checkout.sessions.expire(checkout_id)

    def portal_url(self, customer_id: str, *, return_url: str) -> str:
        with self._asking() as api:
            made = api.billing_portal.sessions.create(params={"customer": customer_id, "return_url": return_url})
            return str(made.url)

    def preview(self, wanted: Wanted) -> Preview:
        with self._asking() as api:
            told = api.invoices.create_preview(
                params={
                    "subscription": wanted.subscription.id,
                    "subscription_details": {
                        "items": _items(wanted),
                        "proration_behavior": "always_invoice",
                        "proration_date": int(wanted.at.timestamp()),
                    },
                }
            )
            return _read(PreviewTold, told).read()

    def change(self, wanted: Wanted, *, once: str) -> Subscription:
        with self._asking() as api:
            told = _once(
                api.subscriptions.update,
                once,
                wanted.subscription.id,
                params={
                    "items": _items(wanted),
                    "proration_behavior": "always_invoice",
                    "proration_date": int(wanted.at.timestamp()),
                    # Nobody has the larger plan before it is paid.
                    "payment_behavior": "pending_if_incomplete",
                    "expand": ["latest_invoice"],
                },
            )
            return _read(SubscriptionTold, told).read()

    def end_at_period_end(self, subscription_id: str, *, ends: bool) -> Subscription:
        with self._asking() as api:
            told = api.subscriptions.update(
                subscription_id, params={"cancel_at_period_end": ends, "expand": ["latest_invoice"]}
            )
            return _read(SubscriptionTold, told).read()

    def end_now(self, subscription_id: str) -> Subscription:
        with self._asking() as api:
            return _read(SubscriptionTold, api.subscriptions.cancel(subscription_id)).read()

    def invoices(self, customer_id: str, *, after: str | None, limit: int) -> Sequence[Invoice]:
        place = {} if after is None else {"starting_after": after}
        with self._asking() as api:
            found = api.invoices.list(params={"customer": customer_id, "limit": limit, **place})
            return [_read(InvoiceTold, each).read() for each in found.data]

    def event(self, body: bytes, signature: str | None) -> Event:
        if not any(_signed(body, signature, secret) for secret in self._secrets):
            raise ForgedEvent
        try:
            return EventTold.model_validate(json.loads(body)).read()
        except (ValidationError, ValueError):
            raise ForgedEvent from None

    @contextmanager
    def _asking(self, client: stripe.StripeClient | None = None) -> Iterator[Any]:
        """The calls of the API, and its refusals in our words; what it says of them goes to the log."""
        if not self._turns.acquire(timeout=_TURN_WITHIN):
            raise PaymentsAway("is asked by many at once")
        try:
            yield (client or self._client).v1
        except stripe.CardError as failed:
            raise PaymentDeclined(_sentence(failed.user_message)) from None
        except (stripe.AuthenticationError, stripe.PermissionError) as failed:
            _note(failed)
            raise PaymentsMisconfigured("it does not accept the key in CLIPLY_BILLING__SECRET_KEY.") from None
        except stripe.InvalidRequestError as failed:
            if failed.code == "resource_missing":
                if "similar object exists in" in (failed.user_message or ""):
                    raise OfOtherMode("This is known at Stripe in its other mode only.") from None
                raise NotThere("This is not known at Stripe any more.") from None
            _note(failed)
            raise PaymentsMisconfigured(_sentence(failed.user_message)) from None
        except (stripe.StripeError, ValidationError, ValueError) as failed:
            _note(failed)
            raise PaymentsAway from None
        finally:
            self._turns.release()


def build_payments(settings: Billing) -> StripeBilling | None:
    """None where billing is off."""
    if settings.secret_key is None:
        return None
    secrets = [each.get_secret_value() for each in settings.webhook_secrets]
    return StripeBilling(settings.secret_key.get_secret_value(), secrets=secrets, url=settings.url)


def _once(ask: Callable[..., Any], key: str, *of: str, params: Mapping[str, Any]) -> Any:
    """Asked again with the same key, Stripe says for a day what it has said first, be it that it failed, and refuses
    whatever is asked otherwise. Both are asked anew with a key of this minute: nobody has had what came of the first.
    """
    try:
        return ask(*of, params=params, options={"idempotency_key": key})
    except stripe.StripeError as failed:
        if not _is_of_before(failed):
            raise
    return ask(*of, params=params, options={"idempotency_key": f"{key}-{int(time.time()) // 60}"})


def _is_of_before(failed: stripe.StripeError) -> bool:
    if isinstance(failed, stripe.IdempotencyError):
        # In use: whoever came first is still at it.
        return failed.code != "idempotency_key_in_use"
    return (failed.headers or {}).get("Idempotent-Replayed") == "true"


def _items(wanted: Wanted) -> list[Mapping[str, str]]:
    return [{"id": wanted.subscription.item_id, "price": wanted.price_id}]


def _signed(body: bytes, signature: str | None, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret, _TOLERANCE))
    # What comes is anybody's: the library splits the header and decodes the body before it looks at either.
    except (stripe.SignatureVerificationError, ValueError, IndexError):
        return False


def _read(shape: type[Told], told: Any) -> Told:
    """Raises ValidationError."""
    return shape.model_validate(told.to_dict())


def _note(failed: Exception) -> None:
    told: dict[str, Any] = {"error": type(failed).__name__}
    if isinstance(failed, stripe.StripeError):
        told |= {"status": failed.http_status, "code": failed.code, "stripe_request": failed.request_id}
    log.warning("stripe_failed", extra=told)


def _sentence(said: str | None) -> str:
    """Another's words in ours: one line, not long, and with an end."""
    text = " ".join((said or "it gives no reason").split())[:300]
    return text if text.endswith((".", "!", "?")) else f"{text}."
