"""Why a transaction is not posted, not in headquarters, or not in its channel any more; what has no reason is a
difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
from sqlalchemy import Connection, text

from commerce.reconcile.channel import Channel, decimals
from commerce.reconcile.headquarters import (
    PURGED,
    QUARANTINED,
    UNPOSTED_TRANSACTIONS,
    WATERMARKS,
    Database,
)
from commerce.reconcile.result import Difference, Unposted, key_text
from commerce.reconcile.sources import HEADERS
from commerce.schema.uploaded import CUSTOMER_TABLES

SAMPLE = 5


@dataclass
class Explained:
    """Collected while channels are read. `purged`: (store, business date) of which the channel keeps only a part."""

    unposted: list[Unposted] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    purged: set[tuple[str, str]] = field(default_factory=set)

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
                        "transactions passed by the quality gate, in no statement",
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
    marks = {
        row.stream: row.replicationcounter
        for row in connection.execute(WATERMARKS, {"datastore": database.recid, "incarnation": database.incarnation})
        if row.tablename == HEADERS.table
    }
    quarantined = {tuple(row) for row in connection.execute(QUARANTINED, {"datastore": database.recid})}
    groups: dict[tuple[str, str, str], list[tuple[str, Decimal]]] = defaultdict(list)
    for store, terminal, transaction, day, counter, gross in channel.headers(where):
        history = (cutover := database.stores[store]) is not None and day < cutover
        mark = marks.get("history" if history else "current", 0)
        if (store, terminal, transaction) in quarantined:
            reason = "in quarantine"
        elif counter > mark:
            reason = "history, not uploaded yet" if history else "waits for the upload"
        else:
            reason = LOST
        groups[store, day, reason].append((key_text((terminal, transaction)), _amount(gross)))
    for (store, day, reason), rows in groups.items():
        sample = tuple(name for name, _ in rows[:SAMPLE])
        if reason == LOST:
            explained.differences.append(Difference(store, day, LOST, "", Decimal(len(rows)), Decimal(0), sample))
        else:
            total = sum((amount for _, amount in rows), Decimal(0))
            explained.unposted.append(Unposted(store, day, reason, len(rows), total, sample))
    _explain_extra(connection, channel, database, explained)


LOST = "transactions of the channel that headquarters lost"
EXTRA = "transactions that the channel does not have"


def _explain_extra(connection: Connection, channel: Channel, database: Database, explained: Explained) -> None:
    extra = channel.only_in_headquarters(database.stores)
    if not extra:
        return
    _, lowest, _ = channel.counters(HEADERS.table)
    purged = connection.execute(
        PURGED, {"datastore": database.recid, "incarnation": database.incarnation, "lowest": lowest}
    ).all()
    for row in purged:
        explained.purged.add((row.store, row.businessdate))
        explained.unposted.append(
            Unposted(row.store, row.businessdate, "purged from the channel, not compared", row.transactions, row.amount)
        )
    days: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, day in _days(connection, extra):
        days[key[0], day].append(key_text(key[1:]))
    for (store, day), names in days.items():
        if (store, day) not in explained.purged:
            count = Decimal(len(names))
            explained.differences.append(
                Difference(store, day, EXTRA, "", Decimal(0), count, tuple(sorted(names)[:SAMPLE]))
            )


def _days(connection: Connection, keys: Iterable[tuple[str, str, str]]) -> Iterable[tuple[tuple[str, str, str], str]]:
    stores, terminals, transactions = zip(*keys, strict=True)
    rows = connection.execute(
        text(
            "SELECT store, terminal, transactionid, businessdate::text FROM known JOIN unnest(CAST(:stores AS text[]),"
            " CAST(:terminals AS text[]), CAST(:transactions AS text[])) AS k (store, terminal, transactionid)"
            " USING (store, terminal, transactionid)"
        ),
        {"stores": list(stores), "terminals": list(terminals), "transactions": list(transactions)},
    )
    return [((row[0], row[1], row[2]), row[3]) for row in rows]


def explain_counters(connection: Connection, channel: Channel, database: Database, explained: Explained) -> None:
    """Rows of the customer tables: each one up to the watermark is in headquarters or in quarantine."""
    marks = {
        row.tablename: row.replicationcounter
        for row in connection.execute(WATERMARKS, {"datastore": database.recid, "incarnation": database.incarnation})
        if row.stream == "customers"
    }
    for table in CUSTOMER_TABLES:
        mark = marks.get(table.name, 0)
        taken = _Taken(connection, database, table.name)
        lost = [
            counter for batch in channel.counters_up_to(table.name, mark) for counter in taken.missing(batch.column(0))
        ]
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


class _Taken:
    """Which counters headquarters has of a table, asked for a batch at a time."""

    def __init__(self, connection: Connection, database: Database, table: str) -> None:
        self._connection = connection
        self._parameters = {"datastore": database.recid, "incarnation": database.incarnation, "table": table}
        self._query = text(
            "SELECT c.counter FROM unnest(CAST(:counters AS bigint[])) AS c (counter) WHERE NOT EXISTS ("
            f" SELECT FROM ax.{table} AS r WHERE (r.origin, r.incarnation, r.replicationcounterfromorigin)"
            " = (:datastore, :incarnation, c.counter)) AND NOT EXISTS ("
            " SELECT FROM cdx.quarantine AS q WHERE (q.datastore, q.incarnation, q.tablename,"
            " q.replicationcounterfromorigin) = (:datastore, :incarnation, :table, c.counter)) ORDER BY 1"
        )

    def missing(self, counters: pa.Array) -> list[int]:
        if len(counters) == 0:
            return []
        return list(self._connection.scalars(self._query, {**self._parameters, "counters": counters.to_pylist()}))


def _amount(value: str | None) -> Decimal:
    amount = decimals(pa.array([value or "0"]))[0].as_py()
    return amount if amount is not None else Decimal(0)
