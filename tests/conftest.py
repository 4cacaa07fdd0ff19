"""Fixtures every test may use: a real embedded PostgreSQL, a headquarters database a test, and SQLite channel files.

The server is one for the whole run, shared by the workers of pytest-xdist. Its template database is migrated once and
cloned for each test that asks for `hq`.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import Engine

from commerce import database, server
from commerce.migrations import upgrade_channel, upgrade_headquarters

TEMPLATE = "template_hq"
CHANNEL_TEMPLATE = "template_channel"
PREFIX = "commerce-tests-"
HOME_VARIABLE = "COMMERCE_TEST_HOME"
MEMORY = Path("/dev/shm")
ROOM = 6 << 30
"""Bytes that must be free in memory; a whole run takes about half of them."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the data folder of this run's server; workers of pytest-xdist inherit the choice.

    In memory where there is room: a database is some seven hundred files, and copying those is ten times cheaper there.
    The tests' own folders lie beside it, unless ``--basetemp`` names another place.
    """
    if hasattr(config, "workerinput"):
        return
    places = [Path(tempfile.gettempdir())]
    if os.access(MEMORY, os.W_OK):
        places.append(MEMORY)
    for left_over in itertools.chain.from_iterable(place.glob(f"{PREFIX}*") for place in places):
        pid = left_over.name.removeprefix(PREFIX).partition("-")[0]
        if os.access(left_over, os.W_OK) and pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(left_over)  # of a test run that was killed
    place = places[-1] if shutil.disk_usage(places[-1]).free >= ROOM else places[0]
    home = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place)
    os.environ[HOME_VARIABLE] = home
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", home)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server after the last worker."""
    if not hasattr(config, "workerinput"):
        _remove(Path(os.environ.pop(HOME_VARIABLE)))


def _remove(home: Path) -> None:
    server.stop(home)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Tests never touch the installation of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COMMERCE_HQ_URL", "COMMERCE_HOME", "AIRFLOW_CONN_COMMERCE_HQ"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def commerce_home() -> Path:
    """The data folder of this test run's server."""
    return Path(os.environ[HOME_VARIABLE])


@pytest.fixture(scope="session")
def hq_server(commerce_home: Path) -> server.Server:
    """The running embedded server, with the migrated template database."""
    running = server.start(commerce_home)
    with (commerce_home / "tests.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        migrated = commerce_home / "template-is-migrated"
        if not migrated.exists():
            with _administrator(running) as connection:
                # Databases of tests need not outlive the machine; what needs to, starts a server of its own.
                for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
            for name, upgrade in ((TEMPLATE, upgrade_headquarters), (CHANNEL_TEMPLATE, upgrade_channel)):
                running.ensure_database(name)
                engine = database.hq_engine(running.url(name))
                upgrade(engine)
                engine.dispose()  # a database with connections cannot be cloned
            migrated.touch()
    return running


@pytest.fixture(scope="session")
def channel_file(commerce_home: Path) -> Path:
    """An empty, migrated channel file, to be copied: migrating one takes a quarter of a second."""
    file = commerce_home / "template_channel.db"
    with (commerce_home / "tests.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            fresh = file.with_suffix(".fresh")
            engine = sa.create_engine(f"sqlite:///{fresh}")
            upgrade_channel(engine)
            engine.dispose()  # the last connection moves the write-ahead log into the file
            fresh.rename(file)
    return file


@pytest.fixture(scope="session")
def clone_headquarters(hq_server: server.Server) -> Callable[[str], str]:
    """Factory: an empty, migrated headquarters database beside `hq`; `kind` begins its name, which is returned."""
    return partial(_clone, hq_server, TEMPLATE)


@pytest.fixture
def hq_url(hq_server: server.Server) -> Iterator[str]:
    """URL of an empty, migrated headquarters database of this test's own."""
    name = _clone(hq_server, TEMPLATE, "hq")
    yield hq_server.url(name)
    _drop(hq_server, name)


@pytest.fixture
def hq(hq_url: str) -> Iterator[Engine]:
    """Engine of an empty, migrated headquarters database of this test's own."""
    engine = database.hq_engine(hq_url)
    yield engine
    engine.dispose()


@pytest.fixture
def channel_db(channel_file: Path, tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    """Factory: `channel_db("S0001")` makes the SQLite file of a channel in the test's folder and returns its engine.

    The same name gives the same file again.
    """
    engines: list[Engine] = []

    def make(name: str) -> Engine:
        file = tmp_path / f"{name}.db"
        if not file.exists():
            shutil.copy(channel_file, file)
        engines.append(sa.create_engine(f"sqlite:///{file}"))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def postgresql_channel(hq_server: server.Server) -> Iterator[Callable[[str], Engine]]:
    """Factory: `postgresql_channel("S0001")` makes a channel database on the test run's PostgreSQL and returns its
    engine. The same name gives the same database again.
    """
    engines: dict[str, Engine] = {}

    def make(name: str) -> Engine:
        if name not in engines:
            engines[name] = database.hq_engine(hq_server.url(_clone(hq_server, CHANNEL_TEMPLATE, "channel")))
        return engines[name]

    yield make
    for engine in engines.values():
        engine.dispose()
        _drop(hq_server, str(engine.url.database))


def _clone(running: server.Server, template: str, kind: str) -> str:
    name = f"{kind}_{uuid.uuid4().hex[:12]}"
    with _administrator(running) as connection:
        connection.execute(
            # Files are copied; the other strategy writes every page to the log, at three times the cost.
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return name


def _drop(running: server.Server, name: str) -> None:
    with _administrator(running) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _administrator(running: server.Server) -> psycopg.Connection:
    return psycopg.connect(dbname="postgres", user="postgres", host=str(running.socket_folder), autocommit=True)
