"""Read a channel database: rows stream out as text and are summed here, exactly, batch by batch.

SQLite would sum decimals as floats, so a channel only joins and hands out rows. What headquarters knows of each
transaction is put into a temporary table beside it, so that memory is bounded by a batch and by the number of sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from commerce.reconcile.dialects import COUNTER, Mark, connect
from commerce.reconcile.sources import (
    ABSENT,
    AMOUNT_SQL,
    EDITED,
    GROUP,
    HEADERS,
    KIND_SQL,
    LINES,
    POSTED,
    REAL_SQL,
    UNPOSTED,
    VOIDED,
    Source,
)

MONEY = pa.decimal128(32, 6)
SUM = pa.decimal128(38, 6)

DAY = "substr(CAST(h.businessdate AS TEXT), 1, 10)"
"""A header's business date as ISO text: SQLite keeps text, PostgreSQL a date."""

SUMS = pa.schema(
    [*((name, pa.string()) for name in (*GROUP, "table", "column")), ("rows", pa.int64()), ("amount", SUM)]
)
"""Long form: a row per group, table and amount column; `rows` is how many rows were summed."""

KNOWN = pa.schema(
    [("store", pa.string()), ("terminal", pa.string()), ("transactionid", pa.string()), ("posted", pa.int64())]
)
"""What headquarters knows: the keys of its real transactions, `posted` 1 or 0, 2 where a person has edited one."""


class Channel:
    """A channel database, opened read-only.

    Raises:
        StoreError: it is not there or cannot be read.
    """

    def __init__(self, url: str) -> None:
        self._database = connect(url)

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._database.rows(statement)

    def remember(self, known: Iterable[pa.RecordBatch]) -> None:
        """Put headquarters' transactions beside the channel's (temp table `known`), and the voided lines (`voided`)."""
        database = self._database
        database.keep("known", KNOWN, known)
        database.index("known", "store, terminal, transactionid", unique=True)
        database.execute(
            f"CREATE TEMP TABLE voided AS SELECT store, terminalid, transactionid, CAST(linenum AS {database.exact})"
            f" AS linenum FROM {LINES.table} WHERE transactionstatus = {VOIDED}"
        )
        database.index("voided", "store, terminalid, transactionid, linenum")

    def sums(self, source: Source, where: str) -> pa.Table:
        """Sums of a table's amounts (`SUMS`) over the headers `h` of `where`."""
        own = source is HEADERS
        joins = "" if own else f" JOIN {source.table} AS r ON {source.on_header}"
        if source.of_line:
            store, terminal, transaction = source.columns
            joins += (
                f" LEFT JOIN {self._database.temporary}.voided AS v ON v.store = r.{store}"
                f" AND v.terminalid = r.{terminal}"
                f" AND v.transactionid = r.{transaction} AND v.linenum = CAST(r.salelinenum AS {self._database.exact})"
            )
        amounts = ", ".join(f"coalesce(CAST({sql} AS TEXT), '0') AS {name}" for name, sql in source.sums.items())
        statement = (
            f"SELECT h.store, {DAY} AS businessdate, {KIND_SQL} AS kind,"
            f" CASE k.posted WHEN 1 THEN '{POSTED}' WHEN 0 THEN '{UNPOSTED}' WHEN 2 THEN '{EDITED}'"
            f" ELSE '{ABSENT}' END AS disposition,"
            f" CAST({source.live} AS TEXT) AS live, coalesce(CAST({source.key} AS TEXT), '') AS key, {amounts}"
            " FROM retailtransactiontable AS h"
            f" LEFT JOIN {self._database.temporary}.known AS k ON k.store = h.store AND k.terminal = h.terminal"
            f" AND k.transactionid = h.transactionid{joins} WHERE {where} AND {source.only}"
        )
        return _long(source, self._summed(statement, tuple(source.sums)))

    def headers(self, where: str, current: Mark, history: Mark) -> list[tuple[Any, ...]]:
        """The headers of `where` that headquarters does not have: store, terminal, transaction id, business date,
        amount, and whether the stream of current transactions, and that of history, has taken them (1 or 0)."""
        return self.rows(
            f"SELECT h.store, h.terminal, h.transactionid, {DAY}, CAST({AMOUNT_SQL} AS TEXT),"
            f" CASE WHEN {self._database.is_taken('h', current)} THEN 1 ELSE 0 END,"
            f" CASE WHEN {self._database.is_taken('h', history)} THEN 1 ELSE 0 END FROM {HEADERS.table} AS h"
            f" LEFT JOIN {self._database.temporary}.known AS k ON k.store = h.store AND k.terminal = h.terminal"
            f" AND k.transactionid = h.transactionid WHERE k.store IS NULL AND {where}"
            " ORDER BY h.store, h.terminal, h.transactionid"
        )

    def only_in_headquarters(self, stores: Iterable[str]) -> list[tuple[str, str, str]]:
        """Keys that headquarters has and the channel does not."""
        return [
            (store, terminal, transaction)
            for store, terminal, transaction in self.rows(
                f"SELECT k.store, k.terminal, k.transactionid FROM {self._database.temporary}.known AS k"
                " LEFT JOIN retailtransactiontable AS h ON h.store = k.store AND h.terminal = k.terminal"
                f" AND h.transactionid = k.transactionid WHERE h.store IS NULL AND k.store IN ({literals(stores)})"
                " ORDER BY k.store, k.terminal, k.transactionid"
            )
        ]

    def lowest_counter(self, table: str) -> int:
        """The lowest counter of the rows of `table`; of an emptied table, the one that it would hand out next."""
        ((lowest,),) = self.rows(
            f"SELECT coalesce((SELECT min({COUNTER}) FROM {table}), {self._database.next_counter(table)}, 0)"
        )
        return int(lowest)

    def counters(self, table: str, mark: Mark) -> Iterator[pa.RecordBatch]:
        """The counters of the rows of a table that headquarters says it has taken."""
        yield from self._database.batches(
            f"SELECT c.{COUNTER} AS counter FROM {table} AS c WHERE {self._database.is_taken('c', mark)} ORDER BY 1"
        )

    def _summed(self, statement: str, amounts: tuple[str, ...]) -> pa.Table:
        partial: list[pa.Table] = []
        for batch in self._database.batches(statement):
            if batch.num_rows == 0:
                continue
            columns = {name: pc.cast(batch[name], pa.string()) for name in GROUP}
            columns |= {name: decimals(batch[name]) for name in amounts}
            partial.append(_group(pa.table(columns), amounts, first=True))
        return _group(pa.concat_tables(partial), amounts, first=False) if partial else pa.table({})


def header_condition(stores: Iterable[str], date_from: date | None, date_to: date | None) -> str:
    """Condition on a channel's header `h`: real, of these stores, in these business dates (ISO text)."""
    condition = f"{REAL_SQL} AND h.store IN ({literals(stores)})"
    if date_from is not None:
        condition += f" AND {DAY} >= '{date_from.isoformat()}'"
    if date_to is not None:
        condition += f" AND {DAY} <= '{date_to.isoformat()}'"
    return condition


def literals(values: Iterable[str]) -> str:
    """SQL text of a list of strings."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values) or "NULL"


def decimals(column: pa.Array) -> pa.Array:
    """Text to exact decimals. What is no number (headquarters has quarantined such a row) counts as nothing."""
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    try:
        return pc.cast(text, MONEY)
    except pa.ArrowInvalid:
        return pa.array([_decimal(value) for value in text.to_pylist()], MONEY)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
        return value.quantize(Decimal("0.000001")) if value.is_finite() and abs(value) < Decimal(10) ** 26 else None
    except InvalidOperation:
        return None


def _group(table: pa.Table, amounts: tuple[str, ...], *, first: bool) -> pa.Table:
    """Sum by `GROUP`; the first time rows are counted, later their counts are added."""
    count = ([], "count_all") if first else ("rows", "sum")
    grouped = table.group_by(list(GROUP)).aggregate([count, *((name, "sum") for name in amounts)])
    columns = {name: grouped[name] for name in GROUP}
    columns["rows"] = pc.cast(grouped["count_all" if first else "rows_sum"], pa.int64())
    columns |= {name: pc.cast(grouped[f"{name}_sum"], SUM) for name in amounts}
    return pa.table(columns)


def _long(source: Source, summed: pa.Table) -> pa.Table:
    """A row per amount column instead of a column per amount."""
    if summed.num_rows == 0:
        return SUMS.empty_table()
    tables = []
    for name in source.sums:
        columns = {group: summed[group] for group in GROUP}
        columns["table"] = pa.array([source.table] * summed.num_rows)
        columns["column"] = pa.array([name] * summed.num_rows)
        columns |= {"rows": summed["rows"], "amount": pc.fill_null(summed[name], pa.scalar(Decimal(0), SUM))}
        tables.append(pa.table(columns).cast(SUMS))
    return pa.concat_tables(tables)
