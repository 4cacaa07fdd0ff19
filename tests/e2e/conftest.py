"""One Airflow with its scheduler for all end-to-end tests; each test gets headquarters and stores of its own.

A test's headquarters becomes Airflow's connection `commerce_hq`, as an operator would set it. The demo stores are made
once; a test works on a copy of their files.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from commerce import demo
from commerce.database import hq_engine
from commerce.migrations import upgrade_headquarters
from commerce.server import Server
from commerce_airflow.connections import CONNECTION_ID
from commerce_airflow.local import airflow as local
from commerce_airflow.local import guard
from commerce_airflow.local.airflow import LocalAirflow
from commerce_airflow.local.configuration import Layout
from support.installation import ZONE, Install, Installation

SIZE = {"stores": 2, "scale": 0.002, "seed": 1}


@pytest.fixture(scope="session")
def demo_files(hq_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the files of all demo stores, the two special ones included."""
    home = tmp_path_factory.mktemp("demo")
    hq = _headquarters(hq_server)
    demo.build(home, hq, **SIZE, unknown_customer=True, history_store=True)
    hq.dispose()
    return home / "demo"


@pytest.fixture(scope="session")
def airflow_and_first_run(
    hq_server: Server, commerce_home: Path, demo_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalAirflow, Installation]]:
    """Airflow, and the installation on which its schedule fired.

    The daily run fires once, when the DAG is switched on; afterwards the other tests have the scheduler for themselves.
    """
    environment = {
        "COMMERCE_TIME_ZONE": ZONE,
        "COMMERCE_DAILY_FROM": "2026-01-01",
        "COMMERCE_MAX_SHARDS": "2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    }
    layout = Layout(commerce_home.absolute())
    with (
        guard.alone(layout),
        guard.guarded(layout, stop_server=False),
        local.running(hq_server, commerce_home, environment=environment) as airflow,
    ):
        first = _install(airflow, hq_server, demo_files, tmp_path_factory.mktemp("scheduled"))
        airflow.api.unpause("end_of_day")
        airflow.api.unpause("historical_end_of_day")
        yield airflow, first
        first.hq.dispose()


@pytest.fixture(scope="session")
def scheduled(airflow_and_first_run: tuple[LocalAirflow, Installation]) -> tuple[Installation, dict[str, Any]]:
    """The installation on which the schedule fired, and the run as Airflow tells it, ended."""
    airflow, installation = airflow_and_first_run
    runs: list[dict[str, Any]] = []
    while not runs:
        airflow.check()
        runs = airflow.api.request("GET", "dags/end_of_day/dagRuns")["dag_runs"]
    airflow.api.wait("end_of_day", runs[0]["dag_run_id"], seconds=600)
    [run] = airflow.api.request("GET", "dags/end_of_day/dagRuns")["dag_runs"]
    return installation, run


@pytest.fixture
def install(
    scheduled: tuple[Installation, dict[str, Any]], hq_server: Server, demo_files: Path, tmp_path: Path
) -> Iterator[Install]:
    """Factory: an installation of this test's own, with Airflow's connection on it; options as for `demo.build`."""
    installations: list[Installation] = []

    def make(**options: bool) -> Installation:
        airflow = scheduled[0].airflow
        installations.append(_install(airflow, hq_server, demo_files, tmp_path / str(len(installations)), **options))
        return installations[-1]

    yield make
    for installation in installations:
        installation.hq.dispose()


@pytest.fixture
def twin(hq_server: Server, demo_files: Path, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Factory: headquarters with the same stores, which Airflow knows nothing of."""
    engines: list[Engine] = []

    def make(**options: bool) -> Engine:
        hq, _ = _stores(hq_server, demo_files, tmp_path / f"twin{len(engines)}", **options)
        engines.append(hq)
        return hq

    yield make
    for engine in engines:
        engine.dispose()


def _install(airflow: LocalAirflow, server: Server, demo_files: Path, home: Path, **options: bool) -> Installation:
    hq, made = _stores(server, demo_files, home, **options)
    connection = {
        "connection_id": CONNECTION_ID,
        "conn_type": "postgres",
        "login": "postgres",
        "schema": hq.url.database,
        "extra": f'{{"host": "{server.socket_folder}"}}',
    }
    known = airflow.api.request("GET", "connections")["connections"]
    if any(found["connection_id"] == CONNECTION_ID for found in known):
        airflow.api.request("PATCH", f"connections/{CONNECTION_ID}", connection)
    else:
        airflow.api.request("POST", "connections", connection)
    return Installation(hq, made, airflow)


def _stores(server: Server, demo_files: Path, home: Path, **options: bool) -> tuple[Engine, demo.DemoResult]:
    hq = _headquarters(server)
    shutil.copytree(demo_files, home / "demo")
    return hq, demo.build(home, hq, **SIZE, **options)


def _headquarters(server: Server) -> Engine:
    name = f"e2e_{uuid.uuid4().hex[:12]}"
    server.ensure_database(name)
    hq = hq_engine(server.url(name))
    upgrade_headquarters(hq)
    return hq
