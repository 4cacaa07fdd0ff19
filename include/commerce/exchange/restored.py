"""Notice that a channel database was restored from a backup, or is another one, before anything is read (rule 2).

A row that is gone is no fault (registers purge old transactions); a counter that is handed out again is.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, text

from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.content import hashes_at
from commerce.exchange.dialects import ChannelConnection
from commerce.exchange.watermarks import StreamMarks
from commerce.schema.channel import STAMP
from commerce.schema.uploaded import BY_NAME, UPLOADED_TABLES

STOP = text(
    "UPDATE cdx.retailconndatabaseprofile SET stopreason = :reason, statesince = now() WHERE recid = :datastore"
)


class RestoredBackupError(StoreError):
    """The channel database reuses counters that headquarters has taken already."""


def check_not_restored(channel: ChannelConnection, database: ChannelDatabase, marks: Mapping[str, StreamMarks]) -> None:
    """Compare the channel with what headquarters took from it.

    Raises:
        RestoredBackupError: it is another database or its transactions count anew, its highest counter lies below a
            watermark, or the row at a watermark is another one.
        StoreError: rows are stamped by another server's transactions.
    """
    if snapshot := channel.snapshot():
        _check_transactions(channel, database, marks, _end(snapshot))
    highest = channel.highest_counters([table.name for table in UPLOADED_TABLES])
    for of_stream in marks.values():
        for name, mark in of_stream.tables.items():
            if highest[name] < mark.counter:
                raise restored(
                    database, f"table {name} ends at counter {highest[name]}, but counter {mark.counter} was taken"
                )
    for of_stream in marks.values():
        kept = {BY_NAME[name]: mark for name, mark in of_stream.tables.items() if mark.content is not None}
        hashes = hashes_at(channel, {table: mark.counter for table, mark in kept.items()})
        for table, mark in kept.items():
            if hashes[table.name] not in (None, mark.content):
                raise restored(database, f"table {table.name} has another row at counter {mark.counter}")


def _check_transactions(
    channel: ChannelConnection, database: ChannelDatabase, marks: Mapping[str, StreamMarks], end: int
) -> None:
    identity = channel.identity()
    for of_stream in marks.values():
        round_ = of_stream.round
        if round_.server not in ("", identity):
            raise restored(database, "it is on another server than before, or was created anew there")
        if any(_end(kept) > end for kept in (round_.taken, round_.underway) if kept):
            raise restored(database, "its transactions are behind those that were taken")
    # A row that we see was committed before our snapshot: its transaction cannot lie behind the snapshot's end.
    strange = channel.rows(
        " UNION ALL ".join(
            f"SELECT '{table.name}' WHERE EXISTS (SELECT FROM {table.name} WHERE {STAMP} >= '{end}'::xid8)"
            for table in UPLOADED_TABLES
        )
    )
    if strange:
        tables = sorted(str(name) for (name,) in strange)
        raise StoreError(
            f"Rows of channel database {database.name} were stamped by another server (a dump that was loaded here?) "
            f"and could be skipped. Stamp them anew, with the registers at rest: "
            + "; ".join(f"UPDATE {name} SET {STAMP} = DEFAULT WHERE {STAMP} >= '{end}'" for name in tables)
        )


def _end(snapshot: str) -> int:
    """The first transaction id that the snapshot knows nothing of (xmax)."""
    return int(snapshot.split(":")[1])


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
