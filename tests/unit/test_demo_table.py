"""The last screen of `make demo`: several days in one table."""

import io
from typing import Any

from rich.console import Console

from commerce.cli.tables import run_summary_table
from commerce_airflow.local.demo import all_posted, combined


def a_store(name: str, state: str = "posted", **values: Any) -> dict[str, Any]:
    nothing = {"count": 0, "amount": "0.00"}
    return {
        "store": name,
        "state": state,
        "currency": "USD",
        "reasons": [],
        "exceptions": nothing,
        "waiting": nothing,
        "statements": [],
        "posted_amount": "1000.10",
        "customers_converted": 1,
        "orders": 2,
        "transactions": 3,
        "notes": [],
        **values,
    }


def a_summary(day: str, *stores: dict[str, Any], problems: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"kind": "end_of_day", "business_date": day, "problems": list(problems), "stores": list(stores)}


def rendered(summary: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=140, color_system=None)
    console.print(run_summary_table(summary))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_days_are_added_and_the_worst_state_shows() -> None:
    total = combined(
        [
            a_summary("2026-03-02", a_store("OSLO", notes=["1 row in quarantine"]), a_store("RENO")),
            a_summary(
                "2026-03-03",
                a_store("OSLO", notes=["1 row in quarantine"]),
                a_store("RENO", "blocked", posted_amount="0"),
            ),
        ]
    )
    oslo, reno = total["stores"]
    assert total["business_date"] == "2026-03-02 to 2026-03-03"
    assert (oslo["state"], oslo["posted_amount"], oslo["transactions"], oslo["notes"]) == (
        "posted",
        "2000.20",
        6,
        ["1 row in quarantine"],
    )
    assert reno["state"] == "blocked"
    assert not all_posted(total)


def test_a_second_demo_counts_as_posted() -> None:
    total = combined([a_summary("2026-03-02", a_store("OSLO", "nothing_to_post"), a_store("RENO"))])
    assert all_posted(total)


def test_no_store_at_all_is_no_success() -> None:
    assert not all_posted(a_summary("2026-03-02"))


def test_the_table_says_why_a_store_is_not_posted() -> None:
    reason = {"rule": "transaction customer", "count": 2, "amount": "20.00", "sample": ["OSLO-1-1"], "message": ""}
    shown = rendered(
        a_summary(
            "2026-03-02", a_store("OSLO", "blocked", reasons=[reason], posted_amount="0.00"), problems=("[a problem]",)
        )
    )
    assert "BLOCKED" in shown
    assert "transaction customer: 2 for 20.00 USD" in shown
    assert "OSLO-1-1" in shown
    assert "[a problem]" in shown


def test_exceptions_and_totals_show() -> None:
    left_out = {"count": 1, "amount": "99.54"}
    shown = rendered(a_summary("2026-03-02", a_store("OSLO", exceptions=left_out), a_store("RENO", currency="NOK")))
    assert "1 transaction left out as wrong: 99.54 USD" in " ".join(shown.split())
    assert "1,000.10 NOK" in shown
    assert "2 posted" in shown
