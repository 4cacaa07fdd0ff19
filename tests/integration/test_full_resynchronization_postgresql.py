"""Full resynchronization of a channel on PostgreSQL; its twin is on SQLite."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange import full, packages
from commerce.exchange.dialects import PostgresqlChannel
from commerce.schema.channel import POSTGRESQL
from support.company import add_company
from support.registers import PostgresqlRegister, Register, add_postgresql_register, add_register, rows
from support.twin_channels import add_customers, rename_customers

Twins = tuple[Register, PostgresqlRegister, Engine]

OBJECTS = """
SELECT c.relkind, n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('ax', 'crt') ORDER BY 1, 2, 3
"""
GRANTED = "SELECT has_table_privilege('register_of_shop', 'ax.custtable', 'SELECT')"


@pytest.fixture
def twins(
    hq: Engine,
    channel_db: Callable[[str], Engine],
    postgresql_channel: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
) -> Twins:
    add_company(hq)
    monkeypatch.setattr(packages, "CUSTOMERS", 100)
    made = add_register(hq, channel_db, "S1"), add_postgresql_register(hq, postgresql_channel, "S2")
    add_customers(hq, 1, 250)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    result = exchange.distribute(hq, stores=["S1", "S2"])
    assert result.ok, result.stores["S2"].message
    return *made, postgresql_channel("S2")


def keys(always: Register, channel: Engine) -> list[tuple[list[Any], list[Any]]]:
    """Per table its keys, and the names that the view of all customers shows, on both."""
    with channel.connect() as connection:
        connection.execute(text("SET search_path TO ax, crt"))

        def there(query: str) -> list[Any]:
            return sorted(tuple(row) for row in connection.execute(text(query)))

        queries = [
            f"SELECT {', '.join(column.name for column in table.primary_key.columns)} FROM {name}"
            for name, table in POSTGRESQL.downloads.items()
        ]
        queries.append("SELECT accountnum, name FROM customersview")
        return [(sorted(always.execute(query)), there(query)) for query in queries]


def test_it_shows_what_its_twin_shows(hq: Engine, twins: Twins) -> None:
    always, _, channel = twins
    with channel.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS register_of_shop"))
        connection.execute(text("CREATE ROLE register_of_shop"))
        connection.execute(text("GRANT SELECT ON ax.custtable TO register_of_shop"))
        connection.execute(text("DELETE FROM ax.custtable WHERE accountnum LIKE '%7'"))
        connection.execute(text("UPDATE ax.dirpartytable SET name = 'wrong'"))
        connection.execute(
            text("UPDATE ax.custaccountasyncmap SET custaccountasync = 'ghost' WHERE accountnum = 'C0000003'")
        )
        before = connection.execute(text(OBJECTS)).all()
    full.resynchronize(hq, "S2")
    result = exchange.distribute(hq, stores=["S1", "S2"])
    assert result.ok, result.stores["S2"].message
    assert all(mine == theirs for mine, theirs in keys(always, channel))
    with channel.begin() as connection:
        assert connection.execute(text(OBJECTS)).all() == before, "the same tables, views and indexes"
        assert connection.execute(text(GRANTED)).scalar_one()
        connection.execute(text("DROP OWNED BY register_of_shop"))
        connection.execute(text("DROP ROLE register_of_shop"))
    rename_customers(hq, [1, 250], "News")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert all(mine == theirs for mine, theirs in keys(always, channel))


def test_a_register_that_reads_for_long_keeps_the_switch_waiting_and_nobody_else(
    hq: Engine, twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    always, _, channel = twins
    full.resynchronize(hq, "S2")
    real = PostgresqlChannel.switch_shadow

    def while_read(*arguments: Any) -> None:
        with channel.connect() as reading:
            reading.execute(sa.text("SELECT count(*) FROM ax.custtable"))
            release = threading.Timer(1.0, reading.rollback)
            release.start()
            real(*arguments)
            release.join()

    monkeypatch.setattr(PostgresqlChannel, "switch_shadow", while_read)
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert all(mine == theirs for mine, theirs in keys(always, channel))


@pytest.mark.parametrize("step", ["begin_shadow", "apply_parts", "switch_shadow", "drop_replaced"])
def test_killed_after_a_step_it_goes_on(hq: Engine, twins: Twins, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    always, _, channel = twins
    full.resynchronize(hq, "S2")
    real = getattr(PostgresqlChannel, step)

    def killed(*arguments: Any, **options: Any) -> Any:
        real(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PostgresqlChannel, step, killed)
        with pytest.raises(KeyboardInterrupt):
            exchange.distribute(hq, stores=["S1", "S2"])
    rename_customers(hq, [3], "Meanwhile")
    assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert all(mine == theirs for mine, theirs in keys(always, channel))
    assert rows(hq, "SELECT count(*) FROM cdx.packagepart") == [(0,)]
