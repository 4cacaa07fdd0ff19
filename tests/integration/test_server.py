"""The embedded PostgreSQL: starting, stopping, crashing, long paths, and leaving everything else alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from commerce import database, server
from commerce.errors import CommerceError

START = "import sys; from pathlib import Path; from commerce import server; print(server.start(Path(sys.argv[1])).pid)"


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder of its own (pytest's own paths may be too long for a socket), gone with its server afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="commerce-server-"))
    yield folder / "home"
    server.stop(folder / "home")
    shutil.rmtree(folder)


def connect(running: server.Server, database: str = "hq") -> psycopg.Connection:
    return psycopg.connect(dbname=database, user="postgres", host=str(running.socket_folder), autocommit=True)


def test_start_status_stop(home: Path) -> None:
    assert server.status(home).state == "never started"
    running = server.start(home)
    assert server.status(home).state == "running"
    assert server.find(home) == running
    with connect(running) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SELECT upper('æ'), 'a' > 'B'").fetchone() == ("Æ", True)
    assert server.start(home) == running, "a second start finds the first"
    assert server.stop(home)
    assert server.status(home).state == "stopped"
    assert server.find(home) is None
    assert not server.stop(home), "a second stop has nothing to do"


def test_data_outlives_stop_and_start(home: Path) -> None:
    with connect(server.start(home)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    server.stop(home)
    with connect(server.start(home)) as connection:
        assert connection.execute("SELECT a FROM t").fetchone() == (1,)


def test_databases_are_made_on_demand_once(home: Path) -> None:
    running = server.start(home)
    running.ensure_database("airflow")
    running.ensure_database("airflow")
    with connect(running, "airflow") as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("airflow",)


def test_a_killed_server_recovers(home: Path) -> None:
    """kill -9 while a backend is busy: what was committed is there, what was not is gone, no process is left."""
    running = server.start(home)
    with connect(running) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("INSERT INTO t VALUES (1)")
    busy = connect(running)
    busy.autocommit = False
    busy.execute("INSERT INTO t VALUES (2)")
    busy.pgconn.send_query(
        b"SELECT count(*) FROM generate_series(1, 10000000000)"
    )  # looks up from its work very seldom
    backend = psutil.Process(busy.info.backend_pid)
    os.kill(running.pid, signal.SIGKILL)
    again = server.start(home)
    assert again.pid != running.pid
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    with connect(again) as connection:
        assert connection.execute("SELECT array_agg(a) FROM t").fetchone() == ([1],)
    busy.close()


def test_a_pid_file_that_names_another_process_does_not_stop_a_start(home: Path) -> None:
    """After a reboot the number in the pid file may belong to anything, this test's process for one."""
    running = server.start(home)
    os.kill(running.pid, signal.SIGKILL)
    pid_file = home / "postgresql" / "data" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(running.pid), str(os.getpid()), 1))
    assert server.status(home).state == "stopped"
    assert server.start(home).pid != os.getpid()


def test_concurrent_starts_give_one_server(home: Path) -> None:
    starts = [
        subprocess.Popen([sys.executable, "-c", START, home], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    pids = {process.communicate(timeout=120)[0].strip() for process in starts}
    assert [process.returncode for process in starts] == [0] * 4
    assert pids == {str(server.start(home).pid)}


def test_the_server_outlives_the_process_group_that_started_it(home: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-u", "-c", START + "; import time; time.sleep(600)", home],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline().strip().isdigit(), "the server has started"
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    with connect(server.start(home)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_urls_of_every_driver_with_a_difficult_path(home: Path) -> None:
    running = server.start(home / "it's 100% ours & no one else's")
    try:
        for driver in ("psycopg", "psycopg2"):
            with sa.create_engine(running.url("hq", driver)).connect() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
        with database.adbc_hq(database.hq_engine(running.url("hq"))) as adbc, adbc.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        assert asyncio.run(_ask_asyncpg(running.url("hq", "asyncpg"))) == 1
    finally:
        server.stop(running.home)


async def _ask_asyncpg(url: str) -> object:
    async with create_async_engine(url).connect() as connection:
        return (await connection.exec_driver_sql("SELECT 1")).scalar_one()


def test_a_path_too_long_for_a_socket(home: Path) -> None:
    long_home = home / ("a folder with 'quotes', spaces and a rather long name " * 3).strip()
    running = server.start(long_home)
    try:
        assert len(str(running.socket_folder)) < 90
        assert stat.S_IMODE(running.socket_folder.stat().st_mode) == 0o700
        with connect(running) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop(long_home)
    assert not running.socket_folder.exists(), "nothing stays in the temporary directory"


def test_an_interrupted_first_start_is_repeated(home: Path) -> None:
    """initdb killed half way leaves no data folder that looks finished."""
    half = home / "postgresql" / "data.new"
    server.start(home)
    server.stop(home)
    shutil.rmtree(home / "postgresql" / "data")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server.start(home)
    assert not half.exists()


def test_no_permission_outside_the_home_changes(home: Path) -> None:
    home.parent.chmod(0o700)
    before = {folder: folder.stat().st_mode for folder in home.parents}
    server.start(home)
    assert {folder: folder.stat().st_mode for folder in home.parents} == before
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_data_of_another_version_is_refused(home: Path) -> None:
    server.start(home)
    server.stop(home)
    (home / "postgresql" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(CommerceError, match="PostgreSQL 17"):
        server.start(home)


def test_a_start_that_fails_says_why(home: Path) -> None:
    server.start(home)
    server.stop(home)
    (home / "postgresql" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(CommerceError, match="pg_control"):
        server.start(home)


def test_no_other_user_may_connect(home: Path) -> None:
    running = server.start(home)
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"), connect_as(running, "somebody"):
        pass


def connect_as(running: server.Server, user: str) -> psycopg.Connection:
    return psycopg.connect(dbname="hq", user=user, host=str(running.socket_folder))


@pytest.mark.skipif(os.geteuid() == 0, reason="needs an ordinary user: root is never refused a folder")
def test_a_folder_of_somebody_else_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "postgresql").symlink_to("/")
    with pytest.raises(CommerceError, match="in the way"):
        server.start(home)
