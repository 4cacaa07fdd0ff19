"""Work that follows the reading of a channel: one piece after the other, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Behind:
    """What is read is written while the next is read, and never more than one piece lies behind.

    `fault`: the error that a piece of work ended with, once somebody has waited for it.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._work: Future[None] | None = None
        self.fault: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)

    @property
    def idle(self) -> bool:
        """Whether no work was begun since somebody waited: then nothing runs beside the reading."""
        return self._work is None

    def follow(self, work: Callable[[], None]) -> None:
        """Begin `work`, as soon as the piece before is done; raises the error of that one."""
        self.wait()
        self._work = self._pool.submit(work)

    def wait(self) -> None:
        """Until nothing lies behind; raises the error of what did, once."""
        work, self._work = self._work, None
        if work is not None:
            try:
                work.result()
            except BaseException as error:
                self.fault = error
                raise
