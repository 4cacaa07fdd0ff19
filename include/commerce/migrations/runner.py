"""Bring a database to the newest revision, in one transaction, from code instead of an alembic.ini."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

History = Literal["headquarters", "channel"]

VERSION_SCHEMA = "cdx"
"""Where headquarters keeps its revision; a channel database keeps it beside the channel tables."""

_FOLDER = Path(__file__).parent


def upgrade_headquarters(engine: Engine) -> None:
    """Create or upgrade the headquarters tables. Callers may race: the later one waits and finds nothing to do."""
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('commerce migration', 0))"))
        for schema in ("ax", VERSION_SCHEMA):
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        command.upgrade(config("headquarters", connection), "head")


def upgrade_channel(engine: Engine) -> None:
    """Create or upgrade the tables of a channel database that this project makes (demo, tests, new stores)."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # A property of the file: readers do not block the register, nor the register readers.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.begin() as connection:
        command.upgrade(config("channel", connection), "head")


def config(history: History, connection: Connection) -> Config:
    """Alembic's configuration for one history of revisions, on a connection with an open transaction."""
    settings = Config()
    for option, value in {
        "script_location": str(_FOLDER),
        "version_locations": str(_FOLDER / history),
        "path_separator": "newline",
        "file_template": "%(rev)s_%(slug)s",
    }.items():
        settings.set_main_option(option, value.replace("%", "%%"))
    settings.attributes.update(connection=connection, history=history)
    return settings
