"""The local Airflow's configuration, processes and connections, without starting Airflow."""

from __future__ import annotations

import configparser
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from commerce.errors import CommerceError
from commerce_airflow.local import configuration, processes
from commerce_airflow.local.configuration import Layout
from commerce_airflow.local.processes import Component

TREE = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)  # as a task has
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path)
    found.airflow_home.mkdir()
    return found


def a_component(tmp_path: Path) -> tuple[Component, int]:
    """A process in a session of its own, with a child in a process group of its own; and the child's id."""
    log = tmp_path / "component.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", TREE], stdout=output, start_new_session=True)
    while not log.read_text():
        time.sleep(0.02)
    return Component("component", process, log), int(log.read_text())


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_configuration_file_is_complete_and_private(layout: Layout) -> None:
    configuration.write_configuration(
        layout, metadata_url="postgresql+psycopg2://x/airflow?host=%2Fa", port=1234, parallelism=3
    )
    assert stat.S_IMODE(layout.config.stat().st_mode) == 0o600
    parser = configparser.ConfigParser()
    parser.read(layout.config)
    assert parser["database"]["sql_alchemy_conn"] == "postgresql+psycopg2://x/airflow?host=%2Fa"
    assert parser["api"]["port"] == "1234"
    assert parser["api"]["base_url"] == "http://127.0.0.1:1234"
    assert parser["core"]["load_examples"] == "False"
    assert Path(parser["core"]["dags_folder"], "end_of_day.py").is_file()


def test_keys_and_password_stay_the_same(layout: Layout) -> None:
    texts = []
    for port in (1, 2):
        configuration.write_configuration(layout, metadata_url="", port=port, parallelism=1)
        parser = configparser.ConfigParser()
        parser.read(layout.config)
        texts.append((parser["core"]["fernet_key"], parser["api_auth"]["jwt_secret"], configuration.password(layout)))
    assert texts[0] == texts[1]
    assert stat.S_IMODE(layout.passwords.stat().st_mode) == 0o600
    assert json.loads(layout.passwords.read_text()) == {"admin": texts[0][2]}


def test_settings_of_another_airflow_do_not_reach_this_one(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("AIRFLOW_CONFIG", "/elsewhere/airflow.cfg")
    variables = configuration.environment(layout, {"COMMERCE_STORES": "OSLO"})
    assert "AIRFLOW__CORE__EXECUTOR" not in variables
    assert "AIRFLOW_CONFIG" not in variables
    assert variables["AIRFLOW_HOME"] == str(layout.airflow_home)
    assert variables["COMMERCE_STORES"] == "OSLO"


def test_a_taken_port_is_refused_or_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((configuration.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommerceError, match=f"Port {port} is taken"):
            configuration.choose_port(port)
        monkeypatch.setattr(configuration, "USUAL_PORT", port)
        assert configuration.usual_port() not in (port, 0)


def test_stopping_takes_the_whole_session(tmp_path: Path) -> None:
    component, child = a_component(tmp_path)
    processes.stop([component], wait_seconds=5)
    assert component.ended()
    assert not alive(child)


def test_what_a_killed_start_left_is_stopped_by_the_next(tmp_path: Path) -> None:
    component, child = a_component(tmp_path)
    record = tmp_path / "processes.json"
    processes.record(record, [component])
    os.kill(component.process.pid, signal.SIGKILL)
    component.process.wait()
    assert alive(child)
    processes.stop_leftovers(record)
    assert not alive(child)
    assert not record.exists()


def test_another_process_with_a_recorded_id_is_let_alone(tmp_path: Path) -> None:
    component, child = a_component(tmp_path)
    try:
        record = tmp_path / "processes.json"
        record.write_text(json.dumps([{"pid": component.process.pid, "started": 1.0}]))
        processes.stop_leftovers(record)
        assert not component.ended()
        assert alive(child)
    finally:
        processes.stop([component], wait_seconds=1)
