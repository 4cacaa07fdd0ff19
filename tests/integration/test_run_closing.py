"""Closing a run: what its summary says, store by store; the jobs are stand-ins."""

from __future__ import annotations

import errno
import os
import re
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.outcomes import JobResult, StoreOutcome
from commerce.run import close_run, jobs, run_step
from commerce.schema.headquarters import customers, exchange, organization, runs
from commerce.transactions import disable_rule, enable_rule
from support.company import add_customer
from support.runs import (
    STORES,
    Calls,
    add_statement,
    add_stores,
    add_verdict,
    customer_of,
    gate,
    opened,
    order_of,
    stand_in,
    work,
)
from support.staging import guid, person
from support.transactions import add_sale, change

QUALITY_GATE = jobs.JOBS["quality_gate"]
"""The real one."""


@pytest.fixture
def company(hq: Engine) -> Engine:
    add_stores(hq)
    return hq


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return stand_in(monkeypatch)


class TestClosing:
    @pytest.mark.usefixtures("calls")
    def test_a_missing_step_is_a_failure(self, company: Engine) -> None:
        run = opened(company)
        work(company, run, until="quality_gate")
        summary = close_run(company, run=run)
        assert {store.state for store in summary.stores} == {"failed"}
        assert summary.stores[0].reasons[0].rule == "calculate_statements"

    def test_nothing_at_all_happened(self, company: Engine) -> None:
        summary = close_run(company, run=opened(company))
        assert not summary.ok
        assert {store.reasons[0].rule for store in summary.stores} == {"upload"}
        assert summary.problems == ("synchronize_customers did not finish. Run it again.",)

    def test_blocked_stores_show_what_blocks_them(
        self, company: Engine, calls: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = opened(company)
        add_sale(company, "OSLO", 1)
        add_verdict(company, run, "OSLO", "customer_of_header", "critical", 2, "31.25")
        add_verdict(company, run, "BERGEN", "stale_address", "warning", 1, "1")
        monkeypatch.setitem(jobs.JOBS, "quality_gate", gate("OSLO"))
        work(company, run)
        summary = close_run(company, run=run)
        oslo = summary.stores[2].as_dict()
        assert oslo["state"] == "blocked"
        assert oslo["reasons"] == [
            {"rule": "customer_of_header", "count": 2, "amount": "31.25", "sample": ["T1-****1"], "message": ""}
        ]
        assert oslo["waiting"] == {"count": 1, "amount": "12.50"}
        assert oslo["exceptions"] == {"count": 0, "amount": "0.00"}
        assert summary.stores[0].state == "nothing_to_post"
        assert summary.stores[0].notes == ("stale address: 1, such as T1-****1",)
        assert not summary.ok
        assert ("calculate_statements", ("BERGEN", "HOUSTON")) in calls

    @pytest.mark.usefixtures("calls")
    def test_a_blocked_store_is_judged_again(self, company: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        run = opened(company)
        monkeypatch.setitem(jobs.JOBS, "quality_gate", gate("OSLO"))
        work(company, run)
        monkeypatch.setitem(jobs.JOBS, "quality_gate", gate())
        for step in ("quality_gate", "calculate_statements", "post_statements"):
            assert list(run_step(company, run=run, step=step).stores) == ["OSLO"]
        assert close_run(company, run=run).ok

    @pytest.mark.usefixtures("calls")
    def test_posted_with_exceptions(self, company: Engine) -> None:
        run = opened(company)
        add_sale(company, "OSLO", 1)
        add_sale(company, "OSLO", 2, day=date(2026, 3, 3))
        work(company, run)
        add_statement(company, "OSLO", "ST1", run, 20, "99.54")
        oslo = close_run(company, run=run).stores[2].as_dict()
        assert (oslo["state"], oslo["posted_amount"], oslo["statements"]) == ("posted", "99.54", ["ST1"])
        assert oslo["exceptions"] == {"count": 1, "amount": "12.50"}
        assert oslo["transactions"] == 3

    @pytest.mark.usefixtures("calls")
    def test_a_statement_that_is_stuck_is_a_failure_whatever_the_job_said(self, company: Engine) -> None:
        run = opened(company)
        work(company, run)
        add_statement(company, "OSLO", "ST1", run, 11, "5")
        oslo = close_run(company, run=run).stores[2]
        assert oslo.state == "failed"
        assert oslo.reasons[0].sample == ("ST1",)
        assert oslo.posted_amount == Decimal(0)

    @pytest.mark.usefixtures("calls")
    def test_a_second_run_tells_what_was_posted_before(self, company: Engine) -> None:
        first = opened(company)
        add_statement(company, "OSLO", "ST1", first, 20, "99.54")
        second = opened(company, key="again")
        work(company, second)
        oslo = close_run(company, run=second).stores[2]
        assert oslo.state == "nothing_to_post"
        assert oslo.notes == ("already posted: 3 transactions, 99.54 USD",)

    @pytest.mark.usefixtures("calls")
    def test_closing_twice_says_the_same_and_is_kept(self, company: Engine) -> None:
        run = opened(company)
        work(company, run)
        first = close_run(company, run=run)
        assert close_run(company, run=run) == first
        with company.connect() as connection:
            assert connection.scalar(sa.select(runs.RUN.c.summary)) == first.as_dict()

    @pytest.mark.usefixtures("calls")
    def test_a_customer_belongs_to_the_store_it_was_created_in(self, company: Engine) -> None:
        """BERGEN and OSLO share a database; a row that does not say its channel belongs to the first of them."""
        with company.begin() as connection:
            channels = {row.retailchannelid: row.recid for row in connection.execute(sa.select(organization.CHANNEL))}
            shared = connection.scalar(
                sa.select(exchange.DATABASE_PROFILE.c.recid).where(exchange.DATABASE_PROFILE.c.name == "BERGEN")
            )
            served = exchange.DATA_STORE_CHANNEL
            connection.execute(
                served.update().where(served.c.channel == channels["OSLO"]).values(databaseprofile=shared)
            )
        run = opened(company)
        for number, channel in enumerate((channels["OSLO"], channels["OSLO"], channels["BERGEN"], 0), start=1):
            person(company, guid(number), store="BERGEN", originatingchannel=channel)
            add_customer(company, f"C{number}", guid=guid(number))
        with company.begin() as connection:
            connection.execute(customers.GUID_MAP.update().values(origin=shared))
        work(company, run)
        converted = {store.store: store.customers_converted for store in close_run(company, run=run).stores}
        assert converted == {"BERGEN": 2, "HOUSTON": 0, "OSLO": 2}

    @pytest.mark.usefixtures("calls")
    def test_what_others_do_after_a_run_is_not_counted_as_its_own(self, company: Engine) -> None:
        run = opened(company)
        customer_of(company, 1)
        order_of(company, 1)
        work(company, run)
        close_run(company, run=run)
        customer_of(company, 2)
        order_of(company, 2)
        oslo = close_run(company, run=run).stores[2]
        assert (oslo.customers_converted, oslo.orders) == (1, 1)

    @pytest.mark.usefixtures("calls")
    def test_orders_and_transactions_that_are_left_to_the_next_run_are_told(
        self, company: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting = {"OSLO": StoreOutcome("OSLO", counts={"waiting": 2})}
        monkeypatch.setitem(jobs.JOBS, "synchronize_orders", lambda *_: JobResult("synchronize-orders", waiting))
        run = opened(company, stores=["OSLO"])
        add_sale(company, "OSLO", 1)
        change(company, "retailtransactiontable", add_sale(company, "OSLO", 2), validationstatus=2)
        work(company, run)
        (oslo,) = close_run(company, run=run).stores
        assert oslo.exceptions == (2, Decimal("25.00"))
        assert oslo.notes == (
            "1 transaction came or changed meanwhile, left to the next run",
            "2 orders changed while being synchronized, left to the next run",
        )

    @pytest.mark.usefixtures("calls")
    def test_each_cause_is_told_once(self, company: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """The real gate finds the same customers; the summary has its own words for them."""
        monkeypatch.setitem(jobs.JOBS, "quality_gate", QUALITY_GATE)
        behind = {store: StoreOutcome(store) for store in STORES}
        behind["OSLO"] = StoreOutcome("OSLO", "failed", "the register is out of reach")
        monkeypatch.setitem(jobs.JOBS, "distribute_late", lambda *_: JobResult("distribute", behind))
        change_database = "UPDATE cdx.retailconndatabaseprofile SET fullsyncreason = 'lost' WHERE name <> 'HOUSTON'"
        with company.begin() as connection:
            connection.execute(sa.text(change_database))
        person(company, guid(1), store="OSLO", syncstatus=2, errorclass="permanent")
        for number in (2, 3):
            person(company, guid(number), store="OSLO")
        person(company, guid(4), store="OSLO", syncstatus=2, operation=2)
        person(company, guid(5), store="HOUSTON", syncstatus=2)
        run = opened(company)
        work(company, run)
        bergen, houston, oslo = (store.notes for store in close_run(company, run=run).stores)
        assert bergen == ("distribution behind: 1, such as full resynchronization waits",)
        assert houston == ("1 customer not converted: `commerce customers list --state failed` says why",)
        assert oslo == (
            "1 customer not converted: `commerce customers list --state failed` says why",
            "2 customers still wait for an account: `commerce customers list --state pending` says for what",
            "1 change of customers failed: `commerce customers list --state failed` says why",
            "distribution behind: the register is out of reach",
        )
        with company.connect() as connection:
            found = sa.select(runs.GATE_VERDICT.c.store, runs.GATE_VERDICT.c.count).where(
                runs.GATE_VERDICT.c.run == run, runs.GATE_VERDICT.c.rule == "pending_customer"
            )
            assert sorted(map(tuple, connection.execute(found))) == [("HOUSTON", 1), ("OSLO", 3)]

    @pytest.mark.usefixtures("calls")
    def test_rules_that_are_switched_off_are_told_every_day(self, company: Engine) -> None:
        who = {"company": "USMF", "by": "kari"}
        disable_rule(company, rule="NegativePrice", reason="deposit bottles", **who)
        disable_rule(company, rule="DiscountAmount", reason="old tills", **who)
        enable_rule(company, rule="DiscountAmount", reason="new tills", **who)
        run = opened(company, stores=["OSLO"])
        work(company, run)
        (oslo,) = close_run(company, run=run).stores
        (note,) = oslo.notes
        day = r"\d{4}-\d\d-\d\d"
        assert re.fullmatch(rf"switched off in USMF: line rule NegativePrice \(since {day}: deposit bottles\)", note)

    @pytest.mark.usefixtures("calls")
    def test_what_nobody_waits_for_is_a_note_when_it_fails(
        self, company: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The registers have their accounts by then; the next synchronization looks for the duplicates again."""

        def stop(*_: object) -> JobResult:
            raise ValueError("jane@example.com")

        monkeypatch.setitem(jobs.JOBS, "find_duplicates", stop)
        run = opened(company, kind="customer_sync", business_date=None)
        work(company, run, kind="customer_sync", until="distribute")
        with pytest.raises(ValueError, match="jane"):
            run_step(company, run=run, step="find_duplicates")
        summary = close_run(company, run=run)
        assert summary.ok
        assert summary.problems == ()
        assert summary.notes == (
            "find_duplicates: Internal error (ValueError). COMMERCE_DEBUG=1 shows where.",
            "purge_personal_data did not finish. Run it again.",
        )
        assert summary.as_dict()["notes"] == list(summary.notes)

    @pytest.mark.usefixtures("calls")
    def test_a_customer_synchronization_posts_nothing(self, company: Engine) -> None:
        run = opened(company, kind="customer_sync", business_date=None)
        work(company, run, kind="customer_sync")
        summary = close_run(company, run=run)
        assert summary.ok
        assert summary.business_date is None
        assert {store.state for store in summary.stores} == {"done"}

    @pytest.mark.usefixtures("calls")
    def test_data_docs_of_old_runs_are_removed(
        self, company: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = opened(company)
        work(company, run)
        monkeypatch.setenv("COMMERCE_HOME", str(tmp_path))
        close_run(company, run=run)  # there are none yet

        def written(name: str, days: float) -> Path:
            folder = tmp_path / "data-docs" / name
            (folder / "validations").mkdir(parents=True)
            (folder / "index.html").touch()
            os.utime(folder, (time.time() - days * 86_400,) * 2)
            return folder

        old, young, foreign = written("run-1", 30.1), written("run-2", 29.9), written("notes", 99)
        close_run(company, run=run)
        assert (old.exists(), young.exists(), foreign.exists()) == (False, True, True)
        monkeypatch.setenv("COMMERCE_DATA_DOCS_DAYS", "a month")
        close_run(company, run=run)
        assert "'a month', no number of days" in caplog.text
        monkeypatch.setenv("COMMERCE_DATA_DOCS_DAYS", "20")
        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", _refuse)
            close_run(company, run=run)
        assert "run-2 cannot be removed: No space left on device" in caplog.text
        assert close_run(company, run=run).ok
        assert not young.exists()


def _refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
