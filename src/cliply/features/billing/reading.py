"""How billing is told to whoever asks."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from cliply.features.billing import customers
from cliply.features.billing.amounts import cost, money
from cliply.features.billing.changing import Change, Changed
from cliply.features.billing.fitting import Above, Fit
from cliply.features.billing.schemas import (
    AboveRead,
    BillingRead,
    ChangeRead,
    CostRead,
    LineRead,
    OfferRead,
    PreviewRead,
    SubscriptionRead,
)
from cliply.features.billing.standing import Resolved, Standing, resolve
from cliply.features.identity.access import Caller
from cliply.features.identity.plans import Meter, Plans, plans_of, told_amount, told_number
from cliply.features.usage import service as usage
from cliply.features.usage.schemas import UsedRead
from cliply.infra.settings import Settings
from cliply.integrations.payments import Payments, Price

_NOTES = {
    Standing.NONE: "This workspace has no subscription.",
    Standing.TRIAL: "This is a trial; it is paid when the trial ends, unless it is cancelled before.",
    Standing.ACTIVE: "All is paid.",
    Standing.GRACE: "A payment is overdue. The plan is kept for some days while it is tried again.",
    Standing.OVERDUE: "A payment is overdue, and the days of grace are over. Pay it to have the plan again.",
    Standing.INCOMPLETE: "The first payment has not come yet.",
    Standing.PAUSED: "The subscription is paused. It goes on from the portal.",
    Standing.UNPAID: "The subscription was not paid. Pay what is open to have the plan again.",
    Standing.ENDED: "The subscription has ended.",
    Standing.UNKNOWN_PRICE: "The price that is paid belongs to no plan here. Whoever runs this service knows of it.",
    Standing.UNKNOWN_STATUS: "Stripe tells something of the subscription that is not understood here.",
}
_ABOVE = {
    Meter.MEMBERS: "{has}, with those who are invited, where {most} {are} allowed: nobody new is invited",
    Meter.CLIPS_PER_PROJECT: "a project of {has} where {most} {are} allowed: it gets no more",
    Meter.UPLOADS_PER_DAY: "{has} today where {most} {are} allowed: no more",
    Meter.STORAGE_BYTES: "{has} in use where {most} are allowed: nothing new is stored",
}
_ABOVE_IN_A_MONTH = "{has} this month where {most} {are} allowed: no more"


def billing_read(session: Session, settings: Settings, payments: Payments | None, caller: Caller) -> BillingRead:
    plans = plans_of(settings)
    enabled = settings.billing.secret_key is not None
    found = customers.subscriptions(session, caller.workspace_id)
    grace = timedelta(days=settings.billing.grace_days)
    resolved = resolve(found, plans, grace=grace, now=datetime.now(UTC))
    note = _NOTES[resolved.standing]
    if not enabled:
        note = "Billing is off on this installation: nothing is sold, and nothing has to be paid."
    return BillingRead(
        enabled=enabled,
        plan=caller.plan.name,
        standing=resolved.standing,
        grace_until=resolved.changes_at,
        limits=caller.plan.terms,
        usage=[UsedRead.model_validate(each) for each in usage.summary(session, caller, periods=0).metrics],
        subscription=_subscription(resolved, plans),
        offers=[] if payments is None else list(_offers(payments, plans)),
        note=note,
    )


def cost_read(payments: Payments, price_id: str) -> CostRead | None:
    return next(_costs_of(payments.prices([price_id]).values()), None)


def _offers(payments: Payments, plans: Plans) -> Iterator[OfferRead]:
    known = payments.prices(list(plans.sold_as))
    for plan in dict.fromkeys(plans.sold_as.values()):
        prices = plans.prices(plan)
        costs = list(_costs_of(known[each] for each in prices if each in known))
        yield OfferRead(plan=plan, prices=prices, costs=costs)


def _costs_of(prices: Iterable[Price]) -> Iterator[CostRead]:
    for each in prices:
        if each.active and each.amount is not None and each.interval is not None:
            yield CostRead(
                price=each.id, amount=each.amount, currency=each.currency, interval=each.interval,
                interval_count=each.every,
            )  # fmt: skip


def _subscription(resolved: Resolved, plans: Plans) -> SubscriptionRead | None:
    one = resolved.subscription
    if one is None:
        return None
    pending = one.pending_price_id
    return SubscriptionRead(
        id=one.id,
        status=one.status,
        price=one.price_id,
        amount=one.amount,
        currency=one.currency,
        period_start=one.period_start,
        period_end=one.period_end,
        trial_end=one.trial_end,
        cancel_at=one.cancel_at,
        changes_to=None if pending is None else plans.sold_as.get(pending, pending),
        pay_url=one.pay_url,
    )


def preview_read(change: Change) -> PreviewRead:
    return PreviewRead(
        plan=change.plan,
        price=change.price_id,
        direction=change.direction,
        as_of=change.at,
        takes_effect=change.takes_effect,
        lines=[LineRead(text=each.text, amount=each.amount) for each in change.lines],
        total=change.total,
        due_now=change.due_now,
        currency=change.currency,
        above=[
            AboveRead(meter=each.meter, used=each.used, limit=each.limit, resets_at=each.resets_at)
            for each in change.fit.above
        ],
        lost=change.fit.lost,
        planned_posts=change.fit.waiting.planned,
        paused_posts=change.fit.waiting.paused,
        told=" ".join(_sentences(change)),
    )


def change_read(changed: Changed) -> ChangeRead:
    return ChangeRead(
        preview=preview_read(changed.change), waits_for_payment=changed.waits_for_payment, pay_url=changed.pay_url
    )


def _sentences(change: Change) -> list[str]:
    match change.direction:
        case "cancel":
            told = [f"The subscription ends on {change.takes_effect:%d %B %Y}, and is paid until then."]
        case "keep":
            told = ["The subscription goes on, and is not cancelled any more."]
        case "none":
            told = ["That is the plan already."]
        case _:
            told = [_costs(change), *_from_then_on(change), *_ends(change)]
    return [*told, *_lacks(change.fit)]


def _lacks(fit: Fit) -> Iterator[str]:
    if fit.above:
        yield f"There is more than it allows: {'; '.join(map(_of_above, fit.above))}. Nothing is deleted."
    if fit.lost:
        yield f"It does not have: {', '.join(fit.lost)}."
    if planned := fit.waiting.planned:
        yield f"Planned posts ({planned:,}) go out at their times and cannot be moved to others."
    if paused := fit.waiting.paused:
        yield f"Paused posts ({paused:,}) cannot be resumed."


def _costs(change: Change) -> str:
    if change.due_now > 0:
        return f"{money(change.due_now, change.currency)} are charged now for the rest of the period."
    if change.total < 0:
        return f"{money(-change.total, change.currency)} are credited, and taken off invoices to come."
    return "Nothing is charged now."


def _from_then_on(change: Change) -> Iterator[str]:
    price = change.from_then_on
    if price is not None and price.amount is not None and price.interval is not None and change.ends_at is None:
        yield f"From then on the plan costs {cost(price.amount, price.currency, price.interval, price.every)}."


def _ends(change: Change) -> Iterator[str]:
    if change.ends_at is not None:
        yield (
            f"The subscription still ends on {change.ends_at:%d %B %Y}, since it is cancelled; once you have the plan, "
            "change to it again to call that off."
        )


def _of_above(above: Above) -> str:
    has, most = told_amount(above.meter, above.used), told_number(above.meter, above.limit)
    if told_number(above.meter, above.used) == most:
        has = f"a little more than {has}"
    told = _ABOVE.get(above.meter, _ABOVE_IN_A_MONTH).format(
        has=has,
        most=most,
        are="is" if above.limit == 1 else "are",
    )
    return told if above.resets_at is None else f"{told} until {above.resets_at:%d %B %Y}"
