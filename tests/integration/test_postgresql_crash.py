"""A store's PostgreSQL crashes: transaction ids that never reached the disk are handed out again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import Engine, text

from commerce import exchange, server
from commerce.database import hq_engine
from commerce.migrations import upgrade_channel
from commerce.schema.uploaded import TRANSACTION
from support.company import add_company, add_store
from support.registers import PostgresqlRegister, rows

pytestmark = pytest.mark.slow


@pytest.fixture
def store_server(tmp_path: Path) -> Iterator[server.Server]:
    """A store's own server, which writes its log only when a commit waits for it."""
    home = tmp_path / "store"
    running = server.start(home)
    with psycopg.connect(dbname="postgres", user="postgres", host=str(running.socket_folder), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET wal_writer_delay = 10000")
        admin.execute("ALTER SYSTEM SET autovacuum = off")
        admin.execute("SELECT pg_reload_conf()")
    yield running
    server.stop(home)


def crash(running: server.Server, home: Path) -> None:
    """As by a power cut, without the disk's share in it."""
    processes = [psutil.Process(running.pid), *psutil.Process(running.pid).children()]
    os.kill(running.pid, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=30)
    server.start(home)


def register_on(hq: Engine, running: server.Server) -> PostgresqlRegister:
    add_company(hq)
    add_store(hq, "S1")
    running.ensure_database("shop")
    engine = hq_engine(running.url("shop"))
    upgrade_channel(engine)
    engine.dispose()
    url = engine.url.set(drivername="postgresql").render_as_string()
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url"), {"url": url})
    return PostgresqlRegister(url, "S1", "USMF")


def test_a_sale_with_a_transaction_id_of_before_the_crash_is_taken(
    hq: Engine, store_server: server.Server, tmp_path: Path
) -> None:
    """Without `make_lasting` the sale is skipped: its transaction id seems to have ended before the upload."""
    register = register_on(hq, store_server)
    register.sale(1)
    with register.connect() as voided:
        for number in range(100, 140):
            register.put_on(voided, TRANSACTION, transactionid=f"V-{number}", type=2)
            voided.rollback()
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1
    crash(store_server, tmp_path / "store")
    register.sale(2)
    result = exchange.upload(hq, stores=["S1"])
    taken = [
        transaction for (transaction,) in rows(hq, "SELECT transactionid FROM ax.retailtransactiontable ORDER BY 1")
    ]
    assert taken == ["T-000001", "T-000002"], result.as_dict()
