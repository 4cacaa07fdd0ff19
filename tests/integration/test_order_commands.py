"""`commerce orders`, as a person calls it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from commerce import sheets
from commerce.orders import synchronize_orders
from commerce.scope import Scope
from support import staging
from support.cli import Called, call
from support.company import add_company, add_store
from support.orders import execute
from support.transactions import DAY, add_order, add_sale, change

Commerce = Callable[..., Called]
HEADER = "retailtransactiontable"
NOBODY = staging.guid(3)
SCOPE = Scope(("S1",), DAY)
WHY = ("--by", "Kari", "--reason", "the shop said so")


@pytest.fixture
def commerce(hq_url: str, hq: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commerce:
    add_company(hq)
    add_store(hq, "S1")
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, *arguments)


def test_failed_and_pending_orders_are_found_and_tried_again(hq: Engine, commerce: Commerce) -> None:
    failed, pending, good = (add_order(hq, "S1", number) for number in (1, 2, 3))
    change(hq, HEADER, failed, netamount=9)
    change(hq, HEADER, pending, custaccountasync=NOBODY)
    synchronize_orders(hq, scope=SCOPE)
    found = commerce("orders", "list", "--json").json
    assert [(row["transaction"], row["state"], row["error_class"], row["tries"]) for row in found] == [
        (failed[2], "failed", "permanent", 1),
        (pending[2], "pending", "pending", 0),
        (good[2], "synchronized", "", 0),
    ]
    assert [row["transaction"] for row in commerce("orders", "list", "--class", "permanent", "--json").json] == [
        failed[2]
    ]
    assert commerce("orders", "list", "--older-than", "1h", "--json").json == []
    assert [row["transaction"] for row in commerce("orders", "list", "--text", "arrived", "--json").json] == [
        pending[2]
    ]
    shown = commerce("orders", "show", pending[2], "--json").json
    assert shown["waits_for"][0]["message"].endswith("its row has not arrived.")
    assert [(line["line"], line["item"]) for line in shown["lines"]] == [("1", "ITEM1")], "what may be edited"
    assert commerce("orders", "retry", failed[2], *WHY, "--json").exit_code == 1, "nobody has mended it"
    change(hq, HEADER, failed, netamount=10)
    tried = commerce("orders", "retry", "--all", *WHY, "--json")
    assert (tried.exit_code, tried.json["result"]["counts"]["synchronized"]) == (0, 1)
    history = commerce("orders", "show", "SO00000002", "--json").json["history"]
    assert [(line["action"], line["by"], line["reason"]) for line in history] == [
        ("retried", "Kari", "the shop said so")
    ] * 2
    assert commerce("orders", "retry", "NONE", *WHY).exit_code == 2
    assert commerce("orders", "retry", *WHY).exit_code == 2


def test_an_order_that_cannot_be_tried_is_told_with_its_reason(hq: Engine, commerce: Commerce) -> None:
    """Exit code 1: what was asked is not done, whatever else was."""
    voided, canceled, held, open_, failed = (add_order(hq, "S1", number) for number in range(1, 6))
    change(hq, HEADER, voided, entrystatus=1)
    change(hq, HEADER, failed, netamount=9)
    assert commerce("transactions", "hold", held[2], *WHY).exit_code == 0
    synchronize_orders(hq, scope=SCOPE)
    execute(hq, "UPDATE ax.salestable SET salesstatus = 4 WHERE salesid = 'SO00000001'")
    change(hq, HEADER, failed, netamount=10)
    tried = commerce("orders", "retry", *(key[2] for key in (voided, canceled, held, open_, failed)), *WHY, "--json")
    assert (tried.exit_code, tried.json["result"]["counts"]["synchronized"]) == (1, 1)
    assert {one["transaction"]: one["why"] for one in tried.json["passed_over"]} == {
        voided[2]: "it does not become a sales order: it is voided",
        canceled[2]: "it is sales order SO00000001, which is canceled",
        held[2]: "it is on hold: `commerce transactions release`",
        open_[2]: "it is sales order SO00000002",
    }
    again = commerce("orders", "retry", failed[2], *WHY)
    assert again.exit_code == 1
    assert again.stdout.splitlines() == [
        "Orders tried: 0.",
        f"S1 {failed[2]} was passed over: it is sales order SO00000003.",
    ]
    for command, order in (("begin-edit", failed), ("end-edit", held), ("release", failed)):
        assert commerce("orders", command, order[2], *WHY).exit_code == 1
    assert "nobody is editing it" in commerce("orders", "end-edit", held[2], *WHY).stdout
    assert commerce("orders", "begin-edit", held[2], *WHY).exit_code == 0
    assert commerce("orders", "retry", "--all", *WHY).exit_code == 0, "none has failed"


def test_an_order_is_edited_held_and_released(hq: Engine, commerce: Commerce) -> None:
    execute(
        hq,
        "INSERT INTO ax.retailparameters (dataareaid, orderholdcode) VALUES ('USMF', 'EDIT')"
        " ON CONFLICT (dataareaid) DO UPDATE SET orderholdcode = 'EDIT'",
    )
    order = add_order(hq, "S1", 1)
    assert commerce("orders", "begin-edit", order[2], *WHY).exit_code == 0
    assert commerce("orders", "list", "--state", "editing", "--json").json[0]["last_edited_by"] == "Kari"
    assert commerce("orders", "end-edit", order[2], *WHY).exit_code == 0
    execute(hq, "UPDATE ax.retailtransactionorderstatus SET manuallymodified = 1")
    synchronize_orders(hq, scope=SCOPE)
    assert commerce("status", "--json").json["orders"]["on_hold"] == 1
    assert commerce("orders", "list", "--state", "on-hold", "--json").json[0]["sales_order"] == "SO00000001"
    assert commerce("orders", "release", "SO00000001", *WHY).exit_code == 0
    shown = commerce("orders", "show", "SO00000001", "--json").json
    assert (shown["on_hold"], shown["holds"][0]["released_by"]) == (False, "Kari")
    assert commerce("status", "--json").json["orders"]["on_hold"] == 0


def test_what_waits_too_long_is_told(hq: Engine, commerce: Commerce) -> None:
    add_order(hq, "S1", 1, guid=NOBODY)
    synchronize_orders(hq, scope=SCOPE)
    found = commerce("status", "--json").json["references"]
    assert (found["waiting"], found["overdue"]) == (1, 0)
    execute(hq, "UPDATE ax.retailtransactionwaitingreference SET waitingsince = now() - interval '25 hours'")
    synchronize_orders(hq, scope=SCOPE)
    assert commerce("status", "--json").json["references"]["overdue"] == 1
    (listed,) = commerce("transactions", "list", "--waiting", "--json").json
    assert (listed["reference"], listed["reason"], listed["overdue"]) == (NOBODY, "missing", True)
    assert "has not arrived" in " ".join(commerce("transactions", "list", "--waiting").stdout.split())
    staging.person(hq, NOBODY)
    synchronize_orders(hq, scope=SCOPE)
    assert commerce("status", "--json").json["references"] == {"waiting": 0, "overdue": 0, "oldest_at": None}


def test_edit_export_and_import(hq: Engine, commerce: Commerce, tmp_path: Path) -> None:
    order, sale = add_order(hq, "S1", 1), add_sale(hq, "S1", 2)
    change(hq, HEADER, order, netamount=9)
    synchronize_orders(hq, scope=SCOPE)
    mend = ("orders", "edit", order[2], "--set", "netamount=10", *WHY)
    planned = commerce(*mend, "--dry-run", "--json")
    assert (planned.exit_code, planned.json["written"], planned.json["counts"]["changed"]) == (0, False, 1)
    line = ("--part", "lines", "--row", "linenum=1")
    wrong = commerce("orders", "edit", order[2], *line, "--set", "qty=x", *WHY, "--json")
    assert (wrong.exit_code, wrong.json["rows"][0]["outcome"]) == (1, "refused")
    assert commerce("orders", "edit", order[2], "--set", "type=2", *WHY).exit_code == 2
    book = tmp_path / "orders.xlsx"
    assert commerce("orders", "export", book, "--json").json["rows"]["header"] == 1
    assert commerce("orders", "export", book).exit_code == 2, "it may hold edits"
    assert commerce("orders", "import", book, *WHY, "--json").json["rows"] == []
    assert "netamount: 9.000000 -> 10.000000" in " ".join(commerce(*mend).stdout.split())
    assert commerce("orders", "retry", order[2], *WHY).exit_code == 0
    history = commerce("orders", "show", "SO00000001", "--json").json["history"]
    assert [line["action"] for line in history] == ["edited", "retried"]

    sheet = tmp_path / "sales.csv"
    assert commerce("transactions", "export", sheet, "--state", "not-validated", "--part", "header").exit_code == 0
    frame = sheets.read(sheet)
    assert frame["transactionid"].tolist() == [sale[2]]
    frame["receiptemail"] = "kari@example.com"
    sheet.unlink()
    sheets.write(sheet, frame)
    shown = commerce("transactions", "import", sheet, "--dry-run", *WHY).stdout
    assert ("k***@e***.com" in shown, "Nothing was written." in shown) == (True, True)
    assert commerce("transactions", "import", sheet, *WHY).exit_code == 0
    assert commerce("transactions", "show", sale[2], "--json").json["history"][0]["new"] == "k***@e***.com"
    again = commerce("transactions", "edit", sale[2], "--set", "comment=x", *WHY, "--json")
    assert again.json["counts"]["changed"] == 1
    assert commerce("transactions", "edit", "NONE", "--set", "comment=x", *WHY).exit_code == 2
