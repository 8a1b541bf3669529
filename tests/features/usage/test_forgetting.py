"""What was given back long ago leaves the ledger, and no sum changes by it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.features.jobs.working import working
from tests.features.pipeline.studio import Studio
from tests.features.usage.books import agree, commit, counted, entries, plan_of, release, reserve
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import at_noon
from tests.features.workspaces.test_members import wait_until_blocked
from tests.infra.queue.fleet import until

from cliply.features.usage import ledger, service, tasks
from cliply.features.usage.models import EntryState, Metric
from cliply.features.usage.tasks import forget_usage

NOW = datetime.now(UTC)
LONG_AGO = NOW - ledger.KEPT - timedelta(days=1)
EVERYTHING = tuple(EntryState)


def age(url: str, *sources: str, to: datetime = LONG_AGO) -> None:
    """Settled then."""
    with as_owner(url) as connection:
        told = {"to": to, "sources": list(sources)}
        connection.execute(text("UPDATE usage_entries SET settled_at = :to WHERE source = ANY(:sources)"), told)


def given_back(office: Office, url: str, *sources: str, metric: Metric = Metric.CLIPS) -> None:
    for source in sources:
        commit(office, metric, source, 5, moment=LONG_AGO)
        release(office, metric, source, *EVERYTHING)
    age(url, *sources)


def forgotten(office: Office, *, at_most: int = 100) -> int:
    with office.database.system() as session:
        return ledger.forget(session, office.id, before=NOW - ledger.KEPT, at_most=at_most)


def test_thirteen_months_after_it_was_given_back_an_entry_is_forgotten(office: Office, migrated: str) -> None:
    given_back(office, migrated, "old")
    given_back(office, migrated, "removed", metric=Metric.STORAGE_BYTES)
    given_back(office, migrated, "younger")
    age(migrated, "younger", to=LONG_AGO + timedelta(days=2))
    for source in ("counts", "waits"):
        reserve(office, Metric.CLIPS, source, moment=LONG_AGO)
    commit(office, Metric.CLIPS, "counts", moment=LONG_AGO)
    age(migrated, "counts")
    assert forgotten(office) == 2
    assert entries(office, Metric.CLIPS) == {
        "younger": ("released", 5), "counts": ("committed", 1), "waits": ("reserved", 1),
    }  # fmt: skip
    assert entries(office, Metric.STORAGE_BYTES) == {}
    assert counted(office, Metric.CLIPS) == (1, 1)
    agree(office.database)


def test_what_a_workspace_used_in_months_before_is_told_as_long_as_ever(office: Office, migrated: str) -> None:
    for months in range(service.MOST_PERIODS):
        moment = NOW - timedelta(days=31 * (months + 1))
        commit(office, Metric.CLIPS, f"counts {months}", months + 1, moment=moment)
        given_back(office, migrated, f"old {months}")

    def history() -> list[service.PastPeriod]:
        with office.entered("member") as (session, caller):
            return list(service.summary(session, caller, periods=service.MOST_PERIODS).history)

    before = history()
    assert len(before) >= service.MOST_PERIODS - 1
    assert forgotten(office) == service.MOST_PERIODS
    assert history() == before


def test_what_was_forgotten_and_is_begun_again_counts_when_it_is_begun(office: Office, migrated: str) -> None:
    at_noon(office.database, office.id)
    given_back(office, migrated, "again")
    assert forgotten(office) == 1
    reserve(office, Metric.CLIPS, "again", 3)
    assert commit(office, Metric.CLIPS, "again")
    with office.database.workspace(office.id) as session:
        assert ledger.taken(session, Metric.CLIPS) == 3
    agree(office.database)


def test_what_counts_again_at_this_moment_is_not_forgotten(office: Office, migrated: str) -> None:
    """It was found while it was given back, and somebody has begun it again before it was removed."""
    given_back(office, migrated, "again")
    with ThreadPoolExecutor(1) as pool:
        with office.database.workspace(office.id) as session:
            period = ledger.now_in(session, LONG_AGO)
            ledger.reserve(session, plan_of(office), Metric.CLIPS, "again", 0, now=period)
            removed = pool.submit(forgotten, office)
            wait_until_blocked(migrated)
            assert ledger.commit(session, Metric.CLIPS, "again", 5, now=period)
        assert removed.result(timeout=10) == 0
    assert entries(office, Metric.CLIPS) == {"again": ("committed", 5)}
    agree(office.database)


def test_a_job_forgets_all_of_it_bit_by_bit(
    office: Office, migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_FORGOTTEN_AT_ONCE", 2)
    given_back(office, migrated, "a", "b", "c", "d")
    commit(office, Metric.CLIPS, "counts", 1)
    studio = Studio.at(tmp_path, office)
    with office.database.system() as session:
        forget_usage.start(session)
    with working(migrated, office.database, [forget_usage], runtime=studio.runtime):
        until(lambda: entries(office, Metric.CLIPS) == {"counts": ("committed", 1)})
    agree(office.database)
