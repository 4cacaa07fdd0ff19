"""What the gate judges: pages of stores, and the moment of headquarters in which they are looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from sqlalchemy import Engine

from commerce.database import hq_conninfo
from commerce.quality.rule import relations
from commerce.scope import portions

PAGE = 150
"""Stores of a page: Great Expectations hands back at most 200 failing rows, and each is a store."""

CONNECTIONS = 2
MANY = 20_000
"""Stamped transactions from which on there is a page for each connection, which uses one core."""

_SETTINGS = "-c work_mem=128MB -c default_statistics_target=20"
"""A day's lines are hashed instead of spilled; a few values are enough to plan with."""


def pages(channels: Mapping[int, int]) -> list[list[int]]:
    """Channels, given with their numbers of transactions, cut into pages."""
    connections = CONNECTIONS if sum(channels.values()) >= MANY else 1
    return portions(channels, max(connections, -(-len(channels) // PAGE)), most=PAGE)


class Snapshot(psycopg.Connection[TupleRow]):
    """One transaction with one view of headquarters, whoever commits or closes: Great Expectations ends a transaction
    behind each query. Temporary tables in it hold what several rules read (`make`)."""

    @classmethod
    @contextmanager
    def of(cls, hq: Engine) -> Iterator[Snapshot]:
        """A connection of its own for the block; nothing of it is left afterwards."""
        snapshot = cls.connect(hq_conninfo(hq, "quality gate", _SETTINGS))
        try:
            snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield snapshot
        finally:
            psycopg.Connection.close(snapshot)

    def make(self, run: int, channels: Collection[int]) -> None:
        """Make what rules read of the transactions that `run` has stamped in `channels`, in the place of other ones."""
        ids = "TRUE"
        for name, query in relations(run, channels).items():
            self._run(f"DROP TABLE IF EXISTS pg_temp.{name}")
            self._run(f"CREATE TEMP TABLE {name} AS {query.replace('{ids}', ids)}")
            self._run(f"ANALYZE {name}")
            if name == "stamped":
                ids = self._between()

    def _run(self, statement: str) -> None:
        self.execute(statement.encode())

    def _between(self) -> str:
        """A condition on transaction ids: an index is read from the first of them to the last."""
        first, last = self.execute("SELECT min(transactionid), max(transactionid) FROM stamped").fetchall()[0]
        return f"r.transactionid BETWEEN {sql.Literal(first).as_string(self)} AND {sql.Literal(last).as_string(self)}"

    def commit(self) -> None:
        """Go on with the transaction."""

    def rollback(self) -> None:
        """Go on with the transaction; after an error it answers nothing any more."""

    def close(self) -> None:
        """Stay open: the block ends it."""
