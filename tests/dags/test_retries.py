"""What is tried again, and after how long."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import RetryAction
from sqlalchemy.exc import IntegrityError, OperationalError

from commerce.errors import UsageError
from commerce_airflow.failures import StoresBlockedError, StoresFailedError

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parents[2] / "dags"


def test_only_what_may_pass_is_tried_again_and_closing_never_is(dag_bag: DagBag) -> None:
    for task in (task for dag in dag_bag.dags.values() for task in dag.tasks):
        assert task.retries == (0 if task.task_id == "close_run" else 2), task.task_id
        for error, action in (
            (OperationalError("", {}, Exception()), RetryAction.RETRY),
            (ConnectionRefusedError(), RetryAction.RETRY),
            (StoresFailedError("upload", ["OSLO"]), RetryAction.RETRY),
            (StoresBlockedError(["OSLO"]), RetryAction.FAIL),
            (UsageError("wrong"), RetryAction.FAIL),
            (IntegrityError("", {}, Exception()), RetryAction.FAIL),
            (AttributeError(), RetryAction.FAIL),
        ):
            assert task.retry_policy.evaluate(error, 1, 2).action == action, (task.task_id, error)


@pytest.mark.parametrize(("text", "seconds"), [("", 15), ("1", 1), ("3600", 3600)])
def test_the_environment_says_how_long_a_retry_waits(monkeypatch: pytest.MonkeyPatch, text: str, seconds: int) -> None:
    monkeypatch.setenv("COMMERCE_RETRY_SECONDS", text)
    dags = read_dags()
    assert dags.import_errors == {}
    delays = {task.retry_delay for dag in dags.dags.values() for task in dag.tasks}
    assert delays == {timedelta(seconds=seconds)}


@pytest.mark.parametrize("text", ["0", "3601", "-1", "1.5", "soon", "²"])
def test_a_wait_that_is_no_number_of_seconds_is_the_import_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COMMERCE_RETRY_SECONDS", text)
    dags = read_dags()
    assert not dags.dags
    assert len(dags.import_errors) == len(list(DAGS.glob("*.py")))
    for error in dags.import_errors.values():
        assert f"COMMERCE_RETRY_SECONDS is '{text}'; it must be a whole number from 1 to 3600." in error


def read_dags() -> DagBag:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))
