"""The folder and the configuration file of the local Airflow."""

from __future__ import annotations

import base64
import configparser
import contextlib
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from commerce.errors import CommerceError, UsageError

USER = "admin"
USUAL_PORT = 8080
HOST = "127.0.0.1"
PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Layout:
    """Where the local Airflow keeps its files: ``AIRFLOW_HOME`` is a folder of ``COMMERCE_HOME``."""

    home: Path

    @property
    def airflow_home(self) -> Path:
        return self.home / "airflow"

    @property
    def config(self) -> Path:
        return self.airflow_home / "airflow.cfg"

    @property
    def passwords(self) -> Path:
        return self.airflow_home / "passwords.json"

    @property
    def keys(self) -> Path:
        return self.airflow_home / "keys.json"

    @property
    def migrated(self) -> Path:
        return self.airflow_home / "metadata.json"

    @property
    def processes(self) -> Path:
        return self.airflow_home / "processes.json"

    @property
    def lock(self) -> Path:
        return self.airflow_home / "local.lock"

    @property
    def guard_lock(self) -> Path:
        return self.airflow_home / "guard.lock"

    @property
    def logs(self) -> Path:
        return self.airflow_home / "logs"

    @property
    def component_logs(self) -> Path:
        return self.logs / "components"


def project_folder(name: str) -> Path:
    """`dags` or `plugins` of this checkout.

    Raises:
        UsageError: the package is installed without its checkout.
    """
    folder = PROJECT / name
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is missing: the local Airflow runs from a checkout. Clone the project and install it with "
            "'pip install -e .'."
        )
    return folder


def choose_port(wanted: int | None) -> int:
    """`wanted` if nobody listens there; without a wish any free port.

    Raises:
        CommerceError: the wanted port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError:
            raise CommerceError(
                f"Port {wanted} is taken. Stop what listens there, or choose another with --port."
            ) from None
        return int(probe.getsockname()[1])


def usual_port() -> int:
    """Where people look for Airflow, 8080, or any free port when that is taken."""
    with contextlib.suppress(CommerceError):
        return choose_port(USUAL_PORT)
    return choose_port(None)


def password(layout: Layout) -> str:
    """The password of the user `admin`; made at the first start, then the same."""
    if not layout.passwords.exists():
        _write_private(layout.passwords, json.dumps({USER: secrets.token_urlsafe(12)}))
    return str(json.loads(layout.passwords.read_text())[USER])


def write_configuration(layout: Layout, *, metadata_url: str, port: int, parallelism: int) -> None:
    """Write ``airflow.cfg``, so that `AIRFLOW_HOME=... airflow ...` in another terminal works with the same Airflow.

    `metadata_url` is the metadata database for psycopg2. Keys are made once: components that each made their own
    would refuse one another.
    """
    sections = _sections(layout, metadata_url, port, parallelism, _keys(layout))
    parser = configparser.ConfigParser(interpolation=None)
    # Airflow interpolates values: a percent sign (of a quoted URL) is doubled.
    parser.read_dict(
        {
            name: {key: str(value).replace("%", "%%") for key, value in options.items()}
            for name, options in sections.items()
        }
    )
    with contextlib.suppress(FileNotFoundError):
        layout.config.unlink()
    with os.fdopen(os.open(layout.config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Written at each start by `python -m commerce_airflow.local`; changes are lost.\n")
        parser.write(file)


def _keys(layout: Layout) -> dict[str, str]:
    """Made at the first start, then the same."""
    if not layout.keys.exists():
        sizes = {"fernet": 32, "session": 32, "jwt": 64}  # SHA-512 warns of a shorter one at each start
        keys = {name: base64.urlsafe_b64encode(os.urandom(size)).decode() for name, size in sizes.items()}
        _write_private(layout.keys, json.dumps(keys))
    kept: dict[str, str] = json.loads(layout.keys.read_text())
    return kept


def _sections(
    layout: Layout, metadata_url: str, port: int, parallelism: int, keys: dict[str, str]
) -> dict[str, dict[str, object]]:
    return {
        "core": {
            "dags_folder": project_folder("dags"),
            "plugins_folder": project_folder("plugins"),
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": parallelism,
            "max_active_tasks_per_dag": parallelism,
            "fernet_key": keys["fernet"],
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": layout.passwords,
        },
        "database": {"sql_alchemy_conn": metadata_url, "sql_alchemy_pool_size": 3, "sql_alchemy_max_overflow": 7},
        # The address of the execution API, through which tasks talk to Airflow, derives from base_url.
        "api": {"host": HOST, "port": port, "base_url": f"http://{HOST}:{port}", "secret_key": keys["session"]},
        "api_auth": {"jwt_secret": keys["jwt"]},
        # One machine, few tasks: look for work often, notice a killed task in seconds.
        "scheduler": {
            "scheduler_idle_sleep_time": 0.2,
            "task_instance_heartbeat_sec": 5,
            "task_instance_heartbeat_timeout": 20,
            "task_instance_heartbeat_timeout_detection_interval": 5,
            "mp_start_method": "forkserver",
            "mp_forkserver_preload": "commerce_airflow.local.preload",
        },
        # The process that watches a task may miss the task's end and look again only after this many seconds.
        "workers": {"min_heartbeat_interval": 1},
        "dag_processor": {"parsing_processes": 1},
        "logging": {"base_log_folder": layout.logs, "colored_console_log": False},
        "usage_data_collection": {"enabled": False},
    }


def environment(layout: Layout, extra: dict[str, str]) -> dict[str, str]:
    """The environment of Airflow's processes: this one's, without settings that would override the file."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIRFLOW__") and name not in ("AIRFLOW_CONFIG", "AIRFLOW_HOME")
    }
    return (
        kept
        | {
            "AIRFLOW_HOME": str(layout.airflow_home),
            "COMMERCE_HOME": str(layout.home),
            "GX_ANALYTICS_ENABLED": "false",
            "PYTHONUNBUFFERED": "1",
        }
        | extra
    )


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
