"""The job worker of an installation: runs the kinds of jobs that it knows until it is told to stop."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from cliply.features.billing import tasks as billing
from cliply.features.identity.plans import plans_of
from cliply.features.jobs import maintenance
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.jobs.runner import handled
from cliply.features.jobs.service import UnknownQueue
from cliply.features.notifications import outbox
from cliply.features.pipeline import tasks as pipeline
from cliply.features.projects import local_copies, sweeping
from cliply.features.projects import tasks as projects
from cliply.features.publishing import pulse
from cliply.features.publishing import tasks as publishing
from cliply.features.usage import tasks as usage
from cliply.features.workspaces import own_plan
from cliply.features.workspaces import tasks as workspaces
from cliply.infra import metrics_page
from cliply.infra.opening import database_url
from cliply.infra.queue.worker import Pace, Worker, run_all
from cliply.infra.settings import Settings
from cliply.runtime import open_runtime

_log = logging.getLogger(__name__)

_HANDLERS = (billing, maintenance, outbox, pipeline, projects, publishing, sweeping, usage, workspaces)
"""Imported so that their kinds are registered."""

RUNNING_PER_WORKSPACE = 4
"""Jobs of one workspace that run at once, where no limit of its own is set."""


ERRANDS_AT_ONCE = 4
"""Jobs of the other queues that run beside those of `media`: they wait for others more than they work."""


CLOCKED_AT_ONCE = 2
"""Schedules are fired in an instant."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Queues that share a number of places. What is due in one lane never waits for what runs in the other."""

    queues: list[str]
    concurrency: int


def queues() -> list[str]:
    """Those that a worker runs."""
    return REGISTRY.queues


def lanes(wanted: Sequence[str], concurrency: int) -> list[Lane]:
    """Renders take hours, uploads take minutes and a schedule has its second: they have places of their own where a
    worker does more than one of it."""
    heavy = [name for name in wanted if name == pipeline.MEDIA]
    clocked = [name for name in wanted if name == publishing.CLOCK]
    light = [name for name in wanted if name not in (*heavy, *clocked)]
    places = [(heavy, concurrency), (light, ERRANDS_AT_ONCE if heavy else concurrency), (clocked, CLOCKED_AT_ONCE)]
    return [Lane(names, each) for names, each in places if names]


def run(settings: Settings, *, only: Sequence[str], concurrency: int, pace: Pace | None = None) -> None:
    """Work until SIGTERM or SIGINT; then finish what runs, or give it back to others, and return."""
    if unknown := sorted(set(only) - set(queues())):
        raise UnknownQueue(unknown, queues())
    plans = plans_of(settings)
    with database_url(settings) as url, open_runtime(settings) as runtime:
        with runtime.database.system() as session:
            own_plan.follow(session, plans)
        workers = [
            Worker(
                url,
                [handled(kind, runtime) for kind in REGISTRY],
                queues=lane.queues,
                concurrency=lane.concurrency,
                cap=RUNNING_PER_WORKSPACE,
                pace=pace,
            )
            for lane in lanes(only or queues(), concurrency)
        ]
        with metrics_page.served(settings.metrics, runtime.database, also=[pulse.figures]), local_copies.swept(runtime):
            _log.info("worker_started", extra={"queues": list(only or queues()), "concurrency": concurrency})
            asyncio.run(run_all(workers))
    _log.info("worker_stopped")
