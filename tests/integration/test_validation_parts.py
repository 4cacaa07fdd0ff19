"""Many transactions are validated a part of the stores at a time."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from commerce.scope import Scope
from commerce.transactions import validate_transactions, validation
from support.company import add_company, add_store
from support.transactions import DAY, add_sale, change

HEADER = "retailtransactiontable"
MANY = 3_000
WITHOUT_LINES = """
INSERT INTO ax.retailtransactiontable (store, terminal, transactionid, type, entrystatus, businessdate, batchid,
    currency, grossamount, netamount, paymentamount, createddatetime, dataareaid, origin, incarnation,
    replicationcounterfromorigin, contenthash, uploadsession)
SELECT 'S1', 'T1', 'T1-' || n, 2, 0, :day, 1, 'USD', 0, 0, 0, '2026-03-02 18:00Z', 'USMF', 1, 1, n, gen_random_uuid(), 1
FROM generate_series(1, :many) AS n"""


def test_many_transactions_are_checked_in_parts_that_leave_no_store_out(
    hq: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "SMALL", 1)
    monkeypatch.setattr(validation, "AT_ONCE", 2)
    add_company(hq)
    stores = [f"S{number}" for number in range(1, 8)]
    for store in stores:
        add_store(hq, store)
    for store in stores[:-1]:  # the last one has nothing
        add_sale(hq, store, 1)
        change(hq, HEADER, add_sale(hq, store, 2), netamount=99)
    for number in range(3, 9):
        add_sale(hq, "S2", number)

    result = validate_transactions(hq, scope=Scope(tuple(stores), DAY))

    assert {store: (one.counts["valid"], one.counts["invalid"]) for store, one in result.stores.items()} == {
        **dict.fromkeys(stores, (1, 1)),
        "S2": (7, 1),
        "S7": (0, 0),
    }


def test_the_errors_of_a_store_where_all_is_wrong_are_read_once(hq: Engine) -> None:
    """A wrong master breaks rules of every transaction: what each of them reads does not grow with their number."""
    add_company(hq)
    add_store(hq, "S1")
    with hq.begin() as connection:
        connection.execute(text(WITHOUT_LINES), {"many": MANY, "day": DAY})

    loops: list[float] = []

    def explain(*call: Any) -> tuple[str, Any]:
        statement, parameters = call[2], call[3]
        updates = statement.strip().startswith(f"UPDATE ax.{HEADER}")
        return (f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}" if updates else statement), parameters

    def read_plan(*call: Any) -> None:
        if call[2].startswith("EXPLAIN"):
            loops.extend(_loops(call[1].fetchone()[0][0]["Plan"]))

    event.listen(hq, "before_cursor_execute", explain, retval=True)
    event.listen(hq, "after_cursor_execute", read_plan)
    result = validate_transactions(hq, scope=Scope(("S1",), DAY))

    assert result.counts["invalid"] == MANY
    assert len(loops) > 3
    assert set(loops) == {1}


def _loops(plan: dict[str, Any]) -> list[float]:
    """How often each node of a plan was run."""
    return [plan["Actual Loops"], *(loops for below in plan.get("Plans", ()) for loops in _loops(below))]
