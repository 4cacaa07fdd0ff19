"""Erased persons in what travels: packages that channels have still to apply, and rows that come again.

A register with a restored backup, or one that was out of reach, sends rows of a customer who was erased meanwhile: they
arrive without personal data and are ignored.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from commerce.exchange.checking import literal
from commerce.exchange.content import raw_hash_sql
from commerce.exchange.fetching import decode
from commerce.exchange.landing import Landing
from commerce.exchange.packages import ROWS
from commerce.schema.channel import DOWNLOADED_TABLES
from commerce.schema.enums import QuarantineStatus, SyncStatus
from commerce.schema.personal import DOCUMENTS, MASTER, PERSONAL, blank, personal_columns
from commerce.schema.uploaded import CUSTOMER_TABLES, UploadedTable

REASON = "the customer was erased"

_PACKAGES = text(
    """
    SELECT DISTINCT p.session, p.part, p.tablename FROM cdx.packagepart AS p
    JOIN cdx.retailcdxdownloadsession AS s USING (session)
    WHERE p.tablename = ANY(:tables) AND EXISTS (SELECT FROM claimed) AND (s.kind = 'full' OR EXISTS (
        SELECT FROM cdx.outbox AS o JOIN claimed AS k USING (dataareaid, accountnum) WHERE o.session = p.session))
    ORDER BY 1, 2
    """
)
_PART = text("SELECT data, checksum FROM cdx.packagepart WHERE session = :session AND part = :part FOR UPDATE")
_REPLACE = text(
    "UPDATE cdx.packagepart SET data = :data, checksum = :checksum WHERE session = :session AND part = :part"
)
_CHECKSUM = text(
    """
    UPDATE cdx.retailcdxdownloadsession AS s SET checksum = p.checksum, filesize = p.size
    FROM (SELECT session, encode(sha256(string_agg(checksum, '' ORDER BY part)::bytea), 'hex') AS checksum,
                 sum(octet_length(data)) AS size
          FROM cdx.packagepart WHERE session = ANY(:sessions) GROUP BY session) AS p
    WHERE s.session = p.session
    """
)


def blank_packages(connection: Connection) -> int:
    """Take a person out of the packages that channels have still to apply; returns the number of rows blanked.

    The person's customer, party and locations are in temporary tables (`erasing.CLAIM`).
    """
    parts = connection.execute(_PACKAGES, {"tables": list(MASTER)}).all()
    keys: dict[str, pa.Array] = {}
    total, sessions = 0, set()
    for part in parts:
        table = next(one for one in DOWNLOADED_TABLES if one.name == part.tablename)
        names = [column.name for column in table.primary_key.columns]
        if table.name not in keys:
            joined = " || '/' || ".join(f"t.{name}::text" for name in names)
            sql = f"SELECT {joined} FROM ax.{table.name} AS t WHERE {ROWS[table.name]}"
            keys[table.name] = pa.array(list(connection.scalars(text(sql))), pa.string())
        where = {"session": part.session, "part": part.part}
        row = connection.execute(_PART, where).one()
        rows = decode(bytes(row.data), row.checksum)
        key = pc.binary_join_element_wise(*(rows[name].cast(pa.string()) for name in names), "/")
        mine = pc.is_in(key, value_set=keys[table.name])
        found = pc.sum(mine.cast(pa.int64())).as_py() or 0
        if not found:
            continue
        for column in MASTER[table.name]:
            place = rows.schema.get_field_index(column)
            values = pc.if_else(mine, pa.scalar(blank(column), rows[column].type), rows[column])
            rows = rows.set_column(place, rows.schema.field(place), values)
        data = _encoded(rows)
        connection.execute(_REPLACE, {**where, "data": data, "checksum": hashlib.sha256(data).hexdigest()})
        total += int(found)
        sessions.add(part.session)
    if sessions:
        connection.execute(_CHECKSUM, {"sessions": sorted(sessions)})
    return total


def _encoded(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(rows.combine_chunks())
    return bytes(sink.getvalue().to_pybytes())


def blank_arrivals(landing: Landing, table: UploadedTable, session: int) -> None:
    """Blank the rows of erased customers that `session` has just taken or put to quarantine, in its transaction."""
    wanted = table in CUSTOMER_TABLES or table.name in DOCUMENTS
    if not wanted or not landing.rows("SELECT 1 FROM ax.erasedcustomer LIMIT 1"):
        return
    if table in CUSTOMER_TABLES:
        _blank_operations(landing, table, session)
    else:
        _blank_documents(landing, table, session)


def _blank_documents(landing: Landing, table: UploadedTable, session: int) -> None:
    """Rows that were refused because headquarters has the document already, without its personal data. A new document
    is as a customer's any other: its data stays until somebody erases again."""
    key = ", ".join(f"q.rawdata ->> {literal(name)}" for name in table.transaction_key or ())
    landing.execute(
        _blank_quarantined(table) + " FROM ax.retailtransactiontable AS t JOIN ax.erasedcustomer AS e"
        " ON e.dataareaid = t.dataareaid AND e.customer IN (t.custaccount, t.custaccountasync)"
        f" WHERE {_quarantined_now(table, session)} AND (t.store, t.terminal, t.transactionid) = ({key})"
    )


def _blank_quarantined(table: UploadedTable) -> str:
    personal = ", ".join(literal(name) for name in sorted(PERSONAL))
    return (
        f"UPDATE cdx.quarantine AS q SET rawhash = {raw_hash_sql(table)}, rawdata = q.rawdata - ARRAY[{personal}],"
        f" status = {int(QuarantineStatus.IGNORED)}, resolveddatetime = now()"
    )


def _quarantined_now(table: UploadedTable, session: int) -> str:
    return f"q.uploadsession = {session} AND q.tablename = {literal(table.name)}"


def _blank_operations(landing: Landing, table: UploadedTable, session: int) -> None:
    guid = "custaccountasync" if "custaccountasync" in table.column_names else "asynccustomeraccountnumber"
    owners = [f"t.{guid}", *(["t.custaccount"] if "custaccount" in table.column_names else [])]
    blanks = "".join(f"{column} = '', " for column in personal_columns(table.column_names))
    landing.execute(
        f"UPDATE ax.{table.name} AS t SET {blanks} onlineoperationcompleted = 0,"
        f" syncstatus = {int(SyncStatus.IGNORED)}, lasterror = {literal(REASON)}, syncdatetime = now()"
        f" FROM ax.erasedcustomer AS e WHERE t.uploadsession = {session} AND e.dataareaid = t.dataareaid"
        f" AND e.customer IN ({', '.join(owners)})"
    )
    raw = [f"lower(q.rawdata ->> {literal(name)})" for name in (guid, "custaccount")]
    landing.execute(
        f"{_blank_quarantined(table)} FROM ax.erasedcustomer AS e WHERE {_quarantined_now(table, session)}"
        f" AND e.dataareaid = q.rawdata ->> 'dataareaid' AND lower(e.customer) IN ({', '.join(raw)})"
    )
