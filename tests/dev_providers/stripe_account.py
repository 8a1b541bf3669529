"""The stand-in for Stripe as tests use it: served, asked by Stripe's own library, and visited as people visit pages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from stripe import StripeClient

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.serve import serving
from cliply.dev_providers.stripe_app import Stripe

PAYS, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002500003155"
FAILS_LATER = "4000000000000341"
START = datetime(2026, 12, 31, 10, 0, tzinfo=UTC)


@dataclass
class Shop:
    """With two plans that can be bought: pro for 29 and premium for 99 a month."""

    stripe: Stripe
    address: str
    client: Any
    """Stripe's own; its types are wider than what a test knows to be there."""
    clock: Clock
    browser: httpx2.Client = field(default_factory=httpx2.Client)

    def checkout(self, **more: Any) -> Any:
        wanted = {
            "mode": "subscription",
            "line_items": [{"price": "price_pro_monthly", "quantity": 1}],
            "success_url": "http://127.0.0.1:1/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:1/back",
            "client_reference_id": "workspace-1",
            **more,
        }
        return self.client.v1.checkout.sessions.create(params=wanted)

    def pay(self, url: str, number: str = PAYS, **more: str) -> httpx2.Response:
        return self.browser.post(url, data=card(number, **more))

    def subscribed(self, number: str = PAYS, **more: Any) -> Any:
        """A subscription that somebody has paid on the page."""
        session = self.checkout(customer_email="ada@example.com", **more)
        answer = self.pay(session.url, number)
        assert answer.status_code == 303, answer.text
        done = self.client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["subscription"]})
        return done.subscription

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
        self.stripe.settle()

    def events(self) -> list[str]:
        """Their kinds, the oldest first."""
        return [each["type"] for each in reversed(self.stripe.account.every("event"))]


def card(number: str, **more: str) -> Mapping[str, str]:
    return {"number": number, "expiry": "12 / 40", "cvc": "123", "name": "Ada", "email": "ada@example.com", **more}


@contextmanager
def shop(start: datetime | None = START) -> Iterator[Shop]:
    clock = Clock(start)
    account = Stripe(clock)
    account.add_plan("pro", 2900)
    account.add_plan("premium", 9900)
    with serving(account.app()) as address:
        client = StripeClient(account.account.key, base_addresses={"api": address}, max_network_retries=0)
        found = Shop(account, address, client, clock)
        with found.browser:
            yield found
