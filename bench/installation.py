"""A headquarters of the benchmark's own: an embedded server in a temporary folder, and databases cloned from templates.

The demo's company is set up in the first template. Clones are files copied, so every contestant begins with the same.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from commerce import database, server, setup
from commerce.demo import setup_document
from commerce.demo.plan import PLACES, DemoStore
from commerce.demo.write import make_template
from commerce.migrations import upgrade_headquarters

COMPANY_TEMPLATE = "template_company"


@dataclass
class Installation:
    """A running server with the template of a company that has `stores`; everything is below `home`."""

    home: Path
    server: server.Server
    stores: tuple[str, ...]
    _clones: int = field(default=0)

    @property
    def postmaster(self) -> int:
        return self.server.pid

    @property
    def channels(self) -> Path:
        """Folder of the stores' SQLite files."""
        return self.home / "channels"

    def channel(self, store: str) -> Path:
        return self.channels / f"{store}.db"

    def empty_channel(self, store: str) -> Path:
        """A new channel database for `store`, in the place of the one it has."""
        target = self.channel(store)
        for old in self.channels.glob(f"{store}.db*"):
            old.unlink()
        shutil.copyfile(self.home / "channel.db", target)
        return target

    def clone(self, template: str) -> str:
        """A new database like `template`; returns its URL. Dirty pages are written first: nobody pays for others."""
        self._clones += 1
        name = f"clone_{self._clones}"
        with self._administrator() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
            connection.execute("CHECKPOINT")
        return self.server.url(name)

    def keep_as_template(self, url: str, name: str) -> None:
        """Give the database at `url` the name `name`, to be cloned from now on."""
        with self._administrator() as connection:
            old = sql.Identifier(_name(url))
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, sql.Identifier(name)))

    def drop(self, url: str) -> None:
        with self._administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_name(url))))

    def _administrator(self) -> psycopg.Connection:
        return psycopg.connect(dbname="postgres", user="postgres", host=str(self.server.socket_folder), autocommit=True)


@contextlib.contextmanager
def installed(stores: int, *, autovacuum: bool = False) -> Iterator[Installation]:
    """A server with a company of `stores` stores for the block; nothing of it is left afterwards.

    Args:
        autovacuum: without, no vacuum that starts by itself falls upon one contestant and not upon the other.
    """
    home = Path(tempfile.mkdtemp(prefix="commerce-bench-"))
    home.chmod(0o711)  # the server may run as an account of its own
    try:
        running = server.start(home)
        shops = tuple(DemoStore(number, f"S{number:04}", PLACES[number % len(PLACES)]) for number in range(stores))
        (home / "channels").mkdir()
        made = Installation(home, running, tuple(shop.name for shop in shops))
        make_template(home / "channel.db")
        if not autovacuum:
            with made._administrator() as connection:
                connection.execute("ALTER SYSTEM SET autovacuum = off")
                connection.execute("SELECT pg_reload_conf()")
        running.ensure_database(COMPANY_TEMPLATE)
        with engine(running.url(COMPANY_TEMPLATE)) as hq:
            upgrade_headquarters(hq)
            setup_document.write(home / "setup.yaml")
            setup.apply(hq, setup.read(home / "setup.yaml"))
            setup.channels.apply(hq, setup_document.channels(shops, made.channels))
        yield made
    finally:
        server.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def engine(url: str) -> Iterator[Engine]:
    """An engine that leaves no connection behind: a database with connections cannot be cloned."""
    made = database.hq_engine(url)
    try:
        yield made
    finally:
        made.dispose()


def conninfo(url: str) -> str:
    """The URL of one of our databases as libpq takes it."""
    return database.parse_url(url).set(drivername="postgresql").render_as_string()


def _name(url: str) -> str:
    name = database.parse_url(url).database
    assert name is not None
    return name
