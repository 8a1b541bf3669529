"""What an account may be called and be locked with."""

import re
import unicodedata

from cliply.errors import Invalid

LONGEST_EMAIL = 254
LONGEST_NAME = 100
SHORTEST_PASSWORD = 10
# Hashing takes longer the longer the password is; nobody types more than this.
LONGEST_PASSWORD = 256

_EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+")


def checked_email(email: str) -> str:
    """Fit for a mail's header and for the database."""
    email = unicodedata.normalize("NFC", email.strip())
    if len(email) > LONGEST_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Invalid("That is no e-mail address. It should look like ada@example.com.")
    return email


def mailbox(email: str) -> str:
    """Where a letter to it lands, as far as that can be told: what follows a plus leads to the same one mostly."""
    name, _, host = email.rpartition("@")
    return f"{name.partition('+')[0]}@{host}"


def same_address(one: str, other: str) -> bool:
    """Whether a letter to one reaches the other, for sure: letters that only look alike are others to a mail server."""
    return one == other or (one.isascii() and one.lower() == other.lower())


def checked_name(name: str) -> str:
    """One line that shows something."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A name needs 1 to {LONGEST_NAME} characters on one line.")
    return name


def checked_password(password: str, *, email: str) -> str:
    """Long enough, and not what is tried first."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(f"A password needs {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    lowered = password.casefold()
    if len(set(lowered)) < 5 or lowered in (email.casefold(), email.casefold().partition("@")[0]):
        raise Invalid("That password is too easy to guess. Several words in a row make a good one.")
    return password
