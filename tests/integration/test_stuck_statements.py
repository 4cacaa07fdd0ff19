"""What must not hold a day back: overlapping runs, deposits that no statement could post, rows that come late."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import quality
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements
from support.company import add_company, add_store
from support.statements import pass_gate
from support.transactions import DAY, add_sale

SCOPE = Scope(("S1",), DAY)


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """A store with one sale."""
    add_company(hq)
    add_store(hq, "S1")
    add_sale(hq, "S1", 1)
    return hq


def rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_run_that_another_has_overtaken_passes_the_gate(shop: Engine) -> None:
    first = pass_gate(shop, "first")
    assert calculate_statements(shop, run=first, scope=SCOPE).counts["transactions"] == 1
    second = pass_gate(shop, "second")
    assert post_statements(shop, run=second, scope=SCOPE).ok
    add_sale(shop, "S1", 2)

    result = quality.check(shop, run=first, scope=SCOPE)

    assert (result.ok, result.counts["transactions"]) == (True, 1)
    assert rows(shop, "SELECT transactionid, gaterun FROM ax.retailtransactiontable ORDER BY 1") == [
        ("S1-T1-000001", None),
        ("S1-T1-000002", first),
    ]
