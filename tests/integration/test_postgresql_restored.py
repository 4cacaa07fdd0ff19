"""A channel on PostgreSQL that was restored, moved or purged, and rows that headquarters cannot take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import Engine, text

from commerce import exchange, server
from commerce.migrations import upgrade_channel
from commerce.schema.uploaded import TRANSACTION
from support.company import add_company
from support.registers import PostgresqlRegister, add_postgresql_register, rows, scalar

STOP = "SELECT stopreason FROM cdx.retailconndatabaseprofile WHERE name = 'S1'"


@pytest.fixture
def register(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> PostgresqlRegister:
    add_company(hq)
    return add_postgresql_register(hq, postgresql_channel)


def upload(hq: Engine) -> dict[str, int]:
    outcome = exchange.upload(hq, stores=["S1"]).stores["S1"]
    assert outcome.message == ""
    return dict(outcome.counts)


def refusal(hq: Engine) -> str:
    result = exchange.upload(hq, stores=["S1"])
    assert result.failed_stores == ("S1",)
    return result.stores["S1"].message


def test_old_rows_may_be_purged(hq: Engine, register: PostgresqlRegister) -> None:
    register.sale(1)
    upload(hq)
    for table in ("retailtransactiontable", "retailtransactionsalestrans", "retailtransactionpaymenttrans"):
        register.execute(f"DELETE FROM {table}")
    assert upload(hq)["rows"] == 0
    register.sale(2)
    assert upload(hq)["transactions"] == 1


def test_rolled_back_counters_are_gaps_and_no_restore(hq: Engine, register: PostgresqlRegister) -> None:
    with register.connect() as connection:
        register.put_on(connection, TRANSACTION, transactionid="T-X", type=2)
        connection.rollback()
    register.sale(1)
    with register.connect() as connection:
        register.put_on(connection, TRANSACTION, transactionid="T-Y", type=2)
        connection.rollback()
    assert upload(hq)["transactions"] == 1
    register.sale(2)
    assert upload(hq)["transactions"] == 1
    assert rows(hq, "SELECT replicationcounterfromorigin FROM ax.retailtransactiontable ORDER BY 1") == [(2,), (4,)]


def test_counters_that_begin_anew_stop_the_channel(hq: Engine, register: PostgresqlRegister) -> None:
    register.sale(1)
    register.sale(2)
    upload(hq)
    register.execute("DELETE FROM retailtransactiontable WHERE transactionid = 'T-000002'")
    register.execute("ALTER TABLE retailtransactiontable ALTER replicationcounterfromorigin RESTART WITH 2")
    assert "ends at counter 1, but counter 2 was taken" in refusal(hq)
    register.header(3)
    assert scalar(hq, STOP) == refusal(hq), "stopped until a person says so"


def test_another_row_at_the_watermark_stops_the_channel(hq: Engine, register: PostgresqlRegister) -> None:
    register.sale(1)
    upload(hq)
    register.execute("UPDATE retailtransactionsalestrans SET qty = 77 WHERE replicationcounterfromorigin = 2")
    assert "table retailtransactionsalestrans has another row at counter 2" in refusal(hq)


def test_transactions_from_the_future_stop_the_channel(hq: Engine, register: PostgresqlRegister) -> None:
    """As after a restore in place: the server's transaction ids are behind the snapshot that was kept."""
    register.sale(1)
    upload(hq)
    ahead = "UPDATE cdx.uploadround SET taken = '99999999999:99999999999:' WHERE stream = 'current'"
    with hq.begin() as connection:
        connection.execute(text(ahead))
    assert "its transactions are behind those that were taken" in refusal(hq)


def test_another_database_under_the_same_url_stops_the_channel(
    hq: Engine, register: PostgresqlRegister, hq_server: server.Server
) -> None:
    """A copy has the same counters, rows and stamps; only its identity differs."""
    register.sale(1)
    upload(hq)
    _replace_by_copy(hq_server, register)
    assert "is on another server than before, or was created anew" in refusal(hq)
    exchange.open_incarnation(hq, "S1")
    register.sale(2)
    result = upload(hq)
    assert (result["transactions"], result["quarantined"]) == (1, 0)
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 4
    assert upload(hq)["rows"] == 0


def _replace_by_copy(hq_server: server.Server, register: PostgresqlRegister) -> None:
    with register.connect() as connection:
        name = str(connection.info.dbname)
    old, new = sql.Identifier(name), sql.Identifier(f"{name}_copy")
    host = str(hq_server.socket_folder)
    with psycopg.connect(dbname="postgres", user="postgres", host=host, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(new, old))
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(old))
        admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, old))


def test_stamps_of_another_server_are_no_reason_to_skip_rows(hq: Engine, register: PostgresqlRegister) -> None:
    """A dump that was loaded into a younger server brings transaction ids that this one has not reached."""
    register.sale(1)
    register.execute("UPDATE retailtransactiontable SET replicationtransactionid = '99999999999'")
    message = refusal(hq)
    assert "were stamped by another server" in message
    assert scalar(hq, STOP) == ""
    register.execute(message.partition("at rest: ")[2])
    assert upload(hq)["transactions"] == 1


def test_a_new_incarnation_takes_everything_once(hq: Engine, register: PostgresqlRegister) -> None:
    register.customer(1)
    register.address(1)
    register.customer(9, vatnum="9" * 30)
    register.sale(1)
    register.sale(2)
    upload(hq)
    register.execute(
        "UPDATE retailtransactionsalestrans SET replicationcounterfromorigin = replicationcounterfromorigin + 100"
    )
    register.execute("UPDATE retailasynccustomerv2 SET replicationcounterfromorigin = replicationcounterfromorigin + 7")
    register.customer(3)
    exchange.open_incarnation(hq, "S1")
    assert upload(hq) == {"customers": 1, "transactions": 0, "rows": 1, "quarantined": 0}
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 2
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans") == 4
    assert exchange.quarantined.count(hq) == 1


BAD = {
    "street": ("s" * 251, "street: longer than 250"),
    "county": ("12345678901", "county: longer than 10"),
    "createddatetime": ("infinity", "createddatetime: missing or no date and time"),
}


def test_bad_values_go_to_quarantine(hq: Engine, register: PostgresqlRegister) -> None:
    for number, (column, (value, _)) in enumerate(BAD.items(), 1):
        register.address(number, **{column: value})
    register.address(9)
    register.line(1, 1, qty="NaN")
    register.line(1, 2, netamount="NaN", shippingdaterequested="0044-03-15 BC")
    register.line(1, 3)
    register.put(TRANSACTION, store="S9", transactionid="T-000001", type=2)
    assert upload(hq) == {"customers": 1, "transactions": 0, "rows": 2, "quarantined": 6}
    found = [reason for (reason,) in rows(hq, "SELECT reason FROM cdx.quarantine ORDER BY tablename, quarantineid")]
    assert found[:3] == [reason for _, reason in BAD.values()]
    assert "qty: missing or no decimal number of at most six decimals" in found
    assert any("netamount" in reason and "shippingdaterequested: no date" in reason for reason in found)
    assert "store: not a store of this channel database" in found
    assert upload(hq)["rows"] == 0


def test_bytes_that_are_no_text_go_to_quarantine(hq: Engine, register: PostgresqlRegister, hq_server: Any) -> None:
    """A database without an encoding (SQL_ASCII) holds any bytes."""
    with register.connect() as connection:
        name = str(connection.info.dbname)
    host = str(hq_server.socket_folder)
    with psycopg.connect(dbname="postgres", user="postgres", host=host, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'").format(
                sql.Identifier(name)
            )
        )
    engine = sa.create_engine(hq_server.url(name), connect_args={"client_encoding": "utf8"})
    upgrade_channel(engine)
    engine.dispose()
    register.execute(
        "INSERT INTO retailasynccustomerv2 (custaccountasync, custname, relationshiptype, operation, createddatetime,"
        " dataareaid) VALUES ('g1', E'\\xff\\xfeJoe', 1, 1, now(), 'USMF'), ('g2', 'Ann', 1, 1, now(), 'USMF')"
    )
    assert upload(hq) == {"customers": 1, "transactions": 0, "rows": 1, "quarantined": 1}
    assert rows(hq, "SELECT rawdata -> 'custname' ->> 'hex' FROM cdx.quarantine") == [(b"\xff\xfeJoe".hex(),)]


def test_a_database_that_cannot_be_reached(hq: Engine, register: PostgresqlRegister) -> None:
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = 'postgresql://u@/nowhere?host=/nowhere'")
        )
    message = refusal(hq)
    assert "postgresql://u@/nowhere" in message
    assert "cannot be reached" in message
    assert "No such file or directory" in message
    assert exchange.waiting(hq, stores=["S1"])[0].fault == message
    assert not exchange.distribute(hq, stores=["S1"]).ok or scalar(hq, "SELECT count(*) FROM cdx.outbox") == 0
