"""Cards, as Stripe's test cards behave, and what becomes of a payment with one."""

from dataclasses import dataclass

from cliply.dev_providers.stripe_errors import Refused, declined
from cliply.dev_providers.stripe_world import Account, Thing, new_id


@dataclass(frozen=True, slots=True)
class Card:
    number: str
    told: str
    """What a person reads beside it."""
    brand: str = "visa"
    refused: tuple[str, str] | None = None
    """Code and decline code with which the first payment fails."""
    refused_later: tuple[str, str] | None = None
    asks: str = "never"
    """When its bank asks who pays: `never`, `once` or `always`."""
    disputed: bool = False


_GENERIC = ("card_declined", "generic_decline")
CARDS = (
    Card("4242424242424242", "pays"),
    Card("4000000000000002", "is declined", refused=_GENERIC, refused_later=_GENERIC),
    Card(
        "4000000000009995",
        "has not enough money",
        refused=("card_declined", "insufficient_funds"),
        refused_later=("card_declined", "insufficient_funds"),
    ),
    Card("4000000000000069", "has expired", refused=("expired_card", "expired_card"), refused_later=_GENERIC),
    Card("4000002500003155", "asks once who pays", asks="once"),
    Card("4000002760003184", "asks each time who pays", asks="always"),
    Card("4000000000000341", "pays once, and is declined when it renews", refused_later=_GENERIC),
    Card("4000000000000259", "pays, and its owner disputes it", disputed=True),
)
_TEST_METHODS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002760003184",
}
_MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def card_of(number: str) -> Card | None:
    return next((card for card in CARDS if card.number == number), None)


def add_method(account: Account, card: Card, customer: Thing | None, *, month: int, year: int, name: str = "") -> Thing:
    address = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
    made = account.new(
        "payment_method",
        "pm",
        customer,
        allow_redisplay="limited",
        billing_details={"address": address, "email": None, "name": name or None, "phone": None, "tax_id": None},
        card={
            "brand": card.brand,
            "checks": None,
            "country": "US",
            "display_brand": card.brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": f"fp{card.number[-8:]}",
            "funding": "credit",
            "generated_from": None,
            "last4": card.number[-4:],
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        customer=None if customer is None else customer["id"],
        livemode=False,
        metadata={},
        type="card",
        _card=card,
        _known=False,
    )
    return account.add(made, event=None if customer is None else "payment_method.attached")


def method(account: Account, wanted: str, param: str = "payment_method") -> Thing:
    """By its id, or a new one by the name of a test card. Raises Refused."""
    if wanted in _TEST_METHODS and (card := card_of(_TEST_METHODS[wanted])) is not None:
        return add_method(account, card, None, month=12, year=account.clock.now().year + 3)
    return account.get("payment_method", wanted, param)


@dataclass(frozen=True, slots=True)
class Payment:
    """One that was tried."""

    intent: Thing
    problem: Refused | None = None

    @property
    def asks(self) -> bool:
        """Whether only the bank's question is open."""
        return bool(self.intent["status"] == "requires_action")


def pay(account: Account, customer: Thing, amount: int, currency: str, method: Thing, *, proved: bool) -> Payment:
    """`proved`: the bank has asked, and whoever pays is there."""
    card: Card = method["_card"]
    refused = card.refused_later if method["_known"] else card.refused
    asks = card.asks == "always" or (card.asks == "once" and not method["_known"])
    intent = _intent(account, customer, amount, currency, method)
    if refused is not None:
        return _failed(account, customer, intent, method, *refused)
    if asks and not proved:
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        account.add(intent, event="payment_intent.requires_action")
        return Payment(intent, declined("authentication_required", "authentication_required", _asked_for()))
    method["_known"] = True
    charge = _charge(account, customer, intent, method, "succeeded")
    intent |= {"status": "succeeded", "amount_received": amount, "latest_charge": charge["id"]}
    account.add(intent, event="payment_intent.succeeded")
    account.emit("charge.succeeded", charge)
    if card.disputed:
        dispute(account, charge)
    return Payment(intent)


def _failed(account: Account, customer: Thing, intent: Thing, method: Thing, code: str, why: str) -> Payment:
    message = _MESSAGES[why]
    charge = _charge(account, customer, intent, method, "failed")
    charge |= {"failure_code": code, "failure_message": message}
    problem = declined(code, why, message, charge=charge["id"])
    intent |= {
        "status": "requires_payment_method",
        "latest_charge": charge["id"],
        "last_payment_error": {"code": code, "decline_code": why, "message": message, "type": "card_error"},
    }
    account.add(intent, event="payment_intent.payment_failed")
    account.emit("charge.failed", charge)
    return Payment(intent, problem)


def _asked_for() -> str:
    return _MESSAGES["authentication_required"]


def _intent(account: Account, customer: Thing, amount: int, currency: str, method: Thing) -> Thing:
    made = account.new(
        "payment_intent",
        "pi",
        customer,
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        capture_method="automatic",
        confirmation_method="automatic",
        currency=currency,
        customer=customer["id"],
        description="Subscription",
        last_payment_error=None,
        latest_charge=None,
        metadata={},
        next_action=None,
        payment_method=method["id"],
        payment_method_types=["card"],
        setup_future_usage="off_session",
        status="requires_confirmation",
    )
    made["client_secret"] = f"{made['id']}_secret_{new_id('x')[2:]}"
    return made


def _charge(account: Account, customer: Thing, intent: Thing, method: Thing, status: str) -> Thing:
    paid = status == "succeeded"
    return account.add(
        account.new(
            "charge",
            "ch",
            customer,
            amount=intent["amount"],
            amount_captured=intent["amount"] if paid else 0,
            amount_refunded=0,
            balance_transaction=new_id("txn") if paid else None,
            billing_details=method["billing_details"],
            captured=paid,
            currency=intent["currency"],
            customer=customer["id"],
            description=intent["description"],
            disputed=False,
            failure_code=None,
            failure_message=None,
            metadata={},
            paid=paid,
            payment_intent=intent["id"],
            payment_method=method["id"],
            refunded=False,
            status=status,
        )
    )


def refund(account: Account, charge: Thing, amount: int | None = None, reason: str | None = None) -> Thing:
    """Raises Refused."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise Refused(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    wanted = left if amount is None else amount
    if wanted > left:
        raise Refused(400, f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})")
    made = account.new(
        "refund",
        "re",
        charge,
        amount=wanted,
        balance_transaction=new_id("txn"),
        charge=charge["id"],
        currency=charge["currency"],
        metadata={},
        payment_intent=charge["payment_intent"],
        reason=reason,
        receipt_number=None,
        status="succeeded",
    )
    del made["livemode"]
    charge["amount_refunded"] += wanted
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    account.add(made, event="refund.created")
    account.emit("charge.refunded", charge)
    return made


def dispute(account: Account, charge: Thing) -> Thing:
    charge["disputed"] = True
    made = account.new(
        "dispute",
        "du",
        charge,
        amount=charge["amount"],
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={},
        evidence_details={"due_by": None, "has_evidence": False, "past_due": False, "submission_count": 0},
        is_charge_refundable=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        reason="fraudulent",
        status="needs_response",
    )
    return account.add(made, event="charge.dispute.created")
