"""The Alembic environment of both histories; `commerce.migrations.runner` says which one and gives it a connection."""

from collections.abc import Iterable
from typing import Any

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from commerce.migrations.runner import VERSION_SCHEMA
from commerce.schema import channel, headquarters


def _drop_empty(
    _context: MigrationContext, _revision: str | Iterable[str | None] | Iterable[str], scripts: list[MigrationScript]
) -> None:
    """Autogeneration that finds no change writes no file."""
    scripts[:] = [script for script in scripts if script.upgrade_ops is None or not script.upgrade_ops.is_empty()]


_OPTIONS: dict[str, dict[str, Any]] = {
    "headquarters": {
        "target_metadata": headquarters.metadata,
        "version_table_schema": VERSION_SCHEMA,
        "include_schemas": True,
    },
    "channel": {"target_metadata": channel.metadata, "render_as_batch": True},
}

context.configure(
    connection=context.config.attributes["connection"],
    compare_server_default=True,
    process_revision_directives=_drop_empty,
    **_OPTIONS[context.config.attributes["history"]],
)
context.run_migrations()
