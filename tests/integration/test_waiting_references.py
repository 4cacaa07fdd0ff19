"""What transactions wait for: remembered with why and since when, named where it stands in quarantine, overdue after a
limit; and addresses of customers that are synchronous already."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.cli.queries import documents
from commerce.orders import repair, synchronize_orders
from commerce.run import close_run, jobs
from commerce.run.status import status
from commerce.scope import Scope
from commerce.statements import bind_cash_and_carry
from support import staging
from support.company import add_company, add_customer, add_store
from support.orders import counts, execute
from support.runs import opened, stand_in, work
from support.transactions import (
    DAY,
    Key,
    add_delivery_address,
    add_deposit,
    add_order,
    add_quarantined_customer,
    add_sale,
    change,
)

HEADER, LINE, DELIVERY = "retailtransactiontable", "retailtransactionsalestrans", "retailtransactionaddresstrans"
KNOWN, STAGED, NOBODY, OTHER = (staging.guid(number) for number in (1, 2, 3, 4))
SCOPE = Scope(("S1", "S2"), DAY)
WAITING = """
    SELECT transactionid, kind, reference, reason, quarantineid FROM ax.retailtransactionwaitingreference
    ORDER BY 1, 2, 3
"""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    for store in SCOPE.stores:
        add_store(hq, store)
    add_customer(hq, "C1", guid=KNOWN)
    return hq


def values(hq: Engine, table: str, key: Key, *columns: str) -> list[tuple[Any, ...]]:
    return staging.rows(hq, f"SELECT {', '.join(columns)} FROM ax.{table} WHERE transactionid = '{key[2]}'")


class TestAddressOfASynchronousCustomer:
    """The address row names the account, not a GUID: the customer was there before it."""

    def test_an_order_takes_it(self, shop: Engine) -> None:
        staging.address(shop, "", "A1", custaccount="C1", country="USA")
        staging.address(shop, "", "A2", custaccount="C1", country="USA", street="Line Street")
        order = add_order(shop, "S1", 1, account="C1", address="A1")
        change(shop, LINE, order, addressidasync="")
        add_delivery_address(shop, order, "A2", line=1)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
        postal = dict(staging.rows(shop, "SELECT addressid, logisticspostaladdress FROM ax.asyncaddressmap"))
        assert staging.rows(shop, "SELECT custaccount, deliverypostaladdress FROM ax.salestable") == [
            ("C1", postal["A1"])
        ]
        assert staging.rows(shop, "SELECT deliverypostaladdress FROM ax.salesline") == [(postal["A2"],)]

    def test_a_sale_takes_it(self, shop: Engine) -> None:
        staging.address(shop, "", "A1", custaccount="C1", country="USA")
        sale = add_sale(shop, "S1", 1, account="C1", address="A1")
        add_delivery_address(shop, sale, "A1")
        result = bind_cash_and_carry(shop, scope=SCOPE)
        assert result.stores["S1"].counts == {"customers": 0, "addresses": 1, "transactions": 1, "unresolved": 0}
        postal = staging.rows(shop, "SELECT logisticspostaladdress FROM ax.asyncaddressmap")[0]
        for table in (HEADER, LINE, DELIVERY):
            assert values(shop, table, sale, "logisticspostaladdress") == [postal]
        assert staging.rows(shop, WAITING) == []

    def test_an_address_of_a_customer_that_does_not_exist_is_named(self, shop: Engine) -> None:
        staging.address(shop, "", "A1", custaccount="C9", country="USA")
        sale = add_sale(shop, "S1", 1, account="C1", address="A1")
        bind_cash_and_carry(shop, scope=SCOPE)
        assert [row[1:4] for row in staging.rows(shop, WAITING)] == [("address", "A1", "unconverted")]
        (shown,) = documents.show_transaction(shop, sale[2])
        assert shown["waits_for"][0]["message"] == (
            "Address A1 is not known at headquarters: its row waits for conversion."
        )


class TestReasons:
    def test_each_reference_says_why_it_leads_nowhere(self, shop: Engine) -> None:
        failed, ignored, quarantined = staging.guid(5), staging.guid(6), staging.guid(7)
        staging.person(shop, failed, firstname="", lastname="")
        execute(
            shop,
            "UPDATE ax.retailasynccustomerv2 SET syncstatus = 3 WHERE recid = :recid",
            recid=staging.person(shop, ignored),
        )
        number = add_quarantined_customer(shop, "S1", quarantined)
        execute(
            shop,
            "INSERT INTO cdx.quarantine (datastore, incarnation, tablename, replicationcounterfromorigin, rawdata,"
            " reason, errorclass, uploadsession) SELECT datastore, 1, 'retailasyncaddressv2', 9,"
            " jsonb_build_object('addressid', 'A9', 'street', 'Secret Street'), 'county is longer than 10',"
            " 'permanent', 4 FROM cdx.quarantine",
        )
        expected = {
            add_sale(shop, "S1", 1, guid=failed)[2]: ("customer", failed, "failed"),
            add_sale(shop, "S1", 2, guid=ignored)[2]: ("customer", ignored, "ignored"),
            add_deposit(shop, "S1", 3, guid=quarantined)[2]: ("customer", quarantined, "quarantined"),
            add_sale(shop, "S2", 4, guid=NOBODY)[2]: ("customer", NOBODY, "missing"),
            add_sale(shop, "S2", 5, account="C1", address="A9")[2]: ("address", "A9", "quarantined"),
            add_sale(shop, "S2", 6, account="C1", address="A8")[2]: ("address", "A8", "missing"),
        }
        result = bind_cash_and_carry(shop, scope=SCOPE)
        assert result.counts["unresolved"] == 6
        found = staging.rows(shop, WAITING)
        assert {row[0]: row[1:4] for row in found} == expected
        messages = {
            key: documents.show_transaction(shop, key)[0]["waits_for"][0]["message"].partition(": ")[2]
            for key in expected
        }
        first = f"its row stands in quarantine as number {number} (retailasynccustomerv2, upload session 1, counter 1)."
        second = (
            f"its row stands in quarantine as number {number + 1} (retailasyncaddressv2, upload session 4, counter 9)."
        )
        assert list(messages.values()) == [
            "its row could not be converted.",
            "a person has given its row up.",
            first,
            "its row has not arrived.",
            second,
            "its row has not arrived.",
        ]

    def test_a_reason_changes_and_the_time_stays_until_it_is_known(self, shop: Engine) -> None:
        add_sale(shop, "S1", 1, guid=NOBODY)
        bind_cash_and_carry(shop, scope=SCOPE)
        since = staging.rows(shop, "SELECT waitingsince FROM ax.retailtransactionwaitingreference")
        add_quarantined_customer(shop, "S1", NOBODY)
        bind_cash_and_carry(shop, scope=SCOPE)
        assert staging.rows(shop, WAITING)[0][3] == "quarantined"
        assert staging.rows(shop, "SELECT waitingsince FROM ax.retailtransactionwaitingreference") == since
        staging.person(shop, NOBODY)
        bind_cash_and_carry(shop, scope=SCOPE)
        assert staging.rows(shop, WAITING) == []

    def test_an_order_that_a_person_edits_waits_on(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1, guid=NOBODY)
        synchronize_orders(shop, scope=SCOPE)
        execute(shop, "UPDATE ax.retailtransactionwaitingreference SET waitingsince = now() - interval '25 hours'")
        repair.begin_editing(shop, [order], by="kari", reason="asked")
        synchronize_orders(shop, scope=SCOPE)
        assert status(shop)["references"]["overdue"] == 1
        add_customer(shop, "C2", guid=NOBODY)
        synchronize_orders(shop, scope=SCOPE)
        assert staging.rows(shop, WAITING) == [], "it has come"

    def test_each_job_forgets_only_its_own(self, shop: Engine) -> None:
        """An order under editing and a sale of another store or a later day still wait."""
        order, sale = add_order(shop, "S1", 1, guid=NOBODY), add_sale(shop, "S1", 2, guid=OTHER)
        synchronize_orders(shop, scope=SCOPE)
        bind_cash_and_carry(shop, scope=SCOPE)
        both = [(order[2], NOBODY), (sale[2], OTHER)]
        bind_cash_and_carry(shop, scope=Scope(("S2",), DAY))
        synchronize_orders(shop, scope=Scope(("S1",), DAY, historical=True))
        assert [(row[0], row[2]) for row in staging.rows(shop, WAITING)] == both
        repair.begin_editing(shop, [order], by="kari", reason="asked")
        synchronize_orders(shop, scope=SCOPE)
        assert [(row[0], row[2]) for row in staging.rows(shop, WAITING)] == both

    def test_jobs_side_by_side(self, shop: Engine) -> None:
        for number in range(20):
            add_sale(shop, "S1", number, guid=staging.guid(100 + number))
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: bind_cash_and_carry(shop, scope=SCOPE), range(4)))
        assert [result.counts["unresolved"] for result in results] == [20] * 4
        assert len(staging.rows(shop, WAITING)) == 20


class TestAlarm:
    def test_what_waits_too_long_is_in_status_and_in_the_notes_of_a_run(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_sale(shop, "S1", 1, guid=NOBODY)
        add_order(shop, "S1", 2, guid=NOBODY)
        add_sale(shop, "S2", 3, guid=OTHER)
        bind_cash_and_carry(shop, scope=SCOPE)
        synchronize_orders(shop, scope=SCOPE)
        execute(
            shop,
            "UPDATE ax.retailtransactionwaitingreference SET waitingsince = now() - interval '3 hours'"
            " WHERE store = 'S1'",
        )
        assert {name: status(shop)["references"][name] for name in ("waiting", "overdue")} == {
            "waiting": 3,
            "overdue": 0,
        }
        execute(
            shop,
            "INSERT INTO ax.retailparameters (dataareaid, pendingreferencehours) VALUES ('USMF', 2)"
            " ON CONFLICT (dataareaid) DO UPDATE SET pendingreferencehours = 2",
        )
        assert status(shop)["references"]["overdue"] == 2
        stand_in(monkeypatch)
        monkeypatch.setitem(
            jobs.JOBS, "synchronize_orders", lambda hq, run, stores, _: synchronize_orders(hq, scope=run.scope(stores))
        )
        run = opened(shop)
        work(shop, run)
        notes = {store.store: store.notes for store in close_run(shop, run=run).stores}
        assert (
            "2 transactions have waited more than 2 hours for a customer or address:"
            " `commerce transactions list --waiting`" in notes["S1"]
        )
        listed = documents.list_waiting(shop, store=None, limit=10)
        assert [(row["store"], row["type"], row["overdue"]) for row in listed] == [
            ("S1", "sales", True),
            ("S1", "async_customer_order", True),
            ("S2", "sales", False),
        ]
        assert not any("waited" in note for note in notes["S2"])

    def test_a_transaction_that_never_posts_waits_for_nothing(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1, guid=NOBODY)
        bind_cash_and_carry(shop, scope=SCOPE)
        with shop.begin() as connection:
            connection.execute(
                sa.text(f"UPDATE ax.{HEADER} SET entrystatus = 1 WHERE transactionid = :id"), {"id": sale[2]}
            )
        assert status(shop)["references"]["waiting"] == 0
        bind_cash_and_carry(shop, scope=SCOPE)
        assert staging.rows(shop, WAITING) == []
