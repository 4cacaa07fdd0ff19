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
    if not _alive(pid, layout):
        return None
    return Postmaster(pid, Path(lines[4]), ready=len(lines) > 7 and lines[7].strip() == "ready")


def clear_remains(layout: Layout, wait_seconds: float = 10) -> None:
    """Make a data folder without a live server startable again. The caller holds the lock of the layout.

    Ends backends that outlived a killed server (PostgreSQL refuses to start beside them) and removes its lock files
    (PostgreSQL refuses to start when the number in them belongs to any other process of the account by now).
    """
    orphans = [process for process in psutil.process_iter() if _is_of(layout, process)]
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
    while any(_alive(pid, layout) for pid in pids):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _alive(pid: int, layout: Layout) -> bool:
    try:
        return _is_of(layout, psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _is_of(layout: Layout, process: psutil.Process) -> bool:
    """Whether this is a live PostgreSQL process of this data folder.

    By command line: of the server itself it names the data folder, of its children (who replace it by a title) the
    server. The working directory would say it too, but a container's root may not look at that of another account.
    """
    try:
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        command = process.cmdline()
    except psutil.Error:
        return False
    return str(layout.data) in command or any(part.startswith(f"postgres: {layout.name}:") for part in command)


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
