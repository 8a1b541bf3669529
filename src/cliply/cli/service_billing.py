"""`cliply billing ...`: what is paid for a workspace of a service, and for which plan."""

import webbrowser
from itertools import chain
from typing import Annotated, Any

import typer

from cliply.cli.console import JsonFlag, note, print_json
from cliply.cli.service_names import WorkspaceOption, Yes, confirm, show, show_one, workspace
from cliply.features.billing.amounts import cost, money

billing = typer.Typer(help="What is paid for a workspace.")

Plan = Annotated[str, typer.Argument(help="Plan, as `cliply billing status` lists them.", show_default=False)]
Price = Annotated[str | None, typer.Option(help="One of the plan's prices at Stripe; the first one by default.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address only.")]

_DONE = {
    "upgrade": "The plan is changed to “{plan}”; its limits are there within moments.",
    "downgrade": "The plan is changed to “{plan}”; its limits are there within moments.",
    "cancel": "The subscription is cancelled for {on}.",
    "keep": "The subscription is not cancelled any more.",
    "none": "Nothing was changed.",
}
"""After what was told before it was done, in other words: that it is."""


@billing.command("status")
def show_status(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """See the plan of a workspace, what is paid for it, and which plans can be bought."""
    told = workspace(named).service.get("/api/billing/status")
    if json:
        print_json(told)
    else:
        show(_status(told), json, str)


@billing.command("plans")
def list_plans(named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """List the plans that can be bought, and what each costs."""
    offers = workspace(named).service.get("/api/billing/status")["offers"]
    show(offers, json, _offer)


@billing.command("checkout")
def subscribe(
    plan: Plan,
    price: Price = None,
    no_browser: NoBrowser = False,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """Subscribe to a plan: opens Stripe's page, where it is paid."""
    place = workspace(named)
    page = place.service.post("/api/billing/checkout", _wanted(plan, price))
    if page["cost"] is not None:
        note(f"“{plan}” costs {_cost(page['cost'])}.")
    _open(page, json, no_browser=no_browser)


@billing.command("portal")
def open_portal(no_browser: NoBrowser = False, named: WorkspaceOption = None, json: JsonFlag = False) -> None:
    """Open Stripe's page where a card is changed, an invoice is paid, or the subscription is cancelled."""
    place = workspace(named)
    _open(place.service.post("/api/billing/portal"), json, no_browser=no_browser)


@billing.command("change")
def change_plan(
    plan: Plan, price: Price = None, yes: Yes = False, named: WorkspaceOption = None, json: JsonFlag = False
) -> None:
    """Change the plan of a subscription; says first what that costs, and what there is too much of.

    The plan of new workspaces, where it is not sold, ends the subscription with what is paid for.
    """
    place = workspace(named)
    wanted = _wanted(plan, price)
    preview = place.service.post("/api/billing/change/preview", wanted)
    note(str(preview["told"]))
    confirm(f"Change to “{plan}”?", yes=yes)
    done = place.service.post("/api/billing/change", {**wanted, "previewed_at": preview["as_of"]})
    show_one(done, json, _changed)


@billing.command("invoices")
def list_invoices(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    named: WorkspaceOption = None,
    json: JsonFlag = False,
) -> None:
    """List what was and is to be paid, newest first."""
    place = workspace(named)
    found = place.service.get("/api/billing/invoices", limit=limit)["items"]
    show(found, json, _invoice)


def _wanted(plan: str, price: str | None) -> dict[str, str]:
    return {"plan": plan} if price is None else {"plan": plan, "price": price}


def _open(page: dict[str, Any], json: bool, *, no_browser: bool) -> None:
    if not (json or no_browser or webbrowser.open(page["url"])):
        note("No browser could be opened. Open the address yourself.")
    show_one(page, json, lambda each: str(each["url"]))


def _status(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['plan']}  {told['standing']}", told["note"]]
    one = told["subscription"]
    if one is not None and told["standing"] != "ended":
        until = one["cancel_at"] or one["period_end"]
        word = "ends" if one["cancel_at"] else "renews"
        lines.append(f"{_paid(one, told['offers'])}, {word} {until[:10]}")
        if told["grace_until"]:
            lines.append(f"Kept until {told['grace_until'][:10]}, unless it is paid")
        if one["pay_url"]:
            lines.append(f"To be paid at {one['pay_url']}")
    return [*lines, *_offered(told)]


def _paid(subscription: dict[str, Any], offers: list[dict[str, Any]]) -> str:
    """What is paid, and how often where Stripe has told that of its price."""
    for each in chain.from_iterable(offer["costs"] for offer in offers):
        if each["price"] == subscription["price"]:
            return cost(subscription["amount"], subscription["currency"], each["interval"], each["interval_count"])
    return f"{money(subscription['amount'], subscription['currency'])} a period"


def _offered(told: dict[str, Any]) -> list[str]:
    """What else can be had, and by which command."""
    if told["standing"] in ("none", "ended"):
        return [f"{_costing(each)}: cliply billing checkout {each['plan']}" for each in told["offers"]]
    if told["standing"] not in ("trial", "active"):
        return []
    others = [each for each in told["offers"] if each["plan"] != told["plan"]]
    goes_on = [f"to go on: cliply billing change {told['plan']}"] if told["subscription"]["cancel_at"] else []
    changes = [f"{_costing(each)}: cliply billing change {each['plan']}" for each in others]
    return [*goes_on, *changes, "another card, open invoices, cancel: cliply billing portal"]


def _offer(each: dict[str, Any]) -> str:
    """A plan with its prices, the one first that is bought unless another is named."""
    costs = {cost["price"]: _cost(cost) for cost in each["costs"]}
    told = [f"{costs.get(price, 'not told by Stripe')} ({price})" for price in each["prices"]]
    return f"{each['plan']}  {', '.join(told)}"


def _costing(offer: dict[str, Any]) -> str:
    return f"{offer['plan']}, {' or '.join(map(_cost, offer['costs']))}" if offer["costs"] else str(offer["plan"])


def _cost(told: dict[str, Any]) -> str:
    return cost(told["amount"], told["currency"], told["interval"], told["interval_count"])


def _changed(done: dict[str, Any]) -> str:
    if done["waits_for_payment"]:
        return f"The plan changes once this is paid: {done['pay_url']}"
    told = done["preview"]
    return _DONE[told["direction"]].format(plan=told["plan"], on=told["takes_effect"][:10])


def _invoice(each: dict[str, Any]) -> str:
    amount = money(each["total"], each["currency"])
    return f"{each['created_at'][:10]}  {each['status']:<6} {amount:>14}  {each['number'] or '-'}  {each['url'] or ''}"
