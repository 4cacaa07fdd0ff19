"""What goes wrong, through a real scheduler: unknown customers, wrong configuration, a killed worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import demo
from commerce import run as runs
from commerce.demo.plan import UNKNOWN_STORE
from support.digest import differing_tables
from support.installation import Install, Installation

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]


def test_a_store_with_an_unknown_customer_is_blocked_alone(install: Install) -> None:
    installation = install(unknown_customer=True)
    day = installation.made.business_dates[0]
    state, summary = installation.run({"business_date": day.isoformat()})
    assert state == "failed"
    states = installation.states(summary)
    assert states.pop(UNKNOWN_STORE) == "blocked"
    assert set(states.values()) == {"posted"}
    assert summary is not None
    [blocked] = [store for store in summary["stores"] if store["store"] == UNKNOWN_STORE]
    assert blocked["statements"] == []
    for reason in blocked["reasons"]:
        assert reason["rule"]
        assert reason["count"] >= 1
        assert float(reason["amount"]) > 0
        assert reason["sample"]

    demo.deliver_unknown_customer(installation.made.folder)
    state, summary = installation.run({"business_date": day.isoformat()})
    assert state == "success"
    states = installation.states(summary)
    assert states.pop(UNKNOWN_STORE) == "posted"
    assert set(states.values()) == {"nothing_to_post"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"business_date": "2026-03-02", "store": ["HOUSTON"]}, "'store' is not known, did you mean 'stores'?"),
    ({"business_date": "2026-03-02", "stores": ["NOWHERE"]}, "NOWHERE"),
    ({}, "neither a business date nor a data interval"),
    ({"dry_run": True, "store": ["X"]}, "'store' is not known"),
]


def test_a_wrong_configuration_fails_in_open_run_and_does_nothing(install: Install) -> None:
    installation = install()
    api = installation.airflow.api
    triggered = [(api.trigger("end_of_day", conf), message) for conf, message in WRONG]
    for run_id, message in triggered:
        assert installation.wait("end_of_day", run_id) == "failed"
        assert message in installation.log("end_of_day", run_id, "open_run")
        states = {task: state for task, _, state in api.task_states("end_of_day", run_id)}
        assert states["open_run"] == states["close_run"] == "failed"
        assert set(states.values()) <= {"failed", "upstream_failed", "skipped"}
    with installation.hq.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM cdx.run")).scalar_one() == 0


def test_a_dry_run_changes_nothing_and_shows_the_plan(install: Install) -> None:
    installation = install()
    conf = {"business_date": installation.made.business_dates[0].isoformat(), "dry_run": True}
    run_id = installation.airflow.api.trigger("end_of_day", conf)
    assert installation.wait("end_of_day", run_id) == "success"
    assert "nothing is written" in installation.log("end_of_day", run_id, "open_run")
    with installation.hq.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM cdx.run")).scalar_one() == 0


def test_a_killed_worker_leaves_what_an_undisturbed_twin_has(install: Install, twin: Callable[..., Engine]) -> None:
    """The worker dies in the middle of posting: supervisor and task, `kill -9`. Airflow tries the task again."""
    installation = install()
    day = installation.made.business_dates[0]
    undisturbed = twin()
    expected = runs.end_of_day(undisturbed, business_date=day, stores=["HOUSTON"])
    assert expected.ok

    api = installation.airflow.api
    with installation.hq.connect() as blocker:
        # Vouchers are written in the middle of posting; the lock holds the worker there.
        blocker.execute(sa.text("LOCK TABLE ax.retailstatementvoucher IN SHARE MODE"))
        run_id = api.trigger("end_of_day", {"business_date": day.isoformat(), "stores": ["HOUSTON"]})
        _wait_for(lambda: _waiting_for_lock(installation), seconds=600)
        _kill_worker(installation, _instance(installation, run_id, "post_statements")["id"])
        blocker.rollback()
    assert installation.wait("end_of_day", run_id) == "success"
    assert _instance(installation, run_id, "post_statements")["try_number"] == 2
    assert installation.states(installation.summary("end_of_day", run_id)) == {"HOUSTON": "posted"}
    assert differing_tables(installation.hq, undisturbed) == []


def _instance(installation: Installation, run_id: str, task: str) -> dict[str, Any]:
    """The only instance of a task."""
    path = f"dags/end_of_day/dagRuns/{quote(run_id, safe='')}/taskInstances"
    [found] = installation.airflow.api.request("GET", path, task_id=task)["task_instances"]
    return found


def _waiting_for_lock(installation: Installation) -> bool:
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with installation.hq.connect() as connection:
        return connection.execute(query).scalar_one() > 0


def _kill_worker(installation: Installation, instance: str) -> None:
    """Kill the worker that runs the task instance (the id is in the process's title), and the task's process."""
    [scheduler] = [component for component in installation.airflow.components if component.name == "scheduler"]
    for process in psutil.Process(scheduler.process.pid).children(recursive=True):
        if instance in " ".join(process.cmdline()) and process.children():
            for victim in (process, *process.children(recursive=True)):
                os.kill(victim.pid, signal.SIGKILL)
            return
    raise AssertionError("no worker runs it")


def _wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.1)
