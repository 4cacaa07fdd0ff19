"""Job 1010, first half: packages for a channel database group (domain A7), made of the customers in its outbox.

Claim, package and session are one transaction: what is claimed is in a package or waits again. Parts are Arrow IPC
with zstd, at most 16 MB each, small enough that a channel applies one in a short write transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Column, DateTime, Engine, Integer, Numeric, Table, text
from sqlalchemy.types import TypeEngine

from commerce.database import describe_error, retry_transient, try_advisory_lock
from commerce.errors import StoreError
from commerce.exchange import tombstones
from commerce.exchange.arrow import ArrowConnection
from commerce.exchange.checking import literal
from commerce.exchange.fetching import Packages, Part
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
ROWS: dict[str, str] = {
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
"""Which rows of a downloaded table (t) belong to the customers in temporary tables claimed and claimed_..."""


SOMETHING_WAITS = text("SELECT EXISTS (SELECT FROM cdx.outbox WHERE session IS NULL AND datagroup = :group)")


def build(hq: Engine, data_group: int, keep: Packages | None = None) -> int:
    """Package everything in the group's outbox, a bounded number of customers a session; returns the number of
    customers.

    Args:
        keep: gets the packages, so that they need not be read back.

    Raises:
        StoreError: somebody else has been packaging for this group for too long.
    """
    with hq.connect() as waiting:
        if not waiting.execute(SOMETHING_WAITS, {"group": data_group}).scalar_one():
            return 0
    with try_advisory_lock(hq, lock_key(data_group), WAIT_SECONDS) as held:
        if not held:
            raise StoreError("distribution busy: somebody else is making packages for this group; distribute again.")
        with packing(hq) as connection:
            customers = 0
            while packed := retry_transient(lambda: _build_session(connection, data_group, keep)):
                customers += packed
            return customers


def lock_key(data_group: int) -> str:
    """The advisory lock under which the group's packages are made."""
    return f"1010 package {data_group}"


@contextlib.contextmanager
def packing(hq: Engine) -> Iterator[ArrowConnection]:
    """A connection with the temporary tables of what a package carries: claimed, claimed_party, claimed_location."""
    with ArrowConnection(hq, "package") as connection:
        for statement in (
            "CREATE TEMPORARY TABLE claimed (dataareaid varchar(4), accountnum varchar(20))",
            "CREATE TEMPORARY TABLE claimed_party (recid bigint)",
            "CREATE TEMPORARY TABLE claimed_location (recid bigint)",
        ):
            connection.execute(statement)
        yield connection


def _build_session(connection: ArrowConnection, data_group: int, keep: Packages | None) -> int:
    """One session with its package; returns its number of customers, 0 when nothing waits."""
    waiting = f"session IS NULL AND datagroup = {data_group}"
    if not connection.rows(f"SELECT 1 FROM cdx.outbox WHERE {waiting} LIMIT 1"):
        return 0
    session = _begin(connection, data_group)
    try:
        with connection.transaction():
            customers, parts = _claim_and_pack(connection, data_group, session, waiting)
    except (adbc.Error, pa.ArrowException) as error:
        fail(connection, session, error)
        raise
    if keep is not None and customers:
        keep.put(session, parts)
    return customers


def _begin(connection: ArrowConnection, data_group: int) -> int:
    """The number of the next session: of one whose package could not be made or whose maker was killed, else a new
    one. It commits by itself, so that a failure can be told of it."""
    taken_up = connection.rows(
        f"""
        UPDATE cdx.retailcdxdownloadsession SET status = {int(Status.STARTED)},
               trycount = trycount + CASE WHEN status = {int(Status.STARTED)} THEN 1 ELSE 0 END
        WHERE session = (
            SELECT max(session) FROM cdx.retailcdxdownloadsession
            WHERE datagroup = {data_group} AND kind = 'incremental'
              AND status IN ({int(Status.STARTED)}, {int(Status.CREATE_FAILED)}))
        RETURNING session
        """
    )
    if taken_up:
        return int(taken_up[0][0])
    ((session,),) = connection.rows(
        "INSERT INTO cdx.retailcdxdownloadsession (datagroup, status)"
        f" VALUES ({data_group}, {int(Status.STARTED)}) RETURNING session"
    )
    return int(session)


def fail(connection: ArrowConnection, session: int, error: Exception) -> None:
    """The package could not be made: its customers wait, the next distribution tries again."""
    message = f"The package could not be made ({describe_error(error)}). The next distribution tries again."
    with contextlib.suppress(adbc.Error):  # the connection itself may be gone; whoever begins next counts the try
        connection.execute(
            f"UPDATE cdx.retailcdxdownloadsession SET status = {int(Status.CREATE_FAILED)}, trycount = trycount + 1,"
            f" message = {literal(message)} WHERE session = {session}"
        )


def _claim_and_pack(connection: ArrowConnection, data_group: int, session: int, waiting: str) -> tuple[int, list[Part]]:
    connection.execute("TRUNCATE claimed, claimed_party, claimed_location")
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
        connection.execute(
            f"UPDATE cdx.retailcdxdownloadsession SET status = {int(Status.NO_DATA)}, dateavailable = now(),"
            " message = 'Every customer that waits is being changed just now; the next distribution takes them.'"
            f" WHERE session = {session}"
        )
        return 0, []
    parts = pack_claimed(connection, session, 0)
    total = hashlib.sha256("".join(part.checksum for part in parts).encode()).hexdigest()
    connection.execute(
        f"""
        UPDATE cdx.retailcdxdownloadsession AS s SET status = {int(Status.AVAILABLE)}, customers = {customers},
               rowsaffected = {sum(part.rows for part in parts)}, filesize = {sum(part.size for part in parts)},
               checksum = '{total}', dateavailable = now(), message = ''
        WHERE s.session = {session}
        """
    )
    connection.execute(
        f"INSERT INTO cdx.retailcdxdownloadsessiondatastore (session, datastore, status)"
        f" SELECT {session}, recid, {int(Status.AVAILABLE)} FROM cdx.retailconndatabaseprofile"
        f" WHERE datagroup = {data_group}"
    )
    return customers, parts


def pack_claimed(connection: ArrowConnection, session: int, last: int) -> list[Part]:
    """Write the parts of the claimed customers (table `claimed`), numbered after `last`, inside the caller's
    transaction; returns them with their rows."""
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
    written: list[Part] = []
    waiting: list[dict[str, object]] = []
    contents = {table.name: _select(table) for table in DOWNLOADED_TABLES} | {tombstones.TABLE: tombstones.OF_CLAIMED}
    for name, select in contents.items():
        content, start = connection.table(select), 0
        for data, count in encode(content):
            last += 1
            checksum = hashlib.sha256(data).hexdigest()
            written.append(Part(last, name, count, checksum, content.slice(start, count), len(data)))
            start += count
            one = {"session": session, "part": last, "tablename": name, "rows": count, "checksum": checksum}
            waiting.append({**one, "data": data})
            if sum(part.size for part in written[-len(waiting) :]) >= PART_BYTES:
                _append(connection, waiting)
    _append(connection, waiting)
    return written


def _append(connection: ArrowConnection, parts: list[dict[str, object]]) -> None:
    """Write `parts` and empty the list."""
    if parts:
        connection.append("packagepart", pa.Table.from_pylist(parts, _PART), schema="cdx")
        parts.clear()


def _select(table: Table) -> str:
    columns = ", ".join(f"{_as_channel_keeps_it(column)} AS {column.name}" for column in table.columns)
    key = ", ".join(f"t.{column.name}" for column in table.primary_key.columns)
    return f"SELECT {columns} FROM ax.{table.name} AS t WHERE {ROWS[table.name]} ORDER BY {key}"


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
