"""Letters to the owners of a workspace about its subscription: each once, whatever happens how often."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cliply.features.billing.models import BillingNotice, NoticeKind
from cliply.features.billing.standing import Resolved, Standing
from cliply.features.identity.models import Workspace
from cliply.features.notifications import outbox, recipients
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

_LETTERS = Path(__file__).with_name("letters")
_BEFORE_TRIAL_ENDS = timedelta(days=3)
_PAYS_NOT = {Standing.GRACE, Standing.OVERDUE, Standing.UNPAID, Standing.INCOMPLETE}


def tell(session: Session, settings: Settings, workspace_id: UUID, resolved: Resolved) -> None:
    """What there is to tell by how things stand, in a session of the system; not by which event came."""
    for kind, about in _due(resolved, datetime.now(UTC)):
        tell_once(session, settings, workspace_id, kind, about, resolved)


def tell_once(
    session: Session, settings: Settings, workspace_id: UUID, kind: NoticeKind, about: str, resolved: Resolved
) -> bool:
    made = insert(BillingNotice).values(workspace_id=workspace_id, kind=kind, about=about).on_conflict_do_nothing()
    if session.execute(made.returning(BillingNotice.about)).one_or_none() is None:
        return False
    workspace = session.get_one(Workspace, workspace_id)
    for address in recipients.addresses(session, workspace_id, recipients.OWNERS):
        written = letter(
            _LETTERS / f"{kind}.txt.jinja", address, workspace=workspace.name, address=settings.server.url,
            **_told(resolved),
        )  # fmt: skip
        outbox.put(session, written, settings=settings)
    return True


def _due(resolved: Resolved, now: datetime) -> Iterator[tuple[NoticeKind, str]]:
    one = resolved.subscription
    if one is None:
        return
    if resolved.standing in _PAYS_NOT and one.invoice_id is not None:
        yield NoticeKind.PAYMENT_FAILED, one.invoice_id
    if one.pending_price_id is not None and one.invoice_id is not None:
        yield NoticeKind.PAYMENT_PENDING, one.invoice_id
    if resolved.standing is Standing.TRIAL and one.trial_end is not None and one.trial_end - now <= _BEFORE_TRIAL_ENDS:
        yield NoticeKind.TRIAL_ENDING, one.id
    if resolved.standing is Standing.ENDED:
        yield NoticeKind.ENDED, one.id


def _told(resolved: Resolved) -> dict[str, Any]:
    one = resolved.subscription
    return {
        "pay_url": None if one is None else one.pay_url,
        "plan": resolved.plan,
        "until": resolved.changes_at,
        "trial_end": None if one is None else one.trial_end,
    }
