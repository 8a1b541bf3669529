"""What is sold, and whether it can be bought: plans and their prices, compared with what the payment service has."""

from collections.abc import Iterator

from cliply.errors import Unavailable
from cliply.features.identity.plans import Plans
from cliply.infra.self_audit import Finding
from cliply.integrations.payments import NotThere, OfOtherMode, Payments, Price


def problems(payments: Payments, plans: Plans) -> Iterator[Finding]:
    """Each price that nobody can subscribe at, looked up at this moment."""
    for price_id, plan in plans.sold_as.items():
        try:
            wrong = _wrong_with(payments.price(price_id))
        except OfOtherMode:
            wrong = "is of the other mode: test keys know test prices only, live keys live ones"
        except NotThere:
            wrong = "is not known at Stripe"
        except Unavailable as away:
            yield Finding("prices", "warning", f"Prices could not be looked up. {away}")
            return
        if wrong is not None:
            told = f"The price {price_id} of the plan {plan} {wrong}. Correct it in the file of CLIPLY_PLANS."
            yield Finding("prices", "error", told)


def _wrong_with(price: Price) -> str | None:
    if not price.active:
        return "is archived at Stripe: who has it keeps it, and nobody can subscribe at it"
    if price.interval is None:
        return "is paid once, and a subscription needs one that recurs"
    return None
