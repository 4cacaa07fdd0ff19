"""`make demo`: every demo day through Airflow's scheduler, and a table of what became of each store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from commerce.cli.tables import run_summary_table
from commerce.errors import CommerceError
from commerce_airflow.local import together
from commerce_airflow.local.airflow import LocalAirflow
from commerce_airflow.local.screen import Step, console, step
from commerce_airflow.local.together import DemoOptions

DAG = "end_of_day"
SUMMARY = text("SELECT summary FROM cdx.run WHERE key = :key AND closed IS NOT NULL")


def run(home: Path, options: DemoOptions, port: int | None) -> int:
    """Run the demo; return the exit code: 0 only if every store is posted."""
    with together.stopped_by_signals(), together.embedded_server(home) as server:
        hq, made = together.build(server, home, options)
        with together.demo_airflow(server, home, made, port) as airflow:
            airflow.api.unpause(DAG)
            summaries = [_end_of_day(airflow, hq, day) for day in made.business_dates]
        hq.dispose()
    total = combined(summaries)
    console.print()
    console.print(run_summary_table(total))
    return 0 if all(summary["ok"] for summary in summaries) and all_posted(total) else 1


def _end_of_day(airflow: LocalAirflow, hq: Engine, day: date) -> dict[str, Any]:
    """Start a run as the form in the UI does, wait for its end, and fetch its summary from headquarters."""
    with step(f"End of day {day}, in Airflow") as progress:
        run_id = airflow.api.trigger(DAG, {"business_date": day.isoformat()})
        airflow.api.wait(DAG, run_id, tick=lambda: _watch(airflow, run_id, progress))
    with hq.connect() as connection:
        summary = connection.execute(SUMMARY, {"key": f"{DAG}/{run_id}"}).scalar_one_or_none()
    if summary is None:
        raise CommerceError(
            f"The run for {day} did not come to its end. Look at it with `make up`; "
            f"the logs are in {airflow.layout.logs}."
        )
    return dict(summary)


def _watch(airflow: LocalAirflow, run_id: str, progress: Step) -> None:
    airflow.check()
    if console.is_terminal:
        states = airflow.api.task_states(DAG, run_id)
        done = sum(state in ("success", "failed", "skipped", "upstream_failed") for _, _, state in states)
        working = sorted({task for task, _, state in states if state == "running"})
        progress(", ".join(working) or "waiting", done, len(states))


def combined(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The summaries of several days as one: counts and amounts added, each store in its worst state."""
    days = [summary["business_date"] for summary in summaries]
    stores: dict[str, dict[str, Any]] = {}
    for summary in summaries:
        for store in summary["stores"]:
            known = stores.setdefault(store["store"], {**store, "notes": [], "reasons": [], **_NOTHING})
            known["state"] = min(known["state"], store["state"], key=_WORST_FIRST.index)
            for name in ("customers_converted", "orders", "transactions"):
                known[name] += store[name]
            known["posted_amount"] = str(Decimal(known["posted_amount"]) + Decimal(store["posted_amount"]))
            known["exceptions"] = _added(known["exceptions"], store["exceptions"])
            known["waiting"] = store["waiting"]
            known["reasons"] += [reason for reason in store["reasons"] if reason not in known["reasons"]]
            known["notes"] += [note for note in store["notes"] if note not in known["notes"]]
    return {
        **summaries[-1],
        "business_date": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
        "problems": list(dict.fromkeys(problem for summary in summaries for problem in summary["problems"])),
        "stores": [stores[name] for name in sorted(stores)],
    }


def all_posted(summary: Mapping[str, Any]) -> bool:
    """Whether every store is posted, in this run or in an earlier one."""
    return bool(summary["stores"]) and all(
        store["state"] in ("posted", "nothing_to_post") for store in summary["stores"]
    )


def _added(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    amount = Decimal(first["amount"]) + Decimal(second["amount"])
    return {"count": first["count"] + second["count"], "amount": str(amount)}


_NOTHING: dict[str, Any] = {
    "customers_converted": 0,
    "orders": 0,
    "transactions": 0,
    "posted_amount": "0",
    "exceptions": {"count": 0, "amount": "0"},
}
_WORST_FIRST = ("failed", "blocked", "not_closed", "posted", "done", "nothing_to_post")
