"""Aggregation: which sales share a sales order and an invoice, and which do not (domain B4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import server
from commerce.statements import calculate_statements, post_statements, posting
from commerce.verify import verify
from support.company import add_company, add_store
from support.digest import table_digests
from support.statements import ANNA, BERT, SCOPE, add_retailer, pass_gate, settle_exchange
from support.transactions import Line, add_sale
from support.twins import twin

D = Decimal


def _set(hq: Engine, **parameters: int) -> None:
    with hq.begin() as connection:
        for column, value in parameters.items():
            connection.execute(sa.text(f"UPDATE ax.retailparameters SET {column} = :value"), {"value": value})


def _post(hq: Engine) -> None:
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    result = post_statements(hq, run=run, scope=SCOPE)
    assert result.ok, result.as_dict()


def _aggregated(hq: Engine) -> list[tuple[object, ...]]:
    """Of S1: number, customer, its sales by their numbers, sales order, lines."""
    with hq.connect() as connection:
        return [
            (row.aggregation, row.custaccount, row.sales, row.salesid, row.linecount)
            for row in connection.execute(
                sa.text(
                    "SELECT a.aggregation, a.custaccount, a.salesid, a.linecount,"
                    " array_agg(right(e.transactionid, 6)::integer ORDER BY e.transactionid) AS sales"
                    " FROM ax.retaileodstatementaggregation AS a"
                    " JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid, aggregation)"
                    " WHERE e.store = 'S1' GROUP BY 1, 2, 3, 4 ORDER BY 1"
                )
            )
        ]


def _lines(number: int) -> Sequence[Line]:
    return [Line(item=f"ITEM{place}") for place in range(number)]


def test_a_customer_with_too_many_lines_gets_several_orders_and_no_sale_is_split(hq: Engine) -> None:
    add_retailer(hq)
    _set(hq, maxlinesperaggregation=10)
    for number, lines in enumerate((4, 4, 4, 12, 1, 9, 1), start=1):
        add_sale(hq, "S1", number, lines=_lines(lines))
    add_sale(hq, "S1", 8, lines=_lines(11), account=ANNA)

    _post(hq)

    assert _aggregated(hq) == [
        (1, ANNA, [8], "SO00000001", 11),
        (2, "DEFAULT", [1, 2], "SO00000002", 4),
        (3, "DEFAULT", [3], "SO00000003", 4),
        (4, "DEFAULT", [4], "SO00000004", 12),  # too long by itself
        (5, "DEFAULT", [5, 6], "SO00000005", 9),
        (6, "DEFAULT", [7], "SO00000006", 1),
    ]
    settle_exchange(hq)
    assert verify(hq) == []


@pytest.mark.parametrize("limit", [3, 7, 50])
def test_any_limit_holds_and_every_aggregated_transaction_is_as_full_as_it_can_be(hq: Engine, limit: int) -> None:
    add_retailer(hq)
    _set(hq, maxlinesperaggregation=limit)
    sizes = [1 + number * 7 % 5 for number in range(40)]
    for number, lines in enumerate(sizes, start=1):
        add_sale(hq, "S1", number, lines=_lines(lines), account=ANNA if number % 3 == 0 else "")
    _post(hq)

    expected = []
    for account in (ANNA, "DEFAULT"):
        filled = limit + 1
        for number, lines in enumerate(sizes, start=1):
            if (number % 3 == 0) != (account == ANNA):
                continue
            if filled + lines > limit:
                expected.append((account, []))
                filled = 0
            expected[-1][1].append(number)
            filled += lines
    assert [(account, sales) for _, account, sales, *_ in _aggregated(hq)] == expected


def test_voided_lines_are_not_counted(hq: Engine) -> None:
    add_retailer(hq)
    _set(hq, maxlinesperaggregation=4)
    for number in (1, 2):
        voided = Line(qty=D(0), item="VOIDED", columns={"transactionstatus": 1})
        add_sale(hq, "S1", number, lines=[*_lines(2), *[voided] * 3])
    _post(hq)
    assert [row[2] for row in _aggregated(hq)] == [[1, 2]]


def test_returns_are_aggregated_unless_the_company_says_otherwise(hq: Engine, hq_server: server.Server) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1, account=ANNA)
    add_sale(hq, "S1", 2, account=ANNA, lines=[Line(qty=D(-1))])
    add_sale(hq, "S1", 3, lines=[Line(qty=D(-1))])
    add_sale(hq, "S1", 4, lines=[Line(qty=D(3)), Line(qty=D(-1), item="ITEM2")], header={"saleisreturnsale": 1})
    add_sale(hq, "S1", 5, lines=[Line(qty=D(3)), Line(qty=D(-1), item="ITEM2")])
    add_sale(hq, "S1", 6)
    with twin(hq, hq_server) as separate:
        _set(separate, donotaggregatereturns=1)
        _post(separate)
        assert [(account, sales) for _, account, sales, *_ in _aggregated(separate)] == [
            (ANNA, [1]),
            (ANNA, [2]),
            ("DEFAULT", [5, 6]),
            ("DEFAULT", [3]),
            ("DEFAULT", [4]),
        ]
        settle_exchange(separate)
        assert verify(separate) == []
    _post(hq)
    assert [(account, sales) for _, account, sales, *_ in _aggregated(hq)] == [
        (ANNA, [1, 2]),
        ("DEFAULT", [3, 4, 5, 6]),
    ]


def test_a_transaction_that_is_not_to_be_aggregated_has_its_own_order(hq: Engine) -> None:
    add_retailer(hq)
    for number in range(1, 5):
        add_sale(hq, "S1", number, header={"skipaggregation": int(number in (1, 3))})
    _post(hq)
    assert [(number, sales) for number, _, sales, *_ in _aggregated(hq)] == [(1, [2, 4]), (2, [1]), (3, [3])]


def test_companies_have_limits_of_their_own(hq: Engine) -> None:
    add_retailer(hq)
    add_company(hq, "DEMF", currency="EUR")
    add_store(hq, "S3", "DEMF")
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.retailparameters SET maxlinesperaggregation = 1 WHERE dataareaid = 'DEMF'")
        )
    for number in (1, 2):
        add_sale(hq, "S1", number)
        add_sale(hq, "S3", number, company="DEMF", currency="EUR")
    run = pass_gate(hq)
    scope = replace(SCOPE, stores=("S1", "S3"))
    calculate_statements(hq, run=run, scope=scope)
    assert post_statements(hq, run=run, scope=scope).counts["invoices"] == 3


def test_financial_dimensions_are_the_customers(hq: Engine) -> None:
    add_retailer(hq)
    with hq.begin() as connection:
        connection.execute(sa.text(f"UPDATE ax.custtable SET defaultdimension = 77 WHERE accountnum = '{ANNA}'"))
    add_sale(hq, "S1", 1, account=ANNA)
    add_sale(hq, "S1", 2, account=BERT)
    _post(hq)
    with hq.connect() as connection:
        for table in ("retaileodstatementaggregation", "salestable"):
            query = f"SELECT custaccount, defaultdimension FROM ax.{table} ORDER BY 1"
            assert [tuple(row) for row in connection.execute(sa.text(query))] == [(ANNA, 77), (BERT, 0)]
        query = (
            "SELECT accountnum, transtype, defaultdimension FROM ax.custtrans"
            " JOIN ax.generaljournalentry USING (dataareaid, voucher) ORDER BY 1, 2"
        )
        assert [tuple(row) for row in connection.execute(sa.text(query))] == [
            (ANNA, "invoice", 77),
            (ANNA, "payment", 77),
            (BERT, "invoice", 0),
            (BERT, "payment", 0),
        ]


def test_posting_that_stops_after_any_state_gives_the_same_orders(
    hq: Engine, hq_server: server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where statements that were aggregated apart are numbered together."""
    add_retailer(hq)
    _set(hq, maxlinesperaggregation=3, donotaggregatereturns=1)
    for store in ("S1", "S2"):
        for number in range(1, 9):
            add_sale(hq, store, number, lines=[Line(qty=D(-1 if number == 4 else 1)), Line(qty=D(1), item="ITEM2")])
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    aggregated = 2
    with twin(hq, hq_server) as stopped:
        for states in range(1, len(posting.TRANSITIONS) + 1):
            for stores in (("S2",), ("S1",)) if states <= aggregated else (SCOPE.stores,):
                with monkeypatch.context() as patch:
                    patch.setattr(posting, "TRANSITIONS", posting.TRANSITIONS[:states])
                    post_statements(stopped, run=run, scope=replace(SCOPE, stores=stores))
        post_statements(hq, run=run, scope=SCOPE)
        assert table_digests(stopped) == table_digests(hq)
