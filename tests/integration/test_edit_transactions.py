"""Transactions are edited: everything is checked before anything changes, and every field is audited."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.editing import audit
from commerce.editing.editing import Edit, edit
from commerce.editing.parts import FIXED, PARTS
from commerce.errors import UsageError
from commerce.orders import creating, repair, synchronize_orders
from commerce.orders.recording import Place
from commerce.statements import bind_cash_and_carry
from commerce.transactions import hold_transactions, validate_transactions
from support import staging
from support.company import add_customer
from support.editing import AUDIT, HEADER, KNOWN, LINE, NOBODY, SCOPE, STAGED, WHO, edited, edited_shop, reasons, values
from support.orders import counts, execute, status_of, statuses
from support.transactions import DAY, Line, add_order, add_sale, change


@pytest.fixture
def shop(hq: Engine) -> Engine:
    return edited_shop(hq)


class TestCashAndCarry:
    def test_an_edited_transaction_is_validated_again(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1, lines=[Line(), Line(item="ITEM2")])
        change(shop, LINE, sale, line=2, netamount=9)
        assert validate_transactions(shop, scope=SCOPE).counts["invalid"] == 1
        done = edited(shop, "transactions", sale, "lines", {"linenum": "2.0"}, netamount="10.00")
        assert (done.written, done.counts) == (True, {"changed": 1, "unchanged": 0, "refused": 0})
        assert done.rows[0].changes == ({"field": "netamount", "old": "9.000000", "new": "10.000000"},)
        assert values(shop, HEADER, sale, "validationstatus", "validationdatetime", "gaterun") == [(0, None, None)]
        assert staging.rows(shop, AUDIT) == [
            (LINE, "linenum=2", "netamount", "9.000000", "10.000000", "kari", "asked at the store")
        ]
        assert validate_transactions(shop, scope=SCOPE).counts["valid"] == 1
        again = edited(shop, "transactions", sale, "lines", {"linenum": "2"}, netamount="9")
        assert reasons(again) == ["is valid: only what has errors, or is not validated yet, can be edited"]
        hold_transactions(shop, transactions=[sale[2]], **WHO)
        assert edited(shop, "transactions", sale, "lines", {"linenum": "2"}, netamount="9").written, "nothing takes it"

    def test_the_same_value_again_is_no_change(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1)
        version = values(shop, HEADER, sale, "xmin::text")
        done = edited(shop, "transactions", sale, receiptid="", grossamount="12.5")
        assert done.counts == {"changed": 0, "unchanged": 1, "refused": 0}
        assert values(shop, HEADER, sale, "xmin::text") == version
        assert staging.rows(shop, AUDIT) == []

    def test_one_refused_row_keeps_all_others_from_being_written(self, shop: Engine) -> None:
        first, second = add_sale(shop, "S1", 1), add_sale(shop, "S1", 2)
        edits = [
            Edit(first, "header", {}, {"receiptid": "R-1"}),
            Edit(first, "payments", {"linenum": "1"}, {"amountcur": "twelve"}),
            Edit(second, "lines", {"linenum": "1"}, {"qty": "2"}),
        ]
        done = edit(shop, edits, "transactions", **WHO)
        assert (done.written, done.counts) == (False, {"changed": 2, "unchanged": 0, "refused": 1})
        assert reasons(done) == ["amountcur: missing or no decimal number of at most six decimals"]
        assert values(shop, HEADER, first, "receiptid") == [("",)]
        assert values(shop, LINE, second, "qty") == [(1,)]
        assert staging.rows(shop, AUDIT) == []

    def test_a_dry_run_shows_the_same_and_writes_nothing(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1)
        done = edit(shop, [Edit(sale, "header", {}, {"receiptid": "R-1"})], "transactions", **WHO, dry_run=True)
        assert (done.written, done.counts["changed"]) == (False, 1)
        assert values(shop, HEADER, sale, "receiptid") == [("",)]
        assert staging.rows(shop, AUDIT) == []

    @pytest.mark.parametrize(
        ("part", "row", "changes", "reason"),
        [
            ("header", {}, {"receiptid": "R" * 19}, "receiptid: longer than 18"),
            ("header", {}, {"businessdate": "2026-02-30"}, "businessdate: missing or no date"),
            ("header", {}, {"businessdate": None}, "businessdate: missing or no date"),
            ("header", {}, {"transtime": "3000000000"}, "transtime: no integer"),
            ("header", {}, {"custaccount": "C9"}, "custaccount: no customer of the company"),
            ("header", {}, {"custaccountasync": NOBODY}, "custaccountasync: no asynchronous customer that has arrived"),
            ("header", {}, {"addressidasync": "A9"}, "addressidasync: no asynchronous address that has arrived"),
            ("header", {}, {"logisticspostaladdress": "7"}, "logisticspostaladdress: no postal address"),
            ("header", {}, {"currency": "ZZZ"}, "currency: no currency of a company or store"),
            (
                "header",
                {},
                {"custaccount": "DEFAULT", "custaccountasync": KNOWN},
                "custaccount: custaccountasync beside it decides; take one of them away",
            ),
            ("payments", {"linenum": "1"}, {"tendertype": "77"}, "tendertype: no tender of the company"),
            ("payments", {"linenum": "1"}, {"voidstatus": "2"}, "voidstatus: neither 0 nor 1"),
            ("lines", {"linenum": "1"}, {"transactionstatus": "9"}, "transactionstatus: no entry status"),
            ("lines", {"linenum": "7"}, {"qty": "1"}, "there is no such row"),
            ("taxes", {"salelinenum": "1", "taxcode": "NONE"}, {"amount": "1"}, "there is no such row"),
        ],
    )
    def test_values_are_checked_before_anything_changes(
        self, shop: Engine, part: str, row: dict[str, str], changes: dict[str, str | None], reason: str
    ) -> None:
        sale = add_sale(shop, "S1", 1)
        done = edited(shop, "transactions", sale, part, row, **changes)
        assert (done.written, reasons(done)) == (False, [reason])

    def test_items_and_tax_groups_are_looked_up_where_they_are_loaded(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1)
        row = {"linenum": "1"}
        assert edited(shop, "transactions", sale, "lines", row, itemid="ITEM9", taxgroup="NONE").written
        execute(shop, "INSERT INTO ax.inventtable (dataareaid, itemid, unitid) VALUES ('USMF', 'ITEM1', 'ea')")
        execute(shop, "INSERT INTO ax.taxgroupdata (dataareaid, taxgroup, taxcode) VALUES ('USMF', 'ALL', 'VAT')")
        done = edited(shop, "transactions", sale, "lines", row, itemid="ITEM8", taxgroup="SOME")
        assert reasons(done) == ["itemid: no item of the company; taxgroup: no sales tax group of the company"]
        assert edited(shop, "transactions", sale, "lines", row, itemid="ITEM1", taxgroup="ALL").written

    def test_what_cannot_be_edited(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1)
        for part, row, change_ in (
            ("header", {}, {"type": "33"}),
            ("header", {}, {"entrystatus": "1"}),
            ("header", {}, {"dataareaid": "DEMF"}),
            ("header", {}, {"strange": "1"}),
            ("lines", {"linenum": "1"}, {"linenum": "2"}),
            ("nothing", {}, {"qty": "1"}),
            ("lines", {}, {"qty": "1"}),
            ("lines", {"linenum": "one"}, {"qty": "1"}),
            ("header", {"linenum": "1"}, {"receiptid": "1"}),
            ("header", {}, {"receiptid": "a\0b"}),
        ):
            with pytest.raises(UsageError):
                edited(shop, "transactions", sale, part, row, **change_)
        twice = [Edit(sale, "lines", {"linenum": number}, {"qty": "1"}) for number in ("1", "1.0")]
        with pytest.raises(UsageError, match="named twice"):
            edit(shop, twice, "transactions", **WHO)
        with pytest.raises(UsageError, match="Say why"):
            edit(shop, twice[:1], "transactions", by="kari", reason="")

    def test_posted_transactions_and_those_of_the_other_family_are_refused(self, shop: Engine) -> None:
        posted, order = add_sale(shop, "S1", 1), add_order(shop, "S1", 2)
        with shop.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype,"
                    " businessdate, currency, postingstatus) VALUES ('USMF', 'ST1', 'S1', 1, :day, 'USD', 20)"
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
        assert reasons(edited(shop, "transactions", posted, receiptid="R")) == ["stands in statement ST1"]
        assert reasons(edited(shop, "transactions", order, receiptid="R")) == ["is an order: `commerce orders edit`"]
        assert reasons(edited(shop, "orders", posted, receiptid="R")) == ["is no order: `commerce transactions edit`"]
        unknown = ("S1", "T1", "NONE")
        assert reasons(edited(shop, "transactions", unknown, receiptid="R")) == ["there is no such transaction"]

    def test_personal_data_is_masked_where_it_is_shown(self, shop: Engine) -> None:
        sale = add_sale(shop, "S1", 1)
        edited(shop, "transactions", sale, receiptemail="kari@example.com")
        (line,) = audit.history(shop, *sale)
        assert (line["old"], line["new"], line["by"]) == ("", "k***@e***.com", "kari")
        assert audit.history(shop, *sale, personal=True)[0]["new"] == "kari@example.com"

    def test_every_part_can_be_edited(self, shop: Engine) -> None:
        """The statements of every table are right, whatever it has for keys and columns."""
        sale = add_sale(shop, "S1", 1)
        for part, table in PARTS.items():
            row = {name: "9" for name in table.natural_key if name not in (table.transaction_key or ())}
            column = next(name for name in table.column_names if name not in FIXED and name not in table.natural_key)
            done = edited(shop, "transactions", sale, part, row, **{column: None})
            assert done.counts["changed"] == 0, part


class TestOrders:
    def test_an_edited_order_is_tried_again_and_held(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1)
        change(shop, HEADER, order, netamount=9)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(failed=1)
        assert edited(shop, "orders", order, netamount="10").written
        assert status_of(shop, order, "status", "errorclass", "manuallymodified", "lastedituser") == (0, "", 1, "kari")
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
        assert status_of(shop, order, "putonhold") == (1,)
        assert reasons(edited(shop, "orders", order, netamount="9")) == [
            "has sales order SO00000001, nothing of it changes any more"
        ]

    def test_an_order_that_nobody_has_attempted_and_one_under_editing(self, shop: Engine) -> None:
        fresh, taken = add_order(shop, "S1", 1), add_order(shop, "S1", 2)
        repair.begin_editing(shop, [taken], **WHO)
        edits = [Edit(key, "header", {}, {"dlvmode": "STD"}) for key in (fresh, taken)]
        assert edit(shop, edits, "orders", **WHO).counts["changed"] == 2
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1, editing=1)
        repair.end_editing(shop, [taken], **WHO)
        assert synchronize_orders(shop, scope=SCOPE).counts == counts(synchronized=1)
        assert staging.rows(shop, "SELECT mcrorderstopped, dlvmode FROM ax.salestable") == [(1, "STD")] * 2

    def test_an_edit_while_the_job_creates_the_order_is_neither_lost_nor_left_out(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = add_order(shop, "S1", 1)
        create = creating.create

        def edited_meanwhile(connection: Connection, place: Place) -> dict[str, int]:
            assert edited(shop, "orders", order, dlvmode="EXP").written
            return create(connection, place)

        with monkeypatch.context() as patch:
            patch.setattr(creating, "create", edited_meanwhile)
            assert synchronize_orders(shop, scope=SCOPE).counts == counts(pending=1, waiting=1)
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
            late = pool.submit(lambda: edited(shop, "orders", order, dlvmode="SEA"))
            time.sleep(0.3)
            assert not late.done(), "waits for the order's lock"
            goes_on.set()
            assert reasons(late.result()) == ["has sales order SO00000001, nothing of it changes any more"]
            assert job.result().counts == counts(synchronized=1)
        assert staging.rows(shop, "SELECT dlvmode FROM ax.salestable") == [("EXP",)]

    def test_two_people_at_once_edit_one_after_the_other(self, shop: Engine) -> None:
        order = add_order(shop, "S1", 1)
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda mode: edited(shop, "orders", order, dlvmode=mode), ("A", "B", "C", "D")))
        assert [one.counts["changed"] for one in done] == [1] * 4
        trail = staging.rows(shop, f"{AUDIT} ORDER BY auditid")
        assert [row[3] for row in trail] == ["", *(row[4] for row in trail[:-1])], "each found what the other had left"

    def test_killed_before_its_end_an_edit_has_done_nothing(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = add_order(shop, "S1", 1)

        def killed(*_: object, **__: object) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(audit, "record", killed)
            with pytest.raises(KeyboardInterrupt):
                edited(shop, "orders", order, dlvmode="A")
        assert values(shop, HEADER, order, "dlvmode") == [("",)]
        assert statuses(shop) == {}


class TestJobsBeside:
    def test_a_validation_does_not_judge_what_was_edited_under_it(
        self, shop: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from commerce.transactions import validation

        sale = add_sale(shop, "S1", 1)
        run = validation._run
        done: list[str] = []

        def edited_before_the_status(connection: Connection, statement: str, parameters: Any = None) -> None:
            if statement == validation._STATUS and not done:
                done.append("")
                assert edited(shop, "transactions", sale, grossamount="99").written
            run(connection, statement, parameters)

        with monkeypatch.context() as patch:
            patch.setattr(validation, "_run", edited_before_the_status)
            validate_transactions(shop, scope=SCOPE)
        assert values(shop, HEADER, sale, "validationstatus") == [(0,)], "the next run judges what it is now"
        assert validate_transactions(shop, scope=SCOPE).counts["invalid"] == 1

    def test_late_binding_does_not_write_over_an_edit(self, shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        add_customer(shop, "C2", guid=STAGED)
        sale = add_sale(shop, "S1", 1, guid=KNOWN)
        execute_statement = sa.Connection.execute
        done: list[str] = []

        def execute_and_edit(self: Connection, statement: Any, *arguments: Any, **options: Any) -> Any:
            if str(statement).startswith(f"UPDATE ax.{HEADER} AS r") and not done:
                done.append("")
                edited(shop, "transactions", sale, custaccountasync=STAGED)
            return execute_statement(self, statement, *arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(sa.Connection, "execute", execute_and_edit)
            bind_cash_and_carry(shop, scope=SCOPE)
        assert done
        assert values(shop, HEADER, sale, "custaccountasync", "custaccount") == [(STAGED, "")]
        bind_cash_and_carry(shop, scope=SCOPE)
        assert values(shop, HEADER, sale, "custaccountasync", "custaccount") == [(STAGED, "C2")]
