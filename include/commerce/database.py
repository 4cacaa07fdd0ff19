"""Connections to headquarters: engine, ADBC, advisory locks, retries, and errors and URLs that are safe to show."""

from __future__ import annotations

import contextlib
import errno
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import adbc_driver_manager
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from commerce import server
from commerce.errors import CommerceError, StoreError, UsageError
from commerce.settings import Settings

if TYPE_CHECKING:
    from adbc_driver_manager import dbapi

TRANSIENT_STATES = frozenset({"40001", "40P01"})
"""SQLSTATEs of serialization failure and deadlock: the same transaction may succeed when it runs again."""

_SESSION = {"application_name": "commerce", "options": "-c timezone=UTC"}
_POLL_SECONDS = 0.2
_STATISTICS_TARGET = 20
"""A fifth of PostgreSQL's usual sample, which would cost a quarter of an upload."""
TRY_LOCK = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
UNLOCK = sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))")

T = TypeVar("T")


def hq_engine(url: str | None = None) -> Engine:
    """Engine of headquarters (``postgresql+psycopg``; every session is in UTC).

    Args:
        url: a PostgreSQL URL; None: ``COMMERCE_HQ_URL``, else the embedded server, which must run already.

    Raises:
        UsageError: the URL is not one of PostgreSQL.
        CommerceError: no URL is given and the embedded server does not run.
    """
    settings = Settings.from_environment()
    url = url or settings.hq_url
    if url is None:
        running = server.find(settings.home)
        if running is None:
            raise CommerceError(
                f"The embedded PostgreSQL of {settings.home} does not run. Start it with `commerce server start`, or "
                "set COMMERCE_HQ_URL to a headquarters database."
            )
        url = running.url("hq")
    parsed = parse_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise UsageError(f"Headquarters is a PostgreSQL database, but its URL starts with '{parsed.drivername}'.")
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        use_native_hstore=False,  # spares each process a look into the catalog for a type that nothing here has
        hide_parameters=True,  # bound values are personal data; errors must not quote them
        connect_args=_SESSION,
    )


def hq_conninfo(engine: Engine, purpose: str = "", settings: str = "") -> str:
    """libpq's connection string to the database of `engine`, for a connection beside it; it holds the password.

    Args:
        purpose: what `pg_stat_activity` shows behind "commerce".
        settings: further settings of the session, as options of the server's command line: ``-c NAME=VALUE``.
    """
    parameters = engine.url.translate_connect_args(database="dbname", username="user")
    session = {
        "application_name": f"{_SESSION['application_name']} {purpose}".rstrip(),
        "options": f"{_SESSION['options']} {settings}".rstrip(),
    }
    return make_conninfo("", **{**parameters, **engine.url.query, **session})


def adbc_hq(engine: Engine, purpose: str = "") -> dbapi.Connection:
    """Open an ADBC (Arrow) connection to the database of `engine`.

    It is a connection of its own and shares no transaction. The caller closes it. It starts without
    autocommit: `commit()` what is to stay.

    Args:
        purpose: what `pg_stat_activity` shows behind "commerce".
    """
    conninfo = hq_conninfo(engine, purpose)
    import adbc_driver_postgresql.dbapi  # brings pandas along: seconds that a list of channels need not wait for

    connection: dbapi.Connection = adbc_driver_postgresql.dbapi.connect(conninfo)
    return connection


def autocommit(engine: Engine) -> Connection:
    """A connection of `engine` for transactions of one statement: one round trip instead of three."""
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def analyze(engine: Engine, table: str, columns: Sequence[str]) -> None:
    """Take statistics good enough to plan with, of a table that has just gained many rows: until autovacuum comes, a
    minute later, the planner would take it for nearly empty.

    Named columns do not count as an analysis of the table, so autovacuum takes its full sample all the same.
    """
    with engine.begin() as connection:
        connection.execute(sa.text(f"SET LOCAL default_statistics_target = {_STATISTICS_TARGET}"))
        connection.execute(sa.text(f"ANALYZE {table} ({', '.join(columns)})"))


def analyze_growing(engine: Engine, tables: Sequence[str], rounds: int, *, target: int | None = None) -> None:
    """Let the planner know of tables that grow from nothing while a job runs: after 1, 2, 4, 8, ... of its `rounds`.
    With the statistics of an empty table it would join ten thousand rows with a million by comparing each with each.

    Args:
        target: PostgreSQL's statistics target; None: its usual one.
    """
    if rounds & (rounds - 1) == 0:
        with engine.begin() as connection:
            if target is not None:
                connection.execute(sa.text(f"SET LOCAL default_statistics_target = {target}"))
            connection.execute(sa.text(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}"))


@contextlib.contextmanager
def try_advisory_lock(engine: Engine, key: str, wait_seconds: float = 0) -> Iterator[bool]:
    """Hold the advisory lock named `key` during the block; yields False if somebody else keeps it for `wait_seconds`.

    The lock belongs to a session of its own, outside any transaction: it does not hold back vacuum or outlive a crash.
    """
    with autocommit(engine) as connection:
        held = wait_for(lambda: bool(connection.execute(TRY_LOCK, {"key": key}).scalar_one()), wait_seconds)
        try:
            yield held
        finally:
            if held:
                try:
                    connection.execute(UNLOCK, {"key": key})
                except sa.exc.DBAPIError:
                    connection.invalidate()  # never hand a session that may hold the lock back to the pool


def wait_for(taken: Callable[[], bool], wait_seconds: float) -> bool:
    """Ask `taken` until it says so, at most for `wait_seconds`; returns what it said last."""
    deadline = time.monotonic() + wait_seconds
    while not (held := taken()):
        if time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    return held


def retry_transient(work: Callable[[], T], *, attempts: int = 5, first_wait_seconds: float = 0.05) -> T:
    """Call `work` again, after growing pauses, while it fails by deadlock or serialization failure.

    `work` is a whole transaction: it begins and commits inside. The last failure is raised as it is.
    """
    for attempt in range(attempts):
        try:
            return work()
        except (sa.exc.DBAPIError, adbc_driver_manager.Error) as error:
            if sqlstate(error) not in TRANSIENT_STATES or attempt == attempts - 1:
                raise
            time.sleep(first_wait_seconds * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError("attempts must be positive")


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a database error (SQLAlchemy, psycopg or ADBC); None where it has none (SQLite)."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    return state if isinstance(state, str) and state else None


def describe_error(error: BaseException) -> str:
    """A database error without the data in it: its kind, SQLSTATE, table and constraint.

    The text of a database error quotes values (PostgreSQL's ``DETAIL: Key (...)``, ``invalid input syntax ... "..."``):
    it must reach neither a log nor a result.
    """
    original: Any = getattr(error, "orig", None) or error
    parts = [type(original).__name__]
    if state := sqlstate(error):
        parts.append(f"SQLSTATE {state}")
    details = getattr(original, "diag", None)
    for label, name in (("table", "table_name"), ("column", "column_name"), ("constraint", "constraint_name")):
        if value := getattr(details, name, None):
            parts.append(f"{label} {value}")
    return ", ".join(parts)


def parse_url(url: str) -> URL:
    """Parse a SQLAlchemy URL; a wrong one is refused without quoting it, as it may hold a password."""
    try:
        return make_url(url)
    except ArgumentError:
        raise UsageError(
            "The database URL cannot be read. Its form is dialect+driver://user@host:port/database, with special "
            "characters percent-encoded."
        ) from None


def is_reachable_file(path: str) -> bool:
    """Whether there is a file at `path`.

    Raises:
        StoreError: that cannot be told: a stale mount, a folder without permission, a name that is too long.
    """
    try:
        return Path(path).is_file()
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        raise StoreError(
            f"The channel database {path} cannot be reached ({type(error).__name__}, {name or error.errno}). Look at "
            "the folder, its mount and its permissions."
        ) from None


def safe_url(url: str | URL) -> str:
    """The URL without its password and without query values that hold one."""
    parsed = parse_url(url) if isinstance(url, str) else url
    query = {name: "***" if _is_secret(name) else value for name, value in parsed.query.items()}
    return parsed.set(query=query).render_as_string(hide_password=True)


def refuse_password(url: str) -> None:
    """Refuse a URL that would be stored or shown with a password in it.

    Raises:
        UsageError: the URL has one.
    """
    parsed = parse_url(url)
    if parsed.password or any(_is_secret(name) for name in parsed.query):
        raise UsageError(
            "The database URL holds a password and would be stored or shown with it. Leave it out: that "
            "of a channel belongs in a password file (PGPASSFILE) or in a connection (`commerce channel add "
            "--connection`), that of headquarters in a password file or in COMMERCE_HQ_URL."
        )


def _is_secret(name: str) -> bool:
    return name.lower() in {"password", "passwd", "pwd", "sslpassword", "sslkeypassword", "odbc_connect"}
