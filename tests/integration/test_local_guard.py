"""The guard of the local Airflow: whatever kills the starter, nothing stays, and the next start is not hindered."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from commerce import server
from commerce.errors import CommerceError
from commerce_airflow.local import guard
from commerce_airflow.local.configuration import Layout

STARTER = """
import subprocess, sys, time
from pathlib import Path
from commerce import server
from commerce_airflow.local import guard, processes
from commerce_airflow.local.configuration import Layout
from commerce_airflow.local.processes import Component

layout, stop_server = Layout(Path(sys.argv[1])), sys.argv[2] == "stop-server"
with guard.alone(layout), guard.guarded(layout, stop_server=stop_server):
    server.start(layout.home)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    processes.record(layout.processes, [Component("component", process, layout.logs)])
    print(process.pid, flush=True)
    time.sleep(60)
"""

CHILD = """
import sys, time
from commerce_airflow.local import guard
guard.end_with_parent()
print("watching", flush=True)
time.sleep(60)
"""


def start(home: Path, option: str) -> tuple[subprocess.Popen[str], int]:
    """A starter that is through with starting, and its component's process id."""
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(home), option], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    return starter, int(starter.stdout.readline())


def kill(starter: subprocess.Popen[str]) -> None:
    starter.kill()
    starter.communicate()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_killing_the_starter_ends_what_it_started_and_the_next_start_waits_for_that(tmp_path: Path) -> None:
    starter, component = start(tmp_path, "stop-server")
    assert alive(component)
    assert server.find(tmp_path) is not None
    kill(starter)
    with guard.alone(Layout(tmp_path)):
        assert not alive(component)
        assert server.find(tmp_path) is None


def test_a_server_that_ran_before_goes_on(tmp_path: Path) -> None:
    running = server.start(tmp_path)
    try:
        starter, component = start(tmp_path, "leave-server")
        kill(starter)
        wait_until(lambda: not alive(component))
        with guard.alone(Layout(tmp_path)):
            assert server.find(tmp_path) == running
    finally:
        server.stop(tmp_path)


def test_two_do_not_run_in_one_home(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with guard.alone(layout), pytest.raises(CommerceError, match="runs already"), guard.alone(layout):
        pass
    with guard.alone(layout), guard.guarded(layout, stop_server=False):
        pass
    with guard.alone(layout):
        pass


def test_a_process_ends_with_its_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])", CHILD],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    [child] = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(child.pid))
    parent.stdout.close()
