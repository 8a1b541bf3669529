"""Addresses of databases: read leniently, shown without the password."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from cliply.errors import Invalid

_DRIVER = "postgresql+psycopg"


class NotADatabase(Invalid):
    """Never chained to its cause, and the address is not repeated: it may hold a password."""

    def __init__(self) -> None:
        super().__init__(
            "CLIPLY_DATABASE__URL is not the address of a PostgreSQL server. "
            "Write it as postgresql://user:password@host/database."
        )


def parse(url: str) -> URL:
    """Raises NotADatabase. The driver may be left out, as most hosts do."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise NotADatabase from None
    if address.drivername not in ("postgres", "postgresql", _DRIVER):
        raise NotADatabase
    return address.set(drivername=_DRIVER)


def printable(url: str) -> str:
    """Where the database is; what stands behind a question mark may be a secret too."""
    return parse(url).set(drivername="postgresql", query={}).render_as_string(hide_password=True)
