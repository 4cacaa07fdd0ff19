"""Trial balance and exports of a posted ledger: days balance, no voucher goes twice, and files repeat their bytes."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import database, ledger, server
from commerce.errors import CommerceError, UsageError
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements
from commerce.verify import verify
from support.cli import call
from support.company import add_company, add_store
from support.registers import rows, scalar
from support.statements import ANNA, STORES, TOMORROW, add_day, add_retailer, pass_gate
from support.transactions import DAY, Line, add_sale, change
from support.twins import twin

D = Decimal
OSLO = "OSLO"


def post(hq: Engine, day: date) -> None:
    run = pass_gate(hq, f"run {scalar(hq, 'SELECT count(*) FROM cdx.run')}", (day,))
    scope = Scope((*STORES, OSLO), day)
    calculate_statements(hq, run=run, scope=scope)
    assert post_statements(hq, run=run, scope=scope).ok


@pytest.fixture(scope="module")
def posted(hq_server: server.Server, clone_headquarters: Callable[[str], str]) -> Engine:
    """Two days of two companies with a currency each; no test writes to it."""
    hq = database.hq_engine(hq_server.url(clone_headquarters("ledger")))
    add_retailer(hq)
    add_company(hq, "NOMF", currency="NOK")
    add_store(hq, OSLO, "NOMF")
    for day in (DAY, TOMORROW):
        for store in STORES:
            add_day(hq, store, day, first=1 + 50 * (day - DAY).days)
        add_sale(hq, OSLO, day.day, day=day, company="NOMF", currency="NOK")
        post(hq, day)
    return hq


@pytest.fixture
def own(posted: Engine, hq_server: server.Server) -> Iterator[Engine]:
    """The same ledger for a test to write to."""
    with twin(posted, hq_server) as hq:
        yield hq


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def vouchers(file: Path) -> set[tuple[str, str]]:
    return {(row["company"], row["voucher"]) for row in read(file)}


class TestTrialBalance:
    def test_every_day_of_every_company_sums_up_to_zero(self, posted: Engine) -> None:
        balance = ledger.trial_balance(posted, first=DAY, last=TOMORROW)
        assert balance.ok
        found = [(total.company, total.currency, total.day) for total in balance.totals]
        assert found == [
            (company, currency, day)
            for company, currency in (("NOMF", "NOK"), ("USMF", "USD"))
            for day in (DAY, TOMORROW)
        ]
        assert all(one.opening == one.closing == 0 and one.debit == one.credit > 0 for one in balance.totals)

    def test_balances_are_those_of_the_vouchers_up_to_the_day(self, posted: Engine) -> None:
        query = """
            SELECT coalesce(sum(l.debitamount), 0), coalesce(sum(l.creditamount), 0)
            FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
            WHERE v.dataareaid = :company AND v.store = :store AND l.mainaccount = :account
              AND v.accountingdate BETWEEN :first AND :last"""
        found = ledger.trial_balance(posted, first=TOMORROW, last=TOMORROW, store="S1").rows
        assert {row.account for row in found} >= {"110110", "130100", "401100", "202100", "420100", "606300"}
        for row in found:
            key = {"company": row.company, "store": "S1", "account": row.account}
            ((before_debit, before_credit),) = rows(posted, query, **key, first=date.min, last=DAY)
            ((debit, credit),) = rows(posted, query, **key, first=TOMORROW, last=TOMORROW)
            opening = before_debit - before_credit
            assert (row.opening, row.debit, row.credit) == (opening, debit, credit)
            assert row.closing == opening + debit - credit

    def test_a_day_without_vouchers_is_left_out_and_the_next_one_opens_with_what_was_there(self, own: Engine) -> None:
        later = TOMORROW + timedelta(days=2)
        add_sale(own, "S1", 900, day=later)
        post(own, later)
        balance = ledger.trial_balance(own, first=TOMORROW, last=later, company="USMF")
        days = sorted({row.day for row in balance.rows})
        assert days == [TOMORROW, later]
        closing = {row.account: row.closing for row in balance.rows if row.day == TOMORROW}
        assert {row.account: row.opening for row in balance.rows if row.day == later} == closing
        moved = {
            row.account: row.debit - row.credit for row in balance.rows if row.day == later and row.debit + row.credit
        }
        assert moved == {"110110": D("12.5"), "401100": D("-10"), "202100": D("-2.5"), "130100": D(0)}

    def test_a_voucher_that_was_changed_behind_the_postings_back_is_seen(
        self, own: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with own.begin() as connection:
            connection.execute(
                sa.text(
                    "UPDATE ax.generaljournalaccountentry SET debitamount = debitamount + 0.01"
                    " WHERE (dataareaid, voucher, linenum) = ('USMF', 'V000000001', 1)"
                )
            )
        monkeypatch.setenv("COMMERCE_HQ_URL", own.url.render_as_string(hide_password=False))
        arguments = ("ledger", "trial-balance", "--from", DAY, "--to", TOMORROW)
        called = call(capsys, *arguments, "--json")
        assert called.exit_code == 1
        assert [total["balanced"] for total in called.json["totals"]] == [True, True, False, False]
        assert called.json["totals"][2]["closing"] == "0.01"
        for_people = call(capsys, *arguments)
        assert for_people.exit_code == 1
        assert "2026-03-02 USMF" in for_people.stdout
        assert for_people.stdout.count("not balanced") == 2

    def test_wrong_choices(self, posted: Engine) -> None:
        choices: list[tuple[dict[str, Any], str]] = [
            ({"first": TOMORROW, "last": DAY}, "lies after"),
            ({"first": DAY, "last": DAY, "company": "NONE"}, "Unknown company: NONE. There are: NOMF, USMF"),
            ({"first": DAY, "last": DAY, "store": "S9"}, "Unknown store: S9"),
        ]
        for choice, message in choices:
            with pytest.raises(UsageError, match=message):
                ledger.trial_balance(posted, **choice)


class TestExport:
    def test_a_file_has_every_line_of_its_range_in_a_stable_order(self, posted: Engine, tmp_path: Path) -> None:
        exported = ledger.export_ledger(posted, tmp_path / "a.csv", first=DAY, last=DAY)
        found = read(tmp_path / "a.csv")
        assert tuple(found[0]) == ledger.exporting.COLUMNS
        assert (
            len(found)
            == exported.rows
            == scalar(
                posted,
                "SELECT count(*) FROM ax.generaljournalaccountentry"
                " JOIN ax.generaljournalentry USING (dataareaid, voucher) WHERE accountingdate = :day",
                day=DAY,
            )
        )
        assert exported.export is None
        keys = [(row["company"], row["voucher"], int(row["line"])) for row in found]
        assert keys == sorted(keys)
        balances: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in found:
            balances[row["voucher"]] += D(row["debit"]) - D(row["credit"])
        assert set(balances.values()) == {D(0)}
        assert {row["date"] for row in found} == {str(DAY)}
        cash = next(row for row in found if (row["posting_type"], row["store"]) == ("Tender", OSLO))
        assert {name: cash[name] for name in ("account", "currency", "debit", "credit", "tender", "tax_code")} == {
            "account": "110110",
            "currency": "NOK",
            "debit": "12.50",
            "credit": "0.00",
            "tender": "1",
            "tax_code": "",
        }
        assert {row["tax_code"] for row in found if row["posting_type"] == "SalesTax"} == {"VAT", ""}
        assert {row["statement"][:2] for row in found} == {"ST"}
        totals = exported.as_dict()["totals"]["NOK"]
        assert totals["debit"] == totals["credit"] == "25.00"
        assert hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest() == exported.checksum
        ledger.export_ledger(posted, tmp_path / "b.csv", last=DAY)
        assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
        assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv"]

    def test_a_choice_of_company_or_store(self, posted: Engine, tmp_path: Path) -> None:
        ledger.export_ledger(posted, tmp_path / "company.csv", company="NOMF")
        ledger.export_ledger(posted, tmp_path / "store.csv", store="S2", first=TOMORROW)
        assert {row["company"] for row in read(tmp_path / "company.csv")} == {"NOMF"}
        assert {(row["store"], row["date"]) for row in read(tmp_path / "store.csv")} == {("S2", str(TOMORROW))}

    def test_each_voucher_goes_once(self, own: Engine, tmp_path: Path) -> None:
        first = ledger.export_ledger(own, tmp_path / "1.csv", last=DAY, once=True)
        second = ledger.export_ledger(own, tmp_path / "2.csv", once=True)
        third = ledger.export_ledger(own, tmp_path / "3.csv", once=True)
        assert (third.file, third.export, third.vouchers) == (None, None, 0)
        assert not (tmp_path / "3.csv").exists()
        assert not vouchers(tmp_path / "1.csv") & vouchers(tmp_path / "2.csv")
        everything = {tuple(row) for row in rows(own, "SELECT dataareaid, voucher FROM ax.generaljournalentry")}
        assert vouchers(tmp_path / "1.csv") | vouchers(tmp_path / "2.csv") == everything
        # A day that was exported gets a further statement: only that is new.
        add_sale(own, "S1", 901)
        post(own, DAY)
        late = ledger.export_ledger(own, tmp_path / "4.csv", last=DAY, once=True)
        assert late.vouchers == 2
        listed = ledger.list_exports(own, limit=10)
        assert [one.export for one in listed] == [late.export, second.export, first.export]
        assert (listed[-1].last, listed[-1].rows, listed[-1].checksum) == (DAY, first.rows, first.checksum)
        assert verify_names(own) == []

    def test_an_export_is_written_again_byte_by_byte_and_refused_when_a_voucher_has_changed(
        self, own: Engine, tmp_path: Path
    ) -> None:
        exported = ledger.export_ledger(own, tmp_path / "1.csv", last=DAY, store="S1", once=True)
        assert exported.export is not None
        add_sale(own, "S1", 901)
        post(own, DAY)
        again = ledger.repeat_export(own, tmp_path / "again.csv", export=exported.export)
        assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()
        assert again.checksum == exported.checksum
        with own.begin() as connection:
            connection.execute(
                sa.text(
                    "DELETE FROM ax.generaljournalaccountentry WHERE (voucher, linenum) ="
                    " (SELECT min(voucher), 1 FROM cdx.ledgerexportvoucher)"
                )
            )
        with pytest.raises(CommerceError, match="not what they were"):
            ledger.repeat_export(own, tmp_path / "changed.csv", export=exported.export)
        assert sorted(os.listdir(tmp_path)) == ["1.csv", "again.csv"]
        assert "ledger_export_differs" in verify_names(own)
        with pytest.raises(UsageError, match="no export 99"):
            ledger.repeat_export(own, tmp_path / "99.csv", export=99)

    def test_an_export_of_an_earlier_format_is_written_again_as_it_was(self, own: Engine, tmp_path: Path) -> None:
        new = ledger.export_ledger(own, tmp_path / "new.csv", once=True)
        lines = (tmp_path / "new.csv").read_bytes().splitlines(keepends=True)
        old = b"".join(line.rsplit(b",", 3)[0] + b"\n" for line in lines)
        with own.begin() as connection:
            connection.execute(
                sa.text("UPDATE cdx.ledgerexport SET format = 1, checksum = :checksum"),
                {"checksum": hashlib.sha256(old).hexdigest()},
            )

        ledger.repeat_export(own, tmp_path / "old.csv", export=int(new.export or 0))

        assert (tmp_path / "old.csv").read_bytes() == old
        assert lines[0].startswith(old.splitlines()[0]), "new columns are at the end"
        assert [one.format for one in ledger.list_exports(own, limit=9)] == [1]

    def test_dimensions_and_what_was_paid_in_another_currency(self, own: Engine, tmp_path: Path) -> None:
        later = TOMORROW + timedelta(days=1)
        with own.begin() as connection:
            connection.execute(sa.text(f"UPDATE ax.custtable SET defaultdimension = 7 WHERE accountnum = '{ANNA}'"))
        add_sale(own, "S1", 910, day=later)
        key = add_sale(own, "S1", 911, day=later, account=ANNA, lines=[Line(qty=D(2))])
        change(
            own,
            "retailtransactionpaymenttrans",
            key,
            currency="EUR",
            amountcur=D(20),
            amountmst=D(25),
            exchrate=D("1.25"),
        )
        back = add_sale(own, "S1", 912, day=later, account=ANNA, lines=[Line(qty=D(-1))])
        change(
            own,
            "retailtransactionpaymenttrans",
            back,
            currency="GBP",
            amountcur=D("-8.123"),
            amountmst=D("-12.5"),
            exchrate=D("1.5"),
        )
        post(own, later)

        ledger.export_ledger(own, tmp_path / "a.csv", first=later)

        found = read(tmp_path / "a.csv")
        assert {(row["dimension"], row["posting_type"]) for row in found if row["posting_type"] == "Revenue"} == {
            ("", "Revenue"),
            ("7", "Revenue"),
        }
        amounts = [
            tuple(row[name] for name in ("debit", "credit", "transaction_currency", "transaction_amount"))
            for row in found
            if row["posting_type"] == "Tender"
        ]
        assert sorted(amounts) == [
            ("0.00", "12.50", "GBP", "-8.123"),
            ("12.50", "0.00", "USD", "12.50"),
            ("25.00", "0.00", "EUR", "20.00"),
        ]
        for row in found:
            if row["transaction_currency"] == row["currency"]:
                assert D(row["transaction_amount"]) == D(row["debit"]) - D(row["credit"])

    def test_two_exports_at_once_share_no_voucher(self, own: Engine, tmp_path: Path) -> None:
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda n: ledger.export_ledger(own, tmp_path / f"{n}.csv", once=True), range(4)))
        (written,) = [one for one in done if one.file]
        assert written.vouchers == scalar(own, "SELECT count(*) FROM ax.generaljournalentry")
        assert len(ledger.list_exports(own, limit=10)) == 1

    def test_an_export_that_dies_before_its_commit_has_taken_nothing(
        self, own: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(own.dialect, "do_commit", die)
            with pytest.raises(KeyboardInterrupt):
                ledger.export_ledger(own, tmp_path / "1.csv", once=True)
        own.dispose()
        assert os.listdir(tmp_path) == []
        assert ledger.list_exports(own, limit=10) == []
        assert ledger.export_ledger(own, tmp_path / "1.csv", once=True).export

    def test_a_file_is_never_replaced_and_its_export_can_be_written_again(self, own: Engine, tmp_path: Path) -> None:
        (tmp_path / "1.csv").write_text("somebody's")
        with pytest.raises(UsageError, match="exists already"):
            ledger.export_ledger(own, tmp_path / "1.csv", once=True)
        assert ledger.list_exports(own, limit=10) == []
        with pytest.raises(UsageError, match="cannot be written: No such file"):
            ledger.export_ledger(own, tmp_path / "nowhere" / "1.csv")
        # The file comes while the export is being written: its vouchers are taken then, and the message says which.
        moved = ledger.files._move

        def too_late(name: str, target: Path) -> None:
            target.write_text("somebody's")
            moved(name, target)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ledger.files, "_move", too_late)
            with pytest.raises(
                CommerceError, match=r"remembered as export [0-9]+: `commerce ledger export FILE --export"
            ):
                ledger.export_ledger(own, tmp_path / "2.csv", once=True)
        assert (tmp_path / "2.csv").read_text() == "somebody's"
        (export,) = ledger.list_exports(own, limit=10)
        assert ledger.repeat_export(own, tmp_path / "3.csv", export=export.export).vouchers == export.vouchers
        assert sorted(os.listdir(tmp_path)) == ["1.csv", "2.csv", "3.csv"]


def test_by_command_line(
    own: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", own.url.render_as_string(hide_password=False))
    dates = ("--from", DAY, "--to", DAY)
    once = call(capsys, "ledger", "export", tmp_path / "1.csv", *dates, "--once", "--json")
    assert (once.exit_code, once.json["file"]) == (0, str(tmp_path / "1.csv"))
    nothing = call(capsys, "ledger", "export", tmp_path / "2.csv", *dates, "--once")
    assert (nothing.exit_code, nothing.stdout.strip()) == (
        0,
        "Every voucher of this choice was exported before; no file is written.",
    )
    number = once.json["export"]
    again = call(capsys, "ledger", "export", tmp_path / "3.csv", "--export", number)
    assert again.stdout.endswith(f"This is export {number}.\n")
    mixed = call(capsys, "ledger", "export", tmp_path / "4.csv", "--export", number, "--once")
    assert (mixed.exit_code, "no other choice" in mixed.stderr) == (2, True)
    listed = call(capsys, "ledger", "exports", "--json")
    assert [(one["export"], one["vouchers"]) for one in listed.json] == [(number, once.json["vouchers"])]
    balance = call(capsys, "ledger", "trial-balance", *dates, "--company", "NOMF", "--json")
    assert (balance.exit_code, balance.json["ok"], {row["currency"] for row in balance.json["rows"]}) == (
        0,
        True,
        {"NOK"},
    )
    assert "110110" in call(capsys, "ledger", "trial-balance", *dates).stdout


def verify_names(hq: Engine) -> list[str]:
    """Broken rules of the ledger; the rows of these tests came by no upload."""
    return [finding.check for finding in verify(hq) if finding.check in ("voucher_unbalanced", "ledger_export_differs")]
