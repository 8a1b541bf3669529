"""Shows a process's figures, and those of the queues, to Prometheus."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cliply.errors import Conflict
from cliply.infra.db import Database
from cliply.infra.metrics import PROCESS
from cliply.infra.queue.depth import queue_depths
from cliply.infra.settings import Metrics

__all__ = ["CONTENT_TYPE", "PortTaken", "expose", "served"]

Figures: TypeAlias = Callable[[Session], Iterable[Metric]]
"""What a feature tells of itself, from a session of the system."""

_log = logging.getLogger(__name__)


class PortTaken(Conflict):
    def __init__(self, settings: Metrics) -> None:
        super().__init__(
            f"Metrics cannot be served at {settings.host}:{settings.port}: another program listens there, or the "
            "address is not this machine's. Change CLIPLY_METRICS__PORT or CLIPLY_METRICS__HOST."
        )


def expose(database: Database | None = None, *, also: Sequence[Figures] = ()) -> bytes:
    """All of this process, and of `database` the queues and `also`, which are the same whoever is asked."""
    return generate_latest(_Everything(database, also))


@contextmanager
def served(settings: Metrics, database: Database, *, also: Sequence[Figures] = ()) -> Iterator[int | None]:
    """Answer on a port of its own while the block runs, where the settings name one; 0 takes any that is free.

    Raises PortTaken.
    """
    if settings.port is None:
        yield None
        return
    try:
        server, thread = start_http_server(settings.port, settings.host, registry=_Everything(database, also))
    except OSError as refused:
        raise PortTaken(settings) from refused
    _log.info("metrics_served", extra={"host": settings.host, "port": server.server_port})
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Everything(CollectorRegistry):
    """The process's own registry and the queues, put together for one answer."""

    def __init__(self, database: Database | None, also: Sequence[Figures]) -> None:
        super().__init__()
        self._parts: list[Collector] = [PROCESS]
        if database is not None:
            self._parts.append(_Queues(database, also))

    def collect(self) -> Iterable[Metric]:
        for part in self._parts:
            yield from part.collect()


class _Queues(Collector):
    """Asked of the database at each look, so that no process has to be the one that counts."""

    def __init__(self, database: Database, also: Sequence[Figures]) -> None:
        self._database = database
        self._also = also

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("cliply_database_up", "Whether the database answered.")
        jobs = GaugeMetricFamily("cliply_queue_jobs", "Jobs in a queue, by state.", labels=("queue", "state"))
        oldest = GaugeMetricFamily(
            "cliply_queue_oldest_seconds", "How long the oldest job that could run has waited.", labels=("queue",)
        )
        paused = GaugeMetricFamily("cliply_queue_paused", "Whether a queue is paused.", labels=("queue",))
        try:
            with self._database.system() as session:
                depths = queue_depths(session)
                others = [each for figures in self._also for each in figures(session)]
        except SQLAlchemyError:
            up.add_metric((), 0)
            return (up,)
        up.add_metric((), 1)
        for each in depths:
            for state in ("waiting", "scheduled", "running", "failed"):
                jobs.add_metric((each.queue, state), getattr(each, state))
            oldest.add_metric((each.queue,), each.oldest)
            paused.add_metric((each.queue,), each.paused)
        return (up, jobs, oldest, paused, *others)
