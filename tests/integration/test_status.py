"""`commerce status`, the lists, and what waits in channels: the sums hold whatever stands in the tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import exchange
from commerce.cli.queries import documents
from commerce.cli.queries import exchange as sessions
from commerce.cli.queries import orders as order_queries
from commerce.customers.status.finding import find
from commerce.customers.status.operations import OperationFilter, list_operations
from commerce.customers.status.pipeline import describe
from commerce.errors import UsageError
from commerce.run import plan, status
from commerce.schema.enums import TransactionType
from commerce.schema.headquarters import exchange as tables
from commerce.schema.headquarters import orders, sales
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements
from support.company import CASH, add_company, add_customer, add_store
from support.registers import GUID, add_register
from support.shifts import close_shift, manage_cash, set_store
from support.statements import pass_gate
from support.transactions import DAY, add_deposit, add_order, add_quarantined_customer, add_sale, change

TOMORROW = date(2026, 3, 3)


@pytest.fixture
def company(hq: Engine) -> Engine:
    add_company(hq)
    return hq


def set_sync(hq: Engine, guid: str, state: int, error: str = "") -> None:
    with hq.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE ax.retailasynccustomerv2 SET syncstatus = :state, errorclass = :error,"
                " onlineoperationcompleted = CAST(:state = 1 AS integer) WHERE custaccountasync = :guid"
            ),
            {"guid": guid, "state": state, "error": error},
        )


class TestCustomers:
    def test_every_created_customer_counts_once(self, company: Engine, channel_db: Callable[[str], Engine]) -> None:
        register = add_register(company, channel_db)
        for number in range(1, 6):
            register.customer(number)
        register.customer(1)  # the create comes twice
        register.customer(2, operation=2)  # an edit is no customer
        register.customer(6, custname="x" * 200)  # goes to quarantine
        exchange.upload(company, stores=["S1"])
        set_sync(company, GUID.format(1), 1)
        set_sync(company, GUID.format(2), 2, "permanent")
        set_sync(company, GUID.format(3), 3)
        assert status(company)["customers"] == {
            "uploaded": 6,
            "converted": 1,
            "pending": 2,
            "failed": 2,
            "ignored": 1,
        }

    def test_a_quarantined_row_that_came_again_is_no_second_customer(
        self, company: Engine, channel_db: Callable[[str], Engine]
    ) -> None:
        register = add_register(company, channel_db)
        register.customer(1)
        exchange.upload(company, stores=["S1"])
        add_quarantined_customer(company, "S1", GUID.format(1))
        add_quarantined_customer_of(company, GUID.format(2), 2)
        counts = status(company)["customers"]
        assert counts == {"uploaded": 2, "converted": 0, "pending": 1, "failed": 1, "ignored": 0}

    def test_the_list_has_the_same_customers(self, company: Engine, channel_db: Callable[[str], Engine]) -> None:
        register = add_register(company, channel_db)
        register.customer(1)
        register.customer(2, custname="x" * 200)
        exchange.upload(company, stores=["S1"])
        found = list_operations(company, OperationFilter(), limit=10)
        assert [(row["guid"], row["state"], row["store"]) for row in found] == [
            (GUID.format(1), "pending", "S1"),
            (GUID.format(2), "failed", "S1"),
        ]
        assert "Customer" not in str(found)
        assert list_operations(company, OperationFilter("failed", "S1"), limit=10) == [found[1]]
        with pytest.raises(UsageError, match="no channel S2"):
            list_operations(company, OperationFilter(channel="S2"), limit=10)

    def test_each_store_of_a_shared_database_finds_its_customers(
        self, company: Engine, channel_db: Callable[[str], Engine]
    ) -> None:
        register = add_register(company, channel_db)
        register.customer(1)
        exchange.upload(company, stores=["S1"])
        add_store(company, "S")
        add_store(company, "S2")
        with company.begin() as connection:
            connection.execute(
                sa.text(
                    "UPDATE cdx.retailcdxdatastorechannel SET databaseprofile ="
                    " (SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1')"
                    " WHERE channel = (SELECT recid FROM ax.retailchanneltable WHERE retailchannelid = 'S2')"
                )
            )
        for store, number in (("S1", 1), ("S2", 1), ("S", 0)):
            found = list_operations(company, OperationFilter("pending", store), limit=10)
            assert [row["store"] for row in found] == ["S1, S2"] * number

    def test_an_operation_of_another_company_is_not_shown(
        self, company: Engine, channel_db: Callable[[str], Engine]
    ) -> None:
        add_customer(company, "C1", guid=GUID.format(1))
        register = add_register(company, channel_db)
        register.customer(1)
        exchange.upload(company, stores=["S1"])
        (shown,) = [describe(company, one) for one in find(company, "C1")]
        assert len(shown["operations"]) == 1
        with company.begin() as connection:
            connection.execute(sa.text("UPDATE ax.retailasynccustomerv2 SET dataareaid = 'NORT'"))
        (shown,) = [describe(company, one) for one in find(company, "C1")]
        assert shown["operations"] == []


def add_quarantined_customer_of(hq: Engine, guid: str, counter: int) -> None:
    """Another row in quarantine, whose operation cannot be read."""
    with hq.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO cdx.quarantine (datastore, incarnation, tablename, replicationcounterfromorigin, rawdata,"
                " reason, errorclass, uploadsession) SELECT recid, 1, 'retailasynccustomerv2', :counter,"
                " jsonb_build_object('custaccountasync', CAST(:guid AS text), 'operation', 'x'), 'x', 'permanent', 1"
                " FROM cdx.retailconndatabaseprofile"
            ),
            {"guid": guid, "counter": counter},
        )


class TestTransactions:
    def test_orders_and_transactions(self, company: Engine) -> None:
        add_store(company, "S1")
        add_customer(company, "C1")
        synchronized = add_order(company, "S1", 1, account="C1")
        failed = add_order(company, "S1", 2, account="C1")
        add_order(company, "S1", 3, account="C1")
        add_order(company, "S1", 4, account="C1", header={"entrystatus": 4})  # cancelled
        add_sale(company, "S1", 5)
        add_sale(company, "S1", 6, header={"entrystatus": 1})  # voided
        add_sale(company, "S1", 7, kind=TransactionType.OPEN_DRAWER)
        add_deposit(company, "S1", 8, account="C1")
        change(company, "retailtransactiontable", synchronized, validationstatus=1)
        change(company, "retailtransactiontable", failed, validationstatus=2)
        order_status(company, synchronized, 2)
        order_status(company, failed, 1)
        found = status(company)
        assert found["orders"] == {
            "synchronized": 1,
            "failed": 1,
            "pending": 1,
            "editing": 0,
            "online_errors": 0,
            "customer_errors": 1,
            "on_hold": 0,
            "cancellations_waiting": 0,
            "cancellation_errors": 0,
        }
        assert found["references"] == {"waiting": 0, "overdue": 0, "oldest_at": None}
        assert found["transactions"] == {
            "uploaded": 8,
            "valid": 1,
            "invalid": 1,
            "posted": 0,
            "waiting": 2,
            "held": 0,
            "unposted": 4,
            "unposted_amount": "87.50",
            "unposted_amounts": {"USD": "87.50"},
        }
        listed = order_queries.list_orders(company, state=None, store="S1", limit=10)
        assert [row["state"] for row in listed] == ["synchronized", "failed", "pending"]
        assert [
            row["state"]
            for row in documents.list_transactions(company, state=None, store=None, business_date=DAY, limit=10)
        ] == [
            "sales-order",
            "invalid",
            "not-validated",
            "does-not-post",
            "not-validated",
            "does-not-post",
            "not-validated",
            "not-validated",
        ]
        (shown,) = documents.show_transaction(company, synchronized[2])
        assert shown["type"] == "async_customer_order"
        assert len(shown["lines"]) == 1
        (order,) = order_queries.show_order(company, "SO1")
        assert order["gross"] == Decimal("12.50")

    def test_what_is_not_there_is_wrong_use(self, company: Engine) -> None:
        for show in (
            documents.show_transaction,
            order_queries.show_order,
            documents.show_statement,
            sessions.show_session,
        ):
            with pytest.raises(UsageError, match="list` shows them"):
                show(company, "NONE")


def order_status(hq: Engine, key: tuple[str, str, str], state: int) -> None:
    values = {**dict(zip(("store", "terminal", "transactionid"), key, strict=True)), "dataareaid": "USMF"}
    with hq.begin() as connection:
        if state == 2:
            amounts = {
                "netamount": 10,
                "taxamount": Decimal("2.50"),
                "chargeamount": 0,
                "grossamount": Decimal("12.50"),
            }
            order = {
                "dataareaid": "USMF",
                "salesid": "SO1",
                "custaccount": "C1",
                "salesorigin": "channel",
                "store": "S1",
            }
            connection.execute(sales.SALES_ORDER.insert(), {**order, "businessdate": DAY, "currency": "USD", **amounts})
        connection.execute(
            orders.ORDER_STATUS.insert(), {**values, "status": state, "salesid": "SO1" if state == 2 else None}
        )


class TestChannels:
    def test_what_waits_and_who_is_out_of_reach(self, company: Engine, channel_db: Callable[[str], Engine]) -> None:
        register = add_register(company, channel_db, "S1")
        add_store(company, "AWAY")
        register.customer(1)
        register.sale(1)
        channels = {channel["name"]: channel for channel in status(company)["channels"]}
        assert channels["S1"] == {
            "name": "S1",
            "state": "active",
            "state_since": None,
            "last_contact_at": None,
            "last_upload_at": None,
            "last_download_at": None,
            "waiting_upload": 7,
            "waiting_download": 0,
            "waiting_sessions": 0,
        }
        assert (channels["AWAY"]["state"], channels["AWAY"]["waiting_upload"]) == ("unreachable", None)
        exchange.upload(company, stores=["S1"])
        (uploaded,) = (channel for channel in status(company)["channels"] if channel["name"] == "S1")
        assert uploaded["waiting_upload"] == 0
        assert uploaded["last_upload_at"] is not None

    def test_paused_stays_paused_even_out_of_reach(self, company: Engine) -> None:
        add_store(company, "AWAY")
        with company.begin() as connection:
            connection.execute(tables.DATABASE_PROFILE.update().values(pausedatasync=1))
        assert status(company)["channels"][0]["state"] == "paused"

    def test_customers_wait_for_download_until_the_channel_has_them(
        self, company: Engine, channel_db: Callable[[str], Engine]
    ) -> None:
        add_register(company, channel_db, "S1")
        add_customer(company, "C1")
        with company.begin() as connection:
            exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'C1' AS accountnum")
        assert status(company)["channels"][0]["waiting_download"] == 1
        exchange.distribute(company, stores=["S1"])
        assert status(company)["channels"][0]["waiting_download"] == 0

    def test_history_waits_by_itself(self, company: Engine, channel_db: Callable[[str], Engine]) -> None:
        register = add_register(company, channel_db, "S1", cut_over=TOMORROW)
        register.sale(1, day="2026-03-02")
        register.sale(2, day="2026-03-03")
        register.sale(3, day="2026-03-03")
        (daily,) = exchange.waiting(company, stores=["S1"])
        (both,) = exchange.waiting(company, stores=["S1"], history=True)
        assert (daily.transactions, daily.rows) == ({"S1": 2}, 12)
        assert (both.transactions, both.rows) == ({"S1": 3}, 18)
        exchange.upload(company, stores=["S1"])
        (after,) = exchange.waiting(company, stores=["S1"], history=True)
        assert after.transactions == {"S1": 1}

    def test_a_plan_judges_references_by_what_is_staged(
        self, company: Engine, channel_db: Callable[[str], Engine]
    ) -> None:
        register = add_register(company, channel_db, "S1")
        register.customer(1)
        exchange.upload(company, stores=["S1"])
        add_sale(company, "S1", 1, guid=GUID.format(1))
        planned = plan(company, kind="end_of_day", business_date=DAY)
        assert planned.stores[0].outlook == "would be posted"
        add_sale(company, "S1", 2, guid=GUID.format(2))
        planned = plan(company, kind="end_of_day", business_date=DAY)
        assert planned.stores[0].outlook == "would be blocked"
        assert planned.stores[0].unresolvable == (1, Decimal("12.50"))
        assert planned.stores[0].transactions == (2, Decimal("25.00"))
        assert "1 stores would be blocked by 1 transactions, 12.50" in planned.as_text()
        set_sync(company, GUID.format(1), 2, "permanent")
        assert plan(company, kind="end_of_day", business_date=DAY).stores[0].unresolvable == (2, Decimal("25.00"))

    def test_a_plan_tells_of_shifts_and_statements_that_wait_though_nothing_is_new(
        self, company: Engine, channel_db: Callable[[str], Engine]
    ) -> None:
        def outlook() -> str:
            return plan(company, kind="end_of_day", business_date=DAY).stores[0].outlook

        add_register(company, channel_db, "S1")
        assert outlook() == "no new transactions"
        manage_cash(company, "S1", 1, TransactionType.STARTING_AMOUNT, {CASH: Decimal(100)}, 1)
        assert outlook() == "no new transactions", "the shift is open"
        close_shift(company, "S1", 1)
        assert outlook() == "would be posted"
        set_store(company, "S1", closingmethod=0)
        assert outlook() == "no new transactions", "the store has no financial statements"
        add_sale(company, "S1", 2)
        run = pass_gate(company)
        assert calculate_statements(company, run=run, scope=Scope(("S1",), DAY)).ok
        assert outlook() == "would be posted", "the statement is not"
        assert post_statements(company, run=run, scope=Scope(("S1",), DAY)).ok
        assert outlook() == "no new transactions"
