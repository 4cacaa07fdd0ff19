"""How long a register waits while headquarters uploads, distributes and resynchronizes (design rule 13).

A register in a process of its own sells all the time, once at rest and once while the jobs run, on SQLite with WAL,
SQLite without it, and PostgreSQL.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import Engine

from bench.installation import COMPANY_TEMPLATE, Installation, conninfo, engine, installed
from commerce.exchange import distribute, upload
from commerce.exchange.full import resynchronize
from commerce.exchange.outbox import enqueue
from commerce.migrations import upgrade_channel
from commerce.outcomes import JobResult
from commerce.schema.uploaded import SALES_LINE, TRANSACTION, UploadedTable

DIALECTS = ("sqlite", "sqlite without WAL", "postgresql")
PAUSE_SECONDS = 0.01
LIMIT_MS = 500.0
"""What rule 13 allows."""

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
_USUAL = {
    "text": "'x'",
    "integer": "0",
    "bigint": "0",
    "decimal": "'-8.5'",
    "date": "'2026-03-02'",
    "datetime": "'2026-03-02T10:00:00Z'",
}


def _insert(table: UploadedTable, **known: str) -> tuple[str, str]:
    """INSERT INTO the table's required columns, and their values in SQL; `known` by column."""
    names = [field.name for field in table.fields if field.required]
    values = [known.get(field.name, _USUAL[field.kind]) for field in table.fields if field.required]
    return f"INSERT INTO {{schema}}{table.name} ({', '.join(names)})", ", ".join(values)


_PLACE = {
    "store": "'{store}'",
    "terminal": "'T1'",
    "terminalid": "'T1'",
    "dataareaid": "'{company}'",
    "currency": "'USD'",
    "type": "2",
}
_HEADERS, _OF_HEADERS = _insert(TRANSACTION, transactionid="'B-' || i", **_PLACE)
_LINES, _OF_LINES = _insert(SALES_LINE, transactionid="'B-' || (1 + i / 3)", linenum="1 + i - 3 * (i / 3)", **_PLACE)
_HEADER, _OF_HEADER = _insert(TRANSACTION, transactionid="'R-{number}'", **_PLACE)
_LINE, _OF_LINE = _insert(SALES_LINE, transactionid="'R-{number}'", linenum="1", **_PLACE)
HEADERS = f"{_HEADERS} {{numbers}} SELECT {_OF_HEADERS} FROM n"
LINES = f"{_LINES} {{numbers}} SELECT {_OF_LINES} FROM n"
SALE = (f"{_HEADER} VALUES ({_OF_HEADER})", f"{_LINE} VALUES ({_OF_LINE})")


@dataclass(frozen=True)
class Waits:
    """Milliseconds from the beginning of a sale's transaction to the end of its commit."""

    sales: int
    median: float
    p99: float
    longest: float


@dataclass(frozen=True)
class Measured:
    """A register's waits at rest and while the jobs ran, and how long these took together (seconds)."""

    dialect: str
    at_rest: Waits
    during_jobs: Waits
    job_seconds: float

    @property
    def name(self) -> str:
        return f"register_wait, {self.dialect}"

    def as_dict(self) -> dict[str, Any]:
        """The entry of build/bench.json: the longest wait while the jobs ran; its floor is that of a register at rest,
        its limit what rule 13 allows."""
        return {
            "name": self.name,
            "value": round(self.during_jobs.longest, 1),
            "unit": "ms, longest",
            "floor": round(self.at_rest.longest, 1),
            "limit": LIMIT_MS,
            "during_jobs": asdict(self.during_jobs),
            "at_rest": asdict(self.at_rest),
            "job_seconds": round(self.job_seconds, 1),
        }


def measure_all(customers: int, repeats: int, say: Callable[[str], None]) -> list[Measured]:
    """Measure every dialect with `customers` customers and half as many sales again, `repeats` times; of each dialect
    the time with the longest wait counts."""
    worst = []
    with installed(1) as installation:
        for dialect in DIALECTS:
            found = []
            for repeat in range(repeats):
                found.append(measure(installation, dialect, customers * 3 // 2, customers))
                for what, waits in (("at rest", found[-1].at_rest), ("during jobs", found[-1].during_jobs)):
                    say(
                        f"{found[-1].name} {repeat + 1}/{repeats} {what}: {waits.sales} sales, median"
                        f" {waits.median:.1f} ms, 99 % {waits.p99:.1f} ms, longest {waits.longest:.1f} ms"
                    )
            worst.append(max(found, key=lambda one: one.during_jobs.longest))
    return worst


def measure(installation: Installation, dialect: str, sales: int, customers: int) -> Measured:
    """Measure one dialect on a store with `sales` sales to upload, and `customers` customers to distribute."""
    store = installation.stores[0]
    url = installation.clone(COMPANY_TEMPLATE)
    with _channel(installation, store, dialect) as (channel_url, channel), engine(url) as hq:
        company = _prepare(hq, store, channel_url, customers)
        _fill(channel, store, company, sales)
        with _register(channel_url, store, company) as stop:
            time.sleep(3)
            at_rest = stop()
        with _register(channel_url, store, company) as stop:
            began = time.monotonic()
            _must_end_well(upload(hq, stores=[store]))
            _must_end_well(distribute(hq, stores=[store]))
            resynchronize(hq, store)
            _must_end_well(distribute(hq, stores=[store]))
            seconds = time.monotonic() - began
            during = stop()
    installation.drop(url)
    return Measured(dialect, at_rest, during, seconds)


def _must_end_well(result: JobResult) -> None:
    if not result.ok:
        raise RuntimeError(str(result.as_dict()))


@contextlib.contextmanager
def _channel(installation: Installation, store: str, dialect: str) -> Iterator[tuple[str, Engine]]:
    """An empty channel database: the URL to register, and an engine on it."""
    if dialect == "postgresql":
        name = f"channel_{store.lower()}"
        installation.server.ensure_database(name)
        url = installation.server.url(name)
        with engine(url) as made:
            upgrade_channel(made)
            yield conninfo(url), made
        installation.drop(url)
        return
    url = f"sqlite:///{installation.empty_channel(store)}"
    made = sa.create_engine(url)
    with made.connect() as connection:
        mode = "DELETE" if dialect == "sqlite without WAL" else "WAL"
        connection.exec_driver_sql(f"PRAGMA journal_mode = {mode}")
    yield url, made
    made.dispose()


def _prepare(hq: Engine, store: str, channel_url: str, customers: int) -> str:
    """Point the store to its database and put `customers` into the outbox; returns the store's company."""
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = :store"),
            {"url": channel_url, "store": store},
        )
        found = "SELECT dataareaid, currency FROM ax.retailchanneltable WHERE retailchannelid = :store"
        company, currency = connection.execute(sa.text(found), {"store": store}).one()
        given = {"company": company, "currency": currency, "number": customers}
        connection.execute(
            sa.text(
                "INSERT INTO ax.dirpartytable (recid, instancerelationtype, partynumber, name)"
                " SELECT i, 1, 'B' || i, 'Customer ' || i FROM generate_series(1, :number) AS i"
            ),
            given,
        )
        connection.execute(
            sa.text(
                "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
                " SELECT CAST(:company AS text), 'B' || i, i,"
                " (SELECT min(custgroup) FROM ax.custgroup WHERE dataareaid = CAST(:company AS text)),"
                " CAST(:currency AS text) FROM generate_series(1, :number) AS i"
            ),
            given,
        )
        enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum LIKE 'B%'")
    return str(company)


def _fill(channel: Engine, store: str, company: str, sales: int) -> None:
    values = {"schema": _schema(channel.dialect.name), "store": store, "company": company}
    with channel.begin() as connection:
        connection.exec_driver_sql(HEADERS.format(numbers=NUMBERS.format(count=sales), **values))
        numbers = NUMBERS.format(count=3 * sales - 1)
        connection.exec_driver_sql(LINES.format(numbers=numbers, **values))


def _schema(dialect: str) -> str:
    return "ax." if dialect == "postgresql" else ""


@contextlib.contextmanager
def _register(url: str, store: str, company: str) -> Iterator[Callable[[], Waits]]:
    """A register that sells until it is stopped, in a process of its own."""
    command = [sys.executable, "-m", "bench.register_wait", url, store, company]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it sells now

        def stop() -> Waits:
            out, _ = process.communicate()
            return Waits(**json.loads(out))

        try:
            yield stop
        finally:
            process.kill()


def sell(url: str, store: str, company: str) -> None:
    """The register's process: sells until its standard input ends, then prints its waits."""
    connection: Any
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
        begin, schema = "BEGIN IMMEDIATE", ""
    else:
        connection = psycopg.connect(url, autocommit=True)
        begin, schema = "BEGIN", "ax."
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    waits: list[float] = []
    sys.stdout.write("selling\n")
    sys.stdout.flush()
    while not ended.wait(PAUSE_SECONDS):
        number = time.monotonic_ns()
        began = time.perf_counter()
        connection.execute(begin)
        for statement in SALE:
            connection.execute(statement.format(schema=schema, number=number, store=store, company=company))
        connection.execute("COMMIT")
        waits.append((time.perf_counter() - began) * 1000)
    waits.sort()
    found = Waits(len(waits), waits[len(waits) // 2], waits[int(len(waits) * 0.99)], waits[-1])
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    sell(*sys.argv[1:])
