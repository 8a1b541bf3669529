"""Who pays for a workspace and what for, what Stripe said that happened, and what owners were told of it."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE
from cliply.migrations.tenancy import protect

revision = "0090"
down_revision = "0082"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE workspaces
            ADD stripe_customer_id text CONSTRAINT uq_workspaces_stripe_customer_id UNIQUE,
            ADD stripe_subscription_id text CONSTRAINT uq_workspaces_stripe_subscription_id UNIQUE;

        CREATE TABLE billing_customers (
            workspace_id uuid NOT NULL,
            customer_id text,
            generation integer DEFAULT 0 NOT NULL,
            asked integer DEFAULT 0 NOT NULL,
            used integer DEFAULT 0 NOT NULL,
            granted text,
            checkout_id text,
            checkout_price text,
            checkouts integer DEFAULT 0 NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            CONSTRAINT pk_billing_customers PRIMARY KEY (workspace_id),
            CONSTRAINT uq_billing_customers_customer_id UNIQUE (customer_id),
            CONSTRAINT ck_billing_customers_used CHECK (used <= asked),
            CONSTRAINT fk_billing_customers_workspace_id_workspaces
                FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE
        );

        CREATE TABLE billing_subscriptions (
            id text NOT NULL,
            workspace_id uuid NOT NULL,
            customer_id text NOT NULL,
            status text NOT NULL,
            price_id text NOT NULL,
            item_id text NOT NULL,
            amount integer NOT NULL,
            currency text NOT NULL,
            period_start timestamptz NOT NULL,
            period_end timestamptz NOT NULL,
            anchor timestamptz NOT NULL,
            trial_end timestamptz,
            cancel_at timestamptz,
            ended_at timestamptz,
            overdue_since timestamptz,
            pending_price_id text,
            pay_url text,
            invoice_id text,
            created_at timestamptz NOT NULL,
            read_at timestamptz DEFAULT now() NOT NULL,
            CONSTRAINT pk_billing_subscriptions PRIMARY KEY (id),
            CONSTRAINT fk_billing_subscriptions_workspace_id_workspaces
                FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE
        );
        CREATE INDEX ix_billing_subscriptions_workspace_id ON billing_subscriptions (workspace_id);

        CREATE TABLE billing_notices (
            workspace_id uuid NOT NULL,
            kind text NOT NULL,
            about text NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            CONSTRAINT pk_billing_notices PRIMARY KEY (workspace_id, kind, about),
            CONSTRAINT fk_billing_notices_workspace_id_workspaces
                FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE
        );

        -- Nobody's yet: whose it is, is found out when it is carried out.
        CREATE TABLE billing_events (
            id text NOT NULL,
            type text NOT NULL,
            customer_id text,
            about text NOT NULL,
            charge_id text,
            created_at timestamptz NOT NULL,
            received_at timestamptz DEFAULT now() NOT NULL,
            applied_at timestamptz,
            CONSTRAINT pk_billing_events PRIMARY KEY (id)
        );
        CREATE INDEX ix_billing_events_received_at ON billing_events (received_at);
        CREATE INDEX ix_billing_events_waiting ON billing_events (received_at) WHERE applied_at IS NULL;
    """)
    protect("billing_customers", app="SELECT, INSERT, UPDATE")
    # What is paid is written where it was read, and by nobody in a workspace's name.
    protect("billing_subscriptions", app="SELECT")
    protect("billing_notices", app="SELECT")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON billing_events TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("""
        DROP TABLE billing_events, billing_notices, billing_subscriptions, billing_customers;
        ALTER TABLE workspaces DROP stripe_customer_id, DROP stripe_subscription_id;
    """)
