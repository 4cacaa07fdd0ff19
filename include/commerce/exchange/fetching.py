"""Packages as channel databases get them: read from headquarters once for all databases of a call, and verified."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Engine, text

from commerce.errors import StoreError

KEPT_BYTES = 64 * 1024 * 1024
"""So much of what was read last stays in memory for the next database."""

PARTS = text("SELECT part, tablename, rows, checksum FROM cdx.packagepart WHERE session = :session ORDER BY part")
DATA = text("SELECT part, tablename, rows, checksum, data FROM cdx.packagepart WHERE session = :session ORDER BY part")
PART_DATA = text("SELECT data FROM cdx.packagepart WHERE session = :session AND part = :part")
SESSION_ROWS = text("SELECT rowsaffected FROM cdx.retailcdxdownloadsession WHERE session = :session")


class PackageGoneError(StoreError):
    """The package is not kept any more: only a full resynchronization helps."""


@dataclass(frozen=True)
class Part:
    """A part of a package; `data`: an Arrow IPC stream, b"" where only the list was asked for."""

    part: int
    table: str
    rows: int
    checksum: str
    data: bytes = b""


class Packages:
    """The packages of one call. Threads share it."""

    def __init__(self, hq: Engine) -> None:
        self._hq = hq
        self._kept: OrderedDict[int, list[Part]] = OrderedDict()
        self._lock = threading.Lock()

    def whole(self, session: int) -> list[Part]:
        """All parts of an incremental session, with data; they are at most some megabytes.

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

    def listed(self, session: int) -> list[Part]:
        """The parts of a session without data.

        Raises:
            PackageGoneError: it is not kept any more.
        """
        with self._hq.connect() as connection:
            parts = [Part(*row) for row in connection.execute(PARTS, {"session": session})]
            self._require_all(parts, connection.execute(SESSION_ROWS, {"session": session}).scalar_one())
        return parts

    def data(self, session: int, part: Part) -> bytes:
        """The data of one part.

        Raises:
            PackageGoneError: it is not kept any more.
        """
        with self._hq.connect() as connection:
            data = connection.execute(PART_DATA, {"session": session, "part": part.part}).scalar()
        if data is None:
            raise PackageGoneError(GONE)
        return bytes(data)

    def _read(self, session: int) -> list[Part]:
        with self._hq.connect() as connection:
            found = connection.execute(DATA, {"session": session})
            parts = [Part(row.part, row.tablename, row.rows, row.checksum, bytes(row.data)) for row in found]
            self._require_all(parts, connection.execute(SESSION_ROWS, {"session": session}).scalar_one())
        for part in parts:
            verify(part.data, part.checksum)
        return parts

    def _bytes(self) -> int:
        return sum(len(part.data) for parts in self._kept.values() for part in parts)

    @staticmethod
    def _require_all(parts: list[Part], rows: int) -> None:
        if sum(part.rows for part in parts) != rows:
            raise PackageGoneError(GONE)


GONE = "The package is not kept any more; the channel gets a full resynchronization of customers."


def verify(data: bytes, checksum: str) -> None:
    """Compare a part with its checksum.

    Raises:
        StoreError: the part is damaged.
    """
    if hashlib.sha256(data).hexdigest() != checksum:
        raise StoreError("A part of the package is damaged (its checksum is wrong).")
