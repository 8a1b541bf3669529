"""What people do to jobs: each is written down with who did it, in the same transaction.

In a workspace's session nobody reaches the jobs of another; an operator acts in a session of the system.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import ValidationError
from sqlalchemy.orm import Session

from cliply.errors import CliplyError, Invalid
from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import REGISTRY, Registry
from cliply.features.jobs.models import Job

MOST_AT_ONCE = 500

_Change: TypeAlias = Callable[..., Job]


class KindNotOpen(Invalid):
    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This kind of job is started by the service alone. You may start: {', '.join(allowed)}.")


class WrongArguments(Invalid):
    def __init__(self, kind: str, wrong: ValidationError) -> None:
        problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors())
        super().__init__(f"A {kind} job does not take these arguments: {'; '.join(problems)}.")


class Steering(StrEnum):
    """What an operator does to a job."""

    CANCEL = "cancel"
    RETRY = "retry"
    UNLOCK = "unlock"


_STEERING: Mapping[Steering, tuple[_Change, str]] = {
    Steering.CANCEL: (jobs.cancel, "job.cancelled"),
    Steering.RETRY: (jobs.retry, "job.retried"),
    Steering.UNLOCK: (jobs.unlock, "job.unlocked"),
}


@dataclass(frozen=True, slots=True)
class Steered:
    """What became of one of many: `error` says why it was left alone."""

    id: int
    error: CliplyError | None = None


def open_kinds(registry: Registry = REGISTRY) -> list[str]:
    """Those that a member may start by themselves."""
    return sorted(kind.name for kind in registry if kind.on_request is not None)


def enqueue(
    session: Session,
    caller: Caller,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    key: str | None = None,
    at: datetime | None = None,
    priority: int = 0,
    registry: Registry = REGISTRY,
) -> Job:
    """Queue a job in the caller's workspace, or find the one that has the `key`.

    Raises KindNotOpen, WrongArguments, RoleTooLow or ScopeMissing, and what the kind has against these arguments.
    """
    wanted = registry.kinds.get(kind)
    if wanted is None or wanted.on_request is None:
        raise KindNotOpen(open_kinds(registry))
    caller.require(wanted.on_request)
    try:
        checked = wanted.arguments.model_validate(arguments)
    except ValidationError as wrong:
        raise WrongArguments(kind, wrong) from None
    options = wanted.options(at=at, key=key, subject=arguments.get("project_id"), priority=wanted.priority + priority)
    started = options.started(session)
    if started is not None:
        return jobs.get(session, started)
    ask = wanted.ask
    job_id = options.start(session, **dict(checked)) if ask is None else ask(session, checked, options)
    job = jobs.get(session, job_id)
    audit.record(session, "job.enqueued", ("job", job.id), by=caller.actor, after={"kind": kind})
    return job


def cancel(session: Session, caller: Caller, job_id: int) -> Job:
    """As a member of the job's workspace."""
    caller.require(Action.CHANGE_JOBS)
    return steer(session, Steering.CANCEL, job_id, by=caller.actor)


def steer(session: Session, steering: Steering, job_id: int, *, by: Actor) -> Job:
    change, action = _STEERING[steering]
    before = jobs.get(session, job_id).state
    job = change(session, job_id, actor=_name(by))
    state = {"state": before}, {"state": job.state}
    audit.record(
        session, action, ("job", job_id), by=by, before=state[0], after=state[1], workspace_id=job.workspace_id
    )
    return job


def steer_many(session: Session, steering: Steering, job_ids: Sequence[int], *, by: Actor) -> list[Steered]:
    """Each that can be; the others are told why not and stay as they are."""
    return [_steered(session, steering, job_id, by) for job_id in dict.fromkeys(job_ids)]


def pause(session: Session, queue: str, *, by: Actor, registry: Registry = REGISTRY) -> None:
    """No more jobs of the queue are begun; those that run go on. Raises UnknownQueue."""
    _known(queue, registry)
    jobs.pause_queue(session, queue, actor=_name(by))
    audit.record(session, "queue.paused", ("queue", queue), by=by)


def resume(session: Session, queue: str, *, by: Actor, registry: Registry = REGISTRY) -> None:
    """Raises UnknownQueue."""
    _known(queue, registry)
    jobs.resume_queue(session, queue, actor=_name(by))
    audit.record(session, "queue.resumed", ("queue", queue), by=by)


def _known(queue: str, registry: Registry) -> None:
    if queue not in registry.queues:
        raise jobs.UnknownQueue([queue], registry.queues)


def _steered(session: Session, steering: Steering, job_id: int, by: Actor) -> Steered:
    try:
        steer(session, steering, job_id, by=by)
    except CliplyError as refused:
        return Steered(job_id, refused)
    return Steered(job_id)


def _name(by: Actor) -> str:
    """As the job's history shows it."""
    return by.kind.value if by.id is None else f"{by.kind.value} {by.id}"
