"""What the owner of an account is sent about it."""

from pathlib import Path

from cliply.features.identity.addresses import StartedConfirmation
from cliply.infra.mail import Letter, letter

_LETTERS = Path(__file__).with_name("letters")


def confirmation(started: StartedConfirmation, *, address: str | None) -> Letter:
    """`address` is the service's own."""
    return letter(
        _LETTERS / "confirmation.txt.jinja", started.email, email=started.email, code=started.token, address=address
    )


def address_changed(before: str, after: str) -> Letter:
    return letter(_LETTERS / "address_changed.txt.jinja", before, before=before, after=after)


def password_changed(email: str) -> Letter:
    return letter(_LETTERS / "password_changed.txt.jinja", email, email=email)
