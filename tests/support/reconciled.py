"""Days of two stores as registers made them, uploaded: where reconciliation begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.statements import calculate_statements, post_statements
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.statements import SCOPE, STORES, add_day, add_retailer, pass_gate
from support.transactions import Line, add_sale

D = Decimal


def two_days(hq: Engine, channel_db: ChannelFactory) -> dict[str, Engine]:
    """A business date of each of `STORES`: made by registers, uploaded, not posted yet. Returns the channels."""
    add_retailer(hq)
    for store in STORES:
        add_day(hq, store)
        add_sale(hq, store, 70, lines=[Line(), Line(columns={"transactionstatus": 1})], header=one_line())
        add_sale(hq, store, 71, header={"entrystatus": 1})
    engines = move_to_channels(hq, channel_db, *STORES)
    upload_all(hq, *STORES)
    return engines


def one_line() -> dict[str, object]:
    """What the header says when the second of two like lines is voided."""
    return {"netamount": D("10"), "grossamount": D("12.5"), "numberofitems": 1, "paymentamount": D("25")}


def close_day(hq: Engine, key: str = "run") -> None:
    """Pass the gate, calculate and post."""
    run = pass_gate(hq, key)
    calculate_statements(hq, run=run, scope=SCOPE)
    assert post_statements(hq, run=run, scope=SCOPE).ok


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@contextmanager
def planted(hq: Engine, plant: str) -> Iterator[None]:
    """Run `plant`, which changes one table of schema ax, for the block; afterwards the table has its rows again."""
    table = plant.split("ax.")[1].split()[0]
    execute(hq, f"CREATE TABLE kept AS SELECT * FROM ax.{table}", plant)
    yield
    execute(
        hq,
        f"ALTER TABLE ax.{table} DISABLE TRIGGER ALL",
        f"DELETE FROM ax.{table}",
        f"INSERT INTO ax.{table} SELECT * FROM kept",
        f"ALTER TABLE ax.{table} ENABLE TRIGGER ALL",
        "DROP TABLE kept",
    )
