"""Progress on a terminal: bars on standard error, for what takes over a second; elsewhere nothing."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from commerce.progress import Progress, silent

if TYPE_CHECKING:
    import rich.progress

PATIENCE_SECONDS = 1.0


class Bars:
    """A `commerce.progress.Progress`: a line per step, with a bar where the total is known. Shown after a second."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[int, int | None]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._shown: rich.progress.Progress | None = None
        self._tasks: dict[str, rich.progress.TaskID] = {}
        self._timer = threading.Timer(PATIENCE_SECONDS, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def __call__(self, step: str, done: int, total: int | None = None) -> None:
        with self._lock:
            self._steps[step] = (done, total)
            if self._shown is not None:
                self._update(step)

    def close(self) -> None:
        """Take the bars off the screen."""
        self._timer.cancel()
        with self._lock:
            self._closed = True  # the timer may have fired already and wait for the lock
            if self._shown is not None:
                self._shown.stop()

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with self._lock:
            if self._closed:
                return
            self._shown = RichProgress(*columns, console=Console(stderr=True), transient=True)
            self._shown.start()
            for step in list(self._steps)[-1:]:
                self._update(step)

    def _update(self, step: str) -> None:
        assert self._shown is not None
        done, total = self._steps[step]
        if step not in self._tasks:
            self._tasks[step] = self._shown.add_task(step.replace("_", " "), total=total)
        self._shown.update(self._tasks[step], completed=done, total=total)


@contextlib.contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars if standard error is a terminal, else silence."""
    if not sys.stderr.isatty():
        yield silent
        return
    bars = Bars()
    try:
        yield bars
    finally:
        bars.close()


@contextlib.contextmanager
def working(step: str) -> Iterator[None]:
    """One named step without parts, for what reports no progress of its own."""
    with progress_bars() as progress:
        progress(step, 0)
        yield
