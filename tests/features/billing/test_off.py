"""Without a key nothing is sold, everything else works, and whoever asks is told so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.conftest import World
from tests.features.billing.till import Till, problem, till, without_billing

from cliply.api.app import create_app
from cliply.dev_providers.serve import serving
from cliply.features.billing import checking


@pytest.fixture
def off(world: World, tmp_path: Path) -> Iterator[Till]:
    with till(world, tmp_path) as made:
        made.runtime = without_billing(made)
        with serving(create_app(made.runtime)) as made.address:
            yield made


def test_the_status_says_that_nothing_has_to_be_paid(off: Till) -> None:
    status = off.status
    assert (status["enabled"], status["standing"], status["offers"]) == (False, "none", [])
    assert "nothing has to be paid" in status["note"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/billing/checkout", {"plan": "pro"}),
        ("POST", "/api/billing/portal", None),
        ("POST", "/api/billing/change", {"plan": "pro"}),
        ("POST", "/api/billing/change/preview", {"plan": "pro"}),
        ("GET", "/api/billing/invoices", None),
        ("POST", "/api/webhooks/stripe", {}),
    ],
)
def test_what_would_sell_says_how_it_is_switched_on(off: Till, method: str, path: str, body: object) -> None:
    answer = off.ask(method, path, body)
    assert problem(answer) == (409, "billing_off")
    assert "CLIPLY_BILLING__SECRET_KEY" in answer.text


def test_the_nightly_check_does_nothing(off: Till) -> None:
    off.check()
    with off.world.database.system() as session:
        assert list(checking.findings(session, off.runtime.settings)) == []


def test_an_operator_hears_that_stripe_goes_on_charging(world: World, tmp_path: Path) -> None:
    with till(world, tmp_path) as made:
        made.subscribe("pro")
        settings = without_billing(made).settings
        with made.world.database.system() as session:
            [found] = checking.findings(session, settings)
        assert (found.severity, "1 subscription at Stripe may go on being charged" in found.told) == ("error", True)
        made.shop.client.v1.subscriptions.cancel(made.subscription["id"])
        made.catch_up()
        with made.world.database.system() as session:
            assert list(checking.findings(session, settings)) == []


def test_plans_are_given_by_hand_and_stay(off: Till) -> None:
    told = {"plan": "pro"}
    path = f"/api/admin/workspaces/{off.world.workspace}"
    answer = off.browser.patch(f"{off.address}{path}", json=told, headers=off.world.headers("operator"))
    assert answer.status_code == 200
    assert off.status["plan"] == "pro"
    off.check()
    assert off.status["plan"] == "pro"
