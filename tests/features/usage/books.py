"""What the ledger of a workspace says, and whether its counters say the same."""

from datetime import datetime

from sqlalchemy import select
from tests.features.workspaces.conftest import Office

from cliply.features.identity.plans import Plan
from cliply.features.usage import ledger
from cliply.features.usage.models import EntryState, Metric, UsageCounter, UsageEntry
from cliply.infra.db import Database


def counted(office: Office, metric: Metric) -> tuple[int, int]:
    """Used and reserved, in all periods together."""
    with office.database.workspace(office.id) as session:
        counters = session.scalars(select(UsageCounter).where(UsageCounter.metric == metric)).all()
    return sum(each.used for each in counters), sum(each.reserved for each in counters)


def entries(office: Office, metric: Metric) -> dict[str, tuple[str, int]]:
    with office.database.workspace(office.id) as session:
        found = session.scalars(select(UsageEntry).where(UsageEntry.metric == metric)).all()
    return {each.source: (each.state.value, each.amount) for each in found}


def agree(database: Database) -> None:
    """Every counter is the sum of its entries."""
    with database.system() as session:
        assert list(ledger.disagreements(session)) == []


def plan_of(office: Office) -> Plan:
    with office.entered("owner") as (_, caller):
        return caller.plan


def reserve(office: Office, metric: Metric, source: str, amount: int = 1, *, moment: datetime | None = None) -> None:
    with office.entered("member") as (session, caller):
        now = ledger.now_in(session, moment)
        ledger.reserve(session, caller.plan, metric, source, amount, now=now)


def commit(
    office: Office, metric: Metric, source: str, amount: int | None = None, *, moment: datetime | None = None
) -> bool:
    with office.database.workspace(office.id) as session:
        return ledger.commit(session, metric, source, amount, now=ledger.now_in(session, moment))


def release(office: Office, metric: Metric, source: str, *states: EntryState) -> None:
    with office.database.workspace(office.id) as session:
        ledger.release(session, metric, source, states=states or (EntryState.RESERVED,))
