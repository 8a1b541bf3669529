"""What a process of the service needs, opened once and closed together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cliply.infra.db import Database
from cliply.infra.mail import Mailer, mailer
from cliply.infra.opening import open_database
from cliply.infra.settings import Settings
from cliply.infra.storage.opening import open_storage
from cliply.infra.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    database: Database
    storage: Storage
    mailer: Mailer


@contextmanager
def open_runtime(settings: Settings) -> Iterator[Runtime]:
    """Raises what is wrong with a setting, the database or its tables, before anything is served."""
    storage = open_storage(settings)
    with open_database(settings) as database:
        yield Runtime(settings, database, storage, mailer(settings))
