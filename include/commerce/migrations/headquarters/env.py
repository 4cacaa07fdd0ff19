"""Alembic environment of headquarters; `commerce.migrations.runner` gives it a connection in a transaction."""

from alembic import context

from commerce.migrations.runner import VERSION_SCHEMA
from commerce.schema.headquarters import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=VERSION_SCHEMA,
    include_schemas=True,
    compare_server_default=True,
)
context.run_migrations()
