"""The tasks of a run. Each is the library's function of the same name with an Airflow face: pool, name of the shard,
asset, failure.

Steps read what earlier steps did from headquarters, so they run whatever became of the tasks before them
(`all_done`); only identifiers and counts travel between tasks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from commerce_airflow.failures import (
    RunFailedError,
    RunNotOpenedError,
    StoresBlockedError,
    StoresFailedError,
    without_database_text,
)
from commerce_airflow.pools import CHANNELS, HEADQUARTERS

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import Task

    from commerce.run.steps import Kind

log = logging.getLogger(__name__)

OPEN_RUN = "open_run"
RUN = "run"
PLANNED = "planned"
"""XCom of a dry run whose plan is in the log: a dry run that fails before has neither this nor `RUN`."""
CHANNEL_STEPS = ("upload", "distribute", "distribute_late")


@task(task_id=OPEN_RUN, pool=HEADQUARTERS)
def open_run(kind: Kind, zone: str) -> list[dict[str, Any]]:
    """Check the configuration, resolve stores and business date, cut the stores into shards.

    Args:
        kind: the kind of run, a key of `commerce_airflow.conf.MODELS`.
        zone: the time zone in which the DAG's timetable counts days.

    Returns:
        What the shard tasks map over: `{"run": 7, "name": "HOUSTON", "stores": ["HOUSTON"]}` each. A dry run has none.
    """
    from commerce_airflow.opening import open_or_plan

    context = get_current_context()
    with without_database_text(OPEN_RUN):
        opened = open_or_plan(kind, zone, context)
    if opened.run is None:
        context["ti"].xcom_push(key=PLANNED, value=True)
    else:
        context["ti"].xcom_push(key=RUN, value=opened.run)
    return opened.shards


def shard_step(name: str, *, outlets: Sequence[Asset] = (), first: bool = False) -> Task[..., Any]:
    """A mapped step: works one shard of stores, to be expanded over what `open_run` returned.

    Args:
        name: a step of `commerce_airflow.steps`.
        outlets: assets that get an event with the step's counts.
        first: the step right after `open_run`, which does not start when that failed.
    """

    @task(
        task_id=name,
        pool=CHANNELS if name in CHANNEL_STEPS else HEADQUARTERS,
        trigger_rule=TriggerRule.ALL_SUCCESS if first else TriggerRule.ALL_DONE,
        map_index_template="{{ shard_name }}",
        outlets=list(outlets),
    )
    def step(shard: dict[str, Any]) -> dict[str, int]:
        context = get_current_context()
        context["shard_name"] = shard["name"]  # type: ignore[typeddict-unknown-key]
        return _run_step(name, shard["run"], shard["stores"], context, outlets)

    return step


def whole_step(name: str, *, outlets: Sequence[Asset] = ()) -> Task[..., Any]:
    """A step that works all stores of the run at once."""

    @task(task_id=name, pool=HEADQUARTERS, trigger_rule=TriggerRule.ALL_DONE, outlets=list(outlets))
    def step() -> dict[str, int]:
        context = get_current_context()
        return _run_step(name, _opened_run(context), None, context, outlets)

    return step


@task(task_id="close_run", pool=HEADQUARTERS, trigger_rule=TriggerRule.ALL_DONE, retries=0)
def close_run() -> dict[str, int]:
    """Write the run's summary; fail the run if a store failed or is blocked, or if the run never opened."""
    from commerce import run as runs
    from commerce_airflow.connections import headquarters
    from commerce_airflow.summary import as_text

    context = get_current_context()
    run = context["ti"].xcom_pull(task_ids=OPEN_RUN, key=RUN)
    if run is None:
        if context["ti"].xcom_pull(task_ids=OPEN_RUN, key=PLANNED):
            raise AirflowSkipException("A dry run: the plan is in the log of open_run, nothing was done.")
        raise RunNotOpenedError
    with without_database_text("close_run"):
        summary = runs.close_run(headquarters(), run=run).as_dict()
    log.info("Run %s\n%s", run, as_text(summary))
    if not summary["ok"]:
        raise RunFailedError(run, summary)
    return {"run": run, "stores": len(summary["stores"])}


def _opened_run(context: Context) -> int:
    """The run that `open_run` opened; a step without one is skipped, and `close_run` tells why."""
    run = context["ti"].xcom_pull(task_ids=OPEN_RUN, key=RUN)
    if run is None:
        raise AirflowSkipException("There is no run to work on: a dry run, or open_run failed.")
    return int(run)


def _run_step(
    name: str, run: int, stores: Sequence[str] | None, context: Context, outlets: Sequence[Asset]
) -> dict[str, int]:
    if name in (context["params"].get("skip") or ()):
        raise AirflowSkipException(f"'{name}' is left out, as the run's configuration says.")
    from commerce import run as runs
    from commerce_airflow.connections import headquarters
    from commerce_airflow.progress import LogProgress

    with without_database_text(name):
        result = runs.run_step(headquarters(), run=run, step=name, stores=stores, progress=LogProgress())
    for outcome in result.stores.values():
        log.info("%s: %s %s %s", outcome.store, outcome.state, dict(outcome.counts), outcome.message)
    log.info("%s: %s", name, result.counts)
    for asset in outlets:
        context["outlet_events"][asset].extra = {"run": run, **result.counts}
    if result.failed_stores:
        raise StoresFailedError(name, result.failed_stores)
    if result.blocked_stores:
        raise StoresBlockedError(result.blocked_stores)
    return dict(result.counts)
