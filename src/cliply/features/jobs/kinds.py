"""Kinds of jobs: what they are called, how they run, and how to start one in a transaction."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec
from uuid import UUID

from pydantic import BaseModel, ConfigDict, create_model
from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.features.identity.permissions import Action
from cliply.features.jobs.retries import Retries
from cliply.infra.queue import transactions
from cliply.infra.queue.rows import Arguments, NewJob

if TYPE_CHECKING:
    from cliply.features.jobs.runner import JobRun

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Kind(Generic[P]):
    """One kind of job; `start` queues one."""

    name: str
    queue: str
    handler: "Callable[Concatenate[JobRun, P], None]"
    arguments: type[BaseModel]
    retries: Retries
    timeout: timedelta
    priority: int = 0
    cron: str | None = None
    on_request: Action | None = None
    """What somebody needs who starts one by themselves; None where only the service does."""
    ask: "Callable[[Session, Any, Kind[Any]], int] | None" = None
    """Queues what somebody starts by themselves, where that is more than to queue it; raises what is wrong with it."""
    _at: datetime | None = None
    _key: str | None = None
    _subject: str | None = None

    def options(
        self, *, at: datetime | None = None, key: str | None = None, subject: object = None, priority: int | None = None
    ) -> "Kind[P]":
        """For the next start: not before `at`, once for each `key`, shown as being about `subject`."""
        return replace(
            self,
            priority=self.priority if priority is None else priority,
            _at=at,
            _key=key,
            _subject=None if subject is None else str(subject),
        )

    def start(self, session: Session, *args: P.args, **kwargs: P.kwargs) -> int:
        """Queue a job in the session's transaction; returns its id."""
        if args:
            raise TypeError("a job's arguments have names")
        return transactions.enqueue(session, self.planned(session, kwargs), at=self._at, key=self._key)

    def join(self, session: Session, job_id: int) -> int:
        """Instead of a start: `job_id` does it already. Returns what was started under the key before, if anything."""
        return job_id if self._key is None else transactions.join(session, workspace_of(session), self._key, job_id)

    def started(self, session: Session) -> int | None:
        """What was started under the key before, whatever became of it."""
        return None if self._key is None else transactions.job_of(session, workspace_of(session), self._key)

    @property
    def is_for_later(self) -> bool:
        return self._at is not None

    def planned(self, session: Session, arguments: Arguments) -> NewJob:
        """The job as it would be queued; for `JobRun.fan_out`."""
        return NewJob(
            kind=self.name,
            queue=self.queue,
            arguments=self.arguments(**arguments).model_dump(mode="json"),
            workspace_id=workspace_of(session),
            subject=self._subject,
            priority=self.priority,
        )


@dataclass(slots=True)
class Registry:
    """The kinds that a process can run."""

    kinds: dict[str, Kind[Any]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Kind[Any]]:
        return iter(self.kinds.values())

    @property
    def queues(self) -> list[str]:
        return sorted({kind.queue for kind in self})

    def job(
        self,
        name: str,
        *,
        queue: str,
        timeout: timedelta,
        retries: Retries | None = None,
        priority: int = 0,
        cron: str | None = None,
        on_request: Action | None = None,
        ask: Callable[[Session, Any, Kind[Any]], int] | None = None,
    ) -> "Callable[[Callable[Concatenate[JobRun, P], None]], Kind[P]]":
        """Make a handler a kind of job; its arguments are checked by its annotations when a job starts and runs."""

        def register(handler: "Callable[Concatenate[JobRun, P], None]") -> Kind[P]:
            if name in self.kinds:
                raise ValueError(f"there is a kind {name} already")
            if not handler.__doc__:
                raise ValueError(f"{name} says nothing about itself")
            kind = Kind(
                name=name,
                queue=queue,
                handler=handler,
                arguments=_schema(name, handler),
                retries=retries or Retries(),
                timeout=timeout,
                priority=priority,
                cron=cron,
                on_request=on_request,
                ask=ask,
            )
            self.kinds[name] = kind
            return kind

        return register


REGISTRY = Registry()
job = REGISTRY.job


def fan_out(session: Session, jobs: Sequence[NewJob], *, then: NewJob) -> None:
    """Queue `jobs`, and `then` once when all of them have ended, however they ended."""
    transactions.fan_out(session, list(jobs), then)


def workspace_of(session: Session) -> UUID | None:
    """The workspace that the session's transaction is in, None for the installation's own."""
    told = session.execute(text("select nullif(current_setting('app.workspace_id', true), '')")).scalar()
    return UUID(told) if told else None


def _schema(name: str, handler: Callable[..., None]) -> type[BaseModel]:
    parameters = list(inspect.signature(handler, eval_str=True).parameters.values())[1:]
    fields: dict[str, Any] = {
        each.name: (each.annotation, ... if each.default is inspect.Parameter.empty else each.default)
        for each in parameters
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **fields)
