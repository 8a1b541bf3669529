"""What another key than the present one has sealed is sealed anew, row by row, while publishing goes on."""

import logging
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cliply.features.publishing import revoking, steps, tokens
from cliply.features.publishing.models import Channel, Publication, Revocation
from cliply.infra.sealing import Sealer, WrongSealKey

_log = logging.getLogger(__name__)


def reseal(session: Session, sealer: Sealer) -> int:
    """How many rows that were, of all workspaces. What does not open is left as it is and told in the log."""
    done, closed = 0, 0
    for table, column, row_of in (
        (Channel, Channel.grant_sealed, tokens.row_of),
        (Publication, Publication.handle_sealed, steps.row_of),
        (Revocation, Revocation.sealed, revoking.row_of),
    ):
        others = (column.is_not(None), func.substr(column, 1, len(sealer.mark)) != sealer.mark)
        for row_id, workspace_id, sealed in session.execute(
            select(table.id, table.workspace_id, column).where(*others)
        ):
            if sealed is None:
                continue
            try:
                anew = sealer.reseal(sealed, row=row_of(workspace_id, row_id))
            except WrongSealKey:
                closed += 1
            else:
                done += _put(session, table, row_id, column.key, sealed, anew)
    if closed:
        _log.warning("secrets_not_opened", extra={"rows": closed})
    return done


def _put(
    session: Session,
    table: type[Channel | Publication | Revocation],
    row_id: UUID,
    name: str,
    sealed: bytes,
    anew: bytes,
) -> int:
    """Only where the old one still is: whoever renews a token meanwhile has a newer one."""
    same = (table.id == row_id, getattr(table, name) == sealed)
    # A publication is watched by when it was changed last, and this is no change of it.
    kept = {} if issubclass(table, Revocation) else {"updated_at": table.updated_at}
    put = update(table).where(*same).values({name: anew, **kept})
    return len(session.scalars(put.returning(table.id).execution_options(synchronize_session=False)).all())
