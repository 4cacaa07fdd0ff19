"""How a run begins: the checked configuration, the business date, the shards; or the plan of a dry run."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from commerce.errors import UsageError
from commerce_airflow.business_date import business_date
from commerce_airflow.conf import MODELS, parse_conf

if TYPE_CHECKING:
    from airflow.sdk import Context

    from commerce.run.steps import Kind

log = logging.getLogger(__name__)

DEFAULT_MAX_SHARDS = 40


@dataclass(frozen=True)
class Request:
    """A run as it was asked for."""

    business_date: date | None
    stores: tuple[str, ...] | None
    skip: tuple[str, ...]
    dry_run: bool
    first_date: date | None = None
    """The first of the business dates of a run of history whose data interval has several, up to `business_date`."""


@dataclass(frozen=True)
class Opened:
    """What `open_run` hands to the other tasks."""

    run: int | None
    shards: list[dict[str, Any]]


def requested(
    kind: Kind,
    zone: str,
    values: Mapping[str, Any],
    interval_start: datetime | None,
    interval_end: datetime | None = None,
) -> Request:
    """Check a run's configuration and find its business date; a run of `customer_sync` has none.

    Raises:
        UsageError: the configuration has an unknown key or a wrong value, or there is no business date.
    """
    conf = parse_conf(MODELS[kind], values)
    day = None
    if kind != "customer_sync":
        day = business_date(getattr(conf, "business_date", None), interval_start, ZoneInfo(zone))
    first = None
    if kind == "historical" and day is not None and interval_end is not None:
        last = interval_end.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
        if last > day:
            first, day = day, last
    values = conf.model_dump(exclude={"business_date"}, exclude_none=True)
    return Request(day, values.get("stores"), values.get("skip", ()), values.get("dry_run", False), first)


def max_shards() -> int:
    """How many shards a run has at most, and so how many task instances: ``COMMERCE_MAX_SHARDS``, 40 where it is unset.

    Raises:
        UsageError: it is not a whole number from 1 to 1000 (Airflow maps a task at most 1024 times).
    """
    text = os.environ.get("COMMERCE_MAX_SHARDS") or str(DEFAULT_MAX_SHARDS)
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise UsageError(f"COMMERCE_MAX_SHARDS is '{text}'; it must be a whole number from 1 to 1000.")
    return int(text)


def open_or_plan(kind: Kind, zone: str, context: Context) -> Opened:
    """Open the run of this task instance (again, after a retry or a clear), or print the plan of a dry run.

    The key of the run is Airflow's: clearing a run works on the same one.
    """
    from commerce import run as runs
    from commerce_airflow.connections import headquarters

    dag_run = context["dag_run"]
    values = {**context["params"], **(dag_run.conf or {})}
    asked = requested(kind, zone, values, dag_run.data_interval_start, dag_run.data_interval_end)
    if asked.dry_run:
        plan = runs.plan(
            headquarters(),
            kind=kind,
            business_date=asked.business_date,
            first_date=asked.first_date,
            stores=asked.stores,
            skip=asked.skip,
        )
        log.info("%s", plan.as_text())
        return Opened(None, [])
    opened = runs.open_run(
        headquarters(),
        kind=kind,
        business_date=asked.business_date,
        first_date=asked.first_date,
        stores=asked.stores,
        key=f"{dag_run.dag_id}/{dag_run.run_id}",
        max_shards=max_shards(),
        skip=asked.skip,
    )
    dates = " to ".join(str(day) for day in (asked.first_date, opened.business_date) if day) or "-"
    log.info("Run %s for business date %s, %s shards", opened.run, dates, len(opened.shards))
    shards = [{"run": opened.run, "name": shard.name, "stores": list(shard.stores)} for shard in opened.shards]
    return Opened(opened.run, shards)
