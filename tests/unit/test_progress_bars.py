"""Progress bars: on a terminal only, on standard error only, and only for what takes over a second."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from commerce.cli.progress import Bars, progress_bars, working
from commerce.progress import Progress, silent

PROGRAM = """
import sys, time
from commerce.cli.progress import progress_bars
with progress_bars() as progress:
    progress("upload S1", 3, 7)
    time.sleep(float(sys.argv[1]))
    progress("post_statements", 1, 2)
print("result")
"""


def on_a_terminal(seconds: float) -> tuple[str, str]:
    """What the program prints to standard output (a pipe) and to standard error (a terminal)."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"},
    ) as program:
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            shown += chunk
        assert program.stdout is not None
        printed = program.stdout.read()
    os.close(ours)
    assert program.returncode == 0
    return printed.decode(), shown.decode()


def test_a_bar_appears_after_a_second_and_not_in_the_result() -> None:
    printed, shown = on_a_terminal(2)
    assert printed == "result\n"
    assert "upload S1" in shown
    assert "3/7" in shown


def test_what_is_quick_shows_none() -> None:
    assert on_a_terminal(0) == ("result\n", "")


def test_a_timer_that_fires_while_the_bars_are_closed_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars()
    bars("upload", 1, 2)
    bars.close()
    bars._begin()  # as the timer does when it fired before close() could cancel it
    assert bars._shown is None
    assert capsys.readouterr().err == ""


def test_a_step_without_parts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[tuple[object, ...]] = []

    @contextlib.contextmanager
    def bars() -> Iterator[Progress]:
        yield lambda *step: reported.append(step)

    monkeypatch.setattr("commerce.cli.progress.progress_bars", bars)
    with working("start the server"):
        assert reported == [("start the server", 0)]


def test_elsewhere_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as progress:
        assert progress is silent
    assert capsys.readouterr().err == ""
