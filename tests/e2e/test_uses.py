"""The three uses, through a real scheduler: by hand with a business date, on the daily schedule, and as a backfill."""

from __future__ import annotations

import subprocess
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import run as runs
from commerce.demo.plan import HISTORY_STORE
from commerce_airflow.local import configuration, processes
from support.installation import ZONE, Install, Installation

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]

STATEMENTS = sa.text("""
    SELECT storeid, businessdate, statementid, transactioncount, salesamount, postingstatus
    FROM ax.retailstatementtable ORDER BY 1, 2, 3
""")


def statements(hq: Engine) -> list[tuple[Any, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(STATEMENTS)]


def test_the_daily_schedule_fires_with_the_companys_business_date(
    scheduled: tuple[Installation, dict[str, Any]],
) -> None:
    installation, run = scheduled
    assert run["run_type"] == "scheduled"
    assert run["state"] == "success"
    started = datetime.fromisoformat(run["run_after"]).astimezone(ZoneInfo(ZONE))
    assert (started.hour, started.minute) == (4, 0)
    summary = installation.summary("end_of_day", run["dag_run_id"])
    assert summary is not None
    assert date.fromisoformat(summary["business_date"]) == started.date() - timedelta(days=1)
    assert date.fromisoformat(summary["business_date"]) != datetime.fromisoformat(run["data_interval_start"]).date()
    # Days that nobody ran before are taken along, each in statements of its own.
    assert set(installation.states(summary).values()) == {"posted"}
    assert {(row[0], row[1]) for row in statements(installation.hq)} == {
        (store, day) for store in installation.made.stores for day in installation.made.business_dates
    }


def test_a_run_by_hand_posts_up_to_its_business_date_and_nothing_later(install: Install) -> None:
    installation = install()
    first, second, _ = installation.made.business_dates
    state, summary = installation.run({"business_date": second.isoformat()})
    assert state == "success"
    assert summary is not None
    assert summary["business_date"] == second.isoformat()
    assert set(installation.states(summary).values()) == {"posted"}
    posted = statements(installation.hq)
    assert {row[1] for row in posted} == {first, second}
    assert all(store["posted_amount"] != "0.00" and store["customers_converted"] for store in summary["stores"])

    # Again, for one store: nothing changes.
    state, summary = installation.run({"business_date": second.isoformat(), "stores": ["HOUSTON"]})
    assert state == "success"
    assert installation.states(summary) == {"HOUSTON": "nothing_to_post"}
    assert statements(installation.hq) == posted


def test_a_backfill_posts_the_history_of_one_store_while_the_daily_run_goes_on(install: Install) -> None:
    installation = install(history_store=True)
    api, hq = installation.airflow.api, installation.hq
    first, second, _ = installation.made.business_dates
    runs.end_of_day(hq, business_date=first)  # what was posted before the history is asked for
    before = statements(hq)
    assert HISTORY_STORE in {row[0] for row in before}
    assert {row[1] for row in before} == {first}

    _create_backfill(installation, installation.made.history_dates)
    state, summary = installation.run({"business_date": second.isoformat()})
    assert state == "success"
    assert set(installation.states(summary).values()) == {"posted"}

    # Runs by month, of the days that were asked for: the last two of February, the first of March.
    *february, march = installation.made.history_dates
    worked = [(february[0].isoformat(), february[-1].isoformat()), (None, march.isoformat())]
    history_runs = api.request("GET", "dags/historical_end_of_day/dagRuns", order_by="logical_date")["dag_runs"]
    for run, dates in zip(history_runs, worked, strict=True):
        assert installation.wait("historical_end_of_day", run["dag_run_id"]) == "success"
        done = installation.summary("historical_end_of_day", run["dag_run_id"])
        assert done is not None
        assert (done["first_date"], done["business_date"]) == dates
        assert installation.states(done) == {HISTORY_STORE: "posted"}

    after = statements(hq)
    assert [row for row in after if row[1] == first] == before
    assert {row[1] for row in after if row[0] == HISTORY_STORE} == {*installation.made.history_dates, first, second}
    assert {row[1] for row in after if row[0] != HISTORY_STORE} == {first, second}
    installation.assert_clean()


def _create_backfill(installation: Installation, days: tuple[date, ...]) -> None:
    """As the DAG's documentation says, in a terminal."""
    layout = installation.airflow.layout
    arguments = [
        "backfill",
        "create",
        "--dag-id",
        "historical_end_of_day",
        "--dag-run-conf",
        f'{{"stores": ["{HISTORY_STORE}"]}}',
    ]
    dates = ["--from-date", days[0].isoformat(), "--to-date", days[-1].isoformat()]
    subprocess.run(
        processes.airflow_command([*arguments, *dates]),
        env=configuration.environment(layout, {}),
        check=True,
        capture_output=True,
        timeout=60,
    )
