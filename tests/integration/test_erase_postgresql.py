"""Erasure in a channel database on PostgreSQL: registers' own rows and what job 1010 brought, and uploads go on."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, text

from commerce import customers, exchange
from commerce.customers.erasing import erase_customer
from commerce.schema.uploaded import ASYNC_ADDRESS, ASYNC_CUSTOMER
from support.company import add_company
from support.registers import GUID, PostgresqlRegister, add_postgresql_register

MARK = "Zebediah"


def test_nothing_is_left_in_the_channel_and_uploads_go_on(
    hq: Engine, postgresql_channel: Callable[[str], Engine]
) -> None:
    add_company(hq)
    register = add_postgresql_register(hq, postgresql_channel)
    person = {"custaccountasync": GUID.format(1), "operation": 1}
    register.put(ASYNC_CUSTOMER, **person, custname=MARK, email="z@example.com", relationshiptype=1)
    register.put(ASYNC_ADDRESS, **person, addressid="A-1", street=f"{MARK} Street", city="Oslo")
    assert exchange.upload(hq, stores=["S1"]).ok
    customers.synchronize_customers(hq)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert left(register)

    report = erase_customer(hq, GUID.format(1), reason="asked", by="Ola")

    assert report.complete, report.as_dict()
    assert left(register) == []
    register.put(ASYNC_CUSTOMER, custaccountasync=GUID.format(2), operation=1, custname="B", relationshiptype=1)
    assert exchange.upload(hq, stores=["S1"]).ok
    with hq.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ax.retailasynccustomerv2")) == 2


def left(register: PostgresqlRegister) -> list[str]:
    """Text columns of the channel that hold the person."""
    columns = register.execute(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('ax', 'crt') AND data_type IN ('text', 'character varying')"
    )
    return [
        f"{table}.{column}"
        for schema, table, column in columns
        if register.execute(f"SELECT 1 FROM {schema}.{table} WHERE strpos({column}, '{MARK}') > 0 LIMIT 1")
    ]
