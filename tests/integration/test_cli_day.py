"""A day by command line on demo stores: posted twice, blocked, out of reach, bound late, planned, killed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import demo, run, server
from commerce.database import hq_engine
from commerce.migrations import upgrade_headquarters
from support.cli import Called, call
from support.digest import table_digests

pytestmark = pytest.mark.xdist_group("cli-day")  # one worker makes the demo files, once

SIZE = {"stores": 2, "scale": 0.002, "days": 1}
UNKNOWN = "ROSWELL"


@dataclass(frozen=True)
class Shop:
    """A test's own headquarters with demo stores; `call` is the command line on it."""

    hq: Engine
    made: demo.DemoResult
    call: Callable[..., Called]

    @property
    def day(self) -> str:
        return str(self.made.business_dates[0])

    @property
    def stores(self) -> list[str]:
        return [channel.name for channel in self.made.channels]

    def file(self, store: str) -> Path:
        return next(channel.file for channel in self.made.channels if channel.name == store)

    def end_of_day(self, *options: str) -> Called:
        return self.call("end-of-day", "--business-date", self.day, "--json", *options)


Open = Callable[..., Shop]


@pytest.fixture(scope="module")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the channel files of the first test are kept for the others."""
    return tmp_path_factory.mktemp("files") / "demo"


@pytest.fixture
def open_shop(
    hq_server: server.Server,
    demo_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Open]:
    """Factory of shops. `unknown`: the customer that a store refers to has not been written yet. `history`: there is a
    store with days from before its cut-over date."""
    engines: list[Engine] = []

    def make(*, unknown: bool = False, history: bool = False) -> Shop:
        name = f"day_{uuid.uuid4().hex[:12]}"
        hq_server.ensure_database(name)
        hq = hq_engine(hq_server.url(name))
        engines.append(hq)
        upgrade_headquarters(hq)
        home = tmp_path / name
        if demo_files.exists():
            shutil.copytree(demo_files, home / "demo")
        made = demo.build(home, hq, unknown_customer=True, history_store=history, **SIZE)
        if not demo_files.exists():
            shutil.copytree(home / "demo", demo_files)
        if not unknown:
            demo.deliver_unknown_customer(made.folder)

        def on_this_shop(*arguments: object) -> Called:
            monkeypatch.setenv("COMMERCE_HQ_URL", hq_server.url(name))
            monkeypatch.setenv("COMMERCE_HOME", str(home))
            return call(capsys, *arguments)

        return Shop(hq, made, on_this_shop)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="module")
def kept_digests() -> dict[str, str]:
    """Filled by the first test that posts an undisturbed day."""
    return {}


@pytest.fixture
def undisturbed(open_shop: Open, kept_digests: dict[str, str]) -> dict[str, str]:
    """Digests of a headquarters whose day was posted without any trouble."""
    if not kept_digests:
        twin = open_shop()
        assert twin.end_of_day().exit_code == 0
        kept_digests.update(table_digests(twin.hq))
    return kept_digests


def states(called: Called) -> dict[str, str]:
    return {store["store"]: store["state"] for store in called.json["stores"]}


def scalar(hq: Engine, query: str) -> Any:
    with hq.connect() as connection:
        return connection.scalar(sa.text(query))


def assert_clean(shop: Shop) -> None:
    verified = shop.call("hq", "verify", "--json")
    assert verified.json["findings"] == []
    assert verified.exit_code == 0
    reconciled = shop.call("reconcile", "--json")
    assert reconciled.json["differences"] == []
    assert reconciled.exit_code == 0


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
    before = table_digests(shop.hq)
    files = {store: _content(shop.file(store)) for store in shop.stores}

    second = shop.end_of_day()
    assert second.exit_code == 0
    assert set(states(second).values()) == {"nothing_to_post"}
    assert all("already posted" in store["notes"][0] for store in second.json["stores"])
    assert table_digests(shop.hq) == before
    assert {store: _content(shop.file(store)) for store in shop.stores} == files

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


def test_a_store_with_an_unknown_customer_is_blocked_alone_until_the_row_arrives(open_shop: Open) -> None:
    shop = open_shop(unknown=True)
    blocked = shop.end_of_day()
    assert blocked.exit_code == 1
    assert states(blocked) == {store: "blocked" if store == UNKNOWN else "posted" for store in shop.stores}
    (roswell,) = (store for store in blocked.json["stores"] if store["store"] == UNKNOWN)
    assert {reason["rule"] for reason in roswell["reasons"]} >= {
        "unsynchronized_customer_of_sale",
        "unsynchronized_customer_of_order",
    }
    for reason in roswell["reasons"]:
        assert reason["count"] == 1
        assert float(reason["amount"]) > 0
        assert len(reason["sample"]) == 1
    assert scalar(shop.hq, f"SELECT count(*) FROM ax.retailstatementtable WHERE storeid = '{UNKNOWN}'") == 0

    demo.deliver_unknown_customer(shop.made.folder)
    posted = shop.end_of_day()
    assert posted.exit_code == 0
    assert states(posted) == {store: "posted" if store == UNKNOWN else "nothing_to_post" for store in shop.stores}
    assert_clean(shop)


def test_left_out_customers_are_bound_late_and_their_accounts_reach_the_channels(open_shop: Open) -> None:
    shop = open_shop()
    called = shop.end_of_day("--skip", "synchronize-customers")
    assert called.exit_code == 0, called.stdout + called.stderr
    assert set(states(called).values()) == {"posted"}
    with shop.hq.connect() as connection:
        converted = set(connection.scalars(sa.text("SELECT custaccountasync FROM ax.custaccountasyncmap")))
        referenced = set(connection.scalars(sa.text(REFERENCED), {"day": shop.made.business_dates[0]}))
        mapped = sa.text("SELECT custaccountasync, accountnum FROM ax.custaccountasyncmap")
        accounts = {row.custaccountasync: row.accountnum for row in connection.execute(mapped)}
    assert converted == referenced
    assert scalar(shop.hq, "SELECT count(*) FROM ax.retailasynccustomerv2 WHERE syncstatus = 0") > 0
    for store in shop.stores:
        with closing(sqlite3.connect(shop.file(store))) as channel:
            assert dict(channel.execute("SELECT custaccountasync, accountnum FROM custaccountasyncmap")) == accounts
    assert_clean(shop)


_OF_THE_DAY = """
    t.businessdate <= :day AND t.entrystatus IN (0, 2, 3) AND t.type IN (2, 3, 18, 27, 31, 33)
"""
REFERENCED = f"""
    SELECT t.custaccountasync FROM ax.retailtransactiontable AS t WHERE t.custaccountasync <> '' AND {_OF_THE_DAY}
    UNION
    SELECT l.custaccountasync FROM ax.retailtransactionsalestrans AS l
    JOIN ax.retailtransactiontable AS t
      ON t.store = l.store AND t.terminal = l.terminalid AND t.transactionid = l.transactionid
    WHERE l.custaccountasync <> '' AND {_OF_THE_DAY}
"""


def test_a_channel_out_of_reach_fails_alone_and_is_posted_when_it_is_back(open_shop: Open) -> None:
    shop = open_shop()
    away = shop.stores[0]
    hidden = shop.file(away).with_suffix(".away")
    shop.file(away).rename(hidden)
    failed = shop.end_of_day()
    assert failed.exit_code == 1
    assert states(failed) == {store: "failed" if store == away else "posted" for store in shop.stores}
    (reason,) = next(store for store in failed.json["stores"] if store["store"] == away)["reasons"]
    assert reason["rule"] == "upload"
    assert "does not exist" in reason["message"]
    channels = {channel["name"]: channel for channel in shop.call("status", "--json").json["channels"]}
    assert channels[away]["state"] == "unreachable"
    assert channels[away]["waiting_upload"] is None
    assert channels[away]["waiting_download"] > 0
    hidden.rename(shop.file(away))
    back = shop.end_of_day()
    assert back.exit_code == 0
    assert states(back) == {store: "posted" if store == away else "nothing_to_post" for store in shop.stores}
    assert_clean(shop)


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(open_shop: Open) -> None:
    shop = open_shop(unknown=True)
    before = _everything(shop)
    plan = shop.end_of_day("--dry-run")
    assert plan.exit_code == 0
    assert _everything(shop) == before
    assert plan.json["dry_run"] is True
    assert plan.json["steps"][0]["step"] == "upload"
    assert all(store["waiting_transactions"] > 0 for store in plan.json["stores"])

    assert shop.call("upload", "--json").exit_code == 0
    before = _everything(shop)
    plan = shop.end_of_day("--dry-run")
    assert _everything(shop) == before
    outlooks = {store["store"]: store["outlook"] for store in plan.json["stores"]}
    assert outlooks == {store: "would be blocked" if store == UNKNOWN else "would be posted" for store in shop.stores}
    assert all(store["transactions"]["count"] > 0 for store in plan.json["stores"])
    people = shop.call("end-of-day", "--business-date", shop.day, "--dry-run")
    assert "nothing is written" in people.stdout


def test_a_backfill_posts_the_history_of_one_store_and_touches_nothing_else(open_shop: Open) -> None:
    shop = open_shop(history=True)
    store, days = shop.made.history_store, shop.made.history_dates
    assert store is not None
    assert shop.end_of_day().exit_code == 0
    current = _statements(shop.hq)
    assert {day for _, day, _ in current} == {shop.made.business_dates[0]}

    filled = shop.call("backfill", "--channel", store, "--from", days[0], "--to", days[-1], "--json")
    assert filled.exit_code == 0, filled.stdout + filled.stderr
    assert [day["business_date"] for day in filled.json["days"]] == [str(day) for day in days]
    assert {one["state"] for day in filled.json["days"] for one in day["stores"]} == {"posted"}
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


def test_a_store_that_has_not_closed_is_not_posted(open_shop: Open) -> None:
    shop = open_shop()
    day = shop.made.business_dates[0]
    early = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    summary = run.end_of_day(shop.hq, business_date=day, now=lambda: early)
    assert summary.ok
    assert {store.state for store in summary.stores} == {"not_closed"}
    assert all(store.orders > 0 for store in summary.stores)
    assert scalar(shop.hq, "SELECT count(*) FROM ax.retailstatementtable") == 0


def test_the_steps_by_hand_post_the_same_day(open_shop: Open, undisturbed: dict[str, str]) -> None:
    shop = open_shop()
    of_day = ("--business-date", shop.day)
    for command in (
        ("upload",),
        ("synchronize-customers",),
        ("distribute",),
        ("synchronize-orders", *of_day),
        ("bind-cash-and-carry", *of_day),
        ("distribute",),
        ("validate-transactions", *of_day),
        ("check", *of_day),
        ("calculate-statements", *of_day),
        ("post-statements", *of_day),
    ):
        called = shop.call(*command, "--json")
        assert called.exit_code == 0, (command, called.stdout, called.stderr)
    assert table_digests(shop.hq) == undisturbed


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
    before = _everything(shop)
    for arguments, message in WRONG_USE:
        called = shop.call(*arguments.split(), "--json")
        assert called.exit_code == 2
        assert called.stdout == ""
        assert message in called.stderr
        assert "hush" not in called.stderr
    assert _everything(shop) == before


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from sqlalchemy import Engine
from commerce.cli import main
from commerce.exchange import watermarks
from commerce.run import jobs, records

step, number = sys.argv[1], int(sys.argv[2])
sys.argv = ["commerce", *sys.argv[3:]]
seen = {"step": "", "count": 0}

def count():
    if seen["step"] == step:
        seen["count"] += 1
        if seen["count"] == number:
            os.kill(os.getpid(), signal.SIGKILL)

def watched(name, job):
    def work(*arguments):
        seen["step"] = name
        return job(*arguments)
    return work

for name, job in list(jobs.JOBS.items()):
    jobs.JOBS[name] = watched(name, job)
sa.event.listen(Engine, "commit", lambda connection: count())
move = watermarks.move
watermarks.move = lambda *arguments: (count(), move(*arguments))[1]
main()
"""
"""`commerce`, killed just before commit `number` of step `step`: everything is written, nothing of it is there."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("upload", 9),
        ("synchronize_customers", 2),
        ("synchronize_orders", 3),
        ("quality_gate", 2),
        ("post_statements", 4),
    ],
)
def test_killed_and_run_again_it_is_what_an_undisturbed_day_is(
    open_shop: Open, undisturbed: dict[str, str], step: str, number: int
) -> None:
    shop = open_shop()
    shop.call("channel", "list")  # the environment is this shop's now
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, step, str(number), "end-of-day", "--business-date", shop.day],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    again = shop.end_of_day()
    assert again.exit_code == 0, again.stdout + again.stderr
    assert table_digests(shop.hq) == undisturbed
    assert_clean(shop)


def _everything(shop: Shop) -> tuple[dict[str, str], int, dict[str, str]]:
    files = {store: _content(shop.file(store)) for store in shop.stores}
    return table_digests(shop.hq), scalar(shop.hq, "SELECT count(*) FROM cdx.run"), files


def _content(file: Path) -> str:
    """What a channel holds; SQLite may move pages between its files meanwhile."""
    content = hashlib.sha256()
    with closing(sqlite3.connect(file)) as channel:
        channel.text_factory = bytes
        tables = [name.decode() for (name,) in channel.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(tables):
            content.update(repr((table, channel.execute(f"SELECT * FROM {table}").fetchall())).encode())
    return content.hexdigest()
