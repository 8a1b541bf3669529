"""By which key this database seals: a value that opens with it, so that a process with another one is known as such."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0093"
down_revision = "0092"


def upgrade() -> None:
    # One row, made by the first process that starts; a revision has no key.
    op.execute("""
        CREATE TABLE seal_checks (
            one boolean CONSTRAINT pk_seal_checks PRIMARY KEY DEFAULT true CONSTRAINT ck_seal_checks_one CHECK (one),
            sealed bytea NOT NULL
        )
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON seal_checks TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE seal_checks")
