"""Alembic's entry: runs the revisions on the connection that `cliply.infra.schema` hands over."""

from alembic import context

from cliply.infra.db import Model

context.configure(connection=context.config.attributes["connection"], target_metadata=Model.metadata)
context.run_migrations()
