"""What channel databases still hold of a customer: operations that no P-job has brought yet. Read-only and short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, text

from commerce.customers.status.kinds import KINDS, OPERATIONS, guid_column
from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER, open_channel
from commerce.schema.uploaded import ASYNC_CUSTOMER

DATABASES_AT_ONCE = 8
_STORES = text("SELECT retailchannelid FROM ax.retailchanneltable ORDER BY 1")
_MARKS = text("""
    SELECT w.datastore, w.tablename, w.replicationcounter FROM cdx.uploadwatermark AS w
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = w.datastore AND p.incarnation = w.incarnation
    WHERE w.stream = 'customers'
""")

_HERE = text("""
    SELECT origin, replicationcounterfromorigin AS counter FROM ax.retailasynccustomerv2
    WHERE dataareaid IN (SELECT dataareaid FROM ax.dataarea) AND custaccountasync = ANY(:guids)
    UNION
    SELECT datastore, replicationcounterfromorigin FROM cdx.quarantine
    WHERE tablename = 'retailasynccustomerv2' AND rawdata ->> 'custaccountasync' = ANY(:guids)
""")

Marks = Mapping[tuple[int, str], int]


@dataclass(frozen=True)
class Looked:
    """`rows`: channel, company, kind, operation, counter and at (as the register wrote it) of operations that are not
    uploaded; `unreachable`: databases that could not be asked."""

    rows: tuple[Mapping[str, Any], ...] = ()
    unreachable: tuple[str, ...] = ()


def look(hq: Engine, guids: Sequence[str], stores: Sequence[str] | None = None) -> Looked:
    """Look for operations of `guids` in the databases of `stores` (None: all).

    Operations on the customer itself are compared one by one with what headquarters has of it: one that was committed
    late may lie below the watermark. Of the others, whose GUIDs no channel has an index for, those above it are read.
    """
    wanted = sorted({spelling for guid in guids if guid for spelling in (guid, guid.lower(), guid.upper())})
    with hq.connect() as connection:
        asked = list(connection.scalars(_STORES)) if stores is None else list(stores)
        marks = {(row.datastore, row.tablename): int(row.replicationcounter) for row in connection.execute(_MARKS)}
        here = {(row.origin, row.counter) for row in connection.execute(_HERE, {"guids": wanted})}
    if not wanted or not asked:
        return Looked()
    databases = databases_of(hq, asked)
    with ThreadPoolExecutor(DATABASES_AT_ONCE, thread_name_prefix="look") as pool:
        found = list(pool.map(lambda database: _of(database, wanted, marks, here), databases))
    return Looked(
        tuple(row for rows in found if rows is not None for row in rows),
        tuple(database.name for database, rows in zip(databases, found, strict=True) if rows is None),
    )


def _of(
    database: ChannelDatabase, guids: Sequence[str], marks: Marks, here: set[tuple[int, int]]
) -> list[Mapping[str, Any]] | None:
    names = ", ".join(literal(guid) for guid in guids)
    rows: list[Mapping[str, Any]] = []
    try:
        with open_channel(database.url) as channel:
            for kind, table in KINDS.items():
                logged = "operation" in table.column_names
                columns = "CAST(operation AS TEXT), CAST(createddatetime AS TEXT)" if logged else "'1', ''"
                mark = 0 if table is ASYNC_CUSTOMER else marks.get((database.recid, table.name), 0)
                query = (
                    f"SELECT {COUNTER}, CAST(dataareaid AS TEXT), {columns} FROM {table.name}"
                    f" WHERE {COUNTER} > {mark} AND {guid_column(table)} IN ({names})"
                    f" ORDER BY {COUNTER}"
                )
                rows += [
                    {
                        "channel": database.name,
                        "company": company,
                        "kind": kind,
                        "operation": OPERATIONS.get(int(operation), operation)
                        if str(operation).isdigit()
                        else operation,
                        "counter": counter,
                        "at": at,
                    }
                    for counter, company, operation, at in channel.rows(query)
                    if table is not ASYNC_CUSTOMER or (database.recid, counter) not in here
                ]
    except (StoreError, adbc.Error):
        return None
    return rows
