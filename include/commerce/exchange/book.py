"""One session of headquarters for the threads of a distribution: its statements commit each for itself, and it holds
the locks of the channel databases that are being worked at.

A thousand channels are worked at by a few threads that need headquarters for moments; a session each would cost more
than what they say.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row
from sqlalchemy.exc import DBAPIError

from commerce.database import TRY_LOCK, UNLOCK, autocommit, wait_for
from commerce.errors import StoreError


class Page:
    """What is written while a lock is held. When the session breaks, the lock is gone and so is the page."""

    def __init__(self, connection: Connection, mutex: threading.Lock) -> None:
        self._connection = connection
        self._mutex = mutex

    def execute(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run one statement and commit it; returns its rows, none if it has no result.

        Raises:
            DBAPIError: headquarters refuses it, or the session breaks.
            StoreError: the session has broken before.
        """
        with self._mutex:
            if self._connection.invalidated:
                raise StoreError("The connection to headquarters was lost, and with it the lock. Distribute again.")
            found = self._connection.execute(statement, dict(values))
            return found.all() if found.returns_rows else ()

    def unlock(self, key: str) -> None:
        try:
            self.execute(UNLOCK, {"key": key})
        except StoreError:
            return  # the lock went with the session
        except DBAPIError:
            with self._mutex:
                self._connection.invalidate()  # never hand a session that may hold the lock back to the pool


class Book:
    """Threads share it, each with another lock. `close` it in the end."""

    def __init__(self, hq: Engine) -> None:
        self.hq = hq
        self._mutex = threading.Lock()
        self._connection: Connection | None = None

    @contextlib.contextmanager
    def locked(self, key: str, wait_seconds: float) -> Iterator[Page | None]:
        """Hold the advisory lock `key` during the block; None if somebody else keeps it for `wait_seconds`.

        Whoever holds a lock already must not ask for it again: it would get it, as the session is the same.
        """
        page = Page(self._open(), self._mutex)
        held = wait_for(lambda: bool(page.execute(TRY_LOCK, {"key": key})[0][0]), wait_seconds)
        try:
            yield page if held else None
        finally:
            if held:
                page.unlock(key)

    def close(self) -> None:
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> Connection:
        with self._mutex:
            if self._connection is None or self._connection.invalidated:
                self._connection = autocommit(self.hq)
            return self._connection
