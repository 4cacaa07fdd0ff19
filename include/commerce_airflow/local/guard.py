"""One local Airflow a home, and a guard that clears up after it.

Whoever starts the local Airflow stops it on the way out. A killed process (`kill -9`, out of memory) has no way out, so
another process watches it: its input is a pipe from the starter, and a pipe ends when its writer ends, however that
came about.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from commerce import server
from commerce.errors import CommerceError
from commerce_airflow.local import processes
from commerce_airflow.local.configuration import Layout

WAIT_FOR_PREDECESSOR = 120.0
"""Seconds. A guard needs as long as PostgreSQL needs to stop."""


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the home for this process; waits while the guard of a killed predecessor is still at work.

    Raises:
        CommerceError: another one runs in this home, or the guard does not come to an end.
    """
    layout.airflow_home.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("a") as lock, layout.guard_lock.open("a") as guard_lock:
        if not _lock(lock):
            raise CommerceError(
                f"The local Airflow of {layout.home} runs already. Stop it first (Ctrl-C where it runs), or set "
                "another COMMERCE_HOME."
            )
        if not _lock(guard_lock, WAIT_FOR_PREDECESSOR):
            raise CommerceError(
                f"What a killed start left in {layout.home} is still being stopped. Try again in a minute."
            )
        fcntl.flock(guard_lock, fcntl.LOCK_UN)
        processes.stop_leftovers(layout.processes)  # should the guard have been killed, too
        yield


@contextlib.contextmanager
def guarded(layout: Layout, *, stop_server: bool) -> Iterator[None]:
    """Have another process watch this one during the block. The caller is `alone` in its home.

    If this process is killed, the guard kills the recorded processes of Airflow and, if `stop_server`, stops the
    embedded server of the home.
    """
    command = [sys.executable, "-m", __name__, str(layout.home), *(["--stop-server"] if stop_server else [])]
    with layout.guard_lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the guard inherits it with the file, and keeps it as long as it lives
        guard = subprocess.Popen(
            command, stdin=subprocess.PIPE, start_new_session=True, cwd=layout.home, pass_fds=[lock.fileno()]
        )
    assert guard.stdin is not None
    try:
        yield
    finally:
        guard.stdin.close()
        guard.wait()


def end_with_parent() -> None:
    """Have this process get SIGTERM when the one that started it has ended: `make`, killed, tells nobody."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def watch(home: Path, *, stop_server: bool) -> None:
    """What the guard does: wait for the end of the input, then stop what the starter has not stopped itself."""
    starter = os.getppid()
    sys.stdin.buffer.read()
    processes.stop_leftovers(Layout(home).processes)
    if stop_server:
        server.stop(home)
        if os.getppid() != starter:
            time.sleep(1)  # killed while it started the server: that shows itself now
            server.stop(home)


def _lock(file: IO[str], wait_seconds: float = 0) -> bool:
    """Take the lock; False if somebody else holds it even after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--stop-server", action="store_true")
    options = parser.parse_args()
    watch(options.home, stop_server=options.stop_server)
