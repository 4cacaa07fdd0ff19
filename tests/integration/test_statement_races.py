"""Calculating, posting, clearing, recalculating and taking orders back, all at once, on the same stores: nothing is
lost, nothing is posted twice, no number is missing."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.errors import UsageError
from commerce.run import recalculate_statement
from commerce.schema.enums import StatementStatus
from commerce.statements import (
    calculate_statements,
    clear_statement,
    delete_customer_orders,
    enter_count,
    post_statement,
    post_statements,
    posting,
)
from commerce.statements.counting import CALCULATIONS
from commerce.transactions import validate_transactions
from support.company import CASH
from support.shifts import MAXIMA, add_counted_shift, of_shift, set_store
from support.statements import SCOPE, STORES, add_day, add_retailer, broken, pass_gate
from support.transactions import add_sale

ROUNDS = 12
LATER = datetime(2026, 3, 9, tzinfo=UTC)
OPEN = (3, *range(11, 20))
_NUMBERS = itertools.count(100)
STATEMENT = (
    "SELECT statementid FROM ax.retailstatementtable WHERE postingstatus = ANY(:states) ORDER BY random() LIMIT 1"
)


def _any_statement(hq: Engine, states: tuple[int, ...]) -> str | None:
    """One in these states, waited for a second."""
    with hq.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(100):
            if found := connection.scalar(sa.text(STATEMENT), {"states": list(states)}):
                return str(found)
            time.sleep(0.01)
    return None


def _gate(hq: Engine, key: str) -> int:
    validate_transactions(hq, scope=SCOPE)
    return pass_gate(hq, key)


def _sell(hq: Engine, key: str) -> None:
    for store in STORES:
        add_sale(hq, store, next(_NUMBERS), header=of_shift(1))


def _calculate(hq: Engine, key: str) -> None:
    calculate_statements(hq, run=_gate(hq, key), scope=SCOPE)


def _post(hq: Engine, key: str) -> None:
    post_statements(hq, run=1, scope=SCOPE)


def _count_another_way(hq: Engine, key: str) -> None:
    for store in STORES:
        set_store(hq, store, **{name: random.choice((0, 1)) for name in CALCULATIONS})


def _of_one(
    job: Callable[..., object], states: tuple[int, ...] = OPEN, **options: object
) -> Callable[[Engine, str], None]:
    def work(hq: Engine, key: str) -> None:
        statement = _any_statement(hq, states)
        if statement is not None:
            job(hq, statement=statement, **options)

    return work


JOBS: dict[str, Callable[[Engine, str], None]] = {
    "sell": _sell,
    "calculate": _calculate,
    "post": _post,
    "count another way": _count_another_way,
    "post one": _of_one(post_statement),
    "clear": _of_one(clear_statement, (3, 11, 12)),
    "recalculate": _of_one(recalculate_statement, now=lambda: LATER),
    "delete orders": _of_one(delete_customer_orders, (12, 13)),
    "count": _of_one(enter_count, (3,), shift="T1:1", tender=CASH, amount=Decimal(60), reason="again", by="kim"),
}


def _contend(hq: Engine, name: str) -> Counter[str]:
    """Work until the rounds are over; returns how often the job was done and how often it was told why not."""
    done: Counter[str] = Counter()
    for number in range(ROUNDS):
        try:
            JOBS[name](hq, f"{name} {number}")
            done[name] += 1
        except UsageError:
            done[f"{name}: refused"] += 1
        time.sleep(random.random() / 10)
    return done


def test_everything_at_once(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Posting rests before it invoices, so that orders can be taken back in time."""
    chain = [
        replace(state, before=lambda *_: time.sleep(0.2))
        if state.target == StatementStatus.CUSTOMER_ORDER_INVOICED
        else state
        for state in posting.TRANSITIONS
    ]
    monkeypatch.setattr(posting, "TRANSITIONS", chain)
    add_retailer(hq)
    for store in STORES:
        add_day(hq, store)
        set_store(hq, store, **dict.fromkeys(MAXIMA, 30))
        add_counted_shift(hq, store, 1, first=60, difference=Decimal(-3))
    _calculate(hq, "first")
    with ThreadPoolExecutor(len(JOBS)) as pool:
        futures = [pool.submit(_contend, hq, name) for name in JOBS]
        done = sum((future.result() for future in futures), start=Counter())
    assert set(done) >= set(JOBS), done
    _calculate(hq, "last")
    for store in STORES:  # the drawers were counted before the sales that came meanwhile
        set_store(hq, store, **dict.fromkeys(MAXIMA, 10_000))
    result = post_statements(hq, run=1, scope=SCOPE)
    assert result.ok, result.as_dict()

    assert broken(hq) == []
    with hq.connect() as connection:
        posted = connection.execute(
            sa.text(
                "SELECT count(*) FILTER (WHERE e.store IS NOT NULL AND s.postingstatus = 20), count(*)"
                " FROM ax.retailtransactiontable AS t"
                " LEFT JOIN ax.retaileodtransactiontable AS e USING (store, terminal, transactionid)"
                " LEFT JOIN ax.retailstatementtable AS s USING (statementid)"
            )
        ).one()
    assert posted[0] == posted[1]
