"""Which database this installation uses, by its settings, and opening it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cliply.infra import schema, seal_check
from cliply.infra.db import Database
from cliply.infra.embedded import embedded_postgres
from cliply.infra.settings import Settings


def embedded_root(settings: Settings) -> Path | None:
    """Where the bundled database lies; None where another is named."""
    return None if settings.database.url is not None else settings.data / "postgres"


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The address of the database, which answers for as long as the block runs if it is the bundled one."""
    if settings.database.url is not None:
        yield settings.database.url.get_secret_value()
    else:
        with embedded_postgres(settings.data / "postgres", account=settings.database.account) as url:
            yield url


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """A database whose tables fit this version of Cliply.

    The bundled one is upgraded here; whoever runs a server decides when, and others may still be using it: that one
    is refused with what to do.
    """
    with database_url(settings) as url:
        if settings.database.url is None:
            schema.upgrade(url)
        schema.check(url)
        database = Database(url)
        try:
            yield database
        finally:
            database.close()


@contextmanager
def open_agreed(settings: Settings) -> Iterator[Database]:
    """The same, for a process that seals or opens secrets there: with another key than the others it is refused."""
    with open_database(settings) as database:
        seal_check.agree(database, settings)
        yield database
