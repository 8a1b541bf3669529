import re
import socket
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.publishing import pulse
from cliply.infra import metrics
from cliply.infra.db import Database
from cliply.infra.metrics_page import PortTaken, expose, served
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue
from cliply.infra.settings import Metrics


def figures(page: bytes) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def figure(name: str, page: bytes | None = None, **labels: str) -> float:
    return figures(page or expose()).get((name, frozenset(labels.items())), 0)


def test_a_run_is_counted_by_its_kind_and_outcome_and_timed() -> None:
    before = figure("cliply_job_runs_total", kind="COUNTED", outcome="failed")
    metrics.job_started("COUNTED", 2)
    assert figure("cliply_jobs_running", kind="COUNTED") == 1
    metrics.job_ended("COUNTED", "failed", 3.5)
    assert figure("cliply_jobs_running", kind="COUNTED") == 0
    assert figure("cliply_job_runs_total", kind="COUNTED", outcome="failed") == before + 1
    assert figure("cliply_job_run_seconds_sum", kind="COUNTED") >= 3.5
    assert figure("cliply_job_attempts_bucket", kind="COUNTED", le="1.0") == 0
    assert figure("cliply_job_attempts_bucket", kind="COUNTED", le="2.0") == 1


def test_what_a_stranger_sends_makes_no_series_of_its_own() -> None:
    metrics.request_answered("GET", None, 404, 0.01)
    metrics.request_answered("BREW", None, 404, 0.01)
    some = len(figures(expose()))
    for number in range(50):
        metrics.request_answered(f"BREW{number}", None, 400 + number, 0.01)
    assert len(figures(expose())) <= some
    assert "BREW" not in expose().decode()
    assert figure("cliply_http_requests_total", method="other", route="none", status="4xx") >= 50


def test_requests_are_counted_by_their_route_not_their_path() -> None:
    before = figure("cliply_http_requests_total", method="GET", route="/api/jobs/{id}", status="2xx")
    metrics.request_answered("GET", "/api/jobs/{id}", 200, 0.02)
    metrics.request_answered("GET", "/api/jobs/{id}", 204, 0.02)
    assert figure("cliply_http_requests_total", method="GET", route="/api/jobs/{id}", status="2xx") == before + 2


def test_queues_are_shown_as_the_database_has_them(database: Database) -> None:
    with database.system() as session:
        enqueue(session, NewJob(kind="ANY", queue="media"))
        failed = enqueue(session, NewJob(kind="ANY", queue="media"))
        control.cancel(session, failed, actor="tester")
        control.pause(session, "media", actor="tester")
    page = expose(database)
    assert figure("cliply_database_up", page) == 1
    assert figure("cliply_queue_jobs", page, queue="media", state="waiting") == 1
    assert figure("cliply_queue_jobs", page, queue="media", state="running") == 0
    assert figure("cliply_queue_paused", page, queue="media") == 1
    assert 0 <= figure("cliply_queue_oldest_seconds", page, queue="media") < 60


def test_without_a_database_the_rest_is_still_shown() -> None:
    gone = Database("postgresql://127.0.0.1:1/nothing")
    page = expose(gone)
    assert figure("cliply_database_up", page) == 0
    assert "cliply_build_info" in page.decode()


def test_a_worker_shows_its_figures_on_a_port_only_where_one_is_named(database: Database) -> None:
    with served(Metrics(), database) as port:
        assert port is None
    with served(Metrics(port=0), database) as port:
        answer = httpx2.get(f"http://127.0.0.1:{port}/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        assert figure("cliply_database_up", answer.content) == 1
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/metrics")


def test_a_port_that_is_taken_is_told_with_what_to_change(database: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=re.escape("CLIPLY_METRICS__PORT")), served(Metrics(port=port), database):
            pass


def families(database: Database) -> list[Metric]:
    for kind in REGISTRY:
        metrics.know_kind(kind.name)
    metrics.request_answered("GET", "/api/jobs/{id}", 200, 0.02)
    metrics.provider_answered("YouTube", "answered", 0.02)
    with database.system() as session:
        enqueue(session, NewJob(kind="ANY", queue="media"))
    return list(text_string_to_metric_families(expose(database, also=[pulse.figures]).decode()))


def test_figures_keep_the_rules_of_prometheus(database: Database) -> None:
    """What `promtool check metrics` looks at."""
    found = families(database)
    assert len({family.name for family in found}) == len(found)
    for family in found:
        words = family.name.split("_")
        assert family.documentation.strip(), family.name
        assert family.type in ("gauge", "counter", "histogram"), family.name
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name), "no capitals, no colons"
        assert not {"gauge", "counter", "histogram", "summary", "untyped", "metric"} & set(words), "no types"
        assert not {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "m", "h", "d"} & set(words), "whole words"
        assert not {"milliseconds", "minutes", "hours", "days", "kilobytes", "megabytes", "percent"} & set(words)
        own = {sample.name.removeprefix(family.name) for sample in family.samples}
        labels = {label for sample in family.samples for label in sample.labels}
        if family.type == "histogram":
            assert own == {"_bucket", "_sum", "_count"}, family.name
        else:
            assert own == ({"_total"} if family.type == "counter" else {""}), family.name
            assert not labels & {"le", "quantile"}, family.name
            assert words[-1] not in ("total", "bucket", "sum", "count"), family.name


def test_every_figure_is_in_the_manual_and_every_one_there_is_shown(database: Database) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "how-to" / "watch-the-service.md").read_text(encoding="utf-8")
    shown = {family.name + ("_total" if family.type == "counter" else "") for family in families(database)}
    assert set(re.findall(r"^\| `(cliply_\w+)`", manual, re.MULTILINE)) == shown
