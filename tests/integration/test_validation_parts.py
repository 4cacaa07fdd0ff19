"""Many transactions are validated a part of the stores at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from commerce.scope import Scope
from commerce.transactions import validate_transactions, validation
from support.company import add_company, add_store
from support.transactions import DAY, add_sale, change

HEADER = "retailtransactiontable"


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
