"""Workspaces: made, renamed, set up."""

import secrets
from dataclasses import dataclass
from typing import TypedDict, Unpack
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import Invalid
from cliply.features.audit import service as audit
from cliply.features.identity.access import Caller, Principal
from cliply.features.identity.account_rules import checked_name
from cliply.features.identity.models import Membership, Role, Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN, Plan
from cliply.infra.queue import control
from cliply.media.captions.styles import style_names
from cliply.media.slug import slug

LONGEST_RETENTION = 3650


class BrandDefaults(BaseModel):
    """A workspace's look: the caption style, and the colour that replaces the style's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    style: str | None = Field(None, max_length=40)
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")


def create(session: Session, name: str, *, by: Principal, plan: Plan | None = None) -> Workspace:
    """Make a workspace and its maker the owner; in a session of the system, since it belongs to none before.

    Without limits, unless a plan is named.
    """
    workspace = _made(session, name, by=by, plan=plan or BUILT_IN.default, organisation_id=None)
    session.add(Membership(workspace_id=workspace.id, user_id=by.user_id, role=Role.OWNER))
    return workspace


def create_in(session: Session, organisation_id: UUID, name: str, *, by: Principal, plan: Plan) -> Workspace:
    """The same for an organisation, whose members are its members; whether `by` may is known to who calls this."""
    return _made(session, name, by=by, plan=plan, organisation_id=organisation_id)


def _made(session: Session, name: str, *, by: Principal, plan: Plan, organisation_id: UUID | None) -> Workspace:
    by.require_person()
    name = checked_name(name)
    workspace = Workspace(
        slug=_new_slug(name), name=name, timezone="UTC", organisation_id=organisation_id, plan=plan.name
    )
    session.add(workspace)
    session.flush()
    if plan.terms.jobs_at_once is not None:
        control.limit(session, [workspace.id], plan.terms.jobs_at_once)
    audit.record(
        session,
        "workspace.created",
        ("workspace", workspace.id),
        by=by.actor,
        after=_state(workspace),
        workspace_id=workspace.id,
    )
    return workspace


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace that somebody is a member of, and as what."""

    workspace: Workspace
    role: Role


def list_for(session: Session, by: Principal) -> list[Place]:
    """The principal's workspaces, in a session of the system; with a key the key's own. By name."""
    mine = select(Workspace, Membership.role).join(Membership, Membership.workspace_id == Workspace.id)
    mine = mine.where(Membership.user_id == by.user_id).order_by(Workspace.name, Workspace.id)
    if by.key is not None:
        mine = mine.where(Workspace.id == by.key.workspace_id)
    return [Place(*row) for row in session.execute(mine)]


def get(session: Session, caller: Caller) -> Workspace:
    caller.require(Action.READ_WORKSPACE)
    return session.scalars(select(Workspace)).one()


class Changes(TypedDict, total=False):
    """What is left out stays as it is."""

    name: str
    timezone: str
    retention_days: int | None
    """How long files are kept; None keeps them until somebody deletes them."""
    brand: BrandDefaults
    """What new projects look like unless told otherwise."""


def change(session: Session, caller: Caller, **wanted: Unpack[Changes]) -> Workspace:
    """All of it or nothing, in one entry of the log. Its address stays, so that links to it do."""
    caller.require(Action.CHANGE_WORKSPACE)
    workspace = _locked(session)
    before = _state(workspace)
    if "name" in wanted:
        workspace.name = checked_name(wanted["name"])
    if "timezone" in wanted:
        workspace.timezone = _checked_timezone(wanted["timezone"])
    if "retention_days" in wanted:
        workspace.retention_days = _checked_retention(wanted["retention_days"])
    if "brand" in wanted:
        workspace.brand = _checked_brand(wanted["brand"]).model_dump(exclude_none=True)
    if before != (after := _state(workspace)):
        target = ("workspace", workspace.id)
        audit.record(session, "workspace.changed", target, by=caller.actor, before=before, after=after)
    return workspace


def _checked_timezone(timezone: str) -> str:
    if timezone not in available_timezones():
        raise Invalid("That is no time zone. Name one as Europe/Berlin or UTC.")
    return timezone


def _checked_retention(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= LONGEST_RETENTION:
        raise Invalid(f"Files can be kept for 1 to {LONGEST_RETENTION} days, or until somebody deletes them.")
    return days


def _checked_brand(brand: BrandDefaults) -> BrandDefaults:
    if brand.style is not None and brand.style not in style_names():
        raise Invalid(f"There is no caption style {brand.style!r}. There are: {', '.join(style_names())}.")
    return brand


def _locked(session: Session) -> Workspace:
    """Two who change it at once do so one after the other, so that each entry tells what was before."""
    return session.scalars(select(Workspace).with_for_update(key_share=True)).one()


def _state(workspace: Workspace) -> dict[str, object]:
    return {
        "name": workspace.name,
        "timezone": workspace.timezone,
        "retention_days": workspace.retention_days,
        "brand": workspace.brand,
    }


def _new_slug(name: str) -> str:
    """Readable, and taken by nobody else: names may be the same."""
    readable = "".join(each if each.isascii() and each.isalnum() else "-" for each in slug(name).lower()).strip("-")
    return f"{readable[:40].strip('-') or 'workspace'}-{secrets.token_hex(4)}"
