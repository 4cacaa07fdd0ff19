"""A channel database whose schema does not fit is refused by one error that names every fault, before it is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from commerce import exchange
from commerce.exchange.outbox import enqueue
from support.company import add_company, add_customer
from support.registers import PostgresqlRegister, Register, add_postgresql_register, add_register, rows, scalar


@pytest.fixture
def sqlite(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def postgresql(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> PostgresqlRegister:
    add_company(hq)
    return add_postgresql_register(hq, postgresql_channel)


def refusal(hq: Engine) -> str:
    """What the upload says; the preview says the same, and nothing was read."""
    message = exchange.upload(hq, stores=["S1"]).stores["S1"].message
    assert exchange.waiting(hq, stores=["S1"])[0].fault == message
    assert scalar(hq, "SELECT count(*) FROM cdx.retailcdxuploadsession") == 0
    return message


def test_several_faults_of_a_sqlite_channel(hq: Engine, sqlite: Register) -> None:
    sqlite.customer(1)
    sqlite.execute("UPDATE alembic_version SET version_num = '0002'")
    sqlite.execute("DROP TABLE retailtransactiontaxtrans")
    sqlite.execute("ALTER TABLE retailasynccustomerv2 RENAME COLUMN vatnum TO taxnumber")
    sqlite.execute("DROP TABLE retailtransactionsalestrans")
    sqlite.execute(
        "CREATE TABLE retailtransactionsalestrans AS SELECT *, 1 AS replicationcounterfromorigin"
        " FROM retailtransactionpaymenttrans WHERE 0"
    )
    sqlite.execute("DROP TABLE retailasyncaddressv2")
    sqlite.execute(
        "CREATE TABLE retailasyncaddressv2 (replicationcounterfromorigin INTEGER PRIMARY KEY, custaccountasync,"
        " custaccount TEXT, addressid TEXT, custname TEXT, street TEXT, streetnumber INTEGER, buildingcompliment TEXT,"
        " districtname TEXT, city VARCHAR(60), county TEXT, state TEXT, zip NUMERIC, country TEXT, phone TEXT,"
        " email TEXT, url TEXT, taxgroup TEXT, role REAL, makepostaladdressprimary BIGINT, operation INTEGER,"
        " createddatetime TEXT, dataareaid TEXT)"
    )
    message = refusal(hq)
    for fault in (
        "its revision is 0002, the newest is 00",
        "table retailtransactiontaxtrans is missing",
        "table retailasynccustomerv2 lacks vatnum",
        "table retailtransactionsalestrans has no INTEGER PRIMARY KEY replicationcounterfromorigin",
        "table retailasyncaddressv2 has columns of a wrong type: streetnumber (INTEGER), zip (NUMERIC), role (REAL);",
    ):
        assert fault in message
    assert "retailtransactiontable" not in message


def test_several_faults_of_a_postgresql_channel(hq: Engine, postgresql: PostgresqlRegister) -> None:
    postgresql.customer(1)
    postgresql.execute("DELETE FROM crt.alembic_version")
    postgresql.execute("DROP TABLE retailtransactiontaxtrans")
    postgresql.execute("ALTER TABLE retailasyncaddressv2 RENAME COLUMN city TO town")
    postgresql.execute("ALTER TABLE retailtransactionsalestrans ALTER COLUMN qty TYPE float8")
    postgresql.execute("ALTER TABLE retailtransactionsalestrans ALTER COLUMN shippingdaterequested TYPE text")
    postgresql.execute("ALTER TABLE retailtransactiontable DROP COLUMN replicationtransactionid")
    postgresql.execute("ALTER TABLE retailposbatchtable DROP CONSTRAINT pk_retailposbatchtable")
    postgresql.execute("ALTER TABLE retailtransactionpaymenttrans ALTER COLUMN replicationtransactionid DROP DEFAULT")
    message = refusal(hq)
    for fault in (
        "its revision is none, the newest is 00",
        "table retailtransactiontaxtrans is missing",
        "table retailasyncaddressv2 lacks city",
        "retailtransactionsalestrans has columns of a wrong type: qty (float8), shippingdaterequested (text);",
        "table retailtransactiontable has no replicationtransactionid xid8 DEFAULT pg_current_xact_id() NOT NULL",
        "table retailtransactionpaymenttrans has no replicationtransactionid xid8",
        "table retailposbatchtable has no integer replicationcounterfromorigin that is unique",
    ):
        assert fault in message
    assert "retailasynccustomerv2" not in message


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_distribution_to_a_schema_that_does_not_fit(hq: Engine, dialect: str, request: pytest.FixtureRequest) -> None:
    register: Register = request.getfixturevalue(dialect)
    add_customer(hq, "C1")
    with hq.begin() as connection:
        enqueue(connection, "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum = 'C1'")
    register.execute("DROP VIEW customersview")
    register.execute("DROP TABLE dirpartytable")
    register.execute("ALTER TABLE custtable RENAME COLUMN custgroup TO customergroup")
    register.execute("DROP TABLE custaccountasyncmap")
    moment = "timestamptz" if dialect == "postgresql" else "TEXT"
    register.execute(
        "CREATE TABLE custaccountasyncmap (dataareaid text, custaccountasync text, accountnum text, origin integer,"
        f" mappedhow text, mappedby text, createddatetime {moment})"
    )
    message = exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    for fault in (
        "table dirpartytable is missing",
        "table custtable lacks custgroup",
        "table custaccountasyncmap has no unique key (dataareaid, custaccountasync)",
    ):
        assert fault in message
    assert rows(hq, "SELECT count(*) FROM cdx.packagepart WHERE tablename = 'custtable'") == [(1,)]
    assert register.execute("SELECT count(*) FROM custtable")[0][0] == 0


def test_registers_may_use_other_types_that_hold_the_same(hq: Engine, postgresql: PostgresqlRegister) -> None:
    """As a database does that was carried over from SQL Server."""
    postgresql.execute("ALTER TABLE retailasyncaddressv2 ALTER COLUMN city TYPE varchar(60), ALTER role TYPE smallint")
    postgresql.execute("ALTER TABLE retailasyncaddressv2 ALTER createddatetime TYPE timestamp")
    postgresql.execute("ALTER TABLE retailtransactionsalestrans ALTER COLUMN qty TYPE numeric(32,16)")
    postgresql.address(1)
    postgresql.line(1, 1, qty="2.5")
    assert exchange.upload(hq, stores=["S1"]).counts == {"customers": 1, "transactions": 0, "rows": 2, "quarantined": 0}
    assert rows(hq, "SELECT qty::text FROM ax.retailtransactionsalestrans") == [("2.500000",)]
    assert rows(hq, "SELECT city, createddatetime::text FROM ax.retailasyncaddressv2") == [
        ("Oslo", "2026-03-02 10:00:00+00")
    ]
