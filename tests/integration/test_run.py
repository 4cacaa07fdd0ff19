"""Runs: opening and stepping on a real headquarters database; the jobs are stand-ins."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.errors import CommerceError, UsageError
from commerce.outcomes import JobResult, StoreOutcome
from commerce.run import close_run, jobs, open_run, run_step, steps
from commerce.schema.headquarters import exchange, organization, runs
from support.company import add_company, add_store
from support.runs import (
    LATER,
    STORES,
    Calls,
    add_stores,
    job,
    opened,
    row_of,
    stand_in,
    states,
    work,
)
from support.transactions import DAY, add_sale


@pytest.fixture
def company(hq: Engine) -> Engine:
    add_stores(hq)
    return hq


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return stand_in(monkeypatch)


class TestOpening:
    def test_all_stores_by_name_and_one_shard_each(self, company: Engine) -> None:
        plan = open_run(company, kind="end_of_day", business_date=DAY, key="a", now=lambda: LATER)
        assert [(shard.name, shard.stores) for shard in plan.shards] == [(store, (store,)) for store in STORES]
        assert plan.business_date == DAY

    def test_the_same_key_is_the_same_run(self, company: Engine) -> None:
        first = open_run(company, kind="end_of_day", business_date=DAY, key="a", now=lambda: LATER)
        assert open_run(company, kind="end_of_day", business_date=DAY, key="a", now=lambda: LATER) == first
        assert opened(company, key="b") != first.run

    def test_a_key_belongs_to_one_business_date(self, company: Engine) -> None:
        opened(company)
        with pytest.raises(UsageError, match="was opened as end_of_day for 2026-03-02"):
            opened(company, business_date=date(2026, 3, 3))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"stores": ["OSLOO"]}, "Unknown store: OSLOO. Known: OSLO"),
            ({"stores": []}, "No store is named"),
            ({"business_date": None}, "business date is missing"),
            ({"business_date": date(2027, 1, 1)}, "2027-01-01 has not begun"),
            ({"skip": ["quality_gate"]}, "quality_gate cannot be left out"),
            ({"kind": "historical"}, "needs its stores named"),
            ({"kind": "historical", "stores": ["OSLO"]}, "Without a cut-over date"),
            ({"kind": "customer_sync"}, "has no business date"),
        ],
    )
    def test_what_cannot_be_is_refused_and_leaves_no_run(
        self, company: Engine, options: dict[str, object], message: str
    ) -> None:
        with pytest.raises(UsageError, match=message):
            opened(company, **options)
        with company.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(runs.RUN)) == 0

    def test_history_ends_at_the_cut_over_date(self, company: Engine) -> None:
        add_store(company, "NEW", cut_over=date(2026, 3, 2))
        options = {"kind": "historical", "stores": ["NEW"]}
        with pytest.raises(UsageError, match="not before the cut-over date of NEW"):
            opened(company, **options)
        assert opened(company, business_date=date(2026, 3, 1), **options)

    def test_a_range_of_history_ends_with_the_latest_cut_over_date_of_its_stores(self, company: Engine) -> None:
        add_store(company, "NEW", cut_over=date(2026, 2, 10))
        add_store(company, "NEWER", cut_over=date(2026, 2, 20))
        month = {"kind": "historical", "business_date": date(2026, 2, 28), "first_date": date(2026, 2, 1)}
        run = opened(company, **month, stores=["NEW", "NEWER"])
        with company.connect() as connection:
            assert connection.execute(
                sa.select(runs.RUN.c.businessdatefrom, runs.RUN.c.businessdate).where(runs.RUN.c.run == run)
            ).one() == (date(2026, 2, 1), date(2026, 2, 19))
        late = month | {"first_date": date(2026, 2, 15)}
        with pytest.raises(UsageError, match="2026-02-15 is not before the cut-over date of NEW "):
            opened(company, **late, stores=["NEW", "NEWER"])
        with pytest.raises(UsageError, match="Only a historical run takes a range"):
            opened(company, first_date=date(2026, 2, 1))

    def test_no_channels_and_only_paused_channels(self, hq: Engine) -> None:
        with pytest.raises(UsageError, match="There are no channels yet"):
            opened(hq)
        add_company(hq)
        add_store(hq, "OSLO")
        with hq.begin() as connection:
            connection.execute(exchange.DATABASE_PROFILE.update().values(pausedatasync=1))
        with pytest.raises(UsageError, match="All channels are paused"):
            opened(hq)
        with pytest.raises(UsageError, match="Paused: OSLO"):
            opened(hq, stores=["OSLO"])


class TestClosingTimes:
    @pytest.fixture
    def zones(self, company: Engine) -> Engine:
        with company.begin() as connection:
            for store, zone, closing in (
                ("BERGEN", "Europe/Oslo", time(0)),
                ("HOUSTON", "America/Chicago", time(0)),
                ("OSLO", "Europe/Oslo", time(4)),
            ):
                channel = organization.CHANNEL
                connection.execute(
                    channel.update().where(channel.c.retailchannelid == store).values(channeltimezoneinfoid=zone)
                )
                connection.execute(
                    organization.STORE.update()
                    .where(organization.STORE.c.storenumber == store)
                    .values(stmtcalcbatchendtime=closing)
                )
        return company

    @pytest.mark.usefixtures("calls")
    def test_each_store_by_its_own_clock(self, zones: Engine) -> None:
        run = opened(zones, now=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
        work(zones, run)
        assert states(zones, run) == {"BERGEN": "nothing_to_post", "HOUSTON": "not_closed", "OSLO": "not_closed"}

    def test_a_store_that_has_not_closed_is_brought_in_but_not_judged(self, zones: Engine, calls: Calls) -> None:
        run = opened(zones, now=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
        work(zones, run)
        worked = {step for step, stores in calls if "HOUSTON" in stores}
        assert worked == {
            "upload",
            "synchronize_customers",
            "distribute",
            "synchronize_orders",
            "bind_cash_and_carry",
            "distribute_late",
        }

    @pytest.mark.usefixtures("calls")
    def test_opened_again_after_closing_time_it_is_due(self, zones: Engine) -> None:
        run = opened(zones, now=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
        work(zones, run)
        assert opened(zones, now=LATER) == run
        work(zones, run)
        assert set(states(zones, run).values()) == {"nothing_to_post"}


class TestStepping:
    def test_a_second_try_works_only_on_what_failed(
        self, company: Engine, calls: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = opened(company)
        monkeypatch.setitem(jobs.JOBS, "upload", job("upload", calls, {"OSLO": "unreachable"}))
        assert run_step(company, run=run, step="upload").failed_stores == ("OSLO",)
        monkeypatch.setitem(jobs.JOBS, "upload", job("upload", calls))
        assert list(run_step(company, run=run, step="upload").stores) == ["OSLO"]
        assert run_step(company, run=run, step="upload").stores == {}
        assert calls == [("upload", STORES), ("upload", ("OSLO",))]

    def test_what_a_late_store_brings_reaches_the_others(
        self, company: Engine, calls: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The cleared task of a store that was out of reach: its customers are converted, and every store gets them."""
        run = opened(company)
        monkeypatch.setitem(jobs.JOBS, "upload", job("upload", calls, {"OSLO": "unreachable"}))
        work(company, run)
        assert not close_run(company, run=run).ok
        monkeypatch.setitem(jobs.JOBS, "upload", job("upload", calls))
        calls.clear()
        work(company, run)
        assert dict(calls) == {
            step: STORES if step in ("synchronize_customers", "distribute", "distribute_late") else ("OSLO",)
            for step in steps.names("end_of_day")
        }
        assert close_run(company, run=run).ok
        calls.clear()
        work(company, run)
        assert calls == []

    def test_a_store_that_failed_is_out_of_the_rest(
        self, company: Engine, calls: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(jobs.JOBS, "upload", job("upload", calls, {"OSLO": "unreachable"}))
        add_sale(company, "OSLO", 1)
        run = opened(company)
        work(company, run)
        assert {step for step, stores in calls if "OSLO" in stores} == {"upload", "synchronize_customers"}
        summary = close_run(company, run=run)
        assert not summary.ok
        assert {store.store: store.state for store in summary.stores} == {
            "BERGEN": "nothing_to_post",
            "HOUSTON": "nothing_to_post",
            "OSLO": "failed",
        }
        assert [(reason.rule, reason.message) for reason in summary.stores[2].reasons] == [("upload", "unreachable")]
        (reason,) = summary.stores[2].reasons
        assert (reason.count, reason.amount) == summary.stores[2].waiting == (1, Decimal("12.50"))

    def test_distribution_never_holds_money_back(
        self, company: Engine, calls: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for step in ("distribute", "distribute_late"):
            monkeypatch.setitem(jobs.JOBS, step, job(step, calls, {"OSLO": "unreachable"}))
        run = opened(company)
        work(company, run)
        summary = close_run(company, run=run)
        assert summary.ok
        assert summary.stores[2].notes == ("distribution behind: unreachable",)

    def test_distribution_that_caught_up_is_no_note(
        self, company: Engine, calls: Calls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(jobs.JOBS, "distribute", job("distribute", calls, {"OSLO": "unreachable"}))
        run = opened(company)
        work(company, run)
        assert close_run(company, run=run).stores[2].notes == ()

    @pytest.mark.usefixtures("calls")
    def test_a_job_that_stops_is_recorded_without_data_and_raised(
        self, company: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object) -> JobResult:
            raise ValueError("jane@example.com")

        run = opened(company)
        work(company, run, until="upload")
        monkeypatch.setitem(jobs.JOBS, "synchronize_orders", stop)
        with pytest.raises(ValueError, match="jane"):
            run_step(company, run=run, step="synchronize_orders", stores=["OSLO"])
        row = row_of(company, run, "synchronize_orders", "OSLO")
        assert row.state == "failed"
        assert "jane" not in row.message

    @pytest.mark.usefixtures("calls")
    def test_a_whole_step_that_stops_is_a_problem_of_the_run(
        self, company: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def exhausted(*_: object) -> JobResult:
            raise CommerceError("Number sequence X has 0 numbers left.")

        monkeypatch.setitem(jobs.JOBS, "synchronize_customers", exhausted)
        run = opened(company)
        work(company, run, until="upload")
        with pytest.raises(CommerceError):
            run_step(company, run=run, step="synchronize_customers")
        for step in steps.names("end_of_day")[2:]:
            run_step(company, run=run, step=step)
        summary = close_run(company, run=run)
        assert not summary.ok
        assert summary.problems == ("synchronize_customers: Number sequence X has 0 numbers left.",)
        assert {store.state for store in summary.stores} == {"nothing_to_post"}

    @pytest.mark.usefixtures("calls")
    def test_a_job_that_forgets_a_store_has_not_done_it(self, company: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(jobs.JOBS, "upload", lambda *_: JobResult("upload", {"OSLO": StoreOutcome("OSLO")}))
        run = opened(company)
        assert run_step(company, run=run, step="upload").failed_stores == ("BERGEN", "HOUSTON")

    def test_left_out_steps_are_not_missed(self, company: Engine, calls: Calls) -> None:
        run = opened(company, skip=["synchronize-customers", "validate_transactions"])
        work(company, run)
        assert not {"synchronize_customers", "validate_transactions"} & {step for step, _ in calls}
        assert close_run(company, run=run).ok

    def test_a_run_that_was_closed_and_is_opened_again_does_all_steps_again(
        self, company: Engine, calls: Calls
    ) -> None:
        run = opened(company)
        work(company, run)
        close_run(company, run=run)
        calls.clear()
        assert opened(company) == run
        work(company, run)
        assert [step for step, _ in calls] == list(steps.names("end_of_day"))

    def test_unknown_steps_stores_and_runs(self, company: Engine) -> None:
        run = opened(company, stores=["OSLO"])
        for arguments in ({"step": "uplaod"}, {"step": "upload", "stores": ["BERGEN"]}, {"run": 99, "step": "upload"}):
            with pytest.raises(UsageError):
                run_step(company, **{"run": run, **arguments})  # type: ignore[arg-type]

    @pytest.mark.usefixtures("calls")
    def test_what_is_done_is_not_taken_back_by_a_late_try(self, company: Engine) -> None:
        from commerce.run import records

        run = opened(company)
        run_step(company, run=run, step="upload")
        with company.begin() as connection:
            records.record(connection, run, "upload", [StoreOutcome("OSLO", "failed", "zombie")])
        assert row_of(company, run, "upload", "OSLO").state == "done"
