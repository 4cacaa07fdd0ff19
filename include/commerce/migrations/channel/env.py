"""Alembic environment of a channel database; `commerce.migrations.runner` gives it a connection in a transaction."""

from alembic import context

from commerce.schema.channel import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
)
context.run_migrations()
