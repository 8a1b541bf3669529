"""Codes from letters, which open something once."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.errors import NotFound
from cliply.infra.security import token_hash


class CodeOver(NotFound):
    """It did open something, and does no more; base of what it was."""


def was_spent(session: Session, code: str) -> bool:
    """Whether it was used, replaced or taken back in the last ninety days; in a session of the system.

    The database writes that down wherever a code goes.
    """
    spent = text("SELECT EXISTS (SELECT FROM spent_codes WHERE code_hash = :hash)")
    return bool(session.execute(spent, {"hash": token_hash(code)}).scalar_one())
