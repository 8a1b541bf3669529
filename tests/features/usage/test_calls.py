"""Calls by API keys: counted by each process, limited by the plan, written to the ledger."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from tests.features.usage.books import agree, commit, counted, entries
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import LIMITED, is_admitted, limit_of, on_plan

from cliply.features.identity.plans import Meter, PlanLimit
from cliply.features.usage.calls import ApiCalls
from cliply.features.usage.models import Metric
from cliply.infra.db import Database


def call(office: Office, calls: ApiCalls) -> bool:
    def count() -> None:
        with office.entered("member") as (session, caller):
            calls.count(session, caller)

    return is_admitted(count)


@pytest.mark.parametrize("plan", LIMITED)
def test_as_many_are_answered_as_the_plan_says(office: Office, plan: str) -> None:
    on_plan(office, plan)
    commit(office, Metric.API_CALLS, "before", limit_of(plan, Meter.API_CALLS_PER_MONTH) - 2)
    calls = ApiCalls(office.database)
    assert [call(office, calls) for _ in range(4)] == [True, True, False, False]
    calls.write()
    assert not call(office, calls)
    assert counted(office, Metric.API_CALLS) == (limit_of(plan, Meter.API_CALLS_PER_MONTH), 0)


def test_many_at_once_are_counted_each_and_written_once(office: Office) -> None:
    on_plan(office, api_calls_per_month=30)
    calls, began = ApiCalls(office.database), datetime.now(UTC).date()
    with ThreadPoolExecutor(40) as pool:
        answered = sum(pool.map(lambda _: call(office, calls), range(40)))
        list(pool.map(lambda _: calls.write(), range(5)))
    assert answered == 30
    assert counted(office, Metric.API_CALLS) == (30, 0)
    found = entries(office, Metric.API_CALLS)
    assert sum(amount for _, amount in found.values()) == 30
    days = {source.rpartition("/")[2] for source in found}
    assert days <= {f"{began}", f"{datetime.now(UTC).date()}"}, "one of a day, and midnight may have passed"
    agree(office.database)


def test_without_a_limit_a_call_asks_the_database_nothing(office: Office) -> None:
    calls = ApiCalls(Database("postgresql://127.0.0.1:1/nothing"))
    assert call(office, calls)


def test_what_cannot_be_written_now_is_written_later(office: Office, migrated: str) -> None:
    calls = ApiCalls(office.database)
    away = Database("postgresql://127.0.0.1:1/nothing")
    assert all(call(office, calls) for _ in range(3))
    calls._database = away
    with calls.written(every=60):
        pass
    calls._database = office.database
    calls.write()
    assert counted(office, Metric.API_CALLS) == (3, 0)


def test_the_calls_of_a_workspace_that_is_gone_are_forgotten(office: Office) -> None:
    calls = ApiCalls(office.database)
    assert call(office, calls)
    with office.database.system() as session:
        session.execute(text("DELETE FROM workspaces WHERE id = :id"), {"id": office.id})
    calls.write()
    assert calls._counted == {}


def test_they_are_written_when_the_server_leaves(office: Office) -> None:
    calls = ApiCalls(office.database)
    with calls.written(every=60):
        assert call(office, calls)
    assert counted(office, Metric.API_CALLS) == (1, 0)


def test_a_refusal_says_when_there_are_more(office: Office) -> None:
    on_plan(office, "basic", api_calls_per_month=0)
    with (
        pytest.raises(PlanLimit, match="allows 0 calls by API keys a month") as raised,
        office.entered("member") as (session, caller),
    ):
        ApiCalls(office.database).count(session, caller)
    assert raised.value.resets_at is not None
    assert raised.value.lifts == ("pro", "premium")
