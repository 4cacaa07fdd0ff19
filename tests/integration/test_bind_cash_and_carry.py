"""Late binding of cash-and-carry transactions: filled in everywhere, posted transactions stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.schema.headquarters.uploads import UPLOADS
from commerce.scope import Scope
from commerce.statements.binding import bind_cash_and_carry
from support import staging
from support.company import add_address, add_company, add_customer, add_store
from support.digest import digest
from support.transactions import DAY, Key, add_delivery_address, add_deposit, add_order, add_sale, change

HEADER, LINE = "retailtransactiontable", "retailtransactionsalestrans"
DEPOSIT, DELIVERY = "retailtransactioncustomeraccountdeposittrans", "retailtransactionaddresstrans"
KNOWN, STAGED, NOBODY, OTHER = (staging.guid(number) for number in (1, 2, 3, 4))
SCOPE = Scope(("S1", "S2"), DAY)
NOTHING = {"customers": 0, "addresses": 0, "transactions": 0, "unresolved": 0}


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Two stores; one customer known, one staged with an address."""
    add_company(hq)
    for store in SCOPE.stores:
        add_store(hq, store)
    add_customer(hq, "C1", guid=KNOWN)
    staging.person(hq, STAGED)
    staging.address(hq, STAGED, "A2", country="USA")
    return hq


def values(hq: Engine, table: str, key: Key, *columns: str) -> list[tuple[Any, ...]]:
    with hq.connect() as connection:
        target = UPLOADS[table]
        rows = connection.execute(
            sa.select(*(target.c[column] for column in columns)).where(target.c.transactionid == key[2])
        )
        return [tuple(row) for row in rows]


def test_references_are_filled_in_everywhere(shop: Engine) -> None:
    sale = add_sale(shop, "S1", 1, guid=STAGED, address="A2")
    add_delivery_address(shop, sale, "A2")
    deposit = add_deposit(shop, "S1", 2, guid=KNOWN)
    result = bind_cash_and_carry(shop, scope=SCOPE)
    account = staging.accounts(shop)[STAGED]
    (postal,) = staging.rows(shop, "SELECT logisticspostaladdress FROM ax.asyncaddressmap")[0]
    for table in (HEADER, LINE):
        columns = ("custaccount", "custaccountasync", "logisticspostaladdress", "addressidasync")
        assert values(shop, table, sale, *columns) == [(account, STAGED, postal, "A2")]
    assert values(shop, DELIVERY, sale, "logisticspostaladdress", "addressidasync") == [(postal, "A2")]
    for table in (HEADER, DEPOSIT):
        assert values(shop, table, deposit, "custaccount", "custaccountasync") == [("C1", KNOWN)]
    assert result.stores["S1"].counts == {"customers": 1, "addresses": 1, "transactions": 2, "unresolved": 0}
    assert result.stores["S2"].counts == NOTHING
    assert staging.rows(shop, "SELECT DISTINCT mappedby FROM ax.asyncaddressmap") == [("bind-cash-and-carry",)]


def test_second_time_changes_nothing(shop: Engine) -> None:
    add_sale(shop, "S1", 1, guid=STAGED, address="A2")
    add_sale(shop, "S1", 2, guid=NOBODY)
    bind_cash_and_carry(shop, scope=SCOPE)
    before = digest(shop)
    versions = staging.rows(shop, f"SELECT transactionid, xmin::text FROM ax.{HEADER} ORDER BY 1")
    assert bind_cash_and_carry(shop, scope=SCOPE).stores["S1"].counts == {**NOTHING, "unresolved": 1}
    assert digest(shop) == before
    assert staging.rows(shop, f"SELECT transactionid, xmin::text FROM ax.{HEADER} ORDER BY 1") == versions


def test_guid_in_the_account_column_moves(shop: Engine) -> None:
    known = add_sale(shop, "S1", 1, account=KNOWN)
    unknown = add_deposit(shop, "S1", 2, account=NOBODY)
    result = bind_cash_and_carry(shop, scope=SCOPE)
    assert values(shop, HEADER, known, "custaccount", "custaccountasync") == [("C1", KNOWN)]
    assert values(shop, LINE, known, "custaccount", "custaccountasync") == [("C1", KNOWN)]
    assert values(shop, DEPOSIT, unknown, "custaccount", "custaccountasync") == [("", NOBODY)]
    assert result.stores["S1"].counts == {**NOTHING, "transactions": 2, "unresolved": 1}


def test_map_decides_and_two_guids_stay_for_a_person(shop: Engine) -> None:
    add_customer(shop, "C2")
    contradicting = add_sale(shop, "S1", 1, account="C2", guid=KNOWN)
    two = add_sale(shop, "S1", 2, account=OTHER, guid=KNOWN)
    bind_cash_and_carry(shop, scope=SCOPE)
    assert values(shop, HEADER, contradicting, "custaccount") == [("C1",)]
    assert values(shop, HEADER, two, "custaccount", "custaccountasync") == [(OTHER, KNOWN)]


def test_posted_transactions_orders_and_other_stores_are_not_touched(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "S9", "DEMF")
    posted = add_sale(shop, "S1", 1, guid=KNOWN)
    with shop.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate,"
                " currency, postingstatus) VALUES ('USMF', 'ST1', 'S1', 1, :day, 'USD', 20)"
            ),
            {"day": DAY},
        )
        connection.execute(
            sa.text(
                "INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid,"
                " type, businessdate, custaccount) VALUES (:s, :t, :i, 'USMF', 'ST1', 2, :day, 'C1')"
            ),
            {**dict(zip("sti", posted, strict=True)), "day": DAY},
        )
    untouched = [
        posted,
        add_order(shop, "S1", 2, guid=KNOWN),
        add_sale(shop, "S1", 3, guid=KNOWN, header={"entrystatus": 1}),
        add_sale(shop, "S9", 4, guid=KNOWN, company="DEMF", currency="EUR"),
    ]
    result = bind_cash_and_carry(shop, scope=SCOPE)
    assert {values(shop, HEADER, key, "custaccount")[0][0] for key in untouched} == {""}
    assert result.counts == NOTHING


def test_same_guid_in_another_company_is_another_customer(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "S9", "DEMF")
    key = add_sale(shop, "S9", 1, guid=KNOWN, company="DEMF", currency="EUR")
    result = bind_cash_and_carry(shop, scope=Scope(("S9",), DAY))
    assert values(shop, HEADER, key, "custaccount") == [("",)]
    assert result.stores["S9"].counts == {**NOTHING, "unresolved": 1}


def test_exhausted_account_numbers_stop_the_stores_that_need_one(shop: Engine) -> None:
    add_sale(shop, "S1", 1, guid=STAGED)
    add_sale(shop, "S2", 1, guid=KNOWN)
    with shop.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.numbersequencetable SET nextrec = highest + 1 WHERE numbersequence = 'CustomerAccount'")
        )
    result = bind_cash_and_carry(shop, scope=SCOPE)
    assert result.failed_stores == ("S1",)
    assert "has 0 numbers left" in result.stores["S1"].message
    assert result.stores["S2"].counts == {**NOTHING, "transactions": 1}


def test_many_lines_of_one_transaction_count_once(shop: Engine) -> None:
    add_address(shop, "A1", "C1")
    key = add_sale(shop, "S1", 1, guid=KNOWN, address="A1")
    change(shop, LINE, key, custaccountasync=NOBODY)
    result = bind_cash_and_carry(shop, scope=SCOPE)
    assert result.stores["S1"].counts == {**NOTHING, "transactions": 1, "unresolved": 1}
    assert values(shop, LINE, key, "custaccount", "custaccountasync") == [("", NOBODY)]
