"""What a task raises, and which failures are tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule


class StoresFailed(Exception):
    """Some stores of a shard failed; the others are finished and committed. A retry works only on those that failed."""

    def __init__(self, step: str, stores: Sequence[str]) -> None:
        super().__init__(f"{step} failed for {', '.join(stores)}. The reasons are in this log; the other stores are finished.")


class RunNotOpened(Exception):
    """There is no run to work on, because open_run failed."""

    def __init__(self) -> None:
        super().__init__("The run was not opened: open_run failed, its log says why. Nothing was done.")


class RunFailed(Exception):
    """At least one store was not posted."""


# Anything else is the same at the second try: a wrong configuration, a broken rule, a mistake in the code. A killed worker raises
# nothing here; Airflow tries it again within the same number of retries.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[StoresFailed, "sqlalchemy.exc.OperationalError", "sqlalchemy.exc.InterfaceError", ConnectionError, TimeoutError],
            action=RetryAction.RETRY,
            reason="may be over soon (database or channel out of reach, deadlock)",
        )
    ],
    default=RetryAction.FAIL,
)

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "commerce",
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_policy": RETRY_POLICY,
}
