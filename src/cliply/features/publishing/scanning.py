"""The scheduler: looks through what is planned in all workspaces. Any number of processes may do it at once."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from cliply.errors import Conflict
from cliply.features.identity.access import Unauthenticated
from cliply.features.publishing import firing
from cliply.features.publishing.firing import Fired
from cliply.features.publishing.models import Publication, PublicationState, ScheduleState
from cliply.infra import error_reports
from cliply.infra.rate_limits import Limit, bucket_of, spend
from cliply.runtime import Runtime

_ASKS = Limit(burst=10, every=timedelta(seconds=6))
"""A scheduler outside may look every few seconds; whoever guesses at its secret, no more often."""
_SCANNED = text("""
    INSERT INTO schedule_scans (scanned_at) VALUES (:at)
    ON CONFLICT (one) DO UPDATE SET scanned_at = greatest(schedule_scans.scanned_at, excluded.scanned_at)
""")


class CronSecretNotSet(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "This service takes no word of schedulers outside: whoever runs it sets CLIPLY_CRON__SECRET for that, to a "
            "long random text. Workers that run the queue schedules need none."
        )


class WrongCronSecret(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("Send the secret of CLIPLY_CRON__SECRET as Authorization: Bearer.")


def scan_as_asked(runtime: Runtime, secret: str, *, ip: str | None) -> Fired:
    """For a scheduler outside of the service. Raises CronSecretNotSet, WrongCronSecret or TooOften."""
    known = runtime.settings.cron.secret
    if known is None:
        raise CronSecretNotSet
    with runtime.database.system() as session:
        spend(session, {bucket_of("cron", ip or ""): _ASKS}, what="looks at what is due")
    if not secrets.compare_digest(secret.encode("utf-8", "surrogateescape"), known.get_secret_value().encode()):
        raise WrongCronSecret
    return scan(runtime)


def scan(runtime: Runtime, *, now: datetime | None = None, on_progress: Callable[[], None] = lambda: None) -> Fired:
    """Fire what is due, workspace by workspace; one that fails keeps no other from it."""
    with runtime.database.system() as session:
        now = now or firing.clock(session)
        workspaces, off = firing.due(session, now), firing.called_off(session)
    for workspace_id, publication_id in off:
        with runtime.database.workspace(workspace_id) as session:
            firing.call_off(session, publication_id)
    total = Fired()
    for workspace_id in workspaces:
        on_progress()
        total += _fired(runtime, workspace_id, now)
    with runtime.database.system() as session:
        session.execute(_SCANNED, {"at": now})
    return total


def align(runtime: Runtime, *, on_progress: Callable[[], None] = lambda: None) -> None:
    """See `firing.align`; in every workspace in which something waits."""
    with runtime.database.system() as session:
        waits = Publication.schedule.in_((ScheduleState.PLANNED, ScheduleState.PAUSED))
        workspaces = session.scalars(
            select(Publication.workspace_id).where(waits, Publication.state != PublicationState.CANCELLED).distinct()
        ).all()
    for workspace_id in workspaces:
        after: UUID | None = None
        while True:
            on_progress()
            with runtime.database.workspace(workspace_id) as session:
                after = firing.align(session, after=after)
            if after is None:
                break


def _fired(runtime: Runtime, workspace_id: UUID, now: datetime) -> Fired:
    try:
        with runtime.database.workspace(workspace_id) as session:
            return firing.fire(session, settings=runtime.settings, now=now)
    except Exception as failed:  # noqa: BLE001 - whatever it is, the others are still to go
        error_reports.report(failed)
        return Fired(left=True)
