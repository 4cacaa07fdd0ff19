"""What a piece of work costs: wall time, CPU time of the client and of PostgreSQL, and peak memory of both.

CPU time of the server is that of all its processes: the living ones by `/proc`, the ended ones as the postmaster has
collected them. Memory is PSS (a shared page counts once, however many processes map it), sampled while the work runs.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """Of one piece of work. `units`: what it did, in the unit of its benchmark; times in seconds, memory in bytes."""

    units: int
    wall: float
    client_cpu: float
    server_cpu: float
    client_peak: int = 0
    server_peak: int = 0

    @property
    def cpu(self) -> float:
        return self.client_cpu + self.server_cpu

    @property
    def rate(self) -> float:
        """Units a second of wall time."""
        return self.units / self.wall


def client_cpu() -> float:
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def server_cpu(postmaster: int) -> float:
    """CPU seconds of a PostgreSQL server so far: the postmaster, its children, and those that have ended."""
    while True:
        before = _times(postmaster)
        living = sum(sum(_times(child)[:2]) for child in _children(postmaster))
        own = _times(postmaster)
        if own[2:] == before[2:]:  # else a child has ended meanwhile: it may stand in both or in none
            return (sum(own) + living) / _TICKS


def _times(pid: int) -> tuple[int, int, int, int]:
    """utime, stime, and the same of children that have ended and been collected, in ticks; zeros if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0, 0, 0
    return int(fields[11]), int(fields[12]), int(fields[13]), int(fields[14])


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]
    return []


class Peaks:
    """Peak memory (PSS, bytes) of a client process and of a server, while `watching`."""

    def __init__(self, client: int, postmaster: int) -> None:
        self._client = client
        self._postmaster = postmaster
        self.client = 0
        self.server = 0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.is_set():
            started = time.monotonic()
            self.client = max(self.client, _pss(self._client))
            self.server = max(self.server, sum(_pss(pid) for pid in [self._postmaster, *_children(self._postmaster)]))
            # Reading the page tables of a large server costs CPU: at most a twentieth of the time.
            stop.wait(max(_SAMPLE_SECONDS, 20 * (time.monotonic() - started)))


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
