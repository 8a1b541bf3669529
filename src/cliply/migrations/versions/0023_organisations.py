"""Organisations, which own workspaces."""

from pathlib import Path

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE
from cliply.migrations.tenancy import protect

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("APP_ROLE", APP_ROLE))
    # A workspace's session may know who is in its organisation, so that its triggers do; names are the system's.
    own = """
        EXISTS (
            SELECT FROM workspaces w
            WHERE w.id = current_workspace() AND w.organisation_id = organisation_members.organisation_id)
    """
    protect("organisation_members", own=own, app="SELECT")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON organisations TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("""
        DROP TRIGGER membership_ended ON memberships;
        DROP TRIGGER membership_given ON memberships;
        DROP TRIGGER workspace_made_in_organisation ON workspaces;
        DROP TRIGGER workspace_changed_organisation ON workspaces;
        DROP TABLE organisation_members;
        -- Those who were there by the organisation alone are there no more.
        DELETE FROM memberships WHERE organisation_id IS NOT NULL;
        ALTER TABLE memberships DROP organisation_id;
        ALTER TABLE workspaces DROP organisation_id;
        DROP TABLE organisations;
        DROP FUNCTION membership_ended(), membership_given(), workspace_changed_organisation(),
            organisation_member_changed();
    """)
