"""What somebody who forgot their password is sent."""

from pathlib import Path

from cliply.infra.mail import Letter, letter

_TEMPLATE = Path(__file__).with_name("letters") / "recovery.txt.jinja"


def recovery_letter(email: str, code: str) -> Letter:
    return letter(_TEMPLATE, email, email=email, code=code)
