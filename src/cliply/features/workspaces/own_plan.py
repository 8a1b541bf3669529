"""Which plan a workspace has: the one place that changes it, and has everything follow that keeps a copy of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, any_, func, literal, select
from sqlalchemy.orm import Session

from cliply.errors import NotFound
from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.models import Membership, Workspace
from cliply.features.identity.plans import Meter, Plan, Plans, checked_overrides, is_usable
from cliply.infra.queue import control
from cliply.infra.self_audit import Finding


class WorkspaceNotThere(NotFound):
    def __init__(self, named: str) -> None:
        super().__init__(f"There is no workspace {named}. Name it by its id, or by its slug.")


@dataclass(frozen=True, slots=True)
class WorkspacePlan:
    """A workspace as those who run the service see it."""

    workspace: Workspace
    plan: Plan
    """What it may do, all told."""


def find(session: Session, named: str | UUID, plans: Plans, *, locked: bool = False) -> WorkspacePlan:
    """By its id or its slug, in a session of the system. Raises WorkspaceNotThere."""
    query = select(Workspace).where(_is(named))
    workspace = session.scalars(query.with_for_update(key_share=True) if locked else query).one_or_none()
    if workspace is None:
        raise WorkspaceNotThere(str(named))
    return WorkspacePlan(workspace, plans.of(workspace.plan, workspace.plan_overrides))


def assign(
    session: Session,
    named: str | UUID,
    plans: Plans,
    *,
    name: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    by: Actor,
) -> WorkspacePlan:
    """Give a workspace another plan, or change where it differs from it; None leaves either as it is.

    What the workspace has stays, be it more than is allowed from now on. In a session of the system. Raises
    WorkspaceNotThere, NoSuchPlan or WrongOverrides.
    """
    wanted = None if name is None else plans.named(name).name
    checked = None if overrides is None else checked_overrides(overrides)
    workspace = find(session, named, plans, locked=True).workspace
    before = _state(workspace)
    workspace.plan = workspace.plan if wanted is None else wanted
    workspace.plan_overrides = workspace.plan_overrides if checked is None else checked
    session.flush()
    if before != (after := _state(workspace)):
        target = ("workspace", workspace.id)
        audit.record(
            session, "workspace.plan_changed", target, by=by, before=before, after=after, workspace_id=workspace.id
        )
    plan = plans.of(workspace.plan, workspace.plan_overrides)
    control.limit(session, [workspace.id], plan.terms.jobs_at_once)
    return WorkspacePlan(workspace, plan)


def follow(session: Session, plans: Plans) -> None:
    """Have the queue know how many jobs each workspace runs at once, after plans have been changed in the file.

    In a session of the system.
    """
    known = control.limits(session)
    rows = select(Workspace.id, Workspace.plan, Workspace.plan_overrides)
    stale = [row.id for row in session.execute(rows) if _at_once(row, plans) != known.get(row.id)]
    if not stale:
        return
    by_limit: dict[int | None, list[UUID]] = {}
    # Under lock: somebody may give one of them another plan at this moment.
    held = rows.where(Workspace.id == any_(literal(stale, ARRAY(Uuid)))).order_by(Workspace.id)
    for row in session.execute(held.with_for_update(key_share=True)):
        by_limit.setdefault(_at_once(row, plans), []).append(row.id)
    for at_once, ids in by_limit.items():
        control.limit(session, ids, at_once)


@contextmanager
def members_admitted(session: Session, plans: Plans, which: ColumnElement[bool]) -> Iterator[None]:
    """Whatever the block does, no workspace of these gets more members by it than its plan allows.

    In a session of the system; the block holds the workspaces before it changes who belongs to them. Raises PlanLimit.
    """
    before = {row.id: row.members for row in _counted(session, which)}
    yield
    session.flush()
    for row in _counted(session, which):
        used = before.get(row.id, 0)
        if row.members > used:
            plan = plans.of(row.plan, row.plan_overrides)
            plan.admit(Meter.MEMBERS, used=used, wanted=row.members - used)


def findings(session: Session, plans: Plans) -> Iterator[Finding]:
    """Workspaces that do not have what their rows say; in a session of the system."""
    gone = select(Workspace.plan, func.count()).where(Workspace.plan.not_in(list(plans.defined)))
    for name, count in session.execute(gone.group_by(Workspace.plan).order_by(Workspace.plan)):
        told = (
            f"The plan “{name}” is not defined, so the workspaces that have it ({count}) get “{plans.default_name}”. "
            "Define it in the file of CLIPLY_PLANS, or give them another: cliply plans set"
        )
        yield Finding("plans", "error", told)
    changed = select(Workspace.slug, Workspace.plan_overrides).where(Workspace.plan_overrides != {})
    for slug, overrides in session.execute(changed.order_by(Workspace.slug)):
        if not is_usable(overrides):
            told = (
                f"What differs from the plan of the workspace {slug} is not understood in parts, and those do not "
                "count. Say it again: cliply plans set"
            )
            yield Finding("plans", "error", told)


def _at_once(row: Row[Any], plans: Plans) -> int | None:
    return plans.of(row.plan, row.plan_overrides).terms.jobs_at_once


def _counted(session: Session, which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    members = select(func.count()).select_from(Membership).where(Membership.workspace_id == Workspace.id)
    wanted = select(Workspace.id, Workspace.plan, Workspace.plan_overrides, members.scalar_subquery().label("members"))
    return session.execute(wanted.where(which).order_by(Workspace.id)).all()


def _is(named: str | UUID) -> ColumnElement[bool]:
    try:
        return Workspace.id == UUID(str(named))
    except ValueError:
        return Workspace.slug == named


def _state(workspace: Workspace) -> dict[str, Any]:
    return {"plan": workspace.plan, "overrides": workspace.plan_overrides}
