"""The way back in for somebody who forgot their password."""

from fastapi import BackgroundTasks

from cliply.features.audit.service import Actor
from cliply.features.identity import accounts
from cliply.features.identity.dependencies import PUBLIC, Running, Stranger
from cliply.features.identity.rates import RateClass
from cliply.features.identity.schemas import RecoveryFinish, RecoveryStart
from cliply.features.notifications import outbox
from cliply.features.recovery.recovery_letter import recovery_letter
from cliply.infra.routing import RATE, TAKES_CODE
from cliply.infra.routing import router as new_router
from cliply.runtime import Runtime

router = new_router("identity")


@router.post("/api/auth/recover", status_code=202, dependencies=PUBLIC, openapi_extra={RATE: RateClass.SIGN_IN})
def start_recovery(body: RecoveryStart, runtime: Running, by: Stranger, later: BackgroundTasks) -> None:
    """Send a code that sets a new password to the address, if it has an account; whether it has is not told."""
    accounts.count_recovery(runtime.database, body.email, by=by)
    # After the answer, so that its time does not tell either.
    later.add_task(_send_code, runtime, body.email, by)


@router.post(
    "/api/auth/recover/finish",
    status_code=204,
    dependencies=PUBLIC,
    openapi_extra={TAKES_CODE: True, RATE: RateClass.SIGN_IN},
)
def finish_recovery(body: RecoveryFinish, runtime: Running, by: Stranger) -> None:
    """Set a new password with the code from the mail, sign the account out everywhere and revoke its API keys."""
    code, password = body.token.get_secret_value(), body.password.get_secret_value()
    accounts.recover(runtime.database, code, password, by=by, revoke_keys=body.revoke_keys)


def _send_code(runtime: Runtime, email: str, by: Actor) -> None:
    with runtime.database.system() as session:
        started = accounts.start_recovery(session, email, by=by)
        if started is not None:
            outbox.put(session, recovery_letter(started), settings=runtime.settings)
