"""How far each table of a channel database has been taken, moved only by compare-and-set (design rule 2).

Watermarks belong to an incarnation of the database. The content of the row at the watermark is kept as a hash: a
database that was restored from a backup and has grown past the watermark again has another row there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, text

from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.content import hashes_at
from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.landing import Landing
from commerce.schema.uploaded import BY_NAME, CUSTOMER_TABLES, SHIFT, TRANSACTION, TRANSACTION_LINES, UploadedTable

STREAMS: dict[str, tuple[UploadedTable, ...]] = {
    "customers": CUSTOMER_TABLES,
    "current": (TRANSACTION, *TRANSACTION_LINES, SHIFT),
    "history": (TRANSACTION, *TRANSACTION_LINES),
}
"""Tables by stream; headers come before the rows that belong to them. Shifts have no business date: all are current."""

BEGIN = text("""
INSERT INTO cdx.uploadwatermark (datastore, incarnation, stream, tablename, replicationcounter)
SELECT :datastore, :incarnation, :stream, t, 0 FROM unnest(CAST(:tables AS text[])) AS t ON CONFLICT DO NOTHING
""")
READ = text("""
SELECT stream, tablename, replicationcounter, contenthash FROM cdx.uploadwatermark
WHERE datastore = :datastore AND incarnation = :incarnation ORDER BY stream, tablename
""")
STOP = text("UPDATE cdx.retailconndatabaseprofile SET stopreason = :reason WHERE recid = :datastore")


class RestoredBackupError(StoreError):
    """The channel database reuses counters that headquarters has taken already."""


@dataclass(frozen=True)
class Watermark:
    counter: int
    content: UUID | None


Watermarks = dict[tuple[str, str], Watermark]
"""By stream and table name."""


def read(hq: Engine, database: ChannelDatabase) -> Watermarks:
    """The watermarks of the database's incarnation; missing ones are begun at 0."""
    key = {"datastore": database.recid, "incarnation": database.incarnation}
    with hq.begin() as connection:
        for stream, tables in STREAMS.items():
            connection.execute(BEGIN, {**key, "stream": stream, "tables": [table.name for table in tables]})
        return {
            (row.stream, row.tablename): Watermark(int(row.replicationcounter), row.contenthash)
            for row in connection.execute(READ, key)
        }


def move(
    landing: Landing,
    database: ChannelDatabase,
    stream: str,
    old: Mapping[str, Watermark],
    new: Mapping[str, Watermark],
) -> None:
    """Set the watermarks of the tables in `new`, inside the transaction that takes their rows.

    Raises:
        StoreError: one is not at its `old` value any more: somebody else has taken the rows. The caller rolls back.
    """
    values = ", ".join(
        f"({literal(name)}, {old[name].counter}, {mark.counter}, {_uuid(mark.content)})" for name, mark in new.items()
    )
    changed = landing.execute(
        f"""
        UPDATE cdx.uploadwatermark AS w SET replicationcounter = v.new, contenthash = v.hash
        FROM (VALUES {values}) AS v(tablename, old, new, hash)
        WHERE w.datastore = {database.recid} AND w.incarnation = {database.incarnation} AND w.stream = {literal(stream)}
          AND w.tablename = v.tablename AND w.replicationcounter = v.old
        """
    )
    if changed != len(new):
        raise StoreError(
            f"Another upload of {database.name} has taken the same rows meanwhile; this one took nothing. Upload again."
        )


def check_not_restored(channel: ChannelConnection, database: ChannelDatabase, marks: Watermarks) -> None:
    """Compare the channel with what headquarters took from it, before anything is read.

    A row that is gone is no fault (registers purge old transactions), a counter that is handed out again is.

    Raises:
        RestoredBackupError: the highest counter lies below a watermark, or the row at a watermark is another one.
    """
    highest = channel.highest_counters(sorted({name for _, name in marks}))
    for (_, name), mark in marks.items():
        if highest[name] < mark.counter:
            raise restored(
                database, f"table {name} ends at counter {highest[name]}, but counter {mark.counter} was taken"
            )
    for stream in STREAMS:
        kept = {BY_NAME[name]: mark for (of, name), mark in marks.items() if of == stream and mark.content is not None}
        hashes = hashes_at(channel, {table: mark.counter for table, mark in kept.items()})
        for table, mark in kept.items():
            if hashes[table.name] not in (None, mark.content):
                raise restored(database, f"table {table.name} has another row at counter {mark.counter}")


def restored(database: ChannelDatabase, what: str) -> RestoredBackupError:
    return RestoredBackupError(
        f"Channel database {database.name} seems to be restored from a backup: {what}. Its uploads are "
        "stopped. If it was restored, open a new incarnation of it; everything is then read "
        "again, and what is here already is skipped."
    )


def stop(hq: Engine, database: ChannelDatabase, reason: str) -> None:
    """Stop uploads of the database until a person opens a new incarnation."""
    with hq.begin() as connection:
        connection.execute(STOP, {"datastore": database.recid, "reason": reason})


def _uuid(value: UUID | None) -> str:
    return "NULL::uuid" if value is None else f"'{value}'::uuid"
