"""The last screen of `make demo`: several days in one table."""

from typing import Any

from commerce_airflow.local.combining import all_posted, combined, of_day


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


def test_days_are_added_and_the_worst_state_shows() -> None:
    note = ["1 row in quarantine"]
    total = combined(
        [
            a_summary("2026-03-02", a_store("OSLO", notes=note), a_store("RENO")),
            a_summary("2026-03-03", a_store("OSLO", notes=note), a_store("RENO", "blocked", posted_amount="0")),
        ]
    )
    oslo, reno = total["stores"]
    assert total["business_date"] == "2026-03-02 to 2026-03-03"
    assert (oslo["state"], oslo["posted_amount"], oslo["transactions"], oslo["notes"]) == ("posted", "2000.20", 6, note)
    assert reno["state"] == "blocked"
    assert all_posted(total, ["OSLO"])
    assert not all_posted(total, ["OSLO", "RENO"])


def test_what_is_left_out_or_waits_is_the_last_days_word() -> None:
    def of(count: int, amount: str) -> dict[str, Any]:
        return {"count": count, "amount": amount}

    total = combined(
        [
            a_summary("2026-03-02", a_store("OSLO", exceptions=of(1, "10.00"), waiting=of(4, "40.00"))),
            a_summary("2026-03-03", a_store("OSLO", exceptions=of(3, "30.00"), waiting=of(2, "20.00"))),
        ]
    )
    assert total["stores"][0]["exceptions"] == of(3, "30.00")
    assert total["stores"][0]["waiting"] == of(2, "20.00")


def test_runs_of_a_day_add_up_and_the_latest_word_counts() -> None:
    nothing = {"posted_amount": "0.00", "customers_converted": 0, "orders": 0, "transactions": 0}
    day = of_day(
        "2026-03-02",
        [
            a_summary("2026-03-02", a_store("OSLO"), a_store("RENO", "blocked", **nothing), problems=("once",)),
            a_summary("2026-03-02", a_store("OSLO", "nothing_to_post", **nothing), a_store("RENO")),
        ],
    )
    assert [(store["store"], store["state"], store["posted_amount"]) for store in day["stores"]] == [
        ("OSLO", "posted", "1000.10"),
        ("RENO", "posted", "1000.10"),
    ]
    assert day["problems"] == []


def test_a_store_without_any_run_is_not_posted() -> None:
    assert not all_posted(of_day("2026-03-02", []), ["OSLO"])
