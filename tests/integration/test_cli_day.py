"""A day by command line on demo stores: posted twice, planned, backfilled, not closed, asked for wrongly."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import run
from support.digest import table_digests
from support.shops import (
    UNKNOWN,
    Open,
    assert_clean,
    content,
    download_rows,
    everything,
    scalar,
    states,
)

pytestmark = pytest.mark.xdist_group("cli-day")  # one worker makes the demo files, once


def test_a_day_is_posted_and_a_second_time_changes_nothing(open_shop: Open) -> None:
    shop = open_shop()
    first = shop.end_of_day()
    assert first.exit_code == 0, first.stdout + first.stderr
    assert set(states(first).values()) == {"posted"}
    assert first.json["ok"] is True
    for store in first.json["stores"]:
        assert float(store["posted_amount"]) > 0
        assert store["transactions"] > 0
        assert store["orders"] > 0
        assert store["customers_converted"] > 0
        assert len(store["statements"]) >= 1
    assert_clean(shop)
    before, downloads = table_digests(shop.hq), download_rows(shop.hq)
    assert downloads["outbox"] > 0 < downloads["retailcdxdownloadsession"]
    files = {store: content(shop.file(store)) for store in shop.stores}

    second = shop.end_of_day()
    assert second.exit_code == 0
    assert set(states(second).values()) == {"nothing_to_post"}
    assert all("already posted" in store["notes"][0] for store in second.json["stores"])
    assert table_digests(shop.hq) == before
    assert download_rows(shop.hq) == downloads
    assert {store: content(shop.file(store)) for store in shop.stores} == files

    status = shop.call("status", "--json").json
    customers = status["customers"]
    assert customers["uploaded"] == sum(customers[state] for state in ("converted", "pending", "failed", "ignored"))
    assert customers["failed"] > 0, "the demo has bad customer rows"
    assert status["transactions"]["unposted"] == sum(store["exceptions"]["count"] for store in second.json["stores"])
    assert status["statements"] == {
        "posted": status["statements"]["posted"],
        "cleared": 0,
        "failed": 0,
        "open": 0,
    }
    assert all(channel["waiting_upload"] == channel["waiting_download"] == 0 for channel in status["channels"])


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(open_shop: Open) -> None:
    shop = open_shop(unknown=True)
    before = everything(shop)
    plan = shop.end_of_day("--dry-run")
    assert plan.exit_code == 0
    assert everything(shop) == before
    assert plan.json["dry_run"] is True
    assert plan.json["steps"][0]["step"] == "upload"
    assert all(store["waiting_transactions"] > 0 for store in plan.json["stores"])

    assert shop.call("upload", "--json").exit_code == 0
    before = everything(shop)
    plan = shop.end_of_day("--dry-run")
    assert everything(shop) == before
    outlooks = {store["store"]: store["outlook"] for store in plan.json["stores"]}
    assert outlooks == {store: "would be blocked" if store == UNKNOWN else "would be posted" for store in shop.stores}
    assert all(store["transactions"]["count"] > 0 for store in plan.json["stores"])
    people = shop.call("end-of-day", "--business-date", shop.day, "--dry-run")
    assert "nothing is written" in people.stdout


def test_a_store_that_has_not_closed_is_not_posted(open_shop: Open) -> None:
    shop = open_shop()
    day = shop.made.business_dates[0]
    early = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    summary = run.end_of_day(shop.hq, business_date=day, now=lambda: early)
    assert summary.ok
    assert {store.state for store in summary.stores} == {"not_closed"}
    assert all(store.orders > 0 for store in summary.stores)
    assert scalar(shop.hq, "SELECT count(*) FROM ax.retailstatementtable") == 0


WRONG_USE = (
    ("end-of-day --business-date 2026-03-02 --channel HOUSTN", "Unknown store: HOUSTN. Known: HOUSTON"),
    ("end-of-day --business-date 2999-01-01", "has not begun"),
    ("end-of-day --business-date 2026-03-02 --skip quality-gate", "cannot be left out"),
    ("backfill --channel HOUSTON --from 2026-03-01 --to 2026-03-02", "no history"),
    ("upload --channel NOWHERE", "Unknown store: NOWHERE"),
    (
        "channel add S9 --company USMF --default-customer DEFAULT --url postgresql://register:hush@store/db",
        "password",
    ),
)


def test_wrong_use_is_a_clear_error_and_does_nothing(open_shop: Open) -> None:
    shop = open_shop()
    before = everything(shop)
    for arguments, message in WRONG_USE:
        called = shop.call(*arguments.split(), "--json")
        assert called.exit_code == 2
        assert called.stdout == ""
        assert message in called.stderr
        assert "hush" not in called.stderr
    assert everything(shop) == before


def test_a_backfill_posts_the_history_of_one_store_and_touches_nothing_else(open_shop: Open) -> None:
    shop = open_shop(history=True)
    store, days = shop.made.history_store, shop.made.history_dates
    assert store is not None
    assert shop.end_of_day().exit_code == 0
    current = _statements(shop.hq)
    assert {day for _, day, _ in current} == {shop.made.business_dates[0]}

    filled = shop.call("backfill", "--channel", store, "--from", days[0], "--to", days[-1], "--json")
    assert filled.exit_code == 0, filled.stdout + filled.stderr
    (summary,) = filled.json["runs"]
    assert (summary["first_date"], summary["business_date"]) == (str(days[0]), str(days[-1]))
    assert [one["state"] for one in summary["stores"]] == ["posted"]
    history = [row for row in _statements(shop.hq) if row not in current]
    assert {(name, day) for name, day, _ in history} == {(store, day) for day in days}
    assert set(current) < set(_statements(shop.hq))
    assert set(states(shop.end_of_day()).values()) == {"nothing_to_post"}
    assert_clean(shop)

    late = shop.call("backfill", "--channel", store, "--from", days[0], "--to", shop.day)
    assert late.exit_code == 2
    assert "not before the cut-over date" in late.stderr


def _statements(hq: Engine) -> list[tuple[str, date, Decimal]]:
    query = (
        "SELECT storeid, businessdate, salesamount FROM ax.retailstatementtable WHERE postingstatus = 20 ORDER BY 1, 2"
    )
    with hq.connect() as connection:
        return [(row.storeid, row.businessdate, row.salesamount) for row in connection.execute(sa.text(query))]
