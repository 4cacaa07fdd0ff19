"""P-job: shifts, whose rows registers change until they close them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from commerce import exchange
from support.company import add_company
from support.registers import Register, add_register, rows

SHIFTS = "SELECT batchid, status FROM ax.retailposbatchtable ORDER BY batchid"


def close(register: Register, batch: int) -> None:
    register.execute("UPDATE retailposbatchtable SET status = 2, salestotal = '7.00' WHERE batchid = ?", (batch,))


def test_a_shift_is_taken_once_it_is_closed(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    register = add_register(hq, channel_db)
    register.sale(1)
    register.shift(1)
    register.shift(2, status=1)
    register.shift(3)
    (waiting,) = exchange.waiting(hq, stores=["S1"])
    first = exchange.upload(hq, stores=["S1"])
    assert first.ok
    assert rows(hq, SHIFTS) == [(1, 2)]
    assert waiting.rows == first.counts["rows"]

    close(register, 2)
    register.sale(2)
    register.shift(4, status=0)
    (waiting,) = exchange.waiting(hq, stores=["S1"])
    second = exchange.upload(hq, stores=["S1"])
    assert second.ok
    assert rows(hq, SHIFTS) == [(1, 2), (2, 2), (3, 2)]
    assert waiting.rows == second.counts["rows"]

    close(register, 4)
    assert exchange.upload(hq, stores=["S1"]).ok
    assert [batch for batch, _ in rows(hq, SHIFTS)] == [1, 2, 3, 4]
    assert exchange.waiting(hq, stores=["S1"])[0].rows == 0


def test_a_store_whose_only_shift_is_open_uploads_and_closes_it(
    hq: Engine, channel_db: Callable[[str], Engine]
) -> None:
    add_company(hq)
    register = add_register(hq, channel_db)
    register.shift(1, status=1)
    assert exchange.upload(hq, stores=["S1"]).counts["rows"] == 0
    close(register, 1)
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok, result.stores["S1"].message
    assert rows(hq, SHIFTS) == [(1, 2)]


def test_a_shift_with_an_unreadable_status_stops_only_itself(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    register = add_register(hq, channel_db)
    counter = register.shift(1)
    register.execute("UPDATE retailposbatchtable SET status = 'x' WHERE replicationcounterfromorigin = ?", (counter,))
    register.shift(2)
    assert exchange.upload(hq, stores=["S1"]).counts["quarantined"] == 1
    assert rows(hq, SHIFTS) == [(2, 2)]
