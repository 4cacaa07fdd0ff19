"""What an end-to-end test works with: its own headquarters and stores, and the Airflow that all of them share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import demo
from commerce.reconcile import reconcile
from commerce.verify import verify
from commerce_airflow.local.airflow import LocalAirflow

ZONE = "Asia/Tokyo"
"""The company's: its four o'clock in the morning is always on another date in UTC."""
STUCK = 150
"""Seconds without any change after which a run is not waited for any longer."""


@dataclass(frozen=True)
class Installation:
    """A test's headquarters with its stores, on which Airflow works."""

    hq: Engine
    made: demo.DemoResult
    airflow: LocalAirflow

    def run(self, conf: dict[str, Any], dag: str = "end_of_day") -> tuple[str, dict[str, Any] | None]:
        """Trigger a run as the form does, wait; the run's state in Airflow, and its summary."""
        run_id = self.airflow.api.trigger(dag, conf)
        return self.wait(dag, run_id), self.summary(dag, run_id)

    def wait(self, dag: str, run_id: str) -> str:
        """Wait for the run's end; returns its state in Airflow.

        Raises:
            AssertionError: for a while no task has changed its state; with all states, and the logs of the red tasks.
        """
        known: list[tuple[str, int, str | None]] = []
        since = time.monotonic()

        def look() -> None:
            nonlocal known, since
            self.airflow.check()
            if (states := self.airflow.api.task_states(dag, run_id)) != known:
                known, since = states, time.monotonic()
            assert time.monotonic() - since < STUCK, self._told(dag, run_id, known)

        return self.airflow.api.wait(dag, run_id, seconds=600, tick=look)

    def _told(self, dag: str, run_id: str, states: list[tuple[str, int, str | None]]) -> str:
        lines = [f"nothing has changed in {dag} for {STUCK} seconds:"]
        lines += [f"  {task} {index if index >= 0 else ''}: {state}" for task, index, state in states]
        for task in sorted({task for task, _, state in states if state in ("failed", "up_for_retry")}):
            lines += [f"--- {task}", self.log(dag, run_id, task)]
        return "\n".join(lines)

    def assert_clean(self, stores: Sequence[str] | None = None) -> None:
        """The rules that always hold do, and each cent of `stores` (None: of all) is where the channel says it is."""
        assert verify(self.hq) == []
        result = reconcile(self.hq, stores=stores)
        assert not result.unreadable
        assert result.differences == ()

    def summary(self, dag: str, run_id: str) -> dict[str, Any] | None:
        """What `close_run` wrote."""
        with self.hq.connect() as connection:
            query = sa.text("SELECT summary FROM cdx.run WHERE key = :key")
            return connection.execute(query, {"key": f"{dag}/{run_id}"}).scalar_one_or_none()

    def states(self, summary: dict[str, Any] | None) -> dict[str, str]:
        assert summary is not None
        return {store["store"]: store["state"] for store in summary["stores"]}

    def log(self, dag: str, run_id: str, task: str) -> str:
        """All tries of a task, of all its shards."""
        folder = self.airflow.layout.logs / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}"
        return "\n".join(path.read_text() for path in sorted(folder.glob("**/attempt=*.log")))


Install = Callable[..., Installation]
