"""Connections that nobody used for a while: whether the server is still at their other end.

To ask before each use, as SQLAlchemy's pre-ping does, is a way to the server and back for every transaction. A server
that has gone says so on the connection, unless the network swallows it; so it is asked after a pause only.
"""

import select
import time

from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

_ASKED_AFTER = 10.0
"""Seconds; shorter than anything between us and a server forgets a connection."""
_LEFT_AT = "left_at"


def check(engine: Engine) -> None:
    """Have each connection of the engine's pool checked before it is used again."""

    def leave(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_LEFT_AT] = time.monotonic()

    def use(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxied: PoolProxiedConnection) -> None:
        left_at = entry.info.get(_LEFT_AT)
        if left_at is None or (time.monotonic() - left_at < _ASKED_AFTER and not _has_something_to_say(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as gone:
            # Whatever ended this one has ended the others too.
            raise InvalidatePoolError from gone

    event.listen(engine, "checkin", leave)
    event.listen(engine, "checkout", use)


def _has_something_to_say(connection: DBAPIConnection) -> bool:
    """An idle server says nothing but that it is going."""
    polled = select.poll()
    polled.register(connection.fileno(), select.POLLIN)
    return bool(polled.poll(0))
