"""What somebody who is invited is sent."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.identity.models import User, Workspace
from cliply.features.notifications import outbox
from cliply.features.workspaces.invitations import LASTS, Issued
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

_TEMPLATE = Path(__file__).with_name("letters") / "invitation.txt.jinja"


def send(session: Session, caller: Caller, issued: Issued, *, settings: Settings) -> None:
    """Sent once the session's transaction is committed."""
    written = letter(
        _TEMPLATE,
        issued.invitation.email,
        workspace=session.scalars(select(Workspace.name)).one(),
        inviter=session.scalar(select(User.name).where(User.id == caller.principal.user_id)) or "Somebody",
        role=issued.invitation.role.value,
        address=settings.server.url,
        days=LASTS.days,
        code=issued.token,
    )
    outbox.put(session, written, settings=settings)
