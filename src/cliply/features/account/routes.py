"""Making an account over HTTP, changing it, and leaving."""

from fastapi import Request, Response
from sqlalchemy.orm import Session

from cliply.features.account import account_letters, leaving, signing_up
from cliply.features.account.schemas import AddressChange, AddressConfirm, MeUpdate, PasswordChange, SignUp
from cliply.features.identity import accounts, addresses
from cliply.features.identity.account_rules import checked_email
from cliply.features.identity.dependencies import (
    PUBLIC,
    Running,
    SignedInPrincipal,
    Stranger,
    SystemSession,
    cookie_name,
)
from cliply.features.identity.rates import RateClass
from cliply.features.identity.routes import forget_cookie
from cliply.features.identity.schemas import UserRead
from cliply.features.notifications import outbox
from cliply.infra.routing import RATE, TAKES_CODE
from cliply.infra.routing import router as new_router

router = new_router("identity")


@router.post(
    "/api/auth/sign-up", status_code=201, dependencies=PUBLIC, openapi_extra={TAKES_CODE: True, RATE: RateClass.SIGN_IN}
)
def sign_up(body: SignUp, runtime: Running, by: Stranger) -> UserRead:
    """Make an account, then sign in with it. A code is sent to its address, which confirms that it is yours."""
    user_id = signing_up.sign_up(
        runtime,
        email=body.email,
        name=body.name,
        password=body.password.get_secret_value(),
        invitation=None if body.invitation is None else body.invitation.get_secret_value(),
        by=by,
    )
    with runtime.database.system() as session:
        return UserRead.model_validate(accounts.get(session, user_id))


@router.patch("/api/me", openapi_extra={RATE: RateClass.WRITE})
def change_me(body: MeUpdate, by: SignedInPrincipal, session: SystemSession) -> UserRead:
    """Change the name that others see."""
    return UserRead.model_validate(accounts.rename(session, body.name, by=by))


@router.delete("/api/me", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def delete_me(response: Response, by: SignedInPrincipal, session: SystemSession, runtime: Running) -> None:
    """Delete the account at once, and with it the workspaces in which nobody else is."""
    leaving.leave(session, by)
    forget_cookie(response, runtime)


@router.post("/api/me/confirmation", status_code=202, openapi_extra={RATE: RateClass.SIGN_IN})
def send_confirmation(by: SignedInPrincipal, session: SystemSession, runtime: Running) -> None:
    """Send the code that confirms the account's address again; an earlier one is worth nothing then."""
    started = addresses.start_again(session, by)
    letter = account_letters.confirmation(started, address=runtime.settings.server.url)
    outbox.put(session, letter, settings=runtime.settings)


@router.post("/api/me/confirmation/finish", openapi_extra={TAKES_CODE: True, RATE: RateClass.SIGN_IN})
def finish_confirmation(
    body: AddressConfirm, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> UserRead:
    """Confirm an address with the code that was sent there; a new one becomes the account's."""
    done = addresses.finish(session, body.token.get_secret_value(), by)
    if done.before != done.user.email:
        letter = account_letters.address_changed(done.before, done.user.email)
        outbox.put(session, letter, settings=runtime.settings)
    session.refresh(done.user)
    return UserRead.model_validate(done.user)


@router.post("/api/me/address", status_code=202, openapi_extra={RATE: RateClass.SIGN_IN})
def change_address(body: AddressChange, by: SignedInPrincipal, runtime: Running) -> None:
    """Send a code to another address, which becomes the account's once it is confirmed."""
    email = checked_email(body.email)
    password = None if body.password is None else body.password.get_secret_value()
    accounts.check_password(runtime.database, password, by=by)
    with runtime.database.system() as session:
        started = addresses.start_change(session, email, by)
        letter = account_letters.confirmation(started, address=runtime.settings.server.url)
        outbox.put(session, letter, settings=runtime.settings)


@router.post("/api/me/password", status_code=204, openapi_extra={RATE: RateClass.SIGN_IN})
def change_password(body: PasswordChange, request: Request, by: SignedInPrincipal, runtime: Running) -> None:
    """Set a new password; all other browsers are signed out."""
    old, new = body.password.get_secret_value(), body.new_password.get_secret_value()

    def tell(session: Session, email: str) -> None:
        outbox.put(session, account_letters.password_changed(email), settings=runtime.settings)

    kept = request.cookies.get(cookie_name(runtime), "")
    accounts.change_password(runtime.database, old, new, by=by, keep=kept, also=tell)
