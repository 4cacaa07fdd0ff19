"""``python -m commerce.migrations NAME`` (``make migration``): write a revision for what changed in `commerce.schema`.

Alembic's autogeneration against scratch databases at the newest revision; no file where nothing changed. It sees
tables, columns, keys and indexes. Checks, views and anything renamed are written by hand;
`tests/integration/test_migrations.py` finds what is missing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from commerce import database, server
from commerce.migrations.runner import History, config, upgrade_channel, upgrade_headquarters


def main(name: str) -> None:
    """Write the revisions called `name` into the source tree."""
    with tempfile.TemporaryDirectory(prefix="commerce-") as folder:
        home = Path(folder)
        hq = database.hq_engine(server.start(home).url("hq"))
        try:
            upgrade_headquarters(hq)
            _write_revision("headquarters", hq, name)
        finally:
            hq.dispose()
            server.stop(home)
        channel = sa.create_engine("sqlite://")
        upgrade_channel(channel)
        _write_revision("channel", channel, name)


def _write_revision(history: History, engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        settings = config(history, connection)
        head = ScriptDirectory.from_config(settings).get_current_head() or "0"
        command.revision(settings, name.replace("_", " "), autogenerate=True, rev_id=f"{int(head) + 1:04d}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Name what changed: make migration NAME="customer_groups_have_a_currency"')
    main(sys.argv[1])
