"""Why a transaction is not posted, not in headquarters, or not in its channel any more; what has no reason is a
difference."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, text

from commerce.reconcile.channel import Channel, decimals
from commerce.reconcile.dialects import Mark
from commerce.reconcile.headquarters import (
    EXTRA,
    FORGET_PURGED,
    QUARANTINED,
    UNPOSTED_TRANSACTIONS,
    WATERMARKS,
    Database,
)
from commerce.reconcile.result import Difference, Unposted, key_text
from commerce.reconcile.sources import HEADERS
from commerce.schema.uploaded import CUSTOMER_TABLES

SAMPLE = 5
LOST = "transactions of the channel that headquarters lost"
PASSED_OVER = "cash management that financial statements have passed over"
PURGED = "purged from the channel, not compared"
RESTORED = "taken before the channel was restored from a backup, not compared"


@dataclass
class Explained:
    """Collected while channels are read. `left_out`: (store, business date) of which the channel has not everything any
    more."""

    unposted: list[Unposted] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    left_out: set[tuple[str, str]] = field(default_factory=set)

    def add(self, other: Explained) -> None:
        """Take over what was found in another channel."""
        self.unposted += other.unposted
        self.differences += other.differences
        self.unreadable |= other.unreadable
        self.left_out |= other.left_out

    def leave_out(
        self, store: str, day: str, reason: str, transactions: int, amount: Decimal, sample: tuple[str, ...] = ()
    ) -> None:
        """A day that cannot be compared, and why."""
        self.left_out.add((store, day))
        self.unposted.append(Unposted(store, day, reason, transactions, amount, sample))

    def unposted_in_headquarters(self, connection: Connection) -> None:
        """Transactions that headquarters has and has not posted: a reason each, or a difference."""
        for row in connection.execute(UNPOSTED_TRANSACTIONS):
            sample = tuple(row.sample)
            if row.reason is not None:
                self.unposted.append(
                    Unposted(row.store, row.businessdate, row.reason, row.transactions, row.amount, sample)
                )
            else:
                self.differences.append(
                    Difference(
                        row.store,
                        row.businessdate,
                        PASSED_OVER if row.cash else "transactions passed by the quality gate, in no statement",
                        "",
                        Decimal(0),
                        Decimal(row.transactions),
                        sample,
                    )
                )


def explain_headers(
    connection: Connection, channel: Channel, database: Database, where: str, explained: Explained
) -> None:
    """Transactions that only one side has: they wait for the upload, are history, in quarantine or purged; or they are
    lost."""
    marks = {stream: mark for (stream, table), mark in _marks(connection, database).items() if table == HEADERS.table}
    quarantined = {tuple(row) for row in connection.execute(QUARANTINED, {"datastore": database.recid})}
    groups: dict[tuple[str, str, str], list[tuple[str, Decimal]]] = defaultdict(list)
    found = channel.headers(where, marks.get("current", Mark()), marks.get("history", Mark()))
    for store, terminal, transaction, day, amount, by_current, by_history in found:
        history = (cutover := database.stores[store]) is not None and day < cutover
        if (store, terminal, transaction) in quarantined:
            reason = "in quarantine"
        elif not (by_history if history else by_current):
            reason = "history, not uploaded yet" if history else "waits for the upload"
        else:
            reason = LOST
        groups[store, day, reason].append((key_text((terminal, transaction)), _amount(amount)))
    for (store, day, reason), rows in groups.items():
        sample = tuple(name for name, _ in rows[:SAMPLE])
        if reason == LOST:
            explained.differences.append(Difference(store, day, LOST, "", Decimal(len(rows)), Decimal(0), sample))
        else:
            total = sum((amount for _, amount in rows), Decimal(0))
            explained.unposted.append(Unposted(store, day, reason, len(rows), total, sample))
    _explain_extra(connection, channel, database, explained)


def explain_purged(connection: Connection, channel: Channel, database: Database, explained: Explained) -> None:
    """What a register has deleted since is no longer compared: forget it, and its store and business date."""
    lowest = channel.lowest_counter(HEADERS.table)
    for row in connection.execute(FORGET_PURGED, {"datastore": database.recid, "lowest": lowest}):
        explained.leave_out(row.store, row.businessdate, PURGED, row.transactions, row.amount)


def _explain_extra(connection: Connection, channel: Channel, database: Database, explained: Explained) -> None:
    keys = channel.only_in_headquarters(database.stores)
    if not keys:
        return
    stores, terminals, transactions = (list(column) for column in zip(*keys, strict=True))
    rows = connection.execute(
        EXTRA,
        {
            "stores": stores,
            "terminals": terminals,
            "transactions": transactions,
            "datastore": database.recid,
            "incarnation": database.incarnation,
        },
    ).all()
    days: dict[tuple[str, str, bool], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        days[row.store, row.businessdate, row.restored].append(row)
    for (store, day, restored), own in days.items():
        sample = tuple(key_text((row.terminal, row.transactionid)) for row in own[:SAMPLE])
        if restored:
            amount = sum((row.amount for row in own), Decimal(0))
            explained.leave_out(store, day, RESTORED, len(own), amount, sample)
        else:
            explained.differences.append(
                Difference(
                    store, day, "transactions that the channel does not have", "", Decimal(0), Decimal(len(own)), sample
                )
            )


def explain_counters(connection: Connection, channel: Channel, database: Database, explained: Explained) -> None:
    """Rows of the customer tables: each one up to the watermark is in headquarters or in quarantine."""
    marks = _marks(connection, database)
    for table in CUSTOMER_TABLES:
        mark = marks.get(("customers", table.name), Mark())
        taken = _Taken(connection, database, table.name)
        lost = [counter for batch in channel.counters(table.name, mark) for counter in taken.missing(batch.column(0))]
        if lost:
            explained.differences.append(
                Difference(
                    ", ".join(database.stores),
                    "",
                    f"uploaded {table.name}: rows of the channel that headquarters lost",
                    "",
                    Decimal(len(lost)),
                    Decimal(0),
                    tuple(f"counter {counter}" for counter in lost[:SAMPLE]),
                )
            )


def _marks(connection: Connection, database: Database) -> dict[tuple[str, str], Mark]:
    """How far the database is taken, by stream and table."""
    key = {"datastore": database.recid, "incarnation": database.incarnation}
    return {
        (row.stream, row.tablename): Mark(row.replicationcounter, row.roundcounter, row.taken, row.underway)
        for row in connection.execute(WATERMARKS, key)
    }


class _Taken:
    """Which counters headquarters has of a table, in any incarnation, asked for a batch at a time."""

    def __init__(self, connection: Connection, database: Database, table: str) -> None:
        self._connection = connection
        self._parameters = {"datastore": database.recid, "table": table}
        self._query = text(
            "SELECT c.counter FROM unnest(CAST(:counters AS bigint[])) AS c (counter) WHERE NOT EXISTS ("
            f" SELECT FROM ax.{table} AS r WHERE (r.origin, r.replicationcounterfromorigin) = (:datastore, c.counter))"
            " AND NOT EXISTS (SELECT FROM cdx.quarantine AS q"
            " WHERE (q.datastore, q.tablename, q.replicationcounterfromorigin) = (:datastore, :table, c.counter))"
            " ORDER BY 1"
        )

    def missing(self, counters: pa.Array) -> list[int]:
        if len(counters) == 0:
            return []
        return list(self._connection.scalars(self._query, {**self._parameters, "counters": counters.to_pylist()}))


def _amount(value: str | None) -> Decimal:
    amount = decimals(pa.array([value or "0"]))[0].as_py()
    return amount if amount is not None else Decimal(0)
