"""What somebody who forgot their password is sent."""

from pathlib import Path

from cliply.features.identity.accounts import StartedRecovery
from cliply.infra.mail import Letter, letter

_TEMPLATE = Path(__file__).with_name("letters") / "recovery.txt.jinja"


def recovery_letter(started: StartedRecovery) -> Letter:
    return letter(_TEMPLATE, started.email, email=started.email, code=started.token, keys=started.keys)
