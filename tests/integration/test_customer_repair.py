"""Operations that are not done are edited, retried and ignored: checked, audited, and converted by the next run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Engine, event, text

from commerce import sheets
from commerce.customers import synchronize_customers
from commerce.customers.status.editing import Edit, edit
from commerce.errors import UsageError
from support.cli import Called, call
from support.company import add_company, add_store
from support.staging import accounts, address, contact, guid, person, rows, status
from support.transactions import add_sale

Commerce = Callable[..., Called]
CUSTOMER = "retailasynccustomerv2"
AUDIT = "SELECT staged, kind, field, oldvalue, newvalue, changedby, reason FROM ax.asyncoperationaudit ORDER BY auditid"
BAD = {"custgroup": "NONE", "phone": "+47 22"}


@pytest.fixture
def company(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    return hq


@pytest.fixture
def commerce(hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commerce:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, "customers", *arguments)


def failed(hq: Engine, *numbers: int) -> list[int]:
    """Persons whose customer group does not exist, as a synchronization leaves them."""
    made = [person(hq, guid(number), **BAD) for number in numbers]
    synchronize_customers(hq)
    assert all(status(hq, CUSTOMER, one)[0] == 2 for one in made)
    return made


def test_edit_then_retry_converts_the_customer(company: Engine, commerce: Commerce) -> None:
    (number,) = failed(company, 1)
    late = address(company, guid(1), "A-1")
    done = commerce("edit", number, "--set", "custgroup=RETAIL", "--by", "Ola", "--reason", "typing", "--json")
    assert done.exit_code == 0
    assert done.json["rows"][0]["changes"] == [{"field": "custgroup", "old": "NONE", "new": "RETAIL"}]
    assert status(company, CUSTOMER, number)[0] == 2, "the register's row is edited, not tried"
    assert commerce("retry", guid(1), "--json").json["done"] == {"customer": 1, "address": 1}
    assert status(company, CUSTOMER, number) == (0, "", "")
    synchronize_customers(company)
    assert accounts(company) == {guid(1): "C000000001"}
    assert status(company, "retailasyncaddressv2", late)[0] == 1
    assert rows(company, AUDIT)[0] == (number, "edited", "custgroup", "NONE", "RETAIL", "Ola", "typing")
    assert {row[1] for row in rows(company, AUDIT)[1:]} == {"retried"}
    listed = commerce("list", "--json").json[0]["changes"]
    assert listed == [{"field": "custgroup", "old": "NONE", "new": "RETAIL", "kind": "edited"}]
    assert commerce("edit", number, "--set", "custgroup=X").exit_code == 1, "it is done"


def test_retry_now_converts_at_once_with_what_belongs_to_it(company: Engine, commerce: Commerce) -> None:
    first, _ = failed(company, 1, 2)
    other = person(company, guid(3))
    phone = contact(company, guid(1), "K1", 2, "kari@example.com")
    assert commerce("edit", first, "--set", "custgroup=RETAIL", "--retry").exit_code == 0
    done = commerce("retry", first, guid(1), "--now", "--json").json
    assert done["converted"] == 1
    assert list(accounts(company)) == [guid(1)]
    assert status(company, "retailasynccustomercontact", phone)[0] == 1
    assert status(company, CUSTOMER, other)[0] == 0, "what nobody asked for waits for the next run"


def test_an_edit_is_checked_like_an_upload_before_anything_changes(company: Engine, commerce: Commerce) -> None:
    good, bad = failed(company, 1, 2)
    before = rows(company, f"SELECT custname, vatnum, relationshiptype FROM ax.{CUSTOMER} ORDER BY recid")
    refused = commerce("edit", bad, "--set", "vatnum=" + "9" * 21, "--set", "relationshiptype=", "--json")
    assert refused.exit_code == 1
    (row,) = refused.json["rows"]
    assert (row["outcome"], row["changes"]) == ("refused", [])
    assert row["reason"] == "relationshiptype: missing or no integer; vatnum: longer than 20"
    assert rows(company, f"SELECT custname, vatnum, relationshiptype FROM ax.{CUSTOMER} ORDER BY recid") == before
    assert rows(company, AUDIT) == []
    done = edit(
        company,
        [Edit(good, {"creditmax": "-0.50", "phone": None, "custgroup": "NONE"}), Edit(bad, {"creditmax": "x"})],
        by="Ola",
    )
    assert [one.outcome for one in done] == ["changed", "refused"]
    changed = [(change["field"], change["old"], change["new"]) for change in done[0].changes]
    assert changed == [("creditmax", "0.000000", "-0.500000"), ("phone", "+47 22", "")]
    assert [row[:3] for row in rows(company, AUDIT)] == [(good, "edited", "creditmax"), (good, "edited", "phone")]


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Edit(1, {"custgroup": "X"})], "no operation 1"),
        ([Edit(0, {"operation": "2"})], "operation cannot be edited"),
        ([Edit(0, {"custgroup": "X"}), Edit(0, {})], "named twice"),
    ],
)
def test_what_cannot_be_edited(company: Engine, edits: list[Edit], message: str) -> None:
    (number,) = failed(company, 1)
    real = [Edit(number if one.operation == 0 else one.operation, one.changes) for one in edits]
    with pytest.raises(UsageError, match=message):
        edit(company, real, by="Ola")


def test_a_dry_run_writes_nothing(company: Engine, commerce: Commerce) -> None:
    (number,) = failed(company, 1)
    planned = commerce("edit", number, "--set", "custgroup=RETAIL", "--dry-run")
    assert (planned.exit_code, "Nothing was written" in planned.stdout) == (0, True)
    assert "NONE -> RETAIL" in planned.stdout
    assert rows(company, AUDIT) == []


def test_bulk_edit_by_file(company: Engine, commerce: Commerce, tmp_path: Path) -> None:
    numbers = failed(company, 1, 2, 3, 4)
    path, edited = tmp_path / "failed.csv", tmp_path / "edited.csv"
    assert commerce("export", path, "--json").json["rows"] == 4
    assert "'+47 22" in path.read_text(encoding="utf-8-sig"), "a spreadsheet must not run it"
    frame = sheets.read(path)
    frame["custgroup"] = ["RETAIL", "RETAIL", "NONE", "RETAIL"]
    frame["vatnum"] = ["", "9" * 30, "", ""]
    sheets.write(edited, frame)
    edit(company, [Edit(numbers[3], {"lastname": "Changed"})], by="Kari")
    planned = commerce("edit", "--file", edited, "--json")
    assert (planned.exit_code, planned.json["dry_run"]) == (1, True)
    assert [(row["outcome"], row["reason"]) for row in planned.json["rows"]] == [
        ("changed", ""),
        ("refused", "vatnum: longer than 20"),
        ("refused", "it has changed since the export"),
    ]
    assert rows(company, f"SELECT count(*) FROM ax.{CUSTOMER} WHERE custgroup = 'RETAIL'") == [(0,)]
    applied = commerce("edit", "--file", edited, "--apply", "--retry", "--by", "Ola", "--json").json
    assert applied["rows"] == planned.json["rows"]
    assert rows(company, f"SELECT custgroup, lastname FROM ax.{CUSTOMER} ORDER BY recid") == [
        ("RETAIL", "Nordmann"),
        ("NONE", "Nordmann"),
        ("NONE", "Nordmann"),
        ("NONE", "Changed"),
    ]
    assert synchronize_customers(company).counts["converted"] == 1
    again = commerce("edit", "--file", edited, "--json").json["rows"]
    assert {row["reason"] for row in again} == {"vatnum: longer than 20", "it has changed since the export"}
    spoiled = tmp_path / "spoiled.csv"
    sheets.write(spoiled, frame.rename(columns={"custgroup": "group"}))
    assert "unknown column group" in commerce("edit", "--file", spoiled).stderr


def test_retry_many_after_setup_has_changed(company: Engine, commerce: Commerce) -> None:
    failed(company, 1, 2, 3)
    person(company, guid(4), relationshiptype=9)
    synchronize_customers(company)
    with company.begin() as connection:
        connection.execute(text("INSERT INTO ax.custgroup (dataareaid, custgroup, name) VALUES ('USMF', 'NONE', 'N')"))
    assert commerce("retry", "--all", "--text", "customer group NONE", "--json").json["done"] == {"customer": 3}
    assert synchronize_customers(company).counts["converted"] == 3


def test_an_ignored_creation_is_warned_of_and_its_dependents_say_so(company: Engine, commerce: Commerce) -> None:
    (number,) = failed(company, 1)
    waiting = address(company, guid(1), "A-1")
    add_sale(company, "S1", 1, guid=guid(1))
    add_sale(company, "S1", 2, guid=guid(1))
    assert commerce("ignore", number).exit_code == 2, "without a reason"
    done = commerce("ignore", number, "--reason", "entered twice", "--by", "Ola", "--json").json
    assert done["done"] == {"customer": 1}
    assert done["warnings"][0].startswith("2 transactions that are not posted (25.00 USD) refer to customers")
    assert done["warnings"][1] == "1 operations wait for a customer whose creation is ignored now."
    synchronize_customers(company)
    assert status(company, CUSTOMER, number)[0] == 3
    assert status(company, "retailasyncaddressv2", waiting) == (
        0,
        "pending",
        "waits for customer: its creation is ignored",
    )
    assert rows(company, AUDIT)[-1] == (number, "ignored", "", None, None, "Ola", "entered twice")
    assert commerce("retry", number, "--json").json["done"] == {"customer": 1}
    again = commerce("ignore", "--all", "--text", "custgroup", "--reason", "x", "--json").json
    assert again["done"] == {}, "a pending one is not among the failed"


def test_an_edit_waits_for_the_conversion_that_has_read_the_row(company: Engine) -> None:
    """Else the row would be done with a name that its customer never got."""
    number = person(company, guid(1), custgroup="RETAIL")
    outcomes: list[str] = []
    editing = Thread(
        target=lambda: outcomes.extend(
            one.outcome for one in edit(company, [Edit(number, {"lastname": "X"})], by="Ola")
        )
    )

    def meanwhile(*arguments: object) -> None:
        if "INSERT INTO ax.custaccountasyncmap" in str(arguments[2]) and not editing.ident:
            editing.start()
            editing.join(1)
            assert editing.is_alive()

    event.listen(company, "after_cursor_execute", meanwhile)
    assert synchronize_customers(company).counts["converted"] == 1
    editing.join(30)
    assert outcomes == ["refused"]
    assert rows(company, f"SELECT lastname FROM ax.{CUSTOMER}") == [("Nordmann",)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("edit",),
        ("edit", "--set", "custgroup=X"),
        ("edit", 1, "--set", "custgroup"),
        ("retry",),
        ("retry", "1", "--all"),
        ("retry", "1", "--text", "x"),
        ("retry", guid(77)),
        ("ignore", "5", "--reason", "x"),
    ],
)
def test_wrong_use(company: Engine, commerce: Commerce, arguments: tuple[object, ...]) -> None:
    called = commerce(*arguments)
    assert (called.exit_code, called.stdout) == (2, "")
