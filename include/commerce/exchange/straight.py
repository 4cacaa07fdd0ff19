"""The straight way of a slice: its rows are copied into headquarters' tables, without landing first.

It is for rows that nothing speaks against: the screen lets all of them pass, and headquarters knows nothing that the
moving of landed rows (`moving`) would look at. PostgreSQL reads each value with the input function that a cast of
landed text calls, so the same rows arrive, with the same content hash; it refuses what a cast would refuse, and its
constraints refuse what is here already. Whatever is unusual undoes the transaction, and the slice lands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.exc import DBAPIError

from commerce.exchange import erased
from commerce.exchange.bulk import Encoded, encode
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import Landing
from commerce.exchange.moving import Moved, blames_data
from commerce.exchange.reach import Extent
from commerce.schema.enums import QuarantineStatus
from commerce.schema.uploaded import TRANSACTION, UploadedTable


@dataclass(frozen=True)
class Ready:
    """Rows as the screen let them pass, the counter and every column as text; and encoded, as headquarters' table takes
    them."""

    rows: pa.RecordBatch
    encoded: Encoded

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return int(self.rows.nbytes) + len(self.encoded.data)


Kept = Mapping[UploadedTable, Sequence[Ready]]
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
        try:
            taken = sum(landing.copy(f"ax.{table.name}", batch.encoded) for batch in batches)
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


def ready(table: UploadedTable, rows: pa.RecordBatch, hashes: bytes, database: ChannelDatabase, session: int) -> Ready:
    """Make `rows` with their content hashes ready to be copied: all that headquarters' connection need not wait for."""
    columns: dict[str, pa.Array] = {}
    for field in table.fields:
        column = rows.column(field.name)
        if column.null_count < len(column):  # else it is left to its default, the same blank
            columns[field.name] = column if field.blank is None else column.fill_null(field.blank)
    origin = {"origin": database.recid, "incarnation": database.incarnation, "uploadsession": session}
    columns |= {name: pa.repeat(str(value), len(rows)) for name, value in origin.items()}
    columns[COUNTER] = rows.column(COUNTER)
    columns["contenthash"] = _hexadecimal(hashes, len(rows))
    return Ready(rows, encode(pa.RecordBatch.from_pydict(columns)))


def _hexadecimal(values: bytes, number: int) -> pa.Array:
    """An array of `number` texts from as many values of the same size, one after the other."""
    digits = values.hex().encode()
    ends = np.linspace(0, len(digits), number + 1, dtype=np.int32)
    return pa.StringArray.from_buffers(number, pa.py_buffer(ends), pa.py_buffer(digits))


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
