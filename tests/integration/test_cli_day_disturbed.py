"""A day by command line on demo stores that something comes in the way of: it ends like any other in the end."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
import sqlalchemy as sa

from commerce import demo
from support.digest import table_digests
from support.shops import (
    UNKNOWN,
    Open,
    assert_clean,
    scalar,
    states,
)

pytestmark = pytest.mark.xdist_group("cli-day")  # one worker makes the demo files, once


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
