"""What a task raises, and which failures are tried again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

DEFAULT_RETRY_SECONDS = 15
LONGEST_RETRY_SECONDS = 3600
_PASSING_STATES = ("40001", "40P01", "08", "57P")
"""SQLSTATEs that pass: serialization failure, deadlock, connection lost, server stopping or starting."""


class StoresFailedError(Exception):
    """Some stores of a shard failed; the others are finished and committed. A retry works only on those that failed."""

    def __init__(self, step: str, stores: Sequence[str]) -> None:
        super().__init__(
            f"{step} failed for {', '.join(stores)}. The reasons are in this log; the other stores are finished."
        )


class StoresBlockedError(Exception):
    """The gate lets these stores not be posted; a retry would find the same."""

    def __init__(self, stores: Sequence[str]) -> None:
        super().__init__(
            f"Not posted: {', '.join(stores)}. They refer to customers or addresses that are not synchronized; rule, "
            "count and amount are in this log. The other stores go on."
        )


class DatabaseRefusedError(Exception):
    """A database refused, and would refuse again. Takes a description without data, not the error's own text."""

    def __init__(self, step: str, described: str) -> None:
        super().__init__(f"{step}: the database refused ({described}). Its own log has the details.")


class DatabaseUnavailableError(Exception):
    """A database was out of reach or could not serialize; the next try may succeed."""

    def __init__(self, step: str, described: str) -> None:
        super().__init__(f"{step}: the database is out of reach or busy ({described}). It is tried again.")


def without_data(step: str, error: Exception) -> DatabaseRefusedError | DatabaseUnavailableError:
    """What to raise in place of a database error, whose text quotes values (PostgreSQL's ``DETAIL``) and would stand
    in the task's log."""
    from commerce.database import describe_error, sqlstate

    state = sqlstate(error)
    original = getattr(error, "orig", None) or error
    unavailable = (
        state.startswith(_PASSING_STATES)
        if state
        else type(original).__name__ in ("OperationalError", "InterfaceError")
    )
    kind = DatabaseUnavailableError if unavailable else DatabaseRefusedError
    return kind(step, describe_error(error))


@contextmanager
def without_database_text(step: str) -> Iterator[None]:
    """Inside, a database error becomes what `without_data` makes of it: every task body that reaches a database runs
    in one.

    Raises:
        DatabaseRefusedError, DatabaseUnavailableError: a database error was raised inside.
    """
    from adbc_driver_manager import Error as ChannelError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ChannelError) as error:
        raise without_data(step, error) from None


class RunNotOpenedError(Exception):
    """There is no run to work on, because open_run failed."""

    def __init__(self) -> None:
        super().__init__("The run was not opened: open_run failed, its log says why. Nothing was done.")


class RunFailedError(Exception):
    """At least one store failed or is blocked. Takes the run's summary."""

    def __init__(self, run: int, summary: Mapping[str, Any]) -> None:
        stores = [
            f"{store['store']} ({store['state']})"
            for store in summary["stores"]
            if store["state"] in ("failed", "blocked")
        ]
        super().__init__(
            f"Run {run}: {', '.join(stores) or 'not all is done'}. The summary in this log has the reasons."
        )


# Anything else is the same at the second try: a wrong configuration, a broken rule, a mistake in the code. A killed
# worker raises nothing here; Airflow tries it again within the same number of retries.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                StoresFailedError,
                DatabaseUnavailableError,
                "sqlalchemy.exc.OperationalError",
                "sqlalchemy.exc.InterfaceError",
                ConnectionError,
                TimeoutError,
            ],
            action=RetryAction.RETRY,
            reason="may be over soon (database or channel out of reach, deadlock)",
        )
    ],
    default=RetryAction.FAIL,
)

LAST_IN_LINE: dict[str, Any] = {"priority_weight": 0, "weight_rule": "absolute"}
"""Tasks that let those of all other DAGs, which weigh 1 or more, go first where the places of a pool are taken."""


def task_defaults() -> dict[str, Any]:
    """What the tasks of every DAG have in common.

    Raises:
        ValueError: ``COMMERCE_RETRY_SECONDS`` is no number of seconds; Airflow shows it as the DAG's import error.
    """
    return {"owner": "commerce", "retries": 2, "retry_delay": _retry_delay(), "retry_policy": RETRY_POLICY}


def _retry_delay() -> timedelta:
    text = os.environ.get("COMMERCE_RETRY_SECONDS") or str(DEFAULT_RETRY_SECONDS)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST_RETRY_SECONDS):
        raise ValueError(
            f"COMMERCE_RETRY_SECONDS is '{text}'; it must be a whole number from 1 to {LONGEST_RETRY_SECONDS}."
        )
    return timedelta(seconds=int(text))
