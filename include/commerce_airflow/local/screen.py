"""What the local commands show while they work: a moving line on a terminal, a plain line for each step elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console

WIDTH_ELSEWHERE = 140
"""Columns where the output is no terminal, such as a log."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)


class Step:
    """A step under way; a `commerce.progress.Progress` as well."""

    def __init__(self, title: str, show: Console) -> None:
        self._title = title
        self._status = show.status(title) if show.is_terminal else None

    def __call__(self, step: str, done: int, total: int | None = None) -> None:
        """Tell how far it is."""
        if self._status:
            self._status.update(f"{self._title}: {step} {f'{done:,} of {total:,}' if total else ''}")

    def __enter__(self) -> Step:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()


@contextlib.contextmanager
def step(title: str) -> Iterator[Step]:
    """Show `title` while the block works, and how long it took when it is through."""
    started = time.monotonic()
    with Step(title, console) as under_way:
        yield under_way
    console.print(f"{title} [dim]{time.monotonic() - started:.1f} s[/dim]")
