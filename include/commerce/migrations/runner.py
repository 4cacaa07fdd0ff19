"""Bring a database to the newest revision, in one transaction, from code instead of an alembic.ini."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

_FOLDER = Path(__file__).parent
VERSION_SCHEMA = "cdx"
"""Where headquarters keeps its revision; a channel database keeps it beside the channel tables."""


def upgrade_headquarters(engine: Engine) -> None:
    """Create or upgrade the headquarters tables. Callers may race: the later one waits and finds nothing to do."""
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('commerce migration', 0))"))
        for schema in ("ax", VERSION_SCHEMA):
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        _upgrade(connection, "headquarters")


def upgrade_channel(engine: Engine) -> None:
    """Create or upgrade the tables of a channel database that this project makes (demo, tests, new stores)."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # A property of the file: readers do not block the register, nor the register readers.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.begin() as connection:
        _upgrade(connection, "channel")


def config(environment: str, connection: Connection) -> Config:
    """Alembic's configuration of one environment ("headquarters" or "channel") on an open transaction."""
    settings = Config()
    settings.set_main_option("script_location", str(_FOLDER / environment).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


def _upgrade(connection: Connection, environment: str) -> None:
    command.upgrade(config(environment, connection), "head")
