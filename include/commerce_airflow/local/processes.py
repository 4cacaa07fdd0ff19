"""Airflow's processes: each component in a session of its own, and the whole session stopped.

A signal to the first process alone leaves workers, tasks and the port behind, and the next start then talks to the
old server. Tasks even have process groups of their own, so it is the session that says what belongs to a component.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Component:
    """A running component of Airflow."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> bool:
        return self.process.poll() is not None

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def airflow_command(arguments: Sequence[str]) -> list[str]:
    """Airflow of this interpreter's environment, whatever PATH says."""
    return [sys.executable, "-m", "airflow", *arguments]


def start(name: str, arguments: Sequence[str], *, environment: dict[str, str], logs: Path) -> Component:
    """Start `airflow <arguments>` in a session of its own; its output goes to `<logs>/<name>.log`."""
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            airflow_command(arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Component(name, process, log)


def stop(components: Sequence[Component], *, wait_seconds: float = 10) -> None:
    """Ask the components to end; kill what is left of their sessions after `wait_seconds`. Nothing remains
    afterwards."""
    for component in components:
        with contextlib.suppress(ProcessLookupError):
            component.process.terminate()
    deadline = time.monotonic() + wait_seconds
    for component in components:
        with contextlib.suppress(subprocess.TimeoutExpired):
            component.process.wait(max(0.1, deadline - time.monotonic()))
    kill_sessions(component.process.pid for component in components)
    for component in components:
        component.process.wait()


def kill_sessions(sessions: Iterable[int]) -> None:
    """Kill every process of the sessions (a session has the id of the process that began it)."""
    wanted = set(sessions)
    while members := [pid for pid in psutil.pids() if _session(pid) in wanted and not _is_zombie(pid)]:
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def record(path: Path, components: Sequence[Component]) -> None:
    """Note the processes in a file, for the guard and the next start in case this process is killed."""
    entries = []
    for component in components:
        with contextlib.suppress(psutil.NoSuchProcess):
            entries.append(
                {"pid": component.process.pid, "started": psutil.Process(component.process.pid).create_time()}
            )
    written = path.with_suffix(".new")
    written.write_text(json.dumps(entries))
    written.replace(path)  # the guard never reads half a file


def stop_leftovers(path: Path) -> None:
    """Kill what a killed predecessor left behind; a process id that belongs to another process by now is let alone."""
    if not path.exists():
        return
    leftovers = []
    for entry in json.loads(path.read_text()):
        try:
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["started"]) < 1:
                leftovers.append(process.pid)
        except psutil.NoSuchProcess:
            # Its session may live on without it: a session's id is not given out again while the session has members.
            if any(_session(pid) == entry["pid"] for pid in psutil.pids()):
                leftovers.append(entry["pid"])
    kill_sessions(leftovers)
    path.unlink(missing_ok=True)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
