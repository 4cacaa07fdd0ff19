"""Start and stop the local Airflow."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from commerce.errors import CommerceError
from commerce.server import Server
from commerce_airflow.local import configuration, processes
from commerce_airflow.local.api import AirflowApi
from commerce_airflow.local.configuration import Layout
from commerce_airflow.local.processes import Component
from commerce_airflow.pools import DESCRIPTIONS

DAGS = ("end_of_day", "customer_sync", "historical_end_of_day")
METADATA = "airflow"


class LocalAirflow:
    """A running Airflow: scheduler with its workers, DAG processor and API server. Made by `running`."""

    def __init__(self, layout: Layout, port: int, components: list[Component]) -> None:
        self.layout = layout
        self.address = f"http://{configuration.HOST}:{port}"
        self.components = components
        self.started = datetime.now(UTC)
        self.api = AirflowApi(self.address, configuration.USER, configuration.password(layout))

    def check(self) -> None:
        """Raise when a component has ended.

        Raises:
            CommerceError: with the last lines of its log.
        """
        for component in self.components:
            if component.ended():
                raise CommerceError(
                    f"Airflow's {component.name} ended. Its log is {component.log}; the last lines:\n"
                    f"{component.last_lines()}"
                )

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until runs can be started.

        Raises:
            CommerceError: it takes longer, a component has ended, or a DAG file cannot be read.
        """
        deadline = time.monotonic() + seconds
        while not self.api.ready(DAGS, self.started):
            self.check()
            if errors := self.api.import_errors(self.started):
                raise CommerceError("Airflow cannot read the DAG files:\n" + "\n".join(errors))
            if time.monotonic() > deadline:
                raise CommerceError(
                    f"Airflow is not ready after {seconds:.0f} seconds. Its logs are in {self.layout.logs}."
                )
            time.sleep(0.3)


def prepare(server: Server, layout: Layout) -> None:
    """Create or upgrade Airflow's metadata database on the embedded server; quick when there is nothing to do.

    Raises:
        CommerceError: the migration failed.
    """
    layout.airflow_home.mkdir(parents=True, exist_ok=True)
    server.ensure_database(METADATA)
    if _is_migrated(server, layout):
        return
    configuration.write_configuration(
        layout, metadata_url=server.url(METADATA, "psycopg2"), port=configuration.USUAL_PORT, parallelism=1
    )
    migration = processes.start(
        "db-migrate", ["db", "migrate"], environment=configuration.environment(layout, {}), logs=layout.component_logs
    )
    processes.record(layout.processes, [migration])
    if migration.process.wait() != 0:
        raise CommerceError(
            f"Airflow's metadata database could not be prepared. It ended with:\n{migration.last_lines()}"
        )
    layout.migrated.write_text(json.dumps(_state(server)))


@contextlib.contextmanager
def running(
    server: Server, home: Path, *, environment: dict[str, str], port: int | None = None, parallelism: int = 4
) -> Iterator[LocalAirflow]:
    """Airflow of `home`, started and ready, until the block is left in whatever way; then nothing of it runs any more.

    The caller is `guard.alone` in the home.

    Args:
        server: the running embedded server, for Airflow's metadata.
        home: ``COMMERCE_HOME``.
        environment: for Airflow's processes, beside this process's own.
        port: of the UI and the API; None: any free one.
        parallelism: tasks at a time; also the size of the pools.

    Raises:
        CommerceError: it does not start.
    """
    layout = Layout(home.absolute())
    prepare(server, layout)
    port = configuration.choose_port(port)
    configuration.write_configuration(
        layout, metadata_url=server.url(METADATA, "psycopg2"), port=port, parallelism=parallelism
    )
    airflow = LocalAirflow(layout, port, [])
    variables = configuration.environment(layout, environment)
    try:
        # The log server is left out: the UI reads the log files of this machine directly.
        for name, arguments in (("api-server", []), ("scheduler", ["--skip-serve-logs"]), ("dag-processor", [])):
            airflow.components.append(
                processes.start(name, [name, *arguments], environment=variables, logs=layout.component_logs)
            )
            processes.record(layout.processes, airflow.components)
        airflow.wait_ready()
        for name, description in DESCRIPTIONS.items():
            airflow.api.set_pool(name, parallelism, description)
        yield airflow
    finally:
        airflow.api.close()
        processes.stop(airflow.components)
        layout.processes.unlink(missing_ok=True)


def _is_migrated(server: Server, layout: Layout) -> bool:
    with contextlib.suppress(OSError, ValueError, psycopg.Error):
        return bool(json.loads(layout.migrated.read_text()) == _state(server))
    return False


def _state(server: Server) -> dict[str, str]:
    """Airflow's version and its database's revision: whatever of them was replaced, the next start migrates again."""
    with psycopg.connect(dbname=METADATA, user="postgres", host=str(server.socket_folder)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return {"airflow": importlib.metadata.version("apache-airflow-core"), "revision": row[0] if row else ""}
