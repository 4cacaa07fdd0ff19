"""Run a piece of work in a process of its own, so that its memory and CPU time are its own, and meter it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from bench.measuring import Cost, Peaks, client_cpu, server_cpu

Work = Callable[..., int]
"""A function of a module, with arguments that can be pickled. It returns how many units it did."""


class WorkFailedError(Exception):
    """The piece of work raised, or its process ended; the text is that of its error."""


def run(postmaster: int, work: Work, *arguments: Any) -> Cost:
    """Run `work(*arguments)` in a new process; starting Python and imports are not part of its cost.

    Args:
        postmaster: process id of the PostgreSQL server whose CPU time and memory count.

    Raises:
        WorkFailedError: it raised.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_worker, args=(theirs, postmaster, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        _expect(ours, "ready")
        peaks = Peaks(process.pid or 0, postmaster)
        with peaks.watching():
            ours.send("go")
            cost: Cost = _expect(ours, "done")
        return replace(cost, client_peak=peaks.client, server_peak=peaks.server)
    finally:
        ours.close()
        process.join(timeout=60)
        if process.is_alive():
            process.kill()


def _expect(pipe: Connection, word: str) -> Any:
    try:
        said, value = pipe.recv()
    except EOFError:
        raise WorkFailedError("its process ended before it was done") from None
    if said != word:
        raise WorkFailedError(str(value))
    return value


def _worker(pipe: Connection, postmaster: int, work: Work, arguments: tuple[Any, ...]) -> None:
    pipe.send(("ready", None))
    pipe.recv()
    try:
        started, client, server = time.perf_counter(), client_cpu(), server_cpu(postmaster)
        units = work(*arguments)
        wall = time.perf_counter() - started
        cost = Cost(units, wall, client_cpu() - client, server_cpu(postmaster) - server)
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
    else:
        pipe.send(("done", cost))
