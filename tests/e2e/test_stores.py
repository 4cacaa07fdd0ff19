"""Stores through a real scheduler: their accounts come back to them, late where need be, and one that is out of reach
holds nobody up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from support.installation import Install, Installation

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]


def test_customers_are_synchronized_on_schedule_and_nothing_is_posted(install: Install) -> None:
    installation = install()
    with switched_on(installation, "customer_sync") as run_id:
        assert installation.wait("customer_sync", run_id) == "success"
    given = accounts_given(installation)
    assert given
    for store in installation.made.stores:
        # The defects of the demo stay in quarantine or failed: they alone are still asynchronous.
        assert set(given.values()) <= shown(installation, store, asynchronous=False)
        assert not given.keys() & shown(installation, store, asynchronous=True)
    with installation.hq.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ax.retailtransactiontable")) > 0
        assert connection.scalar(sa.text("SELECT count(*) FROM ax.retailstatementtable")) == 0
    installation.assert_clean()


def test_customers_that_were_left_out_are_bound_late(install: Install) -> None:
    installation = install()
    day = installation.made.business_dates[0].isoformat()
    state, summary = installation.run({"business_date": day, "skip": ["synchronize_customers"]})
    assert state == "success"
    assert set(installation.states(summary).values()) == {"posted"}
    given = accounts_given(installation)
    assert given
    for store in installation.made.stores:
        assert set(given.values()) <= shown(installation, store, asynchronous=False)
    installation.assert_clean()


def test_a_store_out_of_reach_fails_alone_and_is_posted_once_it_is_back(install: Install) -> None:
    installation = install()
    api = installation.airflow.api
    gone, *others = installation.made.stores
    file = channel_file(installation, gone)
    away = file.rename(file.with_suffix(".away"))
    day = installation.made.business_dates[0].isoformat()
    run_id = api.trigger("end_of_day", {"business_date": day})
    assert installation.wait("end_of_day", run_id) == "failed"
    summary = installation.summary("end_of_day", run_id)
    assert installation.states(summary) == {gone: "failed", **dict.fromkeys(others, "posted")}
    path = f"dags/end_of_day/dagRuns/{quote(run_id, safe='')}/taskInstances"
    uploads = api.request("GET", path, task_id="upload")["task_instances"]
    assert sorted((upload["state"], upload["try_number"]) for upload in uploads) == [
        ("failed", 3),
        *[("success", 1)] * len(others),
    ]
    [failed] = [upload for upload in uploads if upload["state"] == "failed"]
    assert gone in installation.log("end_of_day", run_id, "upload")

    away.rename(file)
    cleared = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": [["upload", failed["map_index"]]],
        "include_downstream": True,
        "only_failed": False,
    }
    api.request("POST", "dags/end_of_day/clearTaskInstances", cleared)
    assert installation.wait("end_of_day", run_id) == "success"
    assert set(installation.states(installation.summary("end_of_day", run_id)).values()) == {"posted"}
    installation.assert_clean()


@contextmanager
def switched_on(installation: Installation, dag: str) -> Iterator[str]:
    """The DAG's schedule is on inside, and has fired: the run's id. A run needs its DAG switched on to its end."""
    api = installation.airflow.api
    api.unpause(dag)
    try:
        while not (found := api.request("GET", f"dags/{dag}/dagRuns")["dag_runs"]):
            installation.airflow.check()
        yield found[0]["dag_run_id"]
        for run in api.request("GET", f"dags/{dag}/dagRuns")["dag_runs"]:
            installation.wait(dag, run["dag_run_id"])  # ten minutes may have come round meanwhile
    finally:
        api.unpause(dag, paused=True)


def accounts_given(installation: Installation) -> dict[str, str]:
    """GUID -> account, in headquarters."""
    with installation.hq.connect() as connection:
        query = sa.text("SELECT custaccountasync, accountnum FROM ax.custaccountasyncmap")
        return {row.custaccountasync: row.accountnum for row in connection.execute(query)}


def channel_file(installation: Installation, store: str) -> Path:
    return next(channel.file for channel in installation.made.channels if channel.name == store)


def shown(installation: Installation, store: str, *, asynchronous: bool) -> set[str]:
    """The customers that a register of the store shows: by account, or by GUID those that are `asynchronous`."""
    with closing(sqlite3.connect(channel_file(installation, store))) as channel:
        query = "SELECT accountnum FROM customersview WHERE isasynccustomer = ?"
        return {account for (account,) in channel.execute(query, (asynchronous,))}
