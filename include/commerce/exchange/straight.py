"""The straight way of a slice: its rows are copied into headquarters' tables, without landing first.

It is for rows that nothing speaks against: the screen lets all of them pass, and headquarters knows nothing that the
moving of landed rows (`moving`) would look at. PostgreSQL reads each value with the input function that a cast of
landed text calls, so the same rows arrive, with the same content hash; it refuses what a cast would refuse, and its
constraints refuse what is here already. Whatever is unusual undoes the transaction, and the slice lands.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.exc import DBAPIError

from commerce.exchange import erased
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.content import NULL, SEPARATOR
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import Landing
from commerce.exchange.moving import Moved, blames_data
from commerce.exchange.reach import Extent
from commerce.exchange.screening import lengths_and_bytes
from commerce.schema.enums import QuarantineStatus
from commerce.schema.uploaded import TRANSACTION, UploadedTable


@dataclass(frozen=True)
class Hashed:
    """Rows as the screen let them pass, the counter and every column as text, with their content hashes."""

    rows: pa.RecordBatch
    hashes: pa.Array


Kept = Mapping[UploadedTable, Sequence[Hashed]]
"""The rows of a slice."""

_NO_TEXT = "\0"
"""Between the columns of a key: no value has it."""


class RefusedError(Exception):
    """The slice cannot go straight. Nothing of it is taken when the transaction is undone."""


def is_open(database: ChannelDatabase) -> bool:
    """Whether rows of `database` may go straight at all. After a restore, earlier incarnations have sent the same rows
    under other counters."""
    return database.incarnation == 1


def copy(
    landing: Landing, database: ChannelDatabase, session: int, extents: Sequence[Extent], kept: Kept
) -> dict[str, Moved]:
    """Copy the kept rows into headquarters' tables, inside the slice's transaction; returns what was taken by table.

    Raises:
        RefusedError: they must land. The caller undoes the transaction.
    """
    if _is_known(landing, database, session, extents):
        raise RefusedError("the quarantine knows rows like these")
    if _is_late(landing, kept):
        raise RefusedError("rows for transactions that were taken before")
    moved = {}
    for table, batches in kept.items():
        rows = (_typed(table, batch, database, session) for batch in batches)
        try:
            taken = landing.append(f"ax.{table.name}", rows)
        except DBAPIError as error:
            if blames_data(error):
                raise RefusedError(f"headquarters refuses a row of {table.name}") from error
            raise
        if taken:
            erased.blank_arrivals(landing, table, session)
        moved[table.name] = Moved(taken)
    return moved


def transactions_by_store(kept: Kept) -> dict[str, int]:
    """The headers among the rows, by store."""
    found: Counter[str] = Counter()
    for batch in kept.get(TRANSACTION, ()):
        for entry in pc.value_counts(batch.rows.column("store")).to_pylist():
            found[entry["values"]] += entry["counts"]
    return dict(found)


def hashed(table: UploadedTable, batch: pa.RecordBatch) -> Hashed:
    """The rows with the content hash of each, 32 hex digits: the one of `content.hash_sql`."""
    if not len(batch):  # no column has a value, and what is joined of constants alone is no column
        return Hashed(batch, pa.array([], pa.string()))
    joined = pc.binary_join_element_wise(
        *_pieces(table, batch), SEPARATOR, null_handling="replace", null_replacement=NULL
    )
    lengths, content = lengths_and_bytes(joined)
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    md5, view = hashlib.md5, memoryview(content.data)
    digests = [
        md5(view[start:end], usedforsecurity=False).hexdigest()
        for start, end in zip([0, *ends][:-1], ends, strict=True)
    ]
    return Hashed(batch, pa.array(digests, pa.string()))


def _pieces(table: UploadedTable, batch: pa.RecordBatch) -> list[pa.Array | str]:
    """What is joined to the content of each row: its columns, those without any value that stand together as one."""
    pieces: list[pa.Array | str] = []
    columns = (batch.column(name) for name in table.column_names)
    for empty, together in groupby(columns, lambda column: bool(column.null_count == len(column))):
        found = list(together)
        pieces += [SEPARATOR.join([NULL] * len(found))] if empty else found
    return pieces


def _typed(table: UploadedTable, given: Hashed, database: ChannelDatabase, session: int) -> pa.RecordBatch:
    """The rows as headquarters' table has them. A column without any value is left to its default, the same blank."""
    batch = given.rows
    columns: dict[str, pa.Array] = {}
    for field in table.fields:
        column = batch.column(field.name)
        if column.null_count == len(column):
            continue
        columns[field.name] = column if field.blank is None else column.fill_null(field.blank)
    origin = {"origin": database.recid, "incarnation": database.incarnation, "uploadsession": session}
    columns |= {name: pa.repeat(pa.scalar(value, pa.int64()), len(batch)) for name, value in origin.items()}
    columns[COUNTER] = batch.column(COUNTER)
    columns["contenthash"] = given.hashes
    return pa.RecordBatch.from_pydict(columns)


def _is_known(landing: Landing, database: ChannelDatabase, session: int, extents: Sequence[Extent]) -> bool:
    """Whether rows wait in quarantine that these may settle, or the quarantine of one of these is settled already
    (`quarantine.settle_resent` and `skip_settled`)."""
    opened = int(QuarantineStatus.OPEN)
    of_tables = " OR ".join(
        f"(q.tablename = {literal(extent.table.name)} AND (q.status = {opened} AND q.uploadsession < {session}"
        f" OR q.status <> {opened} AND q.{COUNTER} > {extent.low} AND q.{COUNTER} <= {extent.high}))"
        for extent in extents
    )
    return bool(
        landing.rows(
            f"SELECT 1 FROM cdx.quarantine AS q WHERE q.datastore = {database.recid}"
            f" AND q.incarnation = {database.incarnation} AND ({of_tables}) LIMIT 1"
        )
    )


def _is_late(landing: Landing, kept: Kept) -> bool:
    """Whether headquarters has the transaction of a row whose header is not among these (`late`)."""
    headers = pa.chunked_array([_keys(TRANSACTION, batch.rows) for batch in kept.get(TRANSACTION, ())], pa.string())
    alone: set[str] = set()
    for table, batches in kept.items():
        if table.group == "line":
            for batch in batches:
                keys = _keys(table, batch.rows)
                has_none = pc.invert(pc.is_in(keys, value_set=headers))
                alone.update(pc.unique(keys.filter(has_none)).to_pylist())
    if not alone:
        return False
    stores, terminals, transactions = zip(*(key.split(_NO_TEXT) for key in alone), strict=True)
    return bool(
        landing.rows(
            f"SELECT 1 FROM unnest(%s::text[], %s::text[], %s::text[]) AS k(store, terminal, transactionid)"
            f" JOIN ax.{TRANSACTION.name} AS h"
            " ON (h.store, h.terminal, h.transactionid) = (k.store, k.terminal, k.transactionid) LIMIT 1",
            [list(stores), list(terminals), list(transactions)],
        )
    )


def _keys(table: UploadedTable, batch: pa.RecordBatch) -> pa.Array:
    assert table.transaction_key is not None
    return pc.binary_join_element_wise(*(batch.column(name) for name in table.transaction_key), _NO_TEXT)
