"""How long jobs stood still, by their history."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from tests.crashes.installation import Kill
from tests.crashes.reconciling import rows

_BEFORE = 5.0
"""Seconds that an outage may last on a busy machine."""
_HISTORY = """
    select e.job_id, e.was, e.became, e.attempt, e.workspace_id, j.queue, extract(epoch from e.at)::float as at,
        coalesce(extract(epoch from j.scheduled_at)::float, 0) as due
    from job_events e join jobs j on j.id = e.job_id order by e.at, e.id
"""


@dataclass(frozen=True)
class Wait:
    """Of a job whose worker was killed, until it was begun again."""

    seconds: float
    outage: bool
    """The database was killed meanwhile, so that nobody was taken for dead for a while."""


def begun_again(session: Session, kills: Sequence[Kill]) -> list[Wait]:
    """Of all jobs whose worker was killed, but those that had just ended."""
    query = (
        "select extract(epoch from at)::float as at from job_events where job_id = :job_id"
        " and was = 'queued' and became = 'running' and attempt > :attempt order by id limit 1"
    )
    outages = [kill.at for kill in kills if kill.victim in ("server", "keeper")]
    return [
        Wait(row.at - kill.at, outage=any(kill.at - _BEFORE < at < row.at for at in outages))
        for kill in kills
        for job_id, attempt in kill.jobs
        for row in rows(session, query, job_id=job_id, attempt=attempt)
    ]


def p95(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else 0.0


def with_the_dead(session: Session, kills: Sequence[Kill]) -> float:
    """The longest that a job was left with a worker that was killed."""
    query = (
        "select extract(epoch from at)::float as at from job_events where job_id = :job_id and attempt = :attempt"
        " and was in ('running', 'stopping') and became not in ('running', 'stopping')"
    )
    ended: list[float] = [
        row.at - kill.at
        for kill in kills
        for job_id, attempt in kill.jobs
        for row in rows(session, query, job_id=job_id, attempt=attempt)
    ]
    return max([0.0, *ended])


def overtaken(session: Session) -> float:
    """The longest that a job waited while a later one of its workspace and queue was begun before it."""
    waiting: dict[int, Any] = {}
    longest: float = 0.0
    for event in rows(session, _HISTORY):
        waiting.pop(event.job_id, None)
        if event.became == "queued":
            waiting[event.job_id] = event
        elif event.became == "running":
            place = (event.workspace_id, event.queue)
            waits = [
                event.at - max(each.at, each.due)
                for job_id, each in waiting.items()
                if job_id < event.job_id and (each.workspace_id, each.queue) == place
            ]
            longest = max([longest, *waits])
    return longest
