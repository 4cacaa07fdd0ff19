"""What runs on a data folder: the live server process, and what a killed one left behind."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from commerce.server.layout import PORT, Layout

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Postmaster:
    """A live server process, as its ``postmaster.pid`` describes it."""

    pid: int
    socket_folder: Path
    ready: bool
    """False while it recovers from a crash or shuts down."""

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).send_signal(number)


def running(layout: Layout) -> Postmaster | None:
    """The live server of this data folder, or None.

    A pid file proves nothing: the process may be dead, a zombie, or another program that got the number since.
    """
    lines = _read_lines(layout.pid_file)
    if len(lines) < 5 or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    if not _works_in(pid, layout.data):
        return None
    return Postmaster(pid, Path(lines[4]), ready=len(lines) > 7 and lines[7].strip() == "ready")


def clear_remains(layout: Layout, wait_seconds: float = 10) -> None:
    """Make a data folder without a live server startable again. The caller holds the lock of the layout.

    Ends backends that outlived a killed server (PostgreSQL refuses to start beside them) and removes its lock files
    (PostgreSQL refuses to start when the number in them belongs to any other process of the account by now).
    """
    orphans = [p for p in psutil.process_iter() if _is_postgres(p) and _works_in(p.pid, layout.data)]
    for process in orphans:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGQUIT)  # "end at once, recovery puts things right"
    if not ended([process.pid for process in orphans], layout, wait_seconds):
        for process in orphans:
            with contextlib.suppress(psutil.Error):
                process.kill()
        ended([process.pid for process in orphans], layout, wait_seconds)
    for lock_file in (layout.pid_file, layout.socket_folder() / f".s.PGSQL.{PORT}.lock"):
        lock_file.unlink(missing_ok=True)


def ended(pids: Sequence[int], layout: Layout, wait_seconds: float) -> bool:
    """Wait until none of the processes works on the data folder; False if one still does after `wait_seconds`.

    Not psutil's own wait: that goes on until somebody has collected the zombie, which in a container may be never.
    """
    deadline = time.monotonic() + wait_seconds
    while any(_works_in(pid, layout.data) for pid in pids):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _works_in(pid: int, folder: Path) -> bool:
    """Whether `pid` is a live PostgreSQL process of this data folder, which is its working directory."""
    try:
        process = psutil.Process(pid)
        return (
            process.status() != psutil.STATUS_ZOMBIE
            and _is_postgres(process)
            and Path(process.cwd()).resolve() == folder.resolve()
        )
    except psutil.Error:
        return False


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("postgres")
    except psutil.Error:
        return False


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
