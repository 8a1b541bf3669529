"""Whatever billing can do over the API is done from a terminal, beside a Stripe of this machine."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from tests.api.conftest import World, world
from tests.cli.at_a_service import Terminal, missed, served
from tests.dev_providers.stripe_account import card
from tests.features.billing.till import Till, till

from cliply.api.app import create_app

__all__ = ["world"]


def failing(at: Till) -> str:
    """A card that pays once."""
    customer = at.shop.stripe.account.every("customer")[0]["id"]
    method = at.shop.client.v1.payment_methods.attach("pm_card_chargeCustomerFail", params={"customer": customer})
    return str(method.id)


@pytest.mark.slow
def test_every_operation_of_billing_is_reached_by_the_command_that_the_table_names(
    world: World, tmp_path: Path
) -> None:
    with till(world, tmp_path) as at, served(create_app(at.runtime)) as service:
        owner = Terminal(tmp_path / "home", service, defaultdict(set))
        owner.environment = {"CLIPLY_REMOTE__URL": service.url, "CLIPLY_REMOTE__KEY": world.keys["owner"]}
        assert "pro, 29.00 EUR a month: cliply billing checkout pro" in owner.run("billing", "status")
        assert "pro  29.00 EUR a month (price_pro_monthly)" in owner.run("billing", "plans")
        said = owner.invoke("billing", "checkout", "pro", "--no-browser")
        assert "“pro” costs 29.00 EUR a month." in said.stderr
        page = said.stdout.strip()
        assert at.browser.post(page, data=card("4242424242424242")).status_code == 303
        at.catch_up()
        told = owner.run("billing", "status")
        assert re.search(r"^pro  active\n.*\n29\.00 EUR a month, renews \d{4}-", told)
        assert "cancel: cliply billing portal" in told
        assert "/p/session/" in owner.told("billing", "portal")["url"]
        said = owner.invoke("billing", "change", "premium", "--yes")
        assert said.output.count("are charged now for the rest of the period") == 1, (
            "what is told before is not told again"
        )
        assert "The plan is changed to “premium”" in said.output
        at.catch_up()
        assert owner.told("billing", "status")["plan"] == "premium"
        assert "cliply billing change pro" in owner.run("billing", "status")
        said = owner.invoke("billing", "change", "basic", "--yes")
        assert said.output.count("The subscription ends on") == 1
        assert re.search(r"The subscription is cancelled for \d{4}-", said.output)
        at.catch_up()
        assert "to go on: cliply billing change premium" in owner.run("billing", "status")
        assert "goes on" in owner.invoke("billing", "change", "premium", "--yes").output
        at.catch_up()
        assert "to go on" not in owner.run("billing", "status")
        assert len(owner.run("billing", "invoices").splitlines()) == 2
        assert "no plan “gold”" in owner.refused("billing", "change", "gold", "--yes")
        assert "has a subscription" in owner.refused("billing", "checkout", "pro", "--no-browser")
        at.shop.client.v1.subscriptions.update(at.subscription["id"], params={"default_payment_method": failing(at)})
        at.later(days=63)
        told = owner.run("billing", "status")
        assert re.search(
            r"^premium  grace\n(.*\n)+Kept until \d{4}-\d\d-\d\d, unless it is paid\nTo be paid at http", told
        )
    assert missed(service.app, owner.reached, of="billing") == {}
