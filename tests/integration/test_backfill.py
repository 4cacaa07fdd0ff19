"""Backfill of a store's history: in ranges, out of order, beside the daily run, killed and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import run as runs
from commerce import server
from commerce.reconcile import reconcile
from commerce.run import backfilling
from commerce.verify import verify
from support.channels import ChannelFactory, move_to_channels
from support.digest import table_digests
from support.histories.deaths import Death, dying
from support.registers import rows, scalar
from support.statements import STORES, add_day, add_retailer
from support.transactions import DAY, add_sale
from support.twins import twin

HISTORY = [DAY - timedelta(days=number) for number in range(4, 0, -1)]
FIRST, LAST = HISTORY[0], HISTORY[-1]
OF_A_DAY = 11


@dataclass(frozen=True)
class Shop:
    """Headquarters, and the channel file of S1, whose history nobody has uploaded yet; S2 has none."""

    hq: Engine
    channel: Engine


@pytest.fixture
def shop(hq: Engine, channel_db: ChannelFactory) -> Shop:
    add_retailer(hq)
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.retailchanneltable SET cutoverdate = :day WHERE retailchannelid = 'S1'"), {"day": DAY}
        )
    for number, day in enumerate(HISTORY, start=1):
        add_day(hq, "S1", day, first=100 * number)
    for store in STORES:
        add_day(hq, store)
    engines = move_to_channels(hq, channel_db, *STORES)
    return Shop(hq, engines["S1"])


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some days a run, instead of all of them."""
    monkeypatch.setattr(backfilling, "TRANSACTIONS_OF_A_RUN", 2 * OF_A_DAY)


def fill(hq: Engine, first: date = FIRST, last: date = LAST) -> runs.BackfillResult:
    return runs.backfill(hq, stores=["S1"], first=first, last=last)


def books(hq: Engine) -> list[tuple[Any, ...]]:
    """What stands in the ledger, by store, day and account; who came first does not count."""
    return rows(
        hq,
        "SELECT v.store, v.accountingdate, l.mainaccount, l.postingtype, l.tendertypeid, l.taxcode,"
        " sum(l.debitamount), sum(l.creditamount), count(*)"
        " FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)"
        " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
    )


def assert_clean(hq: Engine) -> None:
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert result.unposted == ()
    assert verify(hq) == []


def historical_runs(hq: Engine) -> list[tuple[date, date]]:
    query = "SELECT coalesce(businessdatefrom, businessdate), businessdate FROM cdx.run WHERE kind = 'historical'"
    return [(first, last) for first, last in rows(hq, f"{query} ORDER BY run")]


@pytest.mark.usefixtures("small_runs")
def test_a_range_is_posted_in_runs_of_many_days_each_day_in_a_statement_of_its_own(shop: Shop) -> None:
    hq = shop.hq
    result = fill(hq)
    assert result.ok, result.as_dict()
    assert historical_runs(hq) == [(HISTORY[n], HISTORY[n + 1]) for n in (0, 2)]
    assert [store.transactions for summary in result.runs for store in summary.stores] == [2 * OF_A_DAY] * 2
    days = rows(hq, "SELECT storeid, businessdate, count(*) FROM ax.retailstatementtable GROUP BY 1, 2 ORDER BY 2")
    assert days == [("S1", day, 1) for day in HISTORY]
    assert result.as_dict()["upload"]["kind"] == "history_upload"
    # Nothing of today was posted, and nothing of it is missing afterwards.
    assert runs.end_of_day(hq, business_date=DAY).ok
    assert_clean(hq)


def test_a_range_that_is_done_does_nothing_again(shop: Shop) -> None:
    hq = shop.hq
    assert fill(hq).ok
    before, posted_by = table_digests(hq), historical_runs(hq)
    again = fill(hq)
    assert again.ok
    assert again.runs == ()
    assert table_digests(hq) == before
    assert historical_runs(hq) == posted_by


def test_a_late_transaction_of_history_gets_a_further_statement_and_nothing_else_is_touched(shop: Shop) -> None:
    hq = shop.hq
    assert fill(hq).ok
    vouchers = rows(hq, "SELECT * FROM ax.generaljournalaccountentry ORDER BY voucher, linenum")
    add_sale(hq, "S1", 999, day=HISTORY[2])
    summary = fill(hq).runs
    assert historical_runs(hq)[-1] == (HISTORY[2], HISTORY[2])
    assert [(one.state, one.transactions) for run in summary for one in run.stores] == [("posted", 1)]
    after = rows(hq, "SELECT * FROM ax.generaljournalaccountentry ORDER BY voucher, linenum")
    assert after[: len(vouchers)] == vouchers


@pytest.mark.slow
@pytest.mark.usefixtures("small_runs")
def test_out_of_order_and_beside_todays_run_the_books_are_those_of_one_range_after_the_other(
    shop: Shop, hq_server: server.Server
) -> None:
    with twin(shop.hq, hq_server) as other:
        assert fill(other).ok
        assert runs.end_of_day(other, business_date=DAY).ok
        expected = books(other)
    hq = shop.hq
    with ThreadPoolExecutor(4) as pool:
        # Overlapping ranges, the later one first, and today; they all want the P-job of S1.
        filled = [pool.submit(fill, hq, *both) for both in ((HISTORY[1], LAST), (FIRST, HISTORY[2]))]
        today = pool.submit(runs.end_of_day, hq, business_date=DAY)
        assert today.result().ok
        assert all(one.result().ok for one in filled)
    assert fill(hq).ok
    assert books(hq) == expected
    assert_clean(hq)


@pytest.mark.slow
@pytest.mark.usefixtures("small_runs")
def test_a_backfill_that_is_killed_again_and_again_goes_on_where_it_was(shop: Shop, hq_server: server.Server) -> None:
    with twin(shop.hq, hq_server) as undisturbed:
        assert fill(undisturbed).ok
        expected = books(undisturbed)
    for death in (Death(4, after=True), Death(14, after=False), Death(25, after=True)):
        with dying(shop.hq, death):
            fill(shop.hq)
    assert fill(shop.hq).ok
    assert books(shop.hq) == expected
    assert scalar(shop.hq, "SELECT count(*) FROM ax.retailstatementtable") == len(HISTORY)
    assert runs.end_of_day(shop.hq, business_date=DAY).ok
    assert_clean(shop.hq)


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_middle_is_taken_up_by_the_next(shop: Shop, hq_server: server.Server) -> None:
    """SIGKILL, as soon as some of its statements have sales orders and none is posted."""
    hq = shop.hq
    with twin(hq, hq_server) as undisturbed:
        assert fill(undisturbed).ok
        expected = books(undisturbed)
    arguments = ["backfill", "--channel", "S1", "--from", str(FIRST), "--to", str(LAST), "--json"]
    environment = os.environ | {"COMMERCE_HQ_URL": hq.url.render_as_string(hide_password=False)}
    command = [sys.executable, "-m", "commerce.cli", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        under_way = "SELECT count(*) FROM ax.retailstatementtable WHERE postingstatus BETWEEN 13 AND 19"
        while process.poll() is None and not scalar(hq, under_way):
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert scalar(hq, "SELECT count(*) FROM ax.retailstatementtable WHERE postingstatus < 20") > 0
    again = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["ok"]
    assert books(hq) == expected
    assert verify(hq) == []


def test_a_bad_day_holds_back_itself_only(shop: Shop) -> None:
    hq = shop.hq
    bad = HISTORY[1]
    with shop.channel.begin() as channel:
        channel.execute(
            sa.text(
                "UPDATE retailtransactiontable SET custaccountasync = '99999999-9999-4999-8999-999999999999'"
                " WHERE businessdate = :day AND transactionid LIKE '%02'"
            ),
            {"day": bad.isoformat()},
        )
    result = fill(hq)
    assert not result.ok
    states = {(run.first_date or run.business_date, run.business_date): run.stores[0].state for run in result.runs}
    assert states.pop((bad, bad)) == "blocked"
    assert set(states.values()) == {"posted"}
    posted = {day for (day,) in rows(hq, "SELECT businessdate FROM ax.retailstatementtable WHERE postingstatus = 20")}
    assert posted == set(HISTORY) - {bad}
    # Its customer arrives; only that day is worked.
    with shop.channel.begin() as channel:
        channel.execute(
            sa.text(
                "INSERT INTO retailasynccustomerv2 (custaccountasync, custname, firstname, lastname, relationshiptype,"
                " custgroup, currency, operation, createddatetime, dataareaid)"
                " VALUES ('99999999-9999-4999-8999-999999999999', 'A B', 'A', 'B', 1, 'RETAIL', 'USD', 1,"
                " '2026-02-01T10:00:00Z', 'USMF')"
            )
        )
    (run,) = fill(hq).runs
    assert (run.business_date, run.stores[0].state, run.stores[0].transactions) == (bad, "posted", OF_A_DAY)


def test_a_store_whose_history_cannot_be_uploaded_posts_nothing(shop: Shop) -> None:
    with shop.hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = 'S1'"),
            {"url": "sqlite:////nowhere/S1.db"},
        )
    result = fill(shop.hq)
    assert not result.ok
    assert result.runs == ()
    assert [store.state for store in result.upload.stores] == ["failed"]
