"""People, workspaces, and who belongs where."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, false, func
from sqlalchemy.dialects.postgresql import ARRAY, INET
from sqlalchemy.orm import Mapped, mapped_column, synonym

from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.tables import text_enum


class Role(StrEnum):
    """What a member may do, from all to least."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class User(Model):
    """A person, in any number of workspaces."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    email: Mapped[str] = mapped_column(CheckConstraint("email LIKE '%_@_%'", name="email"))
    name: Mapped[str]
    # Runs the installation: may look after the jobs of all workspaces.
    is_admin: Mapped[bool] = mapped_column(server_default=false())
    # Empty: nobody has proved yet that it is theirs.
    email_confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def email_confirmed(self) -> bool:
        return self.email_confirmed_at is not None


# One account for an address, however it is written.
Index("uq_users_email", func.lower(User.email), unique=True)


class Password(Model):
    """How a user of a local account signs in; apart from the user, whom others of the workspace may read."""

    __tablename__ = "passwords"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoginSession(Model):
    """A browser that is signed in; of its token only the hash is known."""

    __tablename__ = "login_sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    ip: Mapped[str | None] = mapped_column(INET)


class Recovery(Model):
    """The one way back in that a user may have open at a time; used once."""

    __tablename__ = "recoveries"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class Confirmation(Model):
    """An address that a user is asked to prove; theirs already, or to become theirs. One at a time."""

    __tablename__ = "confirmations"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    email: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class Identity(Model):
    """Who a user is at the service that they sign in with elsewhere."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Organisation(Model):
    """Owns workspaces; its members are members of each of them."""

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OrganisationMember(Model):
    """A user's place in an organisation; the database makes memberships of it."""

    __tablename__ = "organisation_members"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(text_enum(Role))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Workspace(WorkspaceOwned, Model):
    """What everything of a customer belongs to; a workspace's session sees its own row only."""

    __tablename__ = "workspaces"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    workspace_id = synonym("id")
    slug: Mapped[str] = mapped_column(
        CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name="slug"), unique=True
    )
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    # Empty: files are kept until somebody deletes them.
    retention_days: Mapped[int | None] = mapped_column(CheckConstraint("retention_days > 0", name="retention_days"))
    # Empty: it belongs to its owners alone.
    organisation_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organisations.id", ondelete="RESTRICT"), index=True
    )
    # What new projects look like unless told otherwise.
    brand: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    # One that is not defined any more counts as the plan of new workspaces.
    plan: Mapped[str] = mapped_column(default="unlimited", server_default="unlimited")
    # Where it differs from the plan, by the names of `plans.Terms`.
    plan_overrides: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    # Since when its subscription has had monthly periods, by which usage is counted. Empty: months of the calendar.
    period_anchor: Mapped[datetime | None]
    # Copies, for whoever reads this row only; `features/billing` writes them.
    stripe_customer_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_subscription_id: Mapped[str | None] = mapped_column(unique=True)
    # Set: everything of it goes then, unless that is called off before.
    delete_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


Index(None, Workspace.delete_at, postgresql_where=Workspace.delete_at.is_not(None))


class Membership(WorkspaceOwned, Model):
    """A user's place in a workspace."""

    __tablename__ = "memberships"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(text_enum(Role))
    # Set: it came by the organisation. Empty: the role was given in the workspace itself, and counts.
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(WorkspaceOwned, Model):
    """Lets a program act for a member, within its scopes; gone with the membership. Only the hash is known."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["memberships.workspace_id", "memberships.user_id"], ondelete="CASCADE"
        ),
        Index(None, "workspace_id", "user_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    user_id: Mapped[UUID]
    name: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    # The last characters, by which people tell their keys apart.
    ending: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
