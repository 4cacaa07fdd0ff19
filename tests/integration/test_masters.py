"""Masters that validation reads: from the setup file, and from CSV files of hundreds of thousands of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import setup
from commerce.errors import UsageError
from commerce.schema.enums import SwitchableRule
from commerce.scope import Scope
from commerce.setup import master_files
from commerce.transactions import RULES, validate_transactions
from support.cli import Called, call
from support.company import add_company, add_store
from support.transactions import DAY, add_sale, change

MASTERS = {
    "fiscal_periods": [
        {"company": "USMF", "first_day": "2025-01-01", "last_day": "2025-12-31", "status": "closed"},
        {"company": "USMF", "first_day": "2026-01-01", "last_day": "2026-12-31", "name": "2026"},
    ],
    "tracking_dimension_groups": [{"id": "SERIAL", "serial_numbers": "controlled"}],
    "unit_conversions": [{"company": "USMF", "from_unit": "box", "to_unit": "ea", "factor": 12}],
    "tax_groups": [{"company": "USMF", "id": "US", "codes": ["VAT", "CITY"]}],
    "item_tax_groups": [{"company": "USMF", "id": "ALL", "codes": ["VAT"]}],
    "validation_rules": [
        {"company": "USMF", "rule": "CurrencyRounding", "of": "line", "enabled": False, "reason": "old tills"}
    ],
}
CHANGES = "SELECT classid, methodname, state, changedby, reason FROM {} ORDER BY changeid".format(
    "ax.retailtransactionvalidationrulechange"
)


@pytest.fixture
def company(hq: Engine) -> Engine:
    add_company(hq)
    return hq


def rows(hq: Engine, query: str) -> list[tuple[Any, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def apply(hq: Engine, **sections: Any) -> dict[str, int]:
    return setup.apply(hq, sections).counts


class TestSetupFile:
    def test_sections(self, company: Engine) -> None:
        assert apply(company, **MASTERS) == {
            "fiscal_periods": 2,
            "tracking_dimension_groups": 1,
            "unit_conversions": 1,
            "tax_groups": 1,
            "item_tax_groups": 1,
            "validation_rules": 1,
        }
        assert apply(company, **MASTERS) == {}
        assert rows(company, "SELECT status FROM ax.ledgerfiscalcalendarperiod ORDER BY startdate") == [(2,), (0,)]
        assert rows(company, "SELECT classid, methodname FROM ax.retailtransactiondisabledvalidationrule") == [
            ("line", "CurrencyRounding")
        ]

    def test_a_tax_group_has_just_the_codes_of_the_file(self, company: Engine) -> None:
        apply(company, **MASTERS)
        assert apply(company, tax_groups=[{"company": "USMF", "id": "US", "codes": ["CITY"]}]) == {"tax_groups": 1}
        assert rows(company, "SELECT taxcode FROM ax.taxgroupdata") == [("CITY",)]

    def test_a_rule_is_switched_on_again(self, company: Engine) -> None:
        apply(company, **MASTERS)
        on = {"company": "USMF", "rule": "currencyrounding", "enabled": True, "reason": "new tills"}
        assert setup.apply(company, {"validation_rules": [on]}, by="kari").counts == {"validation_rules": 1}
        assert rows(company, "SELECT * FROM ax.retailtransactiondisabledvalidationrule") == []
        assert rows(company, CHANGES) == [
            ("line", "CurrencyRounding", "disabled", "commerce setup", "old tills"),
            ("line", "CurrencyRounding", "enabled", "kari", "new tills"),
        ]
        with pytest.raises(UsageError, match="at most 60 characters who does it"):
            setup.apply(company, {"validation_rules": [on]}, by="k" * 61)

    @pytest.mark.parametrize(
        ("section", "row", "why"),
        [
            ("fiscal_periods", {"first_day": "2026-12-31", "last_day": "2027-01-31"}, "overlaps the one that begins"),
            ("fiscal_periods", {"first_day": "2027-02-01", "last_day": "2027-01-31"}, "last_day is before first_day"),
            ("unit_conversions", {"from_unit": "ea", "to_unit": "ea", "factor": 1}, "are the same"),
            ("unit_conversions", {"from_unit": "ea", "to_unit": "kg", "factor": 0}, "greater than 0"),
            ("tax_groups", {"id": "US", "codes": []}, "at least 1 item"),
            (
                "validation_rules",
                {"rule": "GrossAmount", "enabled": False, "reason": "x"},
                "no validation rule that can be switched",
            ),
            (
                "validation_rules",
                {"rule": "NegativePrice", "of": "header", "enabled": False, "reason": "x"},
                "no validation rule",
            ),
            ("validation_rules", {"rule": "NegativePrice", "enabled": False}, "reason: Field required"),
            ("validation_rules", {"rule": "NegativePrice", "enabled": False, "reason": " "}, "reason"),
        ],
    )
    def test_mistakes(self, company: Engine, section: str, row: dict[str, Any], why: str) -> None:
        apply(company, **MASTERS)
        with pytest.raises(UsageError, match=why):
            apply(company, **{section: [{"company": "USMF", **row}]})

    def test_rules_that_can_be_switched_off_are_those_without_a_reason_against_it(self) -> None:
        assert {f"{rule.part} {rule.name}" for rule in RULES if not rule.fixed} == set(SwitchableRule)


class TestFiles:
    @pytest.fixture
    def load(self, company: Engine, tmp_path: Path) -> Callable[..., dict[str, Any]]:
        apply(company, **MASTERS)

        def load(master: str, content: str, **options: bool) -> dict[str, Any]:
            path = tmp_path / f"{master}.csv"
            path.write_text(content, encoding="utf-8")
            return master_files.load(company, master, path, company="USMF", **options).as_dict()

        return load

    def test_rows_are_created_changed_and_removed(self, company: Engine, load: Callable[..., dict[str, Any]]) -> None:
        first = load("items", "item,unit,tracking_dimension_group\nA,ea,\n0815,ea,SERIAL\nC,box,\n")
        assert (first["created"], first["changed"], first["unchanged"], first["removed"]) == (3, 0, 0, 0)
        plan = load("items", "item;unit\nA;kg\nC;box\n", replace=True, dry_run=True)
        again = load("items", "item;unit\nA;kg\nC;box\n", replace=True)
        assert {**plan, "dry_run": False} == again
        assert (again["created"], again["changed"], again["unchanged"], again["removed"]) == (0, 1, 1, 1)
        assert rows(company, "SELECT itemid, unitid, trackingdimensiongroup FROM ax.inventtable ORDER BY 1") == [
            ("A", "kg", None),
            ("C", "box", None),
        ]
        assert load("variants", "item,variant\nA,RED\nA,BLUE\n")["created"] == 2
        assert load("barcodes", "barcode,item,variant\n4711,A,RED\n4712,C,\n")["created"] == 2

    @pytest.mark.parametrize(
        ("master", "content", "why"),
        [
            ("items", "item,unit\nA,ea\nA,kg\n", "item stand in an earlier line, too in 1 lines, such as 3"),
            ("items", "item,unit\n,ea\nB,\n", "item is empty in 1 lines, such as 2; unit is empty in 1 lines"),
            ("items", f"item,unit\n{'x' * 21},ea\n", "item is longer than 20 in 1 lines, such as 2"),
            ("items", "item\nA\n", "lacks column unit"),
            ("items", "item,unit,colour\nA,ea,red\n", "has unknown column colour"),
            (
                "items",
                "item,unit,tracking_dimension_group\nA,ea,NONE\n",
                "tracking dimension group NONE does not exist",
            ),
            ("barcodes", "barcode,item\n1,Z\n2,Y\n", "2 rows are wrong, such as Y: the item does not exist; Z"),
        ],
    )
    def test_mistakes(self, load: Callable[..., dict[str, Any]], master: str, content: str, why: str) -> None:
        with pytest.raises(UsageError, match=why):
            load(master, content)

    def test_an_item_with_a_barcode_is_not_removed(self, load: Callable[..., dict[str, Any]]) -> None:
        load("items", "item,unit\nA,ea\nB,ea\n")
        load("barcodes", "barcode,item\n1,B\n")
        with pytest.raises(UsageError, match="B: a barcode of it stays"):
            load("items", "item,unit\nA,ea\n", replace=True)

    def test_two_hundred_thousand_items_and_a_transaction_that_names_one(
        self, company: Engine, load: Callable[..., dict[str, Any]]
    ) -> None:
        add_store(company, "S1")
        key = add_sale(company, "S1", 1)
        change(company, "retailtransactionsalestrans", key, itemid="I0150000")
        lines = "\n".join(f"I{number:07d},ea" for number in range(200_000))
        assert load("items", f"item,unit\n{lines}\n")["created"] == 200_000
        assert load("items", f"item,unit\n{lines}\n")["unchanged"] == 200_000
        assert validate_transactions(company, scope=Scope(("S1",), DAY)).counts == {"valid": 1, "invalid": 0}
        change(company, "retailtransactionsalestrans", key, itemid="I0200000", taxamount="2.50")
        change(company, "retailtransactiontable", key, validationstatus=0)
        assert validate_transactions(company, scope=Scope(("S1",), DAY)).counts == {"valid": 0, "invalid": 1}


class TestRuleCommands:
    @pytest.fixture
    def commerce(
        self, hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., Called]:
        monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
        return lambda *arguments: call(capsys, *arguments)

    def test_a_rule_is_switched_by_company(self, company: Engine, commerce: Callable[..., Called]) -> None:
        add_store(company, "S1")
        add_company(company, "DEMF")
        add_store(company, "S2", "DEMF")
        wrong = {"numberofitems": 7}
        add_sale(company, "S1", 1, header=wrong)
        add_sale(company, "S2", 2, header=wrong, company="DEMF")
        scope = Scope(("S1", "S2"), DAY)
        assert validate_transactions(company, scope=scope).counts == {"valid": 0, "invalid": 2}
        who = ("--by", "kari", "--reason", "the scales count grams")
        disabled = commerce("transactions", "disable-rule", "numberofitems", "--company", "USMF", *who, "--json")
        assert disabled.json == {"company": "USMF", "disabled": ["header NumberOfItems"]}
        result = validate_transactions(company, scope=scope)
        assert {store: one.counts["valid"] for store, one in result.stores.items()} == {"S1": 1, "S2": 0}
        (note,) = (
            note for note in result.notes if note.startswith("USMF, disabled: header rule NumberOfItems (since 2")
        )
        assert note.endswith(": the scales count grams)")
        listed = commerce("transactions", "rules", "--company", "USMF", "--json").json
        (mine,) = (row for row in listed if row["rule"] == "NumberOfItems")
        assert (mine["state"], mine["can_be_disabled"]) == ("disabled", True)
        assert (mine["by"], mine["reason"]) == ("kari", "the scales count grams")
        status = commerce("status").stdout
        assert "1 disabled" in status
        assert "by kari: the scales count grams" in status
        commerce("transactions", "enable-rule", "NumberOfItems", "--company", "USMF", "--reason", "they count pieces")
        assert commerce("transactions", "revalidate", "S1-T1-000001").exit_code == 1

    def test_who_switched_a_rule_and_why_is_kept(self, company: Engine, commerce: Callable[..., Called]) -> None:
        rule = ("NegativePrice", "--company", "USMF", "--by")
        for command, by, reason, said in (
            ("disable-rule", "kari", "deposit bottles", "Disabled in USMF: line NegativePrice."),
            ("disable-rule", "ola", "again", "NegativePrice is disabled in USMF already; nothing has changed."),
            ("enable-rule", "ola", "bottles are items now", "Enabled in USMF: line NegativePrice."),
            ("enable-rule", "kari", "again", "NegativePrice is enabled in USMF already; nothing has changed."),
        ):
            called = commerce("transactions", command, *rule, by, "--reason", reason)
            assert (called.exit_code, called.stdout.strip()) == (0, said)
        history = commerce("transactions", "rules", "--history", "--company", "USMF", "--json").json
        assert [(one["rule"], one["state"], one["by"], one["reason"]) for one in history] == [
            ("NegativePrice", "disabled", "kari", "deposit bottles"),
            ("NegativePrice", "enabled", "ola", "bottles are items now"),
        ]
        assert all(one["changed_at"] for one in history)
        assert rows(company, "SELECT * FROM ax.retailtransactiondisabledvalidationrule") == []

    @pytest.mark.usefixtures("company")
    def test_what_is_refused(self, commerce: Callable[..., Called]) -> None:
        for arguments, why in (
            (("GrossAmount", "--company", "USMF"), "cannot be switched off: documents and vouchers are made of it"),
            (("CustomerAccount", "--company", "USMF"), "a foreign key holds what is posted"),
            (("NoSuchRule", "--company", "USMF"), "There is no validation rule 'NoSuchRule'"),
            (("NegativePrice", "--company", "XXXX"), "There is no company XXXX"),
        ):
            refused = commerce("transactions", "disable-rule", *arguments, "--reason", "x")
            assert (refused.exit_code, why in refused.stderr) == (2, True), refused.stderr
        for options in ((), ("--reason", " "), ("--reason", "x", "--by", "k" * 61)):
            refused = commerce("transactions", "disable-rule", "NegativePrice", "--company", "USMF", *options)
            assert refused.exit_code == 2

    def test_load(self, company: Engine, commerce: Callable[..., Called], tmp_path: Path) -> None:
        path = tmp_path / "items.csv"
        path.write_text("item,unit\nA,ea\n")
        said = commerce("setup", "load", "items", path, "--company", "USMF", "--dry-run").stdout
        assert said == "Would be: 1 created, 0 changed, 0 unchanged, 0 removed.\n"
        assert rows(company, "SELECT * FROM ax.inventtable") == []
        assert commerce("setup", "load", "items", path, "--company", "USMF", "--json").json["created"] == 1
        assert commerce("setup", "load", "items", path, "--company", "XXXX").exit_code == 2
