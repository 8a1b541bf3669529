"""All of Stripe that Cliply asks, under one address: the API, the pages that people see, and the account's own."""

from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.types import ASGIApp

from cliply.dev_providers import (
    stripe_calls,
    stripe_catalogue,
    stripe_checkout,
    stripe_customers,
    stripe_dashboard,
    stripe_events,
    stripe_pay_pages,
    stripe_portal,
    stripe_time,
)
from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.ledger import Ledger
from cliply.dev_providers.stripe_api import Endpoint, routes
from cliply.dev_providers.stripe_events import Deliveries
from cliply.dev_providers.stripe_world import Account, Thing, merged

ENDPOINTS: Sequence[Endpoint] = [
    # An address with a name comes before one with any id.
    *stripe_calls.ENDPOINTS,
    *stripe_catalogue.ENDPOINTS,
    *stripe_checkout.ENDPOINTS,
    *stripe_customers.ENDPOINTS,
    *stripe_events.ENDPOINTS,
    *stripe_portal.ENDPOINTS,
    *stripe_time.ENDPOINTS,
]
# Opens nothing but this.
KEY = "sk_test_on_this_machine"


class Stripe:
    """One account with everything around it."""

    def __init__(self, clock: Clock | None = None, *, machine: Clock | None = None, key: str = KEY) -> None:
        clock = clock or Clock()
        self.account = Account(clock, Ledger(clock), Faults(), key)
        self.deliveries = Deliveries(self.account, machine)
        self.portal = stripe_portal.add_configuration(self.account)

    def webhook_secrets(self) -> Sequence[str]:
        """Of all its endpoints."""
        return [secret for each in self.account.every("webhook_endpoint") for secret in each["_secrets"]]

    def settle(self) -> None:
        stripe_time.settle(self.account)

    def app(self) -> ASGIApp:
        settle = partial(stripe_time.settle, self.account)
        app = Starlette(
            routes=[
                *routes(self.account, ENDPOINTS, settle),
                *stripe_pay_pages.routes(self.account, settle),
                *stripe_portal.routes(self.account, settle),
                *stripe_dashboard.routes(self.account, self.deliveries, settle),
            ]
        )
        # What differs by a slash is another address.
        app.router.redirect_slashes = False
        return self.account.faults.wrap(app)

    def add_plan(self, plan: str, monthly: int, *, currency: str = "eur") -> Thing:
        """A product that is called so, and its price for a month; both have ids that can be written down."""
        account = self.account
        product = account.new(
            "product", "prod", active=True, default_price=None, description=None, images=[], marketing_features=[],
            metadata={"plan": plan}, name=f"Cliply {plan}", package_dimensions=None, shippable=None,
            statement_descriptor=None, tax_code=None, type="service", unit_label=None, url=None,
        )  # fmt: skip
        product |= {"id": f"prod_{plan}", "updated": product["created"]}
        account.add(product)
        price = account.new(
            "price", "price", active=True, billing_scheme="per_unit", currency=currency, custom_unit_amount=None,
            lookup_key=None, metadata=merged({}, {}), nickname=f"Cliply {plan}", product=product["id"],
            recurring={
                "interval": "month", "interval_count": 1, "meter": None, "trial_period_days": None,
                "usage_type": "licensed",
            },
            tax_behavior="unspecified", tiers_mode=None, transform_quantity=None, type="recurring",
            unit_amount=monthly, unit_amount_decimal=str(monthly),
        )  # fmt: skip
        price["id"] = f"price_{plan}_monthly"
        return account.add(price)
