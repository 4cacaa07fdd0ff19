"""Packages as channel databases get them: read from headquarters, verified and decoded once for all databases of a
call."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Engine, text

from commerce.errors import StoreError

KEPT_BYTES = 128 * 1024 * 1024
"""So much of what was read last stays in memory for the next database."""

PARTS = text("SELECT part, tablename, rows, checksum FROM cdx.packagepart WHERE session = :session ORDER BY part")
DATA = text("SELECT part, tablename, rows, checksum, data FROM cdx.packagepart WHERE session = :session ORDER BY part")
PART_DATA = text("SELECT data FROM cdx.packagepart WHERE session = :session AND part = :part")
SESSION_ROWS = text("SELECT rowsaffected FROM cdx.retailcdxdownloadsession WHERE session = :session")


class PackageGoneError(StoreError):
    """The package is not kept any more: only a full resynchronization helps."""


@dataclass(frozen=True)
class Part:
    """A part of a package; `content`: its rows, None where only the list was asked for; `size`: bytes of a part that
    was written just now."""

    part: int
    table: str
    rows: int
    checksum: str
    content: pa.Table | None = None
    size: int = 0


class Packages:
    """The packages of one call. Threads share it."""

    def __init__(self, hq: Engine) -> None:
        self._hq = hq
        self._kept: OrderedDict[int, list[Part]] = OrderedDict()
        self._lock = threading.Lock()

    def whole(self, session: int) -> list[Part]:
        """All parts of an incremental session, with their rows; they are at most some ten megabytes.

        Raises:
            PackageGoneError: it is not kept any more.
            StoreError: a part is damaged.
        """
        with self._lock:  # the first database reads it, the others wait and have it
            if session not in self._kept:
                self._kept[session] = self._read(session)
                while len(self._kept) > 1 and self._bytes() > KEPT_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(session)
            return self._kept[session]

    def put(self, session: int, parts: list[Part]) -> None:
        """Keep the package of a session that was made just now, if there is room."""
        with self._lock:
            if self._bytes() + sum(part.content.nbytes for part in parts if part.content is not None) <= KEPT_BYTES:
                self._kept[session] = parts

    def at_hand(self, session: int) -> bool:
        """Whether `whole` has the session without asking headquarters."""
        with self._lock:
            return session in self._kept

    def listed(self, session: int) -> list[Part]:
        """The parts of a session without their rows.

        Raises:
            PackageGoneError: it is not kept any more.
        """
        with self._hq.connect() as connection:
            parts = [Part(*row) for row in connection.execute(PARTS, {"session": session})]
            self._require_all(parts, connection.execute(SESSION_ROWS, {"session": session}).scalar_one())
        return parts

    def content(self, session: int, part: Part) -> pa.Table:
        """The rows of one part.

        Raises:
            PackageGoneError: it is not kept any more.
            StoreError: the part is damaged.
        """
        with self._hq.connect() as connection:
            data = connection.execute(PART_DATA, {"session": session, "part": part.part}).scalar()
        if data is None:
            raise PackageGoneError(GONE)
        return decode(bytes(data), part.checksum)

    def _read(self, session: int) -> list[Part]:
        with self._hq.connect() as connection:
            found = connection.execute(DATA, {"session": session})
            parts = [
                Part(row.part, row.tablename, row.rows, row.checksum, decode(bytes(row.data), row.checksum))
                for row in found
            ]
            self._require_all(parts, connection.execute(SESSION_ROWS, {"session": session}).scalar_one())
        return parts

    def _bytes(self) -> int:
        return sum(part.content.nbytes for parts in self._kept.values() for part in parts if part.content is not None)

    @staticmethod
    def _require_all(parts: list[Part], rows: int) -> None:
        if sum(part.rows for part in parts) != rows:
            raise PackageGoneError(GONE)


GONE = "The package is not kept any more; the channel gets a full resynchronization of customers."


def decode(data: bytes, checksum: str) -> pa.Table:
    """The rows of a part.

    Raises:
        StoreError: the part is damaged.
    """
    if hashlib.sha256(data).hexdigest() != checksum:
        raise StoreError("A part of the package is damaged (its checksum is wrong).")
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()
