"""Invoices: their lines, what is due, and the states that they go through."""

from collections.abc import Iterable, Sequence
from typing import Any

from cliply.dev_providers.stripe_world import Account, Thing, listed, new_id

_OPENS_AFTER = 3600
"""Seconds that an invoice of a renewal stays a draft."""


def line(
    subscription: Thing | None,
    item: Thing,
    price: Thing,
    amount: int,
    told: str,
    period: tuple[int, int],
    *,
    proration: bool = False,
) -> Thing:
    details = {
        "invoice_item": None,
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": None if subscription is None else subscription["id"],
        "subscription_item": item["id"],
    }
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": told,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {} if subscription is None else dict(subscription["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subtotal": amount,
        "taxes": [],
    }


def invoice(
    account: Account,
    customer: Thing,
    subscription: Thing | None,
    lines: Sequence[Thing],
    *,
    reason: str,
    period: tuple[int, int],
    metadata: dict[str, str] | None = None,
) -> Thing:
    """A draft that nobody has heard of yet."""
    total = sum(each["amount"] for each in lines)
    details: Thing = {
        "metadata": dict(metadata or {}),
        "subscription": None if subscription is None else subscription["id"],
        "subscription_proration_date": None,
    }
    made = account.new(
        "invoice",
        "in",
        customer,
        account_country="US",
        account_name="Cliply on this machine",
        account_tax_ids=None,
        amount_overpaid=0,
        amount_paid=0,
        amount_shipping=0,
        application=None,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
        automatically_finalizes_at=None,
        billing_reason=reason,
        collection_method="charge_automatically",
        currency=lines[0]["currency"],
        custom_fields=None,
        customer=customer["id"],
        customer_address=None,
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_phone=None,
        customer_shipping=None,
        customer_tax_exempt="none",
        customer_tax_ids=[],
        default_payment_method=None,
        default_source=None,
        default_tax_rates=[],
        description=None,
        discounts=[],
        due_date=None,
        effective_at=None,
        ending_balance=None,
        footer=None,
        from_invoice=None,
        hosted_invoice_url=None,
        invoice_pdf=None,
        issuer={"type": "self"},
        last_finalization_error=None,
        latest_revision=None,
        metadata={},
        next_payment_attempt=None,
        number=None,
        on_behalf_of=None,
        parent={"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        payment_settings={
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        payments=listed([], ""),
        period_end=period[1],
        period_start=period[0],
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        receipt_number=None,
        rendering=None,
        shipping_cost=None,
        shipping_details=None,
        starting_balance=customer["balance"],
        statement_descriptor=None,
        status="draft",
        status_transitions={
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        subtotal=total,
        subtotal_excluding_tax=total,
        test_clock=customer["test_clock"],
        total=total,
        total_discount_amounts=[],
        total_excluding_tax=total,
        total_pretax_credit_amounts=[],
        total_taxes=[],
        webhooks_delivered_at=None,
    )
    for each in lines:
        each["invoice"] = made["id"]
    made["lines"] = listed(list(lines), f"/v1/invoices/{made['id']}/lines")
    _count(made, customer["balance"])
    return made


def _count(invoice: Thing, balance: int) -> None:
    """What is due of the total, after what the customer has to their credit (a negative balance) or owes."""
    due = max(0, invoice["total"] + balance)
    invoice |= {"amount_due": due, "amount_remaining": due}


def opens_later(account: Account, draft: Thing) -> Thing:
    draft["automatically_finalizes_at"] = account.now(draft) + _OPENS_AFTER
    return account.add(draft, event="invoice.created")


def finalise(account: Account, invoice: Thing) -> None:
    """The customer's balance is used up by it, or grows where it is a credit."""
    customer = account.get("customer", invoice["customer"])
    before = customer["balance"]
    _count(invoice, before)
    now = account.now(invoice)
    customer["_invoices"] = customer.get("_invoices", 0) + 1
    if account.find(invoice["id"]) is None:
        account.add(invoice, event="invoice.created")
    invoice |= {
        "starting_balance": before,
        "ending_balance": before + invoice["total"] - invoice["amount_due"],
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{customer['_invoices']:04}",
        "effective_at": now,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{account.address}/i/{invoice['id']}",
        "invoice_pdf": f"{account.address}/i/{invoice['id']}/pdf",
    }
    invoice["status_transitions"]["finalized_at"] = now
    account.emit("invoice.finalized", invoice)
    if invoice["ending_balance"] != before:
        with account.changing(customer, "customer.updated"):
            customer["balance"] = invoice["ending_balance"]


def paid(account: Account, invoice: Thing, intent: Thing | None) -> None:
    if intent is not None:
        note_payment(account, invoice, intent, "paid")
    now = account.now(invoice)
    invoice |= {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "auto_advance": False,
        "attempted": True,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = now
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)


def note_payment(account: Account, invoice: Thing, intent: Thing, status: str) -> None:
    invoice["payments"]["data"] = [each for each in invoice["payments"]["data"] if each["status"] == "paid"]
    invoice["payments"]["data"].append(
        account.new(
            "invoice_payment",
            "inpay",
            invoice,
            amount_paid=intent["amount"] if status == "paid" else None,
            amount_requested=intent["amount"],
            currency=intent["currency"],
            invoice=invoice["id"],
            is_default=True,
            payment={"payment_intent": intent["id"], "type": "payment_intent"},
            status=status,
            status_transitions={"canceled_at": None, "paid_at": account.now(invoice) if status == "paid" else None},
        )
    )


def void(account: Account, invoice: Thing) -> None:
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["voided_at"] = account.now(invoice)
    account.emit("invoice.voided", invoice)


def write_off(account: Account, invoice: Thing) -> None:
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["marked_uncollectible_at"] = account.now(invoice)
    account.emit("invoice.marked_uncollectible", invoice)


def subscription_of(invoice: Thing) -> Any:
    return invoice["parent"]["subscription_details"]["subscription"]


def of(account: Account, subscription: Thing, *states: str) -> Iterable[Thing]:
    """Of a subscription, the newest first."""
    for each in account.every("invoice"):
        if subscription_of(each) == subscription["id"] and (not states or each["status"] in states):
            yield each
