"""`make demo`: every demo day through Airflow's scheduler, and a table of what became of each store."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from commerce.cli.tables import run_summary_table
from commerce.errors import CommerceError
from commerce_airflow.local import together
from commerce_airflow.local.airflow import LocalAirflow
from commerce_airflow.local.combining import all_posted, combined, of_day
from commerce_airflow.local.screen import Step, console, step
from commerce_airflow.local.together import DemoOptions

DAG = "end_of_day"
SUMMARIES = text("""
    SELECT summary FROM cdx.run
    WHERE kind = 'end_of_day' AND businessdate = :day AND closed IS NOT NULL ORDER BY closed
""")


def run(home: Path, options: DemoOptions, port: int | None) -> int:
    """Run the demo; return the exit code: 0 only if every store is posted.

    Days that an earlier demo finished are not run again, except the last one where all are finished.
    """
    with together.stopped_by_signals(), together.embedded_server(home) as server:
        hq, made = together.build(server, home, options)
        days = made.business_dates
        unfinished = [day for day in days if not all_posted(_so_far(hq, day), made.stores)]
        with together.demo_airflow(server, home, made, port) as airflow:
            airflow.api.unpause(DAG)
            for day in unfinished or days[-1:]:
                _end_of_day(airflow, day)
        total = combined([_so_far(hq, day) for day in days])
        hq.dispose()
    console.print()
    console.print(run_summary_table(total))
    console.print(
        "\nWhat the notes mean, and how to mend it: docs/runbooks. The runs in Airflow: make up. "
        "Remove everything again: make clean."
    )
    return 0 if all_posted(total, made.stores) and not total["problems"] else 1


def _end_of_day(airflow: LocalAirflow, day: date) -> None:
    """Start a run as the form in the UI does, and wait for its end."""
    with step(f"End of day {day}, in Airflow") as progress:
        run_id = airflow.api.trigger(DAG, {"business_date": day.isoformat()})
        airflow.api.wait(DAG, run_id, tick=lambda: _watch(airflow, run_id, progress))
    states = {task: state for task, _, state in airflow.api.task_states(DAG, run_id)}
    if states["open_run"] != "success":
        raise CommerceError(
            f"The run for {day} was not opened. Look at it with `make up`; the logs are in {airflow.layout.logs}."
        )


def _watch(airflow: LocalAirflow, run_id: str, progress: Step) -> None:
    airflow.check()
    if console.is_terminal:
        states = airflow.api.task_states(DAG, run_id)
        done = sum(state in ("success", "failed", "skipped", "upstream_failed") for _, _, state in states)
        working = sorted({task for task, _, state in states if state == "running"})
        progress(", ".join(working) or "waiting", done, len(states))


def _so_far(hq: Engine, day: date) -> dict[str, Any]:
    """What all runs of a day have done, from headquarters."""
    with hq.connect() as connection:
        return of_day(day.isoformat(), list(connection.execute(SUMMARIES, {"day": day}).scalars()))
