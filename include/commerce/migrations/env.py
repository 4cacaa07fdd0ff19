"""The Alembic environment of both histories; `commerce.migrations.runner` says which one and gives it a connection."""

from collections.abc import Iterable
from typing import Any

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from commerce.migrations.runner import VERSION_SCHEMAS
from commerce.schema import channel, headquarters


def _drop_empty(
    _context: MigrationContext, _revision: str | Iterable[str | None] | Iterable[str], scripts: list[MigrationScript]
) -> None:
    """Autogeneration that finds no change writes no file."""
    scripts[:] = [script for script in scripts if script.upgrade_ops is None or not script.upgrade_ops.is_empty()]


def _options(history: str, dialect: str) -> dict[str, Any]:
    if history == "channel" and dialect == "sqlite":
        return {"target_metadata": channel.SQLITE.metadata, "render_as_batch": True}
    metadata = headquarters.metadata if history == "headquarters" else channel.POSTGRESQL.metadata
    schemas = headquarters.SCHEMAS if history == "headquarters" else channel.SCHEMAS
    return {
        "target_metadata": metadata,
        "version_table_schema": VERSION_SCHEMAS[history],
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name in schemas,
    }


_connection = context.config.attributes["connection"]
context.configure(
    connection=_connection,
    compare_server_default=True,
    process_revision_directives=_drop_empty,
    **_options(context.config.attributes["history"], _connection.dialect.name),
)
context.run_migrations()
