"""Registers as histories use them: the channel database, what was written into it, and what job 1010 has shown."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import psycopg
import sqlalchemy as sa
from psycopg import sql

from support.histories.model import Guid, Row, Thing
from support.registers import PostgresqlRegister, Register, SqliteRegister

Views = dict[Thing, dict[str, str]]


@dataclass
class Till(ABC):
    """A register: its channel, what it wrote, and what job 1010 has shown it. `backup`: the three as they were."""

    real: Register
    rows: list[Row] = field(default_factory=list)
    view: Views = field(default_factory=dict)
    accounts: dict[Guid, str] = field(default_factory=dict)
    backup: tuple[list[Row], Views, dict[Guid, str]] | None = None
    stopped: bool = False
    era: int = 0
    """How often it was restored."""
    behind: bool = False
    """Restored, and not distributed to since: it shows what has been overtaken."""

    @property
    def company(self) -> str:
        return self.real.company

    @property
    @abstractmethod
    def is_known_by_its_counters(self) -> bool:
        """Whether a restored backup is noticed by counters alone; else it always is."""

    @abstractmethod
    def _copy_out(self) -> None:
        """Keep a copy of the channel database."""

    @abstractmethod
    def _copy_back(self) -> None:
        """Put the copy in the channel database's place."""

    def chain(self, thing: Thing) -> list[Row]:
        return [row for row in self.rows if row.thing == thing and row.wrong != "unreadable"]

    def back_up(self) -> None:
        self._copy_out()
        self.backup = (list(self.rows), dict(self.view), dict(self.accounts))

    def restore(self) -> list[Row]:
        """The channel is the backup again; returns the rows that are gone."""
        assert self.backup is not None
        self._copy_back()
        self.era += 1
        kept, view, accounts = self.backup
        gone = [row for row in self.rows if row not in kept]
        self.rows, self.view, self.accounts = list(kept), dict(view), dict(accounts)
        self.behind = True
        for row in gone:
            row.lost = self.era
        return gone

    def close(self) -> None:  # noqa: B027  (a file needs nothing)
        """Remove what only this till knows of."""


class SqliteTill(Till):
    real: SqliteRegister
    is_known_by_its_counters = True

    def _copy_out(self) -> None:
        self.real.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.real.path, f"{self.real.path}.backup")

    def _copy_back(self) -> None:
        for suffix in ("-wal", "-shm"):
            self.real.path.with_name(self.real.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(f"{self.real.path}.backup", self.real.path)


class PostgresqlTill(Till):
    real: PostgresqlRegister
    is_known_by_its_counters = False

    def _copy_out(self) -> None:
        self._replace(f"{self._name}_backup", self._name)

    def _copy_back(self) -> None:
        self._replace(self._name, f"{self._name}_backup")

    def close(self) -> None:
        with self._administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(f"{self._name}_backup")))

    @property
    def _name(self) -> str:
        return str(sa.make_url(self.real.url).database)

    def _replace(self, name: str, source: str) -> None:
        with self._administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(source)
                )
            )

    def _administrator(self) -> psycopg.Connection:
        url = sa.make_url(self.real.url)
        given = {**url.translate_connect_args(database="dbname", username="user"), **url.query, "dbname": "postgres"}
        return psycopg.connect("", autocommit=True, **given)
