"""`commerce quarantine`: what a person at the store desk types to find and mend a row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commerce import exchange, sheets
from support.cli import Called, call
from support.company import add_company
from support.registers import Register, add_register, cast, rows

LONG = "9" * 30
Commerce = Callable[..., Called]


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def commerce(hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commerce:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, "quarantine", *arguments)


@pytest.fixture
def quarantined(hq: Engine, register: Register) -> list[int]:
    """Three customers with too long a number, one with bytes as its name, a receipt that is too long."""
    for number in (1, 2, 3):
        register.customer(number, custname="Kari Nordmann", vatnum=LONG, phone="+47 22 33 44 55")
    register.customer(4, custname=cast(b"\xff\xfe"))
    register.sale(1, receiptid="x" * 40)
    assert exchange.upload(hq, stores=["S1"]).counts["quarantined"] == 5
    listed = sorted(exchange.quarantined.listed(hq), key=lambda row: (row.table, row.counter))
    return [row.quarantineid for row in listed]


def test_lists_filter_and_count(hq: Engine, quarantined: list[int], commerce: Commerce) -> None:
    assert [row["id"] for row in commerce("list", "--json").json] == sorted(quarantined)
    assert len(commerce("list", "--table", "retailasynccustomerv2", "--json").json) == 4
    assert len(commerce("list", "--contains", "VATNUM", "--channel", "S1", "--json").json) == 3
    for nothing in (("--channel", "S2"), ("--state", "ignored"), ("--class", "pending"), ("--older-than", "1h")):
        assert commerce("list", *nothing, "--json").json == []
    counted = commerce("list", "--by-reason", "--json").json
    first = counted[0]
    assert (first["table"], first["rows"], first["reason"]) == ("retailasynccustomerv2", 3, "vatnum: longer than 20")
    assert "vatnum: longer than 20" in commerce("list", "--by-reason").stdout
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.quarantine SET createddatetime = now() - interval '2 days'"))
    assert len(commerce("list", "--older-than", "1d", "--json").json) == 5


def test_show_masks_what_is_personal(quarantined: list[int], commerce: Commerce) -> None:
    shown = commerce("show", quarantined[0], "--json").json
    assert (shown["data"]["custname"], shown["data"]["email"]) == ("K*** N***", "c***@e***.com")
    assert (shown["data"]["phone"], shown["data"]["dataareaid"]) == ("***55", "USMF")
    printed = commerce("show", quarantined[0])
    assert "Nordmann" not in printed.stdout
    assert "vatnum: longer than 20" in printed.stdout
    assert commerce("show", quarantined[0], "--personal", "--json").json["data"]["custname"] == "Kari Nordmann"
    assert "hex:fffe" in commerce("show", quarantined[3], "--personal").stdout
    assert commerce("show", 999).exit_code == 2


def test_fix_one_row(hq: Engine, quarantined: list[int], commerce: Commerce) -> None:
    number = quarantined[0]
    refused = commerce("fix", number, "--set", f"vatnum={LONG}1", "--json")
    assert (refused.exit_code, refused.json["counts"]) == (1, {"refused": 1})
    planned = commerce("fix", number, "--set", "vatnum=1", "--dry-run")
    assert (planned.exit_code, "Nothing was written" in planned.stdout) == (0, True)
    done = commerce(
        "fix", number, "--set", "vatnum=1", "--set", "PHONE=", "--by", "Ola", "--reason", "typing", "--json"
    )
    assert (done.exit_code, done.json["counts"]) == (0, {"taken": 1})
    assert rows(hq, "SELECT vatnum, phone FROM ax.retailasynccustomerv2") == [("1", "")]
    history = commerce("show", number, "--json").json["history"]
    assert [(row["field"], row["new"], row["by"], row["reason"]) for row in history] == [
        ("phone", None, "Ola", "typing"),
        ("vatnum", "***", "Ola", "typing"),
    ]
    assert commerce("fix", number, "--set", "vatnum=2").exit_code == 1, "it is settled"


@pytest.mark.parametrize(
    "arguments",
    [
        ("fix", 1),
        ("fix", "--set", "vatnum=1"),
        ("fix", 1, "--set", "vatnum"),
        ("fix", 1, "--set", "nothing=1"),
        ("fix", 1, "--set", "vatnum=1", "--file", "x.csv"),
        ("retry",),
        ("retry", 1, "--all"),
        ("retry", 1, "--table", "retailasynccustomerv2"),
        ("ignore", 1),
        ("ignore", 1, "--reason", " "),
        ("list", "--older-than", "soon"),
    ],
)
def test_wrong_use(quarantined: list[int], commerce: Commerce, arguments: tuple[object, ...]) -> None:
    called = commerce(*arguments)
    assert (called.exit_code, called.stdout) == (2, "")


def test_a_file_is_planned_then_applied(hq: Engine, quarantined: list[int], commerce: Commerce, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    assert commerce("export", path, "--table", "retailasynccustomerv2", "--json").json["rows"] == 4
    frame = sheets.read(path).sort_values("custaccountasync", ignore_index=True)
    assert frame["phone"][0] == "+47 22 33 44 55"
    frame["vatnum"] = ["1", LONG + "2", LONG, frame["vatnum"][3]]
    frame["custname"] = [*frame["custname"][:3], "Joe"]
    path.unlink()
    sheets.write(path, frame)
    planned = commerce("fix", "--file", path, "--json")
    assert planned.exit_code == 1
    assert planned.json["counts"] == {"taken": 2, "refused": 1}, "the third row has no change, so it is left alone"
    assert rows(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == [(0,)]
    applied = commerce("fix", "--file", path, "--apply", "--by", "Ola", "--json").json
    assert applied["counts"] == {"taken": 2, "refused": 1}
    assert rows(hq, "SELECT custname, phone FROM ax.retailasynccustomerv2 ORDER BY custaccountasync") == [
        ("Kari Nordmann", "+47 22 33 44 55"),
        ("Joe", ""),
    ]
    assert commerce("fix", "--file", path, "--apply", "--json").json["counts"] == {"settled": 2, "refused": 1}


def test_a_file_that_was_spoiled_is_refused(quarantined: list[int], commerce: Commerce, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,vatnum\n1,5\none,6\n")
    assert "line 3: column id" in commerce("fix", "--file", path).stderr
    path.write_text("id,vat\n1,5\n")
    assert "unknown column vat" in commerce("fix", "--file", path).stderr
    assert commerce("export", tmp_path / "x.csv", "--table", "nosuch").exit_code == 2


def test_retry_and_ignore_by_filter(hq: Engine, quarantined: list[int], commerce: Commerce) -> None:
    again = commerce("retry", "--all", "--contains", "vatnum", "--json")
    assert (again.exit_code, again.json["counts"]) == (1, {"refused": 3})
    done = commerce("ignore", "--all", "--contains", "vatnum", "--reason", "test data", "--by", "Ola", "--json")
    assert (done.exit_code, done.json["counts"]) == (0, {"ignored": 3})
    assert {row["id"] for row in commerce("list", "--state", "open", "--json").json} == set(quarantined[3:])
    assert "Kari" not in json.dumps(done.json)
    (counted,) = rows(hq, "SELECT count(*) FROM cdx.quarantineaudit WHERE kind = 'ignored' AND reason = 'test data'")
    assert counted == (3,)
