"""Reading how a workspace stands at the payment service, and keeping that: any number of times, in any order."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.errors import Conflict, Unavailable
from cliply.features.billing import customers, notices
from cliply.features.billing.customers import Reading
from cliply.features.billing.standing import Resolved, Standing
from cliply.integrations.payments import NotThere, Payments
from cliply.runtime import Runtime

_READINGS = 5

log = logging.getLogger(__name__)


class BillingOff(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Nothing is sold on this installation, and nothing has to be paid: billing is off. Whoever runs it sets "
            "CLIPLY_BILLING__SECRET_KEY to switch it on; docs/how-to/billing.md says how."
        )


class WorkerWithoutBilling(Unavailable):
    """Another worker may have the key; a job that this one ended would be carried out by nobody."""

    def __init__(self) -> None:
        super().__init__(
            "This worker was started without CLIPLY_BILLING__SECRET_KEY, and has to do what Stripe tells of. Start "
            "every process with it."
        )


class BillingBusy(Unavailable):
    """A job that this happens to is tried again."""

    def __init__(self) -> None:
        super().__init__("This subscription is being looked up by many at once. Try again in a moment.")


class _Outdated(Exception):
    """Somebody has read it later than we did."""


def payments_of(runtime: Runtime) -> Payments:
    """Raises BillingOff."""
    if runtime.payments is None:
        raise BillingOff
    return runtime.payments


def sync(
    runtime: Runtime, workspace_id: UUID, *, keep_in: Callable[[], AbstractContextManager[Session]] | None = None
) -> Resolved:
    """Read, then keep it in one transaction of the system: `keep_in`, or one of its own.

    Nothing is held while the payment service is asked. Of two who do this at once, the one that asked first may come
    second, with what is no longer so: then it asks again.
    """
    payments = payments_of(runtime)
    for _ in range(_READINGS):
        reading = read(runtime, payments, workspace_id)
        try:
            with (keep_in or runtime.database.system)() as session:
                return _kept(session, runtime, workspace_id, reading)
        except _Outdated:
            continue
    raise BillingBusy


def read(runtime: Runtime, payments: Payments, workspace_id: UUID) -> Reading | None:
    """None where the workspace has no customer there."""
    with runtime.database.system() as session:
        number, customer_id = customers.next_number(session, workspace_id)
    if customer_id is None:
        return None
    try:
        found = payments.subscriptions(customer_id)
    except NotThere:
        found = None
    return Reading(workspace_id, customer_id, number, found)


def _kept(session: Session, runtime: Runtime, workspace_id: UUID, reading: Reading | None) -> Resolved:
    if reading is None:
        return Resolved(Standing.NONE)
    resolved = customers.write(session, runtime.settings, reading)
    if resolved is None:
        raise _Outdated
    notices.tell(session, runtime.settings, workspace_id, resolved)
    if resolved.standing is Standing.UNKNOWN_PRICE and resolved.subscription is not None:
        # For whoever watches the log; `cliply doctor` names it for as long as it is so.
        extra = {"price": resolved.subscription.price_id, "workspace": str(workspace_id)}
        log.error("unknown_price", extra=extra)
    return resolved
