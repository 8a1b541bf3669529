"""An office on a plan, and how its limits are tried."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.features.workspaces.conftest import Office

from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.plans import BUILT_IN, Meter, PlanLimit
from cliply.features.workspaces import own_plan

LIMITED = ("basic", "pro", "premium")


def on_plan(office: Office, name: str = "basic", **overrides: Any) -> None:
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
