"""What a task raises when a database refuses: tried again or not, and no data in its text."""

from __future__ import annotations

import traceback
from typing import Any

import adbc_driver_manager
import psycopg
import pytest
from airflow.sdk import RetryAction
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

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
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("commerce.run.run_step", refuse)
    monkeypatch.setattr("commerce_airflow.connections.headquarters", lambda: None)
    with pytest.raises(kind) as raised:
        tasks._run_step("upload", 1, ["S1"], {"params": {}}, ())  # type: ignore[typeddict-item]
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert RETRY_POLICY.evaluate(raised.value, 1, 3).action == action
