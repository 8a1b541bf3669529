"""What plans cost, before anybody is sent to pay; and whether their prices can be bought at all."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.features.billing.till import Till

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.billing import selling
from cliply.features.identity.plans import plans_of

PRO = {"price": "price_pro_monthly", "amount": 2900, "currency": "eur", "interval": "month", "interval_count": 1}


def problems(at: Till, sold_as: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    assert at.runtime.payments is not None
    plans = plans_of(at.runtime.settings)
    plans = plans if sold_as is None else replace(plans, sold_as=sold_as)
    return [(each.severity, each.told) for each in selling.problems(at.runtime.payments, plans)]


def price(at: Till) -> Any:
    return at.shop.stripe.account.get("price", "price_pro_monthly")


def test_what_a_plan_costs_is_told_before_it_is_bought(at: Till) -> None:
    assert at.status["offers"][0] == {"plan": "pro", "prices": ["price_pro_monthly"], "costs": [PRO]}
    assert at.told("POST", "/api/billing/checkout", {"plan": "pro"})["cost"] == PRO
    assert at.told("POST", "/api/billing/checkout", {"plan": "pro"})["cost"] == PRO, "of the page that was open"


def test_where_stripe_does_not_answer_the_page_is_shown_without_it(at: Till) -> None:
    at.shop.stripe.account.faults.plan(Fault(Kind.ANSWER, path="/v1/prices/", status=500, body=b"{}"))
    told = at.status
    assert [(each["plan"], each["costs"]) for each in told["offers"]] == [("pro", []), ("premium", [])]
    assert told["standing"] == "none"


def test_what_is_archived_is_not_offered_at_a_cost(at: Till) -> None:
    price(at)["active"] = False
    assert [each["costs"] == [] for each in at.status["offers"]] == [True, False]


def test_an_operator_hears_of_prices_that_nobody_can_subscribe_at(at: Till) -> None:
    assert problems(at) == []
    price(at)["active"] = False
    [(severity, told)] = problems(at)
    assert (severity, "price_pro_monthly of the plan pro is archived" in told) == ("error", True)
    price(at).update(active=True, recurring=None)
    [(_, told)] = problems(at)
    assert "is paid once" in told
    [(_, told)] = problems(at, {"price_of_nobody": "pro", "price_premium_monthly": "premium"})
    assert "price_of_nobody of the plan pro is not known at Stripe" in told


def test_an_operator_hears_that_a_price_is_of_the_other_mode(at: Till) -> None:
    said = (
        "No such price: 'price_pro_monthly'; a similar object exists in live mode, but a test mode key was used to "
        "make this request."
    )
    error = {"message": said, "type": "invalid_request_error", "code": "resource_missing", "param": "price"}
    body = json.dumps({"error": error}).encode()
    at.shop.stripe.account.faults.plan(Fault(Kind.ANSWER, path="/v1/prices/", status=404, body=body))
    [(severity, told)] = problems(at)
    assert (severity, "is of the other mode" in told) == ("error", True)


@pytest.mark.parametrize("status", [401, 500])
def test_where_stripe_cannot_be_asked_that_is_said_and_nothing_is_blamed(at: Till, status: int) -> None:
    fault = Fault(Kind.ANSWER, path="/v1/prices/", status=status, body=b'{"error": {"message": "no"}}')
    for _ in range(5):
        at.shop.stripe.account.faults.plan(fault)
    [(severity, told)] = problems(at)
    assert (severity, told.startswith("Prices could not be looked up")) == ("warning", True)
