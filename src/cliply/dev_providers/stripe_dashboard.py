"""The account's own page at Stripe: what there is, where events went, and time that can be moved on."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import pages
from cliply.dev_providers.stripe_card_form import form_of, sum_of
from cliply.dev_providers.stripe_customers import dispute_last, refund_last
from cliply.dev_providers.stripe_events import Deliveries, Delivery, roll_secret
from cliply.dev_providers.stripe_world import Account, Thing, moment

_SHOWN = 100
_STEPS = {"hour": ("An hour", 1), "day": ("A day", 24), "week": ("A week", 7 * 24), "month": ("A month", 31 * 24)}
"""In words and in hours."""


def routes(account: Account, deliveries: Deliveries, settle: Callable[[], None]) -> Sequence[BaseRoute]:
    return [
        Route("/", partial(_show, account, deliveries, settle), methods=["GET"]),
        Route("/", partial(_do, account, deliveries, settle), methods=["POST"]),
    ]


async def _do(account: Account, deliveries: Deliveries, settle: Callable[[], None], request: Request) -> Response:
    form = await form_of(request)
    wish, what = form.get("do", ""), form.get("what", "")
    with account.lock:
        match wish:
            case "advance" if what in _STEPS:
                account.clock.advance(timedelta(hours=_STEPS[what][1]))
                settle()
            case "refund" | "dispute":
                customer = account.get("customer", what)
                (refund_last if wish == "refund" else dispute_last)(account, customer)
            case "hold":
                deliveries.held = not deliveries.held
            case "roll":
                roll_secret(account.get("webhook_endpoint", what))
            case "resend":
                for each in deliveries.all():
                    if each.event["id"] == what:
                        each.due, each.attempts = 0, []
    return RedirectResponse("/", 303)


async def _show(account: Account, deliveries: Deliveries, settle: Callable[[], None], request: Request) -> Response:
    del request
    with account.lock:
        settle()
        return pages.page(
            "Stand-in for Stripe",
            pages.paragraph("On this machine, for trying billing out. No money moves, and no card that is real works."),
            "<h2>Time</h2>",
            pages.paragraph(f"Here it is {account.clock.now():%d %B %Y, %H:%M} UTC."),
            "<p>"
            + "".join(_button("advance", step, f"{told} later") for step, (told, _hours) in _STEPS.items())
            + "</p>",
            "<h2>Subscriptions</h2>",
            pages.table(["Customer", "Plan", "Status", "Paid until", "Cancelled for"], _subscriptions(account)),
            "<h2>Customers</h2>",
            _customers(account),
            "<h2>Invoices</h2>",
            pages.table(["At", "Number", "Customer", "Reason", "Total", "Status"], _invoices(account)),
            "<h2>Webhooks</h2>",
            *(_endpoint(each) for each in account.every("webhook_endpoint")),
            f"<p>{_button('hold', '', 'Deliver events again' if deliveries.held else 'Hold events back')}</p>",
            _deliveries(deliveries.all()),
            brand=pages.STRIPE,
        )


def _button(do: str, what: str, label: str) -> str:
    hidden = f'<input type="hidden" name="what" value="{escape(what)}">'
    return (
        f'<form method="post" action="/" style="display:inline">{hidden}'
        f'<button name="do" value="{do}">{escape(label)}</button></form> '
    )


def _subscriptions(account: Account) -> Iterator[Sequence[object]]:
    for each in account.every("subscription"):
        item = each["items"]["data"][0]
        ends = "" if each["cancel_at"] is None else f"{moment(each['cancel_at']):%Y-%m-%d}"
        until = f"{moment(item['current_period_end']):%Y-%m-%d}"
        yield each["customer"], item["price"]["nickname"] or item["price"]["id"], each["status"], until, ends


def _customers(account: Account) -> str:
    rows = "".join(
        f"<tr><td>{escape(each['id'])}</td><td>{escape(str(each['email'] or ''))}</td><td>"
        f"{_button('refund', each['id'], 'Refund the last payment')}{_button('dispute', each['id'], 'Dispute it')}"
        "</td></tr>"
        for each in account.every("customer")
    )
    return f"<div><table>{rows}</table></div>" if rows else pages.paragraph("Nobody yet.")


def _invoices(account: Account) -> Iterator[Sequence[object]]:
    for each in account.every("invoice")[:_SHOWN]:
        yield (
            f"{moment(each['created']):%Y-%m-%d %H:%M}", each["number"] or "draft", each["customer"],
            each["billing_reason"], sum_of(each["total"], each["currency"]), each["status"],
        )  # fmt: skip


def _endpoint(endpoint: Thing) -> str:
    secrets = ", ".join(endpoint["_secrets"])
    told = f"To {endpoint['url']} ({endpoint['status']}), signed with {secrets}"
    return pages.paragraph(told) + _button("roll", endpoint["id"], "Roll the secret")


def _deliveries(found: Sequence[Delivery]) -> str:
    rows = "".join(
        f"<tr><td data-head='Event'>{escape(each.event['type'])}</td><td data-head='Id'>{escape(each.event['id'])}</td>"
        f"<td data-head='Answers'>{', '.join(map(str, each.attempts)) or '-'}</td>"
        f"<td data-head='State'>{_state(each)}</td>"
        f"<td>{_button('resend', each.event['id'], 'Send again')}</td></tr>"
        for each in reversed(found[-_SHOWN:])
    )
    head = "<thead><tr><th>Event</th><th>Id</th><th>Answers</th><th>State</th><th></th></tr></thead>"
    return (
        f"<div><table>{head}<tbody>{rows}</tbody></table></div>" if rows else pages.paragraph("No event was sent yet.")
    )


def _state(delivery: Delivery) -> str:
    if delivery.done:
        return "delivered"
    if delivery.given_up:
        return "given up"
    return f"due {datetime.fromtimestamp(delivery.due, UTC):%H:%M:%S}"
