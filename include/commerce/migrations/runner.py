"""Bring a database to the newest revision, in one transaction, from code instead of an alembic.ini."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from commerce.schema import channel, headquarters

History = Literal["headquarters", "channel"]

VERSION_SCHEMAS = {"headquarters": "cdx", "channel": "crt"}
"""Where a database on PostgreSQL keeps its revision; SQLite keeps it beside the channel tables."""

BEFORE_POSTGRESQL = "0003"
"""The last revision of channel databases that knew SQLite only: on PostgreSQL they begin with the one after it."""

_FOLDER = Path(__file__).parent


def upgrade_headquarters(engine: Engine) -> None:
    """Create or upgrade the headquarters tables. Callers may race: the later one waits and finds nothing to do."""
    with engine.begin() as connection:
        _prepare(connection, headquarters.SCHEMAS)
        command.upgrade(config("headquarters", connection), "head")


def upgrade_channel(engine: Engine) -> None:
    """Create or upgrade the tables of a channel database (SQLite or PostgreSQL) that this project makes: of a new
    store, a demo, a test."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # A property of the file: readers do not block the register, nor the register readers.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.begin() as connection:
        settings = config("channel", connection)
        if engine.dialect.name == "postgresql":
            _prepare(connection, channel.SCHEMAS)
            if not sa.inspect(connection).has_table("alembic_version", schema=VERSION_SCHEMAS["channel"]):
                command.stamp(settings, BEFORE_POSTGRESQL)
        command.upgrade(settings, "head")


def channel_head() -> str:
    """The newest revision of channel databases."""
    return str(ScriptDirectory.from_config(_folders("channel")).get_current_head())


def _prepare(connection: Connection, schemas: Sequence[str]) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('commerce migration', 0))"))
    for schema in schemas:
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))


def config(history: History, connection: Connection) -> Config:
    """Alembic's configuration for one history of revisions, on a connection with an open transaction."""
    settings = _folders(history)
    settings.attributes.update(connection=connection, history=history)
    return settings


def _folders(history: History) -> Config:
    settings = Config()
    for option, value in {
        "script_location": str(_FOLDER),
        "version_locations": str(_FOLDER / history),
        "path_separator": "newline",
        "file_template": "%(rev)s_%(slug)s",
    }.items():
        settings.set_main_option(option, value.replace("%", "%%"))
    return settings
