"""What every DAG of this project keeps to, and the shape of their graphs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk import DAG

from commerce.run import steps as library
from commerce_airflow import steps
from commerce_airflow.business_date import business_date
from commerce_airflow.conf import MODELS
from commerce_airflow.opening import requested
from commerce_airflow.pools import CHANNELS, HEADQUARTERS
from commerce_airflow.schedules import company_zone

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

PROJECT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
KINDS = {
    "end_of_day": "end_of_day",
    "customer_sync": "customer_sync",
    "historical_end_of_day": "historical",
    "trickle_feed": "trickle_feed",
}
ALLOWED_TAGS = {"commerce", "posting", "customers", "history"}
POSTING = ("end_of_day", "historical_end_of_day", "trickle_feed")


@pytest.fixture(params=sorted(KINDS))
def dag(request: pytest.FixtureRequest, dag_bag: DagBag) -> DAG:
    return dag_bag.dags[request.param]


def test_all_dags_load_and_nothing_else(dag_bag: DagBag) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == set(KINDS)


def test_dags_can_be_stored(dag: DAG) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert set(stored.task_ids) == set(dag.task_ids)


def test_operators_can_act_on_the_documentation(dag: DAG) -> None:
    text = dag.doc_md or ""
    assert "red" in text
    assert "close_run" in text


def test_tags_are_the_agreed_ones(dag: DAG) -> None:
    assert "commerce" in dag.tags
    assert set(dag.tags) <= ALLOWED_TAGS


def test_runs_do_not_overlap_and_nothing_is_caught_up(dag: DAG) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_the_form_and_the_model_know_the_same_keys(dag: DAG) -> None:
    assert set(dag.params) == set(MODELS[KINDS[dag.dag_id]].model_fields)


def test_every_step_of_the_library_is_a_task(dag: DAG) -> None:
    assert set(dag.task_ids) == {"open_run", "close_run", *library.names(KINDS[dag.dag_id])}


def test_the_steps_are_those_of_the_library() -> None:
    assert library.names("end_of_day") == steps.END_OF_DAY
    assert library.names("customer_sync") == steps.CUSTOMER_SYNC
    assert tuple(step.name for step in library.END_OF_DAY if step.skippable) == steps.SKIPPABLE


EDGES = {
    ("open_run", "upload"),
    ("upload", "synchronize_customers"),
    ("synchronize_customers", "distribute"),
    ("distribute", "synchronize_orders"),
    ("synchronize_orders", "bind_cash_and_carry"),
    ("bind_cash_and_carry", "distribute_late"),
    ("bind_cash_and_carry", "validate_transactions"),
    ("validate_transactions", "quality_gate"),
    ("quality_gate", "calculate_statements"),
    ("calculate_statements", "post_statements"),
    ("post_statements", "close_run"),
    ("distribute_late", "close_run"),
}


@pytest.mark.parametrize("dag_id", POSTING)
def test_the_graph_of_a_day(dag_bag: DagBag, dag_id: str) -> None:
    assert _edges(dag_bag.dags[dag_id]) == EDGES


def test_the_graph_of_a_customer_synchronization(dag_bag: DagBag) -> None:
    chain = ["open_run", "upload", "synchronize_customers", "distribute", *steps.CUSTOMER_SYNC[3:], "close_run"]
    assert _edges(dag_bag.dags["customer_sync"]) == set(pairwise(chain))


def test_shard_steps_are_mapped_over_the_shards_and_nothing_else_is(dag: DAG) -> None:
    """So a run has a fixed number of tasks, times the shards, which open_run bounds."""
    whole = {"open_run", "close_run", "synchronize_customers", "quality_gate", *steps.CUSTOMER_SYNC[3:]}
    for task in dag.tasks:
        group = task.get_closest_mapped_task_group()
        mapped = task.is_mapped or group is not None
        assert mapped == (task.task_id not in whole), task.task_id


def test_shards_are_named(dag: DAG) -> None:
    for task in dag.tasks:
        if "shard" in _arguments(task):
            assert task.map_index_template == "{{ shard_name }}", task.task_id


def test_steps_run_whatever_became_of_those_before(dag: DAG) -> None:
    """They read outcomes from headquarters; only the first one needs an opened run to be mapped at all."""
    for task in dag.tasks:
        expected = "all_success" if task.task_id in ("open_run", "upload") else "all_done"
        assert task.trigger_rule.value == expected, task.task_id


def test_pools_bound_the_load_on_each_kind_of_database(dag: DAG) -> None:
    channel_steps = {"upload", "distribute", "distribute_late"}
    for task in dag.tasks:
        assert task.pool == (CHANNELS if task.task_id in channel_steps else HEADQUARTERS), task.task_id


def test_history_lets_the_other_dags_go_first(dag_bag: DagBag) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    weights: dict[str, set[int]] = {}
    for name, dag in dag_bag.dags.items():
        tasks = DagSerialization.from_dict(DagSerialization.to_dict(dag)).tasks
        weights[name] = {task.weight_rule.get_weight(SimpleNamespace(task=task)) for task in tasks}
    assert weights.pop("historical_end_of_day") == {0}
    assert min(min(others) for others in weights.values()) == 1


def test_assets_tell_what_changed(dag: DAG) -> None:
    outlets = {task.task_id: {asset.name for asset in task.outlets} for task in dag.tasks if task.outlets}
    expected = {"upload": {"commerce_uploaded"}, "synchronize_customers": {"commerce_customers"}}
    if dag.dag_id in POSTING:
        expected["post_statements"] = {"commerce_statements"}
    assert outlets == expected


def test_history_starts_only_by_backfill(dag_bag: DagBag) -> None:
    from airflow.timetables.base import TimeRestriction

    from commerce_airflow.timetables import BackfillOnlyTimetable

    historical = dag_bag.dags["historical_end_of_day"]
    assert isinstance(historical.timetable, BackfillOnlyTimetable)
    assert {kind.value for kind in historical.allowed_run_types} == {"scheduled", "backfill"}
    days = []
    for catchup in (False, True):
        restriction = TimeRestriction(earliest=historical.start_date, latest=None, catchup=catchup)
        days.append(historical.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction))
    assert days[0] is None
    assert days[1] is not None
    assert days[1].data_interval.start.isoformat() == "2000-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("runs", "first", "last", "expected"),
    [
        ("day", "2025-02-27", "2025-03-01", ["02-27 00:00", "02-28 00:00", "03-01 00:00"]),
        ("month", "2025-02-01", "2025-03-31", ["02-01 00:28", "03-01 00:31"]),
        ("month", "2025-01-15", "2025-03-02", ["01-15 00:17", "02-01 00:28", "03-01 00:02"]),
        ("month", "2025-01-31", "2025-02-01", ["01-31 00:00", "02-01 00:00"]),
        ("month", "2025-02-03", "2025-02-20", ["02-03 00:18"]),
    ],
)
def test_a_backfill_works_just_the_days_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, runs: str, first: str, last: str, expected: list[str]
) -> None:
    """And no two runs of other days begin at the same moment: Airflow would leave the second one out."""
    from airflow.serialization.serialized_objects import DagSerialization

    from commerce_airflow import schedules

    monkeypatch.setenv("COMMERCE_HISTORY_RUNS", runs)
    with DAG("history", schedule=schedules.history(), start_date=schedules.HISTORY_START, catchup=False) as dag:
        pass
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    asked = [datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (first, last)]
    begun, end = [], asked[0]
    for run in stored.iter_dagrun_infos_between(*asked):
        assert run.data_interval.start.date() == end.date()
        end = run.data_interval.end
        request = requested("historical", "UTC", {"stores": ["OSLO"]}, run.data_interval.start, end)
        assert request.business_date == end.date() - timedelta(days=1)
        days = (request.business_date - (request.first_date or request.business_date)).days + 1
        assert run.logical_date.minute == (days if days > 1 else 0)
        assert run.run_after == run.logical_date
        begun.append(f"{run.logical_date:%m-%d %H:%M}")
    assert begun == expected
    assert end == asked[1] + timedelta(days=1)


def test_a_run_of_history_works_days_or_months_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from commerce_airflow import schedules

    monkeypatch.setenv("COMMERCE_HISTORY_RUNS", "week")
    with pytest.raises(ValueError, match="must be day or month"):
        schedules.history()


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_wiring(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 150
    code = ast.parse(text)
    words = {
        node.value.lower() for node in ast.walk(code) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not any(word.startswith(("select ", "insert ", "update ", "delete ")) for word in words)
    assert not any(isinstance(node, (ast.For, ast.While, ast.If, ast.Try)) for node in ast.walk(code))


@pytest.mark.parametrize(
    "path", [*DAG_FILES, *sorted((PROJECT / "include/commerce_airflow").glob("*.py"))], ids=lambda path: path.name
)
def test_task_code_keeps_off_the_metadata_database(path: Path) -> None:
    """Workers forbid it, `dag.test()` does not: so it is held here."""
    assert _forbidden_imports(path.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "import airflow",
        "import airflow.models",
        "from airflow import models",
        "from airflow import settings as s",
        "from airflow.models import DagRun",
        "from airflow.utils.session import create_session",
        "from airflow.configuration import conf",
    ],
)
def test_the_metadata_database_is_recognized(code: str) -> None:
    assert _forbidden_imports(code)


def _forbidden_imports(code: str) -> list[str]:
    """Modules of Airflow that are none of its public ones for tasks; plain `airflow` leads to all of them."""
    found = []
    for node in ast.walk(ast.parse(code)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        found += [module for module in modules if _is_airflows(module) and not module.startswith(ALLOWED_AIRFLOW)]
    return found


def _is_airflows(module: str) -> bool:
    return module == "airflow" or module.startswith("airflow.")


ALLOWED_AIRFLOW = ("airflow.sdk", "airflow.providers.standard", "airflow.timetables")


class FakeTask:
    """A task instance that keeps XComs in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        assert task_ids == "open_run"
        return self.values.get(key)


def test_a_dry_run_is_skipped_only_where_its_plan_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from commerce_airflow import opening, tasks
    from commerce_airflow.failures import RunNotOpenedError

    def failing(*_: Any) -> opening.Opened:
        raise ValueError("no such store")

    context = {"ti": FakeTask(), "params": {"dry_run": True}}
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    monkeypatch.setattr(opening, "open_or_plan", failing)
    with pytest.raises(ValueError, match="no such store"):
        tasks.open_run.function("end_of_day", "UTC")
    with pytest.raises(RunNotOpenedError):
        tasks.close_run.function()

    monkeypatch.setattr(opening, "open_or_plan", lambda *_: opening.Opened(None, []))
    tasks.open_run.function("end_of_day", "UTC")
    with pytest.raises(AirflowSkipException):
        tasks.close_run.function()


def test_reading_the_dags_loads_no_heavy_library() -> None:
    """The DAG processor reads them again and again; what tasks need is loaded by tasks."""
    code = (
        "import sys\n"
        "from airflow.sdk import dag\n"
        "import sqlalchemy\n"
        "before = set(sys.modules)\n"
        "for path in sys.argv[1:]:\n"
        "    exec(compile(open(path).read(), path, 'exec'), {'__name__': 'dags', '__doc__': ''})\n"
        "heavy = {'pandas', 'pyarrow', 'great_expectations', 'duckdb', 'adbc_driver_postgresql', 'commerce.run'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    command = [sys.executable, "-c", code, *map(str, DAG_FILES)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "include")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()[-1]
    assert said == "[]"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("COMMERCE_TIME_ZONE", "Oslo", "no time zone"), ("COMMERCE_DAILY_FROM", "soon", "no date")],
)
def test_wrong_environment_is_the_import_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv(name, value)
    bag = DagBag(str(PROJECT / "dags" / "end_of_day.py"))
    assert message in "".join(bag.import_errors.values())
    assert name in "".join(bag.import_errors.values())


def test_the_daily_schedule_counts_days_in_the_companys_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    monkeypatch.setenv("COMMERCE_TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("COMMERCE_DAILY_FROM", "2026-03-01")
    dag = DagBag(str(PROJECT / "dags" / "end_of_day.py")).dags["end_of_day"]
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    start = first.data_interval.start
    assert start.isoformat() == "2026-02-28T19:00:00+00:00"  # 04:00 in Tokyo, on another date in UTC
    assert business_date(None, start, ZoneInfo(company_zone())) == date(2026, 3, 1)


def _edges(dag: DAG) -> set[tuple[str, str]]:
    """The edges that people see: the one from open_run to each mapped task only carries the list of shards."""
    return {
        (upstream, task.task_id)
        for task in dag.tasks
        for upstream in task.upstream_task_ids
        if upstream != "open_run" or task.task_id == "upload"
    }


def _arguments(task: Any) -> set[str]:
    if task.is_mapped:
        return set(task.op_kwargs_expand_input.value)
    return set(task.op_kwargs) | ({"shard"} if task.get_closest_mapped_task_group() else set())
