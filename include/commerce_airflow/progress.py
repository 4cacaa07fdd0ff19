"""How far a step is, in its task log: a line every few seconds, not one a row."""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)


class LogProgress:
    """A `commerce.progress.Progress` for task logs."""

    def __init__(self, seconds_between_lines: float = 5.0) -> None:
        self._seconds = seconds_between_lines
        self._last = time.monotonic()

    def __call__(self, step: str, done: int, total: int | None = None) -> None:
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            log.info("%s: %s%s", step, f"{done:,}", "" if total is None else f" of {total:,}")
