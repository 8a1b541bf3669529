"""Counters and timers of a process, as Prometheus reads them.

No label holds what a stranger chooses: kinds, queues and routes are those of the program, and everything else is one of
a few words.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from cliply import __version__

OUTCOMES = ("succeeded", "failed", "cancelled", "given_back")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From what is over at once to the hours that a long talk takes.
_JOB_SECONDS = (0.01, 0.1, 1, 5, 15, 60, 180, 600, 1800, 3600, 10_800)
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# When a series was first seen is of no use here, and doubles what is shown.
disable_created_metrics()  # type: ignore[no-untyped-call]
PROCESS = CollectorRegistry()
"""All figures of this process; shown by `metrics_page`."""

_jobs = Counter("cliply_job_runs", "Runs of jobs, by how they ended.", ("kind", "outcome"), registry=PROCESS)
_job_seconds = Histogram(
    "cliply_job_run_seconds", "How long runs of jobs took.", ("kind",), buckets=_JOB_SECONDS, registry=PROCESS
)
_job_attempts = Histogram(
    "cliply_job_attempts", "Which attempt a run was.", ("kind",), buckets=(1, 2, 3, 5, 10), registry=PROCESS
)
_jobs_running = Gauge("cliply_jobs_running", "Jobs that this worker runs now.", ("kind",), registry=PROCESS)
_requests = Counter(
    "cliply_http_requests", "Answers, by route and status.", ("method", "route", "status"), registry=PROCESS
)
_request_seconds = Histogram(
    "cliply_http_request_seconds",
    "How long answers took.",
    ("method", "route"),
    buckets=_REQUEST_SECONDS,
    registry=PROCESS,
)
_provider_calls = Counter(
    "cliply_provider_calls", "Calls to providers, by what came of them.", ("provider", "outcome"), registry=PROCESS
)
_provider_seconds = Histogram(
    "cliply_provider_call_seconds",
    "How long providers took to answer.",
    ("provider",),
    buckets=_REQUEST_SECONDS,
    registry=PROCESS,
)
_schedule_late = Histogram(
    "cliply_schedule_late_seconds",
    "How late schedules fired.",
    buckets=(0.5, 1, 2, 5, 15, 60, 300, 3600, 10_800),
    registry=PROCESS,
)
_schedules_missed = Counter("cliply_schedules_missed", "Schedules that were too late to fire.", registry=PROCESS)
Gauge("cliply_build_info", "Always 1.", ("version",), registry=PROCESS).labels(__version__).set(1)


def know_kind(kind: str) -> None:
    """Show a kind from the beginning: what is not there yet cannot be told from what never happened."""
    for outcome in OUTCOMES:
        _jobs.labels(kind, outcome)
    _job_seconds.labels(kind)
    _job_attempts.labels(kind)
    _jobs_running.labels(kind)


def job_started(kind: str, attempt: int) -> None:
    _jobs_running.labels(kind).inc()
    _job_attempts.labels(kind).observe(attempt)


def job_ended(kind: str, outcome: str, seconds: float) -> None:
    _jobs_running.labels(kind).dec()
    _jobs.labels(kind, outcome).inc()
    _job_seconds.labels(kind).observe(seconds)


def request_answered(method: str, route: str | None, status: int, seconds: float) -> None:
    """`route` is the template of the path, `/api/jobs/{id}`; None where no route fits."""
    method, route = method if method in _METHODS else "other", route or "none"
    _requests.labels(method, route, f"{status // 100}xx").inc()
    _request_seconds.labels(method, route).observe(seconds)


def provider_answered(provider: str, outcome: str, seconds: float | None) -> None:
    """`outcome` is the class of the answer, `2xx`, or `no_answer`, `bad_reply`, or `left_alone`: not even asked."""
    _provider_calls.labels(provider, outcome).inc()
    if seconds is not None:
        _provider_seconds.labels(provider).observe(seconds)


def schedule_fired(late: float) -> None:
    """`late` is in seconds."""
    _schedule_late.observe(late)


def schedule_missed() -> None:
    _schedules_missed.inc()
