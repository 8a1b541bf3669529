"""Whether the keys of a process are those of its database: a value there opens with them, or it is not to start.

With another key nothing that is sealed would open. Letters would not be sent, and whoever connected an account would be
asked to do it again, all because of a setting.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.errors import Conflict
from cliply.infra.db import Database
from cliply.infra.sealing import Sealer, WrongSealKey, has_key, open_sealer
from cliply.infra.settings import Settings

_ROW = "seal_checks"
_SAID = "cliply"

_KEPT = text("SELECT sealed FROM seal_checks")
_KEEP = text("INSERT INTO seal_checks (sealed) VALUES (:sealed) ON CONFLICT DO NOTHING")
_TAKE = text("INSERT INTO seal_checks (sealed) VALUES (:sealed) ON CONFLICT (one) DO UPDATE SET sealed = :sealed")
_RESEAL = text("UPDATE seal_checks SET sealed = :anew WHERE sealed = :kept")
_SEALED_COLUMNS = text("""
    SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'seal_checks'
        AND a.attname LIKE '%sealed' AND a.atttypid = 'bytea'::regtype AND NOT a.attisdropped
    ORDER BY c.relname, a.attname
""")
"""Found in the catalogue, so that what later features seal is among them."""


class OtherKey(Conflict):
    """A process with this key is not to start."""

    def __init__(self, settings: Settings) -> None:
        wrong = (
            f"The key in {settings.data / 'secret.key'} is missing, or is not the one that this database was sealed "
            "with. Bring that file back; or, where other processes of the service have a CLIPLY_SECRET_KEY, set it "
            "here too."
            if settings.secret_key is None
            else "CLIPLY_SECRET_KEY is not the key that this database was sealed with, nor is one of "
            "CLIPLY_SECRET_KEYS_BEFORE. Set both to what the other processes of the service have."
        )
        super().__init__(f"{wrong} If that key is lost for good, say so: cliply db take-key")


def agree(database: Database, settings: Settings) -> None:
    """Refuse keys that are not the database's; the first that come are. What another of them sealed is sealed anew.

    Raises OtherKey.
    """
    with database.system() as session:
        kept = _kept(session)
        if kept is None:
            kept = _first(session, settings)
        reseal(session, _opening(kept, settings))


def reseal(session: Session, sealer: Sealer) -> None:
    """With the present key, so that the one before is not needed any more."""
    kept = _kept(session)
    if kept is not None and sealer.needs_resealing(kept) and sealer.knows(kept):
        session.execute(_RESEAL, {"anew": sealer.reseal(kept, row=_ROW), "kept": kept})


def check(database: Database, settings: Settings) -> str:
    """What `agree` looks at, and nothing is written. Raises OtherKey."""
    with database.system() as session:
        kept = _kept(session)
    if kept is None:
        return "nothing was sealed yet"
    _opening(kept, settings)
    return "the key fits"


def take(database: Database, settings: Settings) -> int:
    """Make the settings' key that of the database; how many sealed things are there that it does not open."""
    sealer = open_sealer(settings)
    with database.system() as session:
        session.execute(_TAKE, {"sealed": sealer.seal(_SAID, row=_ROW)})
        return sum(count for mark, count in _sealed(session) if not sealer.knows(mark))


def _kept(session: Session) -> bytes | None:
    found: bytes | None = session.scalar(_KEPT)
    return found


def _first(session: Session, settings: Settings) -> bytes:
    """Kept for all that come later. Where something was sealed before there was such a value, that tells the key."""
    before = _sealed(session)
    sealer = None if before and not has_key(settings) else open_sealer(settings)
    if before and not any(sealer is not None and sealer.knows(mark) for mark, _ in before):
        raise OtherKey(settings)
    assert sealer is not None  # noqa: S101 - or it was refused
    session.execute(_KEEP, {"sealed": sealer.seal(_SAID, row=_ROW)})
    # Of two that come first at once, the second has waited for the first, and finds what that one has kept.
    return bytes(session.execute(_KEPT).scalar_one())


def _opening(kept: bytes, settings: Settings) -> Sealer:
    """Asks for no key that is not there: it would be made, and taken for the right one by whoever looks for it."""
    if not has_key(settings):
        raise OtherKey(settings)
    sealer = open_sealer(settings)
    try:
        sealer.open(kept, row=_ROW)
    except WrongSealKey:
        raise OtherKey(settings) from None
    return sealer


def _sealed(session: Session) -> list[tuple[bytes, int]]:
    """The marks of the keys that have sealed what is there, and how much each has."""
    quoted = session.get_bind().dialect.identifier_preparer.quote_identifier
    found: list[tuple[bytes, int]] = []
    for table, column in session.execute(_SEALED_COLUMNS).all():
        name = quoted(column)
        asked = text(f"SELECT substr({name}, 1, 4), count(*) FROM {quoted(table)} WHERE {name} IS NOT NULL GROUP BY 1")  # noqa: S608 - quoted
        found += [(bytes(mark), count) for mark, count in session.execute(asked)]
    return found
