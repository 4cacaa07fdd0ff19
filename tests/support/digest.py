"""A digest of headquarters: two databases that hold the same business facts have the same one.

Times, runs, sessions and the bookkeeping of retries do not count. Internal record ids do not count as numbers, but what
they connect does: an id is known by the rows that it stands in. Business numbers (accounts, orders, invoices, vouchers
...) count, unless `numbers=False` asks for the same treatment for them: then runs whose shards raced for the numbers
can be compared.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Connection, DateTime, Engine, Table

from commerce.schema.headquarters import metadata
from commerce.schema.headquarters.uploads import UPLOADS

BOOKKEEPING_TABLES = {
    "retailtransactionwaitingreference",
    "run",
    "runstore",
    "runstep",
    "gateverdict",
    "ledgerexport",
    "ledgerexportvoucher",
    "retailcdxuploadsession",
    "uploadsessiontable",
    "retailcdxdatastoreheartbeatlog",
    "retailcdxdownloadsession",
    "retailcdxdownloadsessiondatastore",
    "packagepart",
    "outbox",
    "uploadround",
    "customerchange",
    "customermatchkey",
    "electronicaddressform",
}
BOOKKEEPING_COLUMNS = {
    "run",
    "gaterun",
    "uploadsession",
    "session",
    "outboxid",
    "quarantineid",
    "auditid",
    "changeid",
    "staged",
    "retrycount",
    "trycount",
    "lasterror",
    "postingerrorstatus",
    "postingerrorcode",
    "postingerrormessage",
    "mappedby",
    "connectionstring",
    "contenthash",
    "roundcounter",
    "openshifts",
}
"""`connectionstring`: twins have their channel databases in other places; `contenthash`: of text as its dialect writes
it, where the values themselves count."""

IDS = {
    "starteventid",
    "recid",
    "party",
    "person",
    "location",
    "primaryaddresslocation",
    "primarycontactphone",
    "primarycontactemail",
    "primarycontacturl",
    "logisticspostaladdress",
    "logisticselectronicaddress",
    "deliverypostaladdress",
    "origin",
    "channel",
    "datastore",
    "databaseprofile",
    "datagroup",
    "partynumber",
    "locationid",
}
NUMBERS = {
    "accountnum": "customer",
    "custaccount": "customer",
    "custaccountnum": "customer",
    "invoiceaccount": "customer",
    "salesid": "order",
    "invoiceid": "invoice",
    "voucher": "voucher",
    "ledgervoucher": "voucher",
    "journalnum": "journal",
    "statementid": "statement",
}
ROUNDS = 4
"""How far the rows that tell ids apart may be from one another: journal line, voucher, statement, store."""


def digest(hq: Engine, *, numbers: bool = True) -> str:
    """One hash over all business tables of headquarters."""
    return _hash(sorted(table_digests(hq, numbers=numbers).items()))


def table_digests(hq: Engine, *, numbers: bool = True) -> dict[str, str]:
    """A hash a table, so that a test that fails can say where two databases differ."""
    with hq.connect() as connection:
        uploads = {table.name: _upload_digest(connection, table, numbers) for table in UPLOADS.values()}
        others = [
            table
            for table in metadata.sorted_tables
            if table.name not in uploads and table.name not in BOOKKEEPING_TABLES
        ]
        return uploads | _linked_digests(connection, others, numbers)


def differing_tables(first: Engine, second: Engine, *, numbers: bool = True) -> list[str]:
    """Names of the tables that differ."""
    one, other = table_digests(first, numbers=numbers), table_digests(second, numbers=numbers)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _upload_digest(connection: Connection, table: Table, numbers: bool) -> str:
    """Uploaded rows are many, and say by their natural keys and GUIDs what belongs together: their ids are left out."""
    columns = ", ".join(
        column.name
        for column in table.columns
        if column.name not in IDS | BOOKKEEPING_COLUMNS | {"syncdatetime", "validationdatetime"}
        and (numbers or column.name not in NUMBERS)
    )
    return str(
        connection.scalar(
            sa.text(
                "SELECT md5(coalesce(string_agg(hash, '' ORDER BY hash COLLATE \"C\"), ''))"
                f" FROM (SELECT md5(ROW({columns})::text) AS hash FROM {table.fullname}) AS rows"
            )
        )
    )


def _linked_digests(connection: Connection, tables: list[Table], numbers: bool) -> dict[str, str]:
    """Colour refinement: an id's label is what its rows say, with the labels of the other ids in them."""
    rows = [row for table in tables for row in _rows(connection, table, numbers)]
    labels: dict[tuple[str, Any], str] = defaultdict(str)
    hashes: list[str] = []
    for _ in range(ROUNDS):
        seen: dict[tuple[str, Any], list[str]] = defaultdict(list)
        hashes = [_hash([name, facts, [labels[id_] for id_ in ids]]) for name, facts, ids in rows]
        for (name, _facts, ids), hashed in zip(rows, hashes, strict=True):
            for position, id_ in enumerate(ids):
                seen[id_].append(f"{name} {position} {hashed}")
        labels = defaultdict(str, {id_: _hash(sorted(places)) for id_, places in seen.items()})
    by_table: dict[str, list[str]] = {table.name: [] for table in tables}
    for (name, _facts, _ids), hashed in zip(rows, hashes, strict=True):
        by_table[name].append(hashed)
    return {name: _hash(sorted(own)) for name, own in by_table.items()}


Row = tuple[str, list[str], list[tuple[str, Any]]]


def _rows(connection: Connection, table: Table, numbers: bool) -> list[Row]:
    """Each row as table, plain values, and ids (an id's number says nothing: only where else it stands)."""
    found: list[Row] = []
    for values in connection.execute(sa.select(table)):
        facts, ids = [], []
        for column, value in zip(table.columns, values, strict=True):
            domain = _domain(column, numbers)
            if domain is not None and value not in (None, 0, ""):
                ids.append((domain, value))
            elif domain is not None or not _is_bookkeeping(column):
                facts.append(f"{column.name}={value}")
        found.append((table.name, facts, ids))
    return found


def _domain(column: Column[Any], numbers: bool) -> str | None:
    if column.name in IDS:
        return column.name if column.name in ("partynumber", "locationid") else "recid"
    return None if numbers else NUMBERS.get(column.name)


def _is_bookkeeping(column: Column[Any]) -> bool:
    return column.name in BOOKKEEPING_COLUMNS or isinstance(column.type, DateTime)


def _hash(value: object) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=16).hexdigest()
