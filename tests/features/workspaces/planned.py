"""An office on a plan, and how its limits are tried."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from tests.features.workspaces.conftest import Office

from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import BUILT_IN, Meter, PlanLimit
from cliply.features.workspaces import own_plan
from cliply.infra.db import Database

LIMITED = ("basic", "pro", "premium")


def zone_at_noon() -> str:
    """One whose clocks show noon or a little later: a workspace in it begins no day and no month while a test runs."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def at_noon(database: Database, workspace_id: UUID) -> None:
    """What a plan gives is for a day or a month, so neither is to end before the test does; once is enough."""
    with database.system() as session:
        known = update(Workspace).where(Workspace.id == workspace_id, Workspace.timezone == "UTC")
        session.execute(known.values(timezone=zone_at_noon()))


def on_plan(office: Office, name: str = "basic", **overrides: Any) -> None:
    at_noon(office.database, office.id)
    with office.database.system() as session:
        by = Actor(ActorKind.OPERATOR, None, "r-1", "192.0.2.7")
        own_plan.assign(session, office.id, BUILT_IN, name=name, overrides=overrides, by=by)


def limit_of(plan: str, what: Meter) -> int:
    limit = BUILT_IN.named(plan).limit(what)
    assert limit is not None
    return limit


def is_admitted(step: Callable[[], object]) -> bool:
    try:
        step()
    except PlanLimit:
        return False
    return True


def admitted_at_once(steps: Sequence[Callable[[], object]]) -> int:
    """How many of these get through the gate when all try together."""
    with ThreadPoolExecutor(len(steps)) as pool:
        return sum(pool.map(is_admitted, steps))
