"""How publications do at their networks: figures at fixed ages, each once."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0070"
down_revision = "0063"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE performances (
            publication_id uuid CONSTRAINT pk_performances PRIMARY KEY
                CONSTRAINT fk_performances_publication_id_publications REFERENCES publications ON DELETE CASCADE,
            workspace_id uuid NOT NULL
                CONSTRAINT fk_performances_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            counts_from timestamptz NOT NULL,
            next_at timestamptz,
            attempts integer NOT NULL DEFAULT 0,
            standing text CONSTRAINT ck_performances_standing
                CHECK (standing IN ('shown', 'private', 'hidden', 'gone')),
            gone_at timestamptz,
            problem text,
            -- What is gone is not asked about again.
            CONSTRAINT ck_performances_gone CHECK (
                (standing IS NOT DISTINCT FROM 'gone') = (gone_at IS NOT NULL) AND (gone_at IS NULL OR next_at IS NULL))
        )
    """)
    op.execute("CREATE INDEX ix_performances_workspace_id ON performances (workspace_id)")
    op.execute("CREATE INDEX ix_performances_next_at ON performances (next_at) WHERE next_at IS NOT NULL")
    op.execute("""
        CREATE TABLE snapshots (
            publication_id uuid NOT NULL
                CONSTRAINT fk_snapshots_publication_id_publications REFERENCES publications ON DELETE CASCADE,
            age_hours integer NOT NULL CONSTRAINT ck_snapshots_age_hours
                CHECK (age_hours IN (1, 3, 6, 24, 72, 168, 672)),
            workspace_id uuid NOT NULL
                CONSTRAINT fk_snapshots_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            taken_at timestamptz NOT NULL,
            views bigint CONSTRAINT ck_snapshots_views CHECK (views >= 0),
            likes bigint CONSTRAINT ck_snapshots_likes CHECK (likes >= 0),
            comments bigint CONSTRAINT ck_snapshots_comments CHECK (comments >= 0),
            shares bigint CONSTRAINT ck_snapshots_shares CHECK (shares >= 0),
            watched_seconds double precision CONSTRAINT ck_snapshots_watched_seconds CHECK (watched_seconds >= 0),
            average_share_watched double precision CONSTRAINT ck_snapshots_average_share_watched
                CHECK (average_share_watched >= 0),
            CONSTRAINT pk_snapshots PRIMARY KEY (publication_id, age_hours)
        )
    """)
    op.execute("CREATE INDEX ix_snapshots_workspace_id ON snapshots (workspace_id)")
    op.execute("""
        CREATE INDEX ix_publications_published_at ON publications (workspace_id, published_at)
        WHERE published_at IS NOT NULL
    """)
    for table in ("performances", "snapshots"):
        protect(table)


def downgrade() -> None:
    op.execute("DROP INDEX ix_publications_published_at")
    op.execute("DROP TABLE snapshots, performances")
