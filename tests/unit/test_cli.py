"""The command line without a database: help, documentation, wrong use, tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from commerce.cli import reference, tables
from support.cli import call

COMMANDS = [path for path, _ in reference.leaves()]


def test_the_reference_is_up_to_date() -> None:
    documented = reference.FILE.read_text(encoding="utf-8")
    assert documented == reference.markdown(), "run `python -m commerce.cli.reference`"


def test_every_command_is_documented_in_a_section_of_its_own() -> None:
    sections = [line for line in reference.FILE.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert sections == [f"## {' '.join(path)}" for path in COMMANDS]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_help_of_its_group_and_has_help(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    group = call(capsys, *path[1:-1], "--help")
    assert f" {path[-1]} " in group.stdout
    assert call(capsys, *path[1:], "--help").exit_code == 0


def test_every_command_with_a_result_takes_json() -> None:
    without = [
        path for path, command in reference.leaves() if "--json" not in {o for p in command.params for o in p.opts}
    ]
    assert without == []


def test_help_is_quick_as_it_imports_next_to_nothing() -> None:
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"  # with what somebody's Python begins with
        "sys.argv = ['commerce', '--help']\n"
        "from commerce.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "own = {name.partition('.')[0] for name in set(sys.modules) - before if not name.startswith('_')}\n"
        "print(*sorted(own - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "typer" in imported
    of_typer = {
        "annotated_doc",
        "attr",
        "click",
        "linkify_it",
        "markdown_it",
        "mdurl",
        "pygments",
        "rich",
        "shellingham",
    }
    assert imported <= {"commerce", "typer", *of_typer}


@pytest.mark.parametrize("module", ["commerce.setup.channels", "commerce.run", "commerce.cli.queries.exchange"])
def test_lists_do_not_wait_for_arrow(module: str) -> None:
    program = f"import sys, {module}; print([name for name in ('pyarrow', 'pandas') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["end-of-day"], "--business-date"),
        (["end-of-day", "--business-date", "2026-3-1"], "YYYY-MM-DD"),
        (["end-of-day", "--business-date", "20260301"], "YYYY-MM-DD"),
        (["end-of-day", "--business-date", "2026-02-30"], "YYYY-MM-DD"),
        (["end-of-day", "--busines-date", "2026-03-01"], "--business-date"),
        (["backfill", "--channel", "S1", "--from", "2026-03-01", "--to", "tomorrow"], "YYYY-MM-DD"),
        (["customers", "list", "--state", "lost"], "pending"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_wrong_use_is_exit_code_2_and_says_what_is_right(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    called = call(capsys, *arguments)
    assert called.exit_code == 2
    assert called.stdout == ""
    assert message in called.stderr


def test_without_a_server_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMMERCE_HOME", str(tmp_path))
    called = call(capsys, "status")
    assert called.exit_code == 1
    assert "commerce server start" in called.stderr
    assert "Traceback" not in called.stderr


def test_an_unforeseen_error_shows_no_data(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("jane@example.com")

    monkeypatch.setattr("commerce.database.hq_engine", fail)
    called = call(capsys, "status")
    assert called.exit_code == 1
    assert called.stderr == "Internal error (ValueError). COMMERCE_DEBUG=1 shows where.\n"


SUMMARY = {
    "ok": False,
    "run": 7,
    "kind": "end_of_day",
    "business_date": "2026-03-02",
    "problems": [],
    "stores": [
        {
            "store": "BERGEN",
            "state": "posted",
            "currency": "NOK",
            "reasons": [],
            "exceptions": {"count": 1, "amount": "12.50"},
            "waiting": {"count": 0, "amount": "0.00"},
            "statements": ["ST1"],
            "posted_amount": "1234567.50",
            "customers_converted": 12,
            "orders": 3,
            "transactions": 1400,
            "notes": ["2 rows in quarantine"],
        },
        {
            "store": "OSLO",
            "state": "blocked",
            "currency": "NOK",
            "reasons": [
                {
                    "rule": "unsynchronized_customer_of_sale",
                    "count": 2,
                    "amount": "99.54",
                    "sample": ["T-1 (0000…)"],
                    "message": "",
                }
            ],
            "exceptions": {"count": 0, "amount": "0.00"},
            "waiting": {"count": 5, "amount": "100.00"},
            "statements": [],
            "posted_amount": "0.00",
            "customers_converted": 0,
            "orders": 0,
            "transactions": 0,
            "notes": [],
        },
    ],
}


def test_the_summary_of_a_run_reads_like_a_report() -> None:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(tables.run_summary_table(SUMMARY))
    text = console.export_text()
    for words in (
        "End of day 2026-03-02",
        "1,234,567.50 NOK",
        "1 transaction left out as wrong: 12.50 NOK",
        "2 rows in quarantine",
        "OSLO is blocked:",
        "unsynchronized customer of sale: 2 transactions, 99.54 NOK, such as T-1",
        "5 transactions waiting: 100.00 NOK",
    ):
        assert words in text
