"""Classes of error and what becomes of them, a person who works on an order, and the hold that follows an edit."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.errors import UsageError
from commerce.orders import creating, repair, synchronize_orders
from commerce.orders.recording import Place
from commerce.scope import Scope
from support import staging
from support.company import add_company, add_store
from support.orders import counts, execute, status_of, statuses
from support.transactions import DAY, Key, add_order, change

HEADER = "retailtransactiontable"
NOBODY = staging.guid(3)
SCOPE = Scope(("S1", "S2"), DAY)
WHO: dict[str, Any] = {"by": "kari", "reason": "the shop said so"}


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Two stores of a company that tries an order three times and holds what was edited."""
    add_company(hq)
    for store in SCOPE.stores:
        add_store(hq, store)
    execute(hq, "DELETE FROM ax.retailparameters")
    execute(hq, "INSERT INTO ax.retailparameters (dataareaid, orderholdcode, ordertrycount) VALUES ('USMF', 'EDIT', 3)")
    return hq


def refusing(
    monkeypatch: pytest.MonkeyPatch, order: Key, error: type[psycopg.Error]
) -> Callable[[Connection, Place], dict[str, int]]:
    """The database refuses one order, whichever others stand beside it."""
    create = creating.create

    def refuse(connection: Connection, place: Place) -> dict[str, int]:
        values = {"order": order[2], **vars(place)}
        there = connection.scalar(
            sa.text("SELECT count(*) FROM ready WHERE transactionid = :order AND place BETWEEN :first AND :last"),
            values,
        )
        if there:
            raise sa.exc.OperationalError("INSERT", {}, error("refused, with a name in the text"))
        return create(connection, place)

    monkeypatch.setattr(creating, "create", refuse)
    return create


def pass_time(hq: Engine, order: Key) -> None:
    execute(hq, "UPDATE ax.retailtransactionorderstatus SET nextattempt = now() WHERE transactionid = :id", id=order[2])


class TestClasses:
    def test_a_transient_error_is_tried_again_later_and_later_and_then_waits_for_a_person(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        orders = [add_order(shop, "S1", number) for number in range(1, 10)]
        bad = orders[4]
        with monkeypatch.context() as patch:
            refusing(patch, bad, psycopg.errors.LockNotAvailable)
            assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=8, retrying=1)
            waits = "extract(epoch FROM nextattempt - modifieddatetime)::integer"
            assert status_of(shop, bad, "status", "errorclass", "retrycount", waits) == (1, "transient", 1, 60)
            assert "name" not in status_of(shop, bad, "errordetail")[0]
            assert synchronize_orders(shop, scope=SCOPE).counts == counts(retrying=1)
            assert status_of(shop, bad, "retrycount") == (1,), "not before its time"
            pass_time(shop, bad)
            assert synchronize_orders(shop, scope=SCOPE).counts == counts(retrying=1)
            assert status_of(shop, bad, "retrycount", waits) == (2, 120)
            pass_time(shop, bad)
            assert synchronize_orders(shop, scope=SCOPE).counts == counts(failed=1)
            assert status_of(shop, bad, "errorclass", "retrycount", "nextattempt") == ("permanent", 3, None)
            assert status_of(shop, bad, "errordetail")[0].endswith("Tried 3 times.")
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(failed=1), "nobody tries it any more"
        assert repair.retry(shop, [bad], **WHO).result.counts == counts(synchronized=1)  # type: ignore[union-attr]
        numbers = sorted(str(status[1]) for status in statuses(shop).values())
        assert numbers == [f"SO{number:08d}" for number in range(1, 10)]

    def test_many_tries(self, shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        execute(
            shop,
            "INSERT INTO ax.retailparameters (dataareaid, ordertrycount) VALUES ('USMF', 100)"
            " ON CONFLICT (dataareaid) DO UPDATE SET ordertrycount = 100",
        )
        bad = add_order(shop, "S1", 1)
        refusing(monkeypatch, bad, psycopg.errors.LockNotAvailable)
        synchronize_orders(shop, scope=SCOPE)
        execute(shop, "UPDATE ax.retailtransactionorderstatus SET retrycount = 98")
        pass_time(shop, bad)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(retrying=1)
        waits = "extract(epoch FROM nextattempt - modifieddatetime)::integer"
        assert status_of(shop, bad, "retrycount", waits) == (99, 3600)

    def test_data_that_the_database_refuses_fails_that_order_alone(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        orders = [add_order(shop, "S1", number) for number in range(1, 6)]
        refusing(monkeypatch, orders[0], psycopg.errors.NumericValueOutOfRange)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=4, failed=1)
        assert status_of(shop, orders[0], "errorclass", "nextattempt") == ("permanent", None)

    def test_what_is_nobodys_fault_stops_the_job(self, shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        order = add_order(shop, "S1", 1)
        refusing(monkeypatch, order, psycopg.errors.InsufficientPrivilege)
        with pytest.raises(sa.exc.OperationalError):
            synchronize_orders(shop, scope=SCOPE)
        assert statuses(shop) == {}

    def test_a_pending_order_keeps_since_when_it_waits(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1, guid=NOBODY)
        synchronize_orders(shop, scope=SCOPE)
        since = status_of(shop, order, "failingsince", "retrycount")
        assert since[1] == 0, "waiting is no try"
        staging.person(shop, NOBODY, firstname="", lastname="")
        synchronize_orders(shop, scope=SCOPE)
        assert "could not be converted" in status_of(shop, order, "errordetail")[0]
        assert status_of(shop, order, "failingsince", "retrycount") == since

    def test_an_error_text_has_room_for_1024_characters(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1, guid=NOBODY)
        with shop.begin() as connection:
            for number in range(2, 40):
                row = connection.execute(
                    sa.text("SELECT * FROM ax.retailtransactionsalestrans WHERE transactionid = :id AND linenum = 1"),
                    {"id": order[2]},
                ).mappings()
                values = {**row.one(), "linenum": number, "custaccountasync": staging.guid(100 + number)}
                values |= {"replicationcounterfromorigin": 10_000 + number, "transactionstatus": 1}
                names = ", ".join(values)
                connection.execute(
                    sa.text(
                        f"INSERT INTO ax.retailtransactionsalestrans ({names})"
                        f" VALUES ({', '.join(':' + name for name in values)})"
                    ),
                    values,
                )
        synchronize_orders(shop, scope=SCOPE)
        assert len(status_of(shop, order, "errordetail")[0]) == 1024


def passed(done: repair.Repaired) -> list[str]:
    """Why orders were passed over."""
    return [one.why for one in done.passed_over]


class TestEditing:
    def test_an_order_under_editing_is_left_alone_until_it_is_given_back(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1)
        assert repair.begin_editing(shop, [order], **WHO).orders == (order,)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(editing=1)
        retried = repair.retry(shop, [order], **WHO)
        why = "somebody is editing it: `commerce orders end-edit` gives it back"
        passed_over = [{"store": "S1", "terminal": order[1], "transaction": order[2], "why": why}]
        assert retried.as_dict() == {"orders": [], "passed_over": passed_over, "result": None}
        assert passed(repair.begin_editing(shop, [order], **WHO)) == [why]
        assert repair.end_editing(shop, [order], by="ola", reason="done").orders == (order,)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
        assert passed(repair.begin_editing(shop, [order], **WHO)) == ["it is sales order SO00000001"]
        assert passed(repair.end_editing(shop, [order], **WHO)) == ["it is sales order SO00000001"]
        columns = "action, oldvalue, newvalue, changedby, reason"
        audit = f"SELECT {columns} FROM ax.retailtransactionauditlogtable ORDER BY auditid"
        assert staging.rows(shop, audit) == [
            ("editing", "none", "editing", "kari", "the shop said so"),
            ("returned", "editing", "none", "ola", "done"),
        ]

    def test_who_begins_to_edit_while_the_job_runs_wins_or_comes_too_late(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        orders = [add_order(shop, "S1", number) for number in (1, 2)]
        create = creating.create

        def edited_meanwhile(connection: Connection, place: Place) -> dict[str, int]:
            repair.begin_editing(shop, orders[:1], **WHO)
            return create(connection, place)

        with monkeypatch.context() as patch:
            patch.setattr(creating, "create", edited_meanwhile)
            assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1, editing=1)
        assert status_of(shop, orders[0], "status", "salesid") == (3, None)
        repair.end_editing(shop, orders[:1], **WHO)
        locked, goes_on = Event(), Event()

        def slow(connection: Connection, place: Place) -> dict[str, int]:
            made = create(connection, place)
            locked.set()
            goes_on.wait(20)
            return made

        monkeypatch.setattr(creating, "create", slow)
        with ThreadPoolExecutor(2) as pool:
            job = pool.submit(lambda: synchronize_orders(shop, scope=SCOPE))
            assert locked.wait(20)
            late = pool.submit(lambda: repair.begin_editing(shop, orders[:1], **WHO))
            time.sleep(0.3)
            assert not late.done(), "waits for the order's lock"
            goes_on.set()
            assert passed(late.result()) == ["it is sales order SO00000002"]
            assert job.result().counts == counts(synchronized=1)

    def test_what_the_job_found_out_before_an_edit_is_not_written_after_it(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An error of before the edit would keep the mended order waiting for a person."""
        from commerce.orders import synchronize

        order = add_order(shop, "S1", 1)
        change(shop, HEADER, order, netamount=9)
        judge = synchronize.judge

        def mended_meanwhile(*arguments: Any) -> int:
            ready = judge(*arguments)
            change(shop, HEADER, order, netamount=10)
            return ready

        with monkeypatch.context() as patch:
            patch.setattr(synchronize, "judge", mended_meanwhile)
            synchronize_orders(shop, scope=SCOPE)
        assert statuses(shop) == {}
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)

    def test_nobody_without_a_name_and_a_reason(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1)
        for words in ({"by": "", "reason": "why"}, {"by": "x" * 61, "reason": "why"}, {"by": "kari", "reason": " "}):
            for act in (repair.begin_editing, repair.end_editing, repair.retry, repair.release):
                with pytest.raises(UsageError, match="Say"):
                    act(shop, [order], **words)


class TestHold:
    def test_an_edited_order_is_held_until_somebody_releases_it(self, shop: Engine) -> None:
        order, other = add_order(shop, "S1", 1), add_order(shop, "S1", 2)
        repair.begin_editing(shop, [order, other], **WHO)
        repair.end_editing(shop, [order, other], **WHO)
        execute(
            shop,
            "UPDATE ax.retailtransactionorderstatus SET manuallymodified = 1 WHERE transactionid = :id",
            id=order[2],
        )
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=2)
        assert status_of(shop, order, "salesid", "putonhold") == ("SO00000001", 1)
        assert status_of(shop, other, "putonhold") == (0,)
        held = "SELECT salesid, mcrholdcode, mcrcleared, createdby, clearedby, clearreason FROM ax.mcrholdcodetrans"
        assert staging.rows(shop, held) == [("SO00000001", "EDIT", 0, "synchronize-orders", "", "")]
        for status in (2, 3):
            with pytest.raises(sa.exc.IntegrityError, match="hold_before_fulfilment"):
                execute(shop, "UPDATE ax.salestable SET salesstatus = :to WHERE salesid = 'SO00000001'", to=status)
        assert repair.release(shop, [order, other], by="ola", reason="checked").orders == (order,)
        assert staging.rows(shop, held) == [("SO00000001", "EDIT", 1, "synchronize-orders", "ola", "checked")]
        assert passed(repair.release(shop, [order], **WHO)) == ["sales order SO00000001 is not on hold"]
        assert execute(shop, "UPDATE ax.salestable SET salesstatus = 3 WHERE salesid = 'SO00000001'") == 1
        audit = "SELECT action, oldvalue, changedby FROM ax.retailtransactionauditlogtable WHERE action = 'released'"
        assert staging.rows(shop, audit) == [("released", "EDIT", "ola")]

    def test_without_a_hold_code_nothing_is_held(self, shop: Engine) -> None:
        execute(shop, "UPDATE ax.retailparameters SET orderholdcode = ''")
        order = add_order(shop, "S1", 1)
        repair.begin_editing(shop, [order], **WHO)
        repair.end_editing(shop, [order], **WHO)
        execute(shop, "UPDATE ax.retailtransactionorderstatus SET manuallymodified = 1")
        synchronize_orders(shop, scope=SCOPE)
        assert staging.rows(shop, "SELECT mcrorderstopped FROM ax.salestable") == [(0,)]
        assert staging.rows(shop, "SELECT * FROM ax.mcrholdcodetrans") == []


class TestOneOrder:
    def test_a_single_order_is_tried_whatever_its_date(self, shop: Engine) -> None:
        wanted, other = add_order(shop, "S1", 1), add_order(shop, "S1", 2)
        result = repair.retry(shop, [wanted], **WHO).result
        assert result is not None
        assert result.counts == counts(synchronized=1)
        assert set(statuses(shop)) == {wanted[2]}
        assert repair.retry(shop, [other], now=False, **WHO).result is None
        assert status_of(shop, other, "status") == (0,)

    def test_orders_are_found_by_sales_order_and_transaction(self, shop: Engine) -> None:
        first, second = add_order(shop, "S1", 1), add_order(shop, "S2", 1)
        repair.retry(shop, [first], **WHO)
        assert repair.find_orders(shop, ["SO00000001", second[2], first[2]]) == [first, second]
        with pytest.raises(UsageError, match="no order SO9"):
            repair.find_orders(shop, ["SO9"])
        with pytest.raises(UsageError, match="no order"):
            repair.find_orders(shop, [second[2]], "S1")

    def test_failed_orders_are_chosen_by_their_error(self, shop: Engine) -> None:
        wrong_net, paid = add_order(shop, "S1", 1), add_order(shop, "S2", 1)
        change(shop, HEADER, wrong_net, netamount=9)
        change(shop, HEADER, paid, grossamount=9)
        synchronize_orders(shop, scope=SCOPE)
        assert repair.failed_orders(shop, words="net AMOUNT 9") == [wrong_net]
        assert repair.failed_orders(shop, store="S2", error_class="permanent") == [paid]
        assert repair.failed_orders(shop, error_class="transient") == []
