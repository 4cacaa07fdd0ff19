"""What a task raises when a database refuses: tried again or not, and no data in its text."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, ClassVar

import adbc_driver_manager
import psycopg
import pytest
from airflow.sdk import RetryAction
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, StatementError

from commerce_airflow import tasks
from commerce_airflow.failures import RETRY_POLICY, DatabaseRefusedError, DatabaseUnavailableError

SECRET = "Kari Nordmann"
PARAMETERS = {"name": SECRET}


def adbc(state: str) -> Exception:
    status = adbc_driver_manager.AdbcStatusCode.IO
    return adbc_driver_manager.OperationalError(SECRET, status_code=status, sqlstate=state)


@pytest.mark.parametrize(
    ("error", "kind", "action"),
    [
        (
            IntegrityError("INSERT", PARAMETERS, psycopg.errors.UniqueViolation(SECRET)),
            DatabaseRefusedError,
            RetryAction.FAIL,
        ),
        (
            DataError("INSERT", PARAMETERS, psycopg.errors.InvalidTextRepresentation(SECRET)),
            DatabaseRefusedError,
            RetryAction.FAIL,
        ),
        (
            OperationalError("UPDATE", PARAMETERS, psycopg.errors.DeadlockDetected(SECRET)),
            DatabaseUnavailableError,
            RetryAction.RETRY,
        ),
        (
            OperationalError("UPDATE", PARAMETERS, psycopg.errors.AdminShutdown(SECRET)),
            DatabaseUnavailableError,
            RetryAction.RETRY,
        ),
        (
            OperationalError("UPDATE", PARAMETERS, psycopg.OperationalError(SECRET)),
            DatabaseUnavailableError,
            RetryAction.RETRY,
        ),
        (adbc("08006"), DatabaseUnavailableError, RetryAction.RETRY),
        (adbc("22001"), DatabaseRefusedError, RetryAction.FAIL),
    ],
)
def test_a_database_error_reaches_the_log_without_its_data(
    error: Exception, kind: type[Exception], action: RetryAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commerce.run.run_step", _raising(error))
    monkeypatch.setattr("commerce_airflow.connections.headquarters", lambda: None)
    with pytest.raises(kind) as raised:
        tasks._run_step("upload", 1, ["S1"], {"params": {}}, ())  # type: ignore[typeddict-item]
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert RETRY_POLICY.evaluate(raised.value, 1, 3).action == action


class _TaskInstance:
    def xcom_pull(self, **_: str) -> int:
        return 7


class _DagRun:
    conf: ClassVar[dict[str, Any]] = {"business_date": "2026-03-02"}
    dag_id, run_id, data_interval_start, data_interval_end = "end_of_day", "manual", None, None


CONTEXT = {"params": {}, "ti": _TaskInstance(), "dag_run": _DagRun()}
WRONG = StatementError("Bad value", "SELECT", PARAMETERS, ValueError(SECRET))


@pytest.mark.parametrize("error", [IntegrityError("INSERT", PARAMETERS, psycopg.errors.UniqueViolation(SECRET)), WRONG])
@pytest.mark.parametrize(
    ("task", "arguments", "job"),
    [
        (tasks.open_run, ("end_of_day", "UTC"), "commerce.run.open_run"),
        (tasks.close_run, (), "commerce.run.close_run"),
        (tasks.close_run, (), "commerce_airflow.connections.headquarters"),
    ],
)
def test_so_does_one_of_the_tasks_that_open_and_close_a_run(
    task: Any, arguments: tuple[str, ...], job: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commerce_airflow.connections.headquarters", lambda: None)
    monkeypatch.setattr("commerce_airflow.tasks.get_current_context", lambda: CONTEXT)
    monkeypatch.setattr(job, _raising(error))
    with pytest.raises(DatabaseRefusedError) as raised:
        task.function(*arguments)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def _raising(error: Exception) -> Callable[..., None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    return refuse
