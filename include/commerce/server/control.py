"""Start, stop and look at the embedded server."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from commerce.errors import CommerceError
from commerce.server import account as accounts
from commerce.server import configuration, postmaster
from commerce.server.account import Account
from commerce.server.layout import MAJOR_VERSION, Layout, layout_of, programs

Driver = Literal["psycopg", "psycopg2", "asyncpg"]

_LARGEST_LOG = 10_000_000
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Server:
    """A running embedded server."""

    home: Path
    pid: int
    socket_folder: Path

    def url(self, database: str = "hq", driver: Driver = "psycopg") -> str:
        """SQLAlchemy URL of a database of this server. It holds no password: the server knows its own user."""
        return f"postgresql+{driver}://postgres@/{quote(database)}?host={quote(str(self.socket_folder), safe='/')}"

    def ensure_database(self, name: str) -> None:
        """Create the database unless it exists. Callers may race."""
        with psycopg.connect(
            dbname="postgres", user="postgres", host=str(self.socket_folder), autocommit=True
        ) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@dataclass(frozen=True)
class ServerStatus:
    """What `commerce server status` shows."""

    state: Literal["running", "starting", "stopped", "never started"]
    pid: int | None
    data: Path
    socket_folder: Path | None
    log: Path


def start(home: Path, *, wait_seconds: float = 300) -> Server:
    """Start the server of `home` and wait until it accepts connections; return it if it already runs.

    The first start creates the data folder. After a crash the server replays its log first, which may take minutes on
    a large database: `wait_seconds` bounds that. The database `hq` exists afterwards. Starts and stops of one home wait
    for each other.

    Raises:
        CommerceError: the server cannot start; the message says why and what to do.
    """
    layout = layout_of(home)
    layout.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(layout):
        deadline = time.monotonic() + wait_seconds
        while True:
            process = postmaster.running(layout)
            if process is None:
                account = accounts.choose(layout.home)
                _claim(layout.root, account, "COMMERCE_HOME")
                postmaster.clear_remains(layout)
                _initialize(layout, account)
                _launch(layout, account, wait_seconds)
            elif process.ready:
                with contextlib.suppress(psycopg.OperationalError):  # it has been killed just now: look again
                    server = Server(layout.home, process.pid, process.socket_folder)
                    server.ensure_database("hq")
                    return server
            if time.monotonic() >= deadline:
                raise CommerceError(
                    f"The embedded PostgreSQL accepts no connections after {wait_seconds:.0f} seconds. "
                    f"Its log is {layout.log}."
                )
            time.sleep(_POLL_SECONDS)


def stop(home: Path, *, wait_seconds: float = 60) -> bool:
    """Stop the server of `home`: open transactions are rolled back, data is written. Returns False if it did not run.

    Raises:
        CommerceError: it still runs after `wait_seconds`.
    """
    layout = layout_of(home)
    if not layout.home.is_dir():
        return False
    with _locked(layout):
        process = postmaster.running(layout)
        if process is None:
            return False
        process.signal(signal.SIGINT)
        if not postmaster.ended([process.pid], layout, wait_seconds):
            process.signal(signal.SIGQUIT)  # backends stuck in the kernel: stop at once, the next start recovers
            if not postmaster.ended([process.pid], layout, 10):
                raise CommerceError(
                    f"The embedded PostgreSQL (process {process.pid}) does not stop. Its log is {layout.log}."
                )
        if process.socket_folder != layout.root / "run":
            with contextlib.suppress(OSError):
                process.socket_folder.rmdir()  # the short folder in the temporary directory; ours, and empty now
        return True


def find(home: Path) -> Server | None:
    """The server of `home` if it runs and accepts connections."""
    layout = layout_of(home)
    process = postmaster.running(layout)
    if process is None or not process.ready:
        return None
    return Server(layout.home, process.pid, process.socket_folder)


def status(home: Path) -> ServerStatus:
    """Look at the server of `home`; never starts anything."""
    layout = layout_of(home)
    process = postmaster.running(layout)
    if process is None:
        state: Literal["stopped", "never started"] = "stopped" if layout.data.is_dir() else "never started"
        return ServerStatus(state, None, layout.data, None, layout.log)
    return ServerStatus(
        "running" if process.ready else "starting", process.pid, layout.data, process.socket_folder, layout.log
    )


@contextlib.contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """Hold the layout's lock; the operating system releases it when this process dies."""
    with layout.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _claim(folder: Path, account: Account, what: str) -> None:
    """Make `folder` exist and belong to the account alone.

    Raises:
        CommerceError: somebody else owns it.
    """
    if not folder.is_dir() or folder.is_symlink():
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise CommerceError(
                f"{folder} is in the way of the embedded PostgreSQL: remove it or set another {what}."
            ) from None
        account.own(folder)
    if folder.stat().st_uid != account.uid:
        raise CommerceError(
            f"{folder} belongs to user id {folder.stat().st_uid}, but the server would run as '{account.name}'. "
            f"Run the command as the user that made it, or set another {what}."
        )


def _initialize(layout: Layout, account: Account) -> None:
    """Create the data folder unless it exists: made beside it and renamed, so that an interrupted start leaves none."""
    version = layout.data / "PG_VERSION"
    if version.is_file():
        if (found := version.read_text().strip()) != MAJOR_VERSION:
            raise CommerceError(
                f"{layout.data} was made by PostgreSQL {found}, this is {MAJOR_VERSION}. Dump it with the old version "
                "and restore it here, or set another COMMERCE_HOME."
            )
        return
    fresh = layout.root / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    # Builtin C.UTF-8: byte order, the same on every machine, and upper/lower of all of Unicode.
    options = [
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--username=postgres",
    ]
    _run([str(programs() / "initdb"), *options, "--auth=peer", "--no-instructions", "-D", str(fresh)], layout, account)
    fresh.rename(layout.data)


def _launch(layout: Layout, account: Account, wait_seconds: float) -> None:
    socket_folder = layout.socket_folder()
    _claim(socket_folder, account, "TMPDIR" if socket_folder.parent != layout.root else "COMMERCE_HOME")
    configuration.write(layout, account, socket_folder)
    if layout.log.exists() and layout.log.stat().st_size > _LARGEST_LOG:
        layout.log.replace(layout.log.with_suffix(".log.1"))
    pg_ctl = [str(programs() / "pg_ctl"), "start", "--silent", "--wait", f"--timeout={wait_seconds:.0f}"]
    _run([*pg_ctl, "-D", str(layout.data), "-l", str(layout.log)], layout, account)


def _run(command: Sequence[str], layout: Layout, account: Account) -> None:
    """Run a PostgreSQL program as the account.

    Its output goes to a file, not to a pipe: a server started by it inherits the output and would keep a pipe open.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=layout.root,
                umask=0o077,
                preexec_fn=account.switch,
                check=False,
            )
        except (PermissionError, subprocess.SubprocessError) as error:
            raise CommerceError(
                f"The account '{account.name}' cannot run {command[0]} ({error}). Install in a folder that it may "
                "enter, or run the command as an ordinary user."
            ) from error
        output.seek(0)
        said = output.read().decode(errors="replace").strip().splitlines()
    if done.returncode != 0:
        log = layout.log.read_text(errors="replace").splitlines() if layout.log.exists() else []
        last = "\n".join([*said[-5:], *log[-10:]])
        raise CommerceError(f"The embedded PostgreSQL did not start; its log is {layout.log}. It ended with:\n{last}")
