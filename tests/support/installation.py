"""What an end-to-end test works with: its own headquarters and stores, and the Airflow that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import demo
from commerce_airflow.local.airflow import LocalAirflow

ZONE = "Asia/Tokyo"
"""The company's: its four o'clock in the morning is always on another date in UTC."""


@dataclass(frozen=True)
class Installation:
    """A test's headquarters with its stores, on which Airflow works."""

    hq: Engine
    made: demo.DemoResult
    airflow: LocalAirflow

    def run(self, conf: dict[str, Any], dag: str = "end_of_day") -> tuple[str, dict[str, Any] | None]:
        """Trigger a run as the form does, wait; the run's state in Airflow, and its summary."""
        run_id = self.airflow.api.trigger(dag, conf)
        state = self.airflow.api.wait(dag, run_id, seconds=600)
        return state, self.summary(dag, run_id)

    def summary(self, dag: str, run_id: str) -> dict[str, Any] | None:
        """What `close_run` wrote."""
        with self.hq.connect() as connection:
            query = sa.text("SELECT summary FROM cdx.run WHERE key = :key")
            return connection.execute(query, {"key": f"{dag}/{run_id}"}).scalar_one_or_none()

    def states(self, summary: dict[str, Any] | None) -> dict[str, str]:
        assert summary is not None
        return {store["store"]: store["state"] for store in summary["stores"]}

    def log(self, dag: str, run_id: str, task: str) -> str:
        """All tries of a task that is not mapped."""
        folder = self.airflow.layout.logs / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}"
        return "\n".join(path.read_text() for path in sorted(folder.glob("attempt=*.log")))


Install = Callable[..., Installation]
