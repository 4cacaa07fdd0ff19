"""Job 1010, first half: packages for a channel database group (domain A7), made of the customers in its outbox.

Claim, package and session are one transaction: what is claimed is in a package or waits again. Parts are Arrow IPC
with zstd, at most 16 MB each, small enough that a channel applies one in a short write transaction.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import pyarrow as pa
from sqlalchemy import Column, DateTime, Engine, Integer, Numeric, Table
from sqlalchemy.types import TypeEngine

from commerce.database import retry_transient, try_advisory_lock
from commerce.errors import StoreError
from commerce.exchange.arrow import ArrowConnection
from commerce.schema.channel import DOWNLOADED_TABLES
from commerce.schema.enums import DownloadSessionStatus as Status

CUSTOMERS = 20_000
"""Customers in one session."""

PART_ROWS = 20_000
PART_BYTES = 16 * 1024 * 1024
WAIT_SECONDS = 600

_PART = pa.schema(
    [
        ("session", pa.int64()),
        ("part", pa.int32()),
        ("tablename", pa.string()),
        ("rows", pa.int64()),
        ("checksum", pa.string()),
        ("data", pa.binary()),
    ]
)
"""`cdx.packagepart` as Arrow: a binary COPY takes integers only in the width of their column."""

_ACCOUNT = "(t.dataareaid, t.{account}) IN (SELECT k.dataareaid, k.accountnum FROM claimed AS k)"
_ROWS: dict[str, str] = {
    "dirpartytable": "t.recid IN (SELECT p.recid FROM claimed_party AS p)",
    "dirpersonname": "t.person IN (SELECT p.recid FROM claimed_party AS p)",
    "custtable": _ACCOUNT.format(account="accountnum"),
    "retailcusttable": _ACCOUNT.format(account="accountnum"),
    "custaccountasyncmap": _ACCOUNT.format(account="accountnum"),
    "logisticslocation": "t.recid IN (SELECT l.recid FROM claimed_location AS l)",
    "logisticspostaladdress": "t.location IN (SELECT l.recid FROM claimed_location AS l)",
    "logisticselectronicaddress": "t.location IN (SELECT l.recid FROM claimed_location AS l)",
    "dirpartylocation": "t.party IN (SELECT p.recid FROM claimed_party AS p)",
    "asyncaddressmap": _ACCOUNT.format(account="accountnum"),
    "retailcustaffiliation": _ACCOUNT.format(account="custaccountnum"),
    "retailcustattributevalue": _ACCOUNT.format(account="accountnum"),
}
"""Which rows of a downloaded table (t) belong to the claimed customers."""


def build(hq: Engine, data_group: int) -> int:
    """Package everything in the group's outbox, a bounded number of customers a session; returns the number of
    customers.

    Raises:
        StoreError: somebody else has been packaging for this group for too long.
    """
    with try_advisory_lock(hq, f"1010 package {data_group}", WAIT_SECONDS) as held:
        if not held:
            raise StoreError("distribution busy: somebody else is making packages for this group; distribute again.")
        with ArrowConnection(hq, "package") as connection:
            for statement in (
                "CREATE TEMPORARY TABLE claimed (dataareaid varchar(4), accountnum varchar(20))",
                "CREATE TEMPORARY TABLE claimed_party (recid bigint)",
                "CREATE TEMPORARY TABLE claimed_location (recid bigint)",
            ):
                connection.execute(statement)
            customers = 0
            while packed := retry_transient(lambda: _build_session(connection, data_group)):
                customers += packed
            return customers


def _build_session(connection: ArrowConnection, data_group: int) -> int:
    """One session with its package; returns its number of customers, 0 when nothing waits."""
    waiting = f"session IS NULL AND datagroup = {data_group}"
    if not connection.rows(f"SELECT 1 FROM cdx.outbox WHERE {waiting} LIMIT 1"):
        return 0
    with connection.transaction():
        connection.execute("TRUNCATE claimed, claimed_party, claimed_location")
        ((session,),) = connection.rows(
            "INSERT INTO cdx.retailcdxdownloadsession (datagroup, status)"
            f" VALUES ({data_group}, {int(Status.STARTED)}) RETURNING session"
        )
        # A row that is locked belongs to a change that has not committed: it waits for the next package.
        customers = connection.execute(
            f"""
            WITH picked AS (
                SELECT outboxid FROM cdx.outbox WHERE {waiting}
                ORDER BY outboxid LIMIT {CUSTOMERS} FOR UPDATE SKIP LOCKED
            ), taken AS (
                UPDATE cdx.outbox AS o SET session = {session} FROM picked AS p WHERE o.outboxid = p.outboxid
                RETURNING o.dataareaid, o.accountnum
            )
            INSERT INTO claimed SELECT dataareaid, accountnum FROM taken
            """
        )
        if not customers:
            connection.execute(f"DELETE FROM cdx.retailcdxdownloadsession WHERE session = {session}")
            return 0
        connection.execute(
            "INSERT INTO claimed_party SELECT DISTINCT c.party FROM ax.custtable AS c"
            " JOIN claimed AS k USING (dataareaid, accountnum)"
        )
        connection.execute("ANALYZE claimed")
        connection.execute("ANALYZE claimed_party")
        connection.execute(
            "INSERT INTO claimed_location SELECT DISTINCT l.location FROM ax.dirpartylocation AS l"
            " JOIN claimed_party AS p ON p.recid = l.party"
        )
        connection.execute("ANALYZE claimed_location")
        _pack(connection, int(session))
        connection.execute(
            f"INSERT INTO cdx.retailcdxdownloadsessiondatastore (session, datastore, status)"
            f" SELECT {session}, recid, {int(Status.AVAILABLE)} FROM cdx.retailconndatabaseprofile"
            f" WHERE datagroup = {data_group}"
        )
    return customers


def _pack(connection: ArrowConnection, session: int) -> None:
    """Write the parts of the session and make it available."""
    part, rows, size, checksums = 0, 0, 0, hashlib.sha256()
    for table in DOWNLOADED_TABLES:
        content = connection.table(_select(table))
        for data, count in encode(content):
            part += 1
            rows += count
            size += len(data)
            checksum = hashlib.sha256(data).hexdigest()
            checksums.update(checksum.encode())
            one = {"session": session, "part": part, "tablename": table.name, "rows": count, "checksum": checksum}
            connection.append("packagepart", pa.Table.from_pylist([{**one, "data": data}], _PART), schema="cdx")
    connection.execute(
        f"UPDATE cdx.retailcdxdownloadsession SET status = {int(Status.AVAILABLE)}, rowsaffected = {rows},"
        f" filesize = {size}, checksum = '{checksums.hexdigest()}' WHERE session = {session}"
    )


def _select(table: Table) -> str:
    columns = ", ".join(f"{_as_channel_keeps_it(column)} AS {column.name}" for column in table.columns)
    key = ", ".join(f"t.{column.name}" for column in table.primary_key.columns)
    return f"SELECT {columns} FROM ax.{table.name} AS t WHERE {_ROWS[table.name]} ORDER BY {key}"


def _as_channel_keeps_it(column: Column[object]) -> str:
    """Amounts as decimal text, times as ISO 8601 text in UTC: channels on SQLite have no types for them."""
    value = f"t.{column.name}"
    kind: TypeEngine[object] = column.type
    if isinstance(kind, DateTime):
        return f"""to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    if isinstance(kind, Numeric):
        return f"{value}::text"
    return f"{value}::bigint" if isinstance(kind, Integer) else f"{value}::text"


def encode(content: pa.Table) -> Iterator[tuple[bytes, int]]:
    """Cut a table into parts: (Arrow IPC stream, number of rows) each; no part for no rows."""
    for start in range(0, content.num_rows, PART_ROWS):
        yield from _fitting(content.slice(start, PART_ROWS))


def _fitting(rows: pa.Table) -> Iterator[tuple[bytes, int]]:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(rows.combine_chunks())
    data = sink.getvalue()
    if len(data) <= PART_BYTES:
        yield data, rows.num_rows
        return
    half = rows.num_rows // 2
    yield from _fitting(rows.slice(0, half))
    yield from _fitting(rows.slice(half))


def decode(data: bytes, checksum: str) -> pa.Table:
    """The rows of a part.

    Raises:
        StoreError: the part is damaged.
    """
    if hashlib.sha256(data).hexdigest() != checksum:
        raise StoreError("A part of the package is damaged (its checksum is wrong).")
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()
