"""How far each table of a channel database has been taken, moved only by compare-and-set (design rule 2).

Watermarks belong to an incarnation of the database. The content of the row at the watermark is kept as a hash: a
database that was restored from a backup and has grown past the watermark again has another row there.

Where counters do not come in the order of commits (PostgreSQL), snapshots say what is taken
(`commerce.exchange.reach`); the counter then serves to notice a restored backup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.landing import Landing
from commerce.schema.uploaded import CUSTOMER_TABLES, SHIFT, TRANSACTION, TRANSACTION_LINES, UploadedTable

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
SELECT stream, tablename, replicationcounter, contenthash, roundcounter, openshifts FROM cdx.uploadwatermark
WHERE datastore = :datastore AND incarnation = :incarnation ORDER BY stream, tablename
""")
READ_ROUNDS = text("""
SELECT stream, server, taken, underway FROM cdx.uploadround
WHERE datastore = :datastore AND incarnation = :incarnation
""")


@dataclass(frozen=True)
class Watermark:
    """How far a table is taken. `counter`: the highest counter taken, `content`: hash of the row there.

    With rounds, `position`: the counter up to which the round under way is taken; `open_shifts`: counters of shifts
    that were passed because they were still open, and are looked at again.
    """

    counter: int = 0
    content: UUID | None = None
    position: int = 0
    open_shifts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Round:
    """Snapshots of the channel, '' for none: rows visible in `taken` are taken, those visible in `underway` are being
    taken. `server`: identity of the database whose transactions they count."""

    server: str = ""
    taken: str = ""
    underway: str = ""


@dataclass(frozen=True)
class StreamMarks:
    """How far a stream of a database is taken: a watermark by table name, and the round where there are rounds."""

    tables: Mapping[str, Watermark] = field(default_factory=dict)
    round: Round = Round()

    def of(self, table: UploadedTable) -> Watermark:
        return self.tables.get(table.name, Watermark())


def read(hq: Engine, database: ChannelDatabase) -> dict[str, StreamMarks]:
    """The watermarks of the database's incarnation by stream; missing ones are begun at 0."""
    key = {"datastore": database.recid, "incarnation": database.incarnation}
    with hq.begin() as connection:
        for stream, tables in STREAMS.items():
            connection.execute(BEGIN, {**key, "stream": stream, "tables": [table.name for table in tables]})
        return _read(connection, key)


def peek(hq: Engine, database: ChannelDatabase) -> dict[str, StreamMarks]:
    """The watermarks as they are; nothing is written."""
    with hq.connect() as connection:
        return _read(connection, {"datastore": database.recid, "incarnation": database.incarnation})


def _read(connection: Connection, key: Mapping[str, int]) -> dict[str, StreamMarks]:
    tables: dict[str, dict[str, Watermark]] = {stream: {} for stream in STREAMS}
    for row in connection.execute(READ, key):
        tables[row.stream][row.tablename] = Watermark(
            int(row.replicationcounter), row.contenthash, int(row.roundcounter), tuple(row.openshifts)
        )
    rounds = {row.stream: Round(row.server, row.taken, row.underway) for row in connection.execute(READ_ROUNDS, key)}
    return {stream: StreamMarks(marks, rounds.get(stream, Round())) for stream, marks in tables.items()}


def move(landing: Landing, database: ChannelDatabase, stream: str, old: StreamMarks, new: StreamMarks) -> None:
    """Set the watermarks that differ, inside the transaction that takes their rows.

    Raises:
        StoreError: one is not at its `old` value any more: somebody else has taken the rows. The caller rolls back.
    """
    of_stream = (
        f"datastore = {database.recid} AND w.incarnation = {database.incarnation} AND w.stream = {literal(stream)}"
    )
    moved = {name: mark for name, mark in new.tables.items() if mark != old.tables.get(name)}
    if moved:
        values = ", ".join(_values(name, old.tables[name], mark) for name, mark in moved.items())
        changed = landing.execute(
            f"""
            UPDATE cdx.uploadwatermark AS w
            SET replicationcounter = v.new, contenthash = v.hash, roundcounter = v.newround, openshifts = v.openshifts
            FROM (VALUES {values}) AS v(tablename, old, oldround, new, hash, newround, openshifts)
            WHERE w.{of_stream}
              AND w.tablename = v.tablename AND w.replicationcounter = v.old AND w.roundcounter = v.oldround
            """
        )
        _check_taken(database, changed == len(moved))
    if new.round.server:
        _check_taken(database, _move_round(landing, database, stream, old.round, new.round, of_stream))


def _move_round(
    landing: Landing, database: ChannelDatabase, stream: str, old: Round, new: Round, of_stream: str
) -> bool:
    if not old.server:
        return bool(
            landing.execute(
                "INSERT INTO cdx.uploadround (datastore, incarnation, stream, server, taken, underway) VALUES"
                f" ({database.recid}, {database.incarnation}, {literal(stream)}, {literal(new.server)},"
                f" {literal(new.taken)}, {literal(new.underway)}) ON CONFLICT DO NOTHING"
            )
        )
    return bool(
        landing.execute(
            f"UPDATE cdx.uploadround AS w SET taken = {literal(new.taken)}, underway = {literal(new.underway)}"
            f" WHERE w.{of_stream} AND w.server = {literal(old.server)} AND w.taken = {literal(old.taken)}"
            f" AND w.underway = {literal(old.underway)}"
        )
    )


def _check_taken(database: ChannelDatabase, moved: bool) -> None:
    if not moved:
        raise StoreError(
            f"Another upload of {database.name} has taken the same rows meanwhile; this one took nothing. Upload again."
        )


def _values(name: str, old: Watermark, new: Watermark) -> str:
    content = "NULL::uuid" if new.content is None else f"'{new.content}'::uuid"
    shifts = ", ".join(str(counter) for counter in new.open_shifts)
    return (
        f"({literal(name)}, {old.counter}, {old.position}, {new.counter}, {content}, {new.position},"
        f" ARRAY[{shifts}]::bigint[])"
    )
