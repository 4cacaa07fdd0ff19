"""Which days a backfill of history works when its range goes beyond those that have ended."""

from __future__ import annotations

import pendulum
import pytest
from airflow.timetables.base import TimeRestriction

from commerce_airflow import schedules, timetables


@pytest.mark.parametrize(("runs", "expected"), [("day", ["02-28", "03-01", "03-02"]), ("month", ["02-28", "03-01"])])
def test_a_backfill_beyond_today_works_the_days_that_have_ended(
    monkeypatch: pytest.MonkeyPatch, runs: str, expected: list[str]
) -> None:
    monkeypatch.setenv("COMMERCE_HISTORY_RUNS", runs)
    now = pendulum.datetime(2025, 3, 3, 0, 1)
    monkeypatch.setattr(timetables, "now", lambda: now)
    asked = TimeRestriction(pendulum.datetime(2025, 2, 28), pendulum.datetime(2025, 3, 31), catchup=True)
    run, made = None, []
    while run := schedules.history().next_dagrun_info(
        last_automated_data_interval=run and run.data_interval, restriction=asked
    ):
        assert run.data_interval.end < now, "else Airflow leaves it out"
        made.append(run)
    assert [f"{run.logical_date:%m-%d}" for run in made] == expected
    assert made[-1].data_interval.end == now.start_of("day")
