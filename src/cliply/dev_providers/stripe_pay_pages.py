"""The pages where people pay: for a session of Checkout, and for an invoice that is open."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.pages import paragraph
from cliply.dev_providers.stripe_card_form import (
    Told,
    asks_who_pays,
    bank_question,
    card_form,
    form_of,
    lines_of,
    page,
    read,
    sum_of,
)
from cliply.dev_providers.stripe_cards import add_method
from cliply.dev_providers.stripe_checkout import complete, returns_to
from cliply.dev_providers.stripe_errors import Refused
from cliply.dev_providers.stripe_world import Account, Thing

_BANK = "Your bank did not confirm that it is you. Please try again, or take another card."


def routes(account: Account, settle: Callable[[], None]) -> Sequence[BaseRoute]:
    def route(path: str, answer: Any, verb: str) -> Route:
        return Route(path, partial(_locked, account, settle, answer), methods=[verb])

    return [
        route("/c/pay/{id}", _show_session, "GET"),
        route("/c/pay/{id}", _pay_session, "POST"),
        route("/c/pay/{id}/bank", _ask_session, "GET"),
        route("/c/pay/{id}/bank", _prove_session, "POST"),
        route("/i/{id}", _show_invoice, "GET"),
        route("/i/{id}", _pay_invoice, "POST"),
        route("/i/{id}/pdf", _show_invoice, "GET"),
        route("/i/{id}/bank", _ask_invoice, "GET"),
        route("/i/{id}/bank", _prove_invoice, "POST"),
    ]


async def _locked(
    account: Account,
    settle: Callable[[], None],
    answer: Callable[[Account, Thing, dict[str, str]], Response],
    request: Request,
) -> Response:
    form = await form_of(request)
    kind = "checkout.session" if request.url.path.startswith("/c/") else "invoice"
    with account.lock:
        account.address = str(request.base_url).rstrip("/")
        settle()
        try:
            return answer(account, account.get(kind, request.path_params["id"]), form)
        except Refused as refused:
            return page("Stripe", paragraph(str(refused)), status=refused.status)


def _show_session(account: Account, session: Thing, form: dict[str, str], problem: str = "") -> Response:
    if session["status"] == "expired":
        return page("This page has expired", _back(session), status=410)
    if session["status"] == "complete":
        return page("You’re all done here", paragraph("This was paid."), _back(session))
    lines = session["line_items"]["data"]
    every = lines[0]["price"]["recurring"]
    due = sum_of(session["amount_total"], session["currency"])
    trial = session["_about"].get("trial_period_days")
    told = f"{trial} days free, then " if trial else ""
    per = f"{sum_of(sum(each['amount_total'] for each in lines), session['currency'])} a {every['interval']}"
    known = account.find(session["customer"] or "") or {}
    parts = [
        f'<p class="sum">{escape(told + per)}</p>',
        lines_of(lines),
        paragraph(f"Due today: {due}"),
        card_form(
            f"/c/pay/{session['id']}",
            "Start trial" if trial else "Subscribe",
            {"email": session["customer_email"] or known.get("email") or "", **form},
            asks_email=session["customer"] is None and session["customer_email"] is None,
            problem=problem,
        ),
        _back(session),
    ]
    return page("Subscribe to Cliply", *parts, status=402 if problem else 200)


def _pay_session(account: Account, session: Thing, form: dict[str, str]) -> Response:
    if session["status"] != "open":
        return _show_session(account, session, form)
    try:
        told = read(form, account.clock.now())
        return _subscribed(account, session, told, proved=False)
    except Refused as refused:
        if not asks_who_pays(refused):
            return _show_session(account, session, form, str(refused))
    session["_told"] = told
    return RedirectResponse(f"/c/pay/{session['id']}/bank", 303)


def _subscribed(account: Account, session: Thing, told: Told, *, proved: bool) -> Response:
    complete(
        account, session, told.card, month=told.month, year=told.year, name=told.name, email=told.email, proved=proved
    )
    return RedirectResponse(returns_to(session), 303)


def _ask_session(account: Account, session: Thing, form: dict[str, str]) -> Response:
    del account, form
    if session["status"] != "open" or "_told" not in session:
        return RedirectResponse(f"/c/pay/{session['id']}", 303)
    due = sum_of(session["amount_total"], session["currency"])
    return page("Your bank", bank_question(f"/c/pay/{session['id']}/bank", due))


def _prove_session(account: Account, session: Thing, form: dict[str, str]) -> Response:
    told = session.pop("_told", None)
    if session["status"] != "open" or told is None:
        return _show_session(account, session, {})
    if form.get("answer") != "complete":
        return _show_session(account, session, {}, _BANK)
    try:
        return _subscribed(account, session, told, proved=True)
    except Refused as refused:
        return _show_session(account, session, {}, str(refused))


def _back(session: Thing) -> str:
    url = session["cancel_url"]
    return f'<p><a href="{escape(url)}">Back</a></p>' if url else ""


def _show_invoice(account: Account, invoice: Thing, form: dict[str, str], problem: str = "") -> Response:
    del account
    due = sum_of(invoice["amount_due"], invoice["currency"])
    # What the lines come to, where it is not what is paid: less by credit, or made into credit itself.
    total, credit = invoice["total"], invoice["amount_due"] - invoice["total"]
    told = f"Total: {sum_of(total, invoice['currency'])}. "
    told += (
        f"From credit: {sum_of(credit, invoice['currency'])}" if credit < 0 else "Kept as credit for later invoices."
    )
    parts = [
        paragraph(f"{invoice['customer_name'] or ''} {invoice['customer_email'] or ''}"),
        lines_of(invoice["lines"]["data"]),
        *([paragraph(told)] if credit else []),
        f'<p class="sum">{due}: {escape(invoice["status"])}</p>',
    ]
    if invoice["status"] == "open":
        parts.append(card_form(f"/i/{invoice['id']}", f"Pay {due}", form, problem=problem))
    return page(f"Invoice {invoice['number'] or 'draft'}", *parts, status=402 if problem else 200)


def _pay_invoice(account: Account, invoice: Thing, form: dict[str, str]) -> Response:
    if invoice["status"] != "open":
        return _show_invoice(account, invoice, form)
    try:
        told = read(form, account.clock.now())
    except Refused as refused:
        return _show_invoice(account, invoice, form, str(refused))
    customer = account.get("customer", invoice["customer"])
    method = add_method(account, told.card, customer, month=told.month, year=told.year, name=told.name)
    return _collected(account, invoice, method, form, proved=False)


def _collected(account: Account, invoice: Thing, method: Thing, form: dict[str, str], *, proved: bool) -> Response:
    payment = subscriptions.collect(account, invoice, method, proved=proved)
    if payment is not None and payment.asks:
        invoice["_asked"] = method["id"]
        return RedirectResponse(f"/i/{invoice['id']}/bank", 303)
    if payment is not None and payment.problem is not None:
        return _show_invoice(account, invoice, form, str(payment.problem))
    # Whoever pays with another card wants the next invoices paid with it too.
    subscription = account.get("subscription", invoice["parent"]["subscription_details"]["subscription"])
    with account.changing(subscription, subscriptions.UPDATED):
        subscription["default_payment_method"] = method["id"]
    return RedirectResponse(f"/i/{invoice['id']}", 303)


def _ask_invoice(account: Account, invoice: Thing, form: dict[str, str]) -> Response:
    del account, form
    due = sum_of(invoice["amount_due"], invoice["currency"])
    return page("Your bank", bank_question(f"/i/{invoice['id']}/bank", due))


def _prove_invoice(account: Account, invoice: Thing, form: dict[str, str]) -> Response:
    wanted = invoice.pop("_asked", None)
    if wanted is None or invoice["status"] != "open":
        return _show_invoice(account, invoice, {})
    if form.get("answer") != "complete":
        return _show_invoice(account, invoice, {}, _BANK)
    return _collected(account, invoice, account.get("payment_method", wanted), {}, proved=True)
