"""One Airflow with its scheduler for all end-to-end tests; each test gets headquarters and stores of its own.

A test's headquarters becomes Airflow's connection `commerce_hq`, as an operator would set it. The demo stores are made
once; a test works on a copy of their files. Airflow ends with the last test of this package: beside the others it
would only take their time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import demo
from commerce.database import hq_engine
from commerce.server import Server
from commerce_airflow.connections import CONNECTION_ID
from commerce_airflow.local import airflow as local
from commerce_airflow.local import guard
from commerce_airflow.local.airflow import LocalAirflow
from commerce_airflow.local.configuration import Layout
from support.installation import ZONE, Install, Installation

SIZE = {"stores": 2, "scale": 0.002, "seed": 1}
Headquarters = Callable[[], Engine]


@pytest.fixture(scope="package")
def headquarters(hq_server: Server, clone_headquarters: Callable[[str], str]) -> Headquarters:
    """Factory: an empty, migrated headquarters."""
    return lambda: hq_engine(hq_server.url(clone_headquarters("e2e")))


@pytest.fixture(scope="package")
def demo_files(headquarters: Headquarters, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the files of all demo stores, the two special ones included."""
    home = tmp_path_factory.mktemp("demo")
    hq = headquarters()
    demo.build(home, hq, **SIZE, unknown_customer=True, history_store=True)
    hq.dispose()
    return home / "demo"


@pytest.fixture(scope="package")
def airflow_and_first_run(
    hq_server: Server,
    commerce_home: Path,
    headquarters: Headquarters,
    demo_files: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LocalAirflow, Installation]]:
    """Airflow, and the installation on which its schedule fired.

    The daily run fires once, when the DAG is switched on; afterwards the other tests have the scheduler for themselves.
    """
    environment = {
        "COMMERCE_TIME_ZONE": ZONE,
        "COMMERCE_DAILY_FROM": "2026-01-01",
        "COMMERCE_MAX_SHARDS": "2",
        "COMMERCE_HISTORY_RUNS": "month",
        "COMMERCE_RETRY_SECONDS": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # the files do not change meanwhile
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    }
    layout = Layout(commerce_home.absolute())
    with (
        guard.alone(layout),
        guard.guarded(layout, stop_server=False),
        local.running(hq_server, commerce_home, environment=environment) as airflow,
    ):
        first = _install(airflow, headquarters(), demo_files, tmp_path_factory.mktemp("scheduled"))
        _move_stores_to(ZONE, first.hq)
        airflow.api.unpause("end_of_day")
        airflow.api.unpause("historical_end_of_day")
        yield airflow, first
        first.hq.dispose()


@pytest.fixture(scope="package")
def scheduled(airflow_and_first_run: tuple[LocalAirflow, Installation]) -> tuple[Installation, dict[str, Any]]:
    """The installation on which the schedule fired, and the run as Airflow tells it, ended."""
    airflow, installation = airflow_and_first_run
    runs: list[dict[str, Any]] = []
    while not runs:
        airflow.check()
        runs = airflow.api.request("GET", "dags/end_of_day/dagRuns")["dag_runs"]
    installation.wait("end_of_day", runs[0]["dag_run_id"])
    [run] = airflow.api.request("GET", "dags/end_of_day/dagRuns")["dag_runs"]
    return installation, run


@pytest.fixture
def install(
    scheduled: tuple[Installation, dict[str, Any]], headquarters: Headquarters, demo_files: Path, tmp_path: Path
) -> Iterator[Install]:
    """Factory: an installation of this test's own, with Airflow's connection on it; options as for `demo.build`."""
    installations: list[Installation] = []

    def make(**options: bool) -> Installation:
        airflow = scheduled[0].airflow
        home = tmp_path / str(len(installations))
        installations.append(_install(airflow, headquarters(), demo_files, home, **options))
        return installations[-1]

    yield make
    for installation in installations:
        installation.hq.dispose()


@pytest.fixture
def twin(headquarters: Headquarters, demo_files: Path, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Factory: headquarters with the same stores, which Airflow knows nothing of."""
    engines: list[Engine] = []

    def make(**options: bool) -> Engine:
        engines.append(headquarters())
        _build(engines[-1], demo_files, tmp_path / f"twin{len(engines)}", **options)
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


def _move_stores_to(zone: str, hq: Engine) -> None:
    """Where the company's date has ended, the stores' has: at other hours the schedule finds them open."""
    with hq.begin() as connection:
        connection.execute(sa.text("UPDATE ax.retailchanneltable SET channeltimezoneinfoid = :zone"), {"zone": zone})


def _install(airflow: LocalAirflow, hq: Engine, demo_files: Path, home: Path, **options: bool) -> Installation:
    made = _build(hq, demo_files, home, **options)
    connection = {
        "connection_id": CONNECTION_ID,
        "conn_type": "postgres",
        "login": "postgres",
        "schema": hq.url.database,
        "extra": json.dumps({"host": hq.url.query["host"]}),
    }
    known = airflow.api.request("GET", "connections")["connections"]
    if any(found["connection_id"] == CONNECTION_ID for found in known):
        airflow.api.request("PATCH", f"connections/{CONNECTION_ID}", connection)
    else:
        airflow.api.request("POST", "connections", connection)
    return Installation(hq, made, airflow)


def _build(hq: Engine, demo_files: Path, home: Path, **options: bool) -> demo.DemoResult:
    shutil.copytree(demo_files, home / "demo")
    return demo.build(home, hq, **SIZE, **options)
