"""Making an account of one's own, as far as whoever runs the service lets people do that."""

from uuid import UUID

from sqlalchemy.orm import Session

from cliply.errors import NotAllowed
from cliply.features.account import account_letters
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts, addresses
from cliply.features.identity.account_rules import checked_email
from cliply.features.notifications import outbox
from cliply.features.workspaces import invitations
from cliply.runtime import Runtime


class SignUpClosed(NotAllowed):
    def __init__(self) -> None:
        super().__init__("Accounts of this service are made by whoever runs it. Ask them for one.")


class InvitationNeeded(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "Only who was invited may sign up here. Send the code of your invitation along as `invitation`."
        )


def sign_up(runtime: Runtime, *, email: str, name: str, password: str, invitation: str | None, by: Actor) -> UUID:
    """Make an account; a code is sent to its address unless that of an invitation proves it already.

    Raises SignUpClosed, InvitationNeeded, AddressTaken, TooOften, and what speaks against the invitation.
    """
    allowed = runtime.settings.server.sign_up
    if allowed == "closed":
        raise SignUpClosed
    if allowed == "invited" and invitation is None:
        raise InvitationNeeded
    accounts.count_sign_up(runtime.database, by=by)
    if invitation is not None:
        with runtime.database.system() as session:
            invitations.check(session, invitation, email=checked_email(email))

    def ask_for_proof(session: Session, user_id: UUID) -> None:
        started = addresses.start(session, user_id, checked_email(email))
        letter = account_letters.confirmation(started, address=runtime.settings.server.url)
        outbox.put(session, letter, settings=runtime.settings)

    return accounts.sign_up(
        runtime.database,
        email=email,
        name=name,
        password=password,
        by=by,
        confirmed=invitation is not None,
        also=None if invitation is not None else ask_for_proof,
    )
