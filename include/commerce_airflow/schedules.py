"""When the DAGs run. What differs between companies comes from the environment of Airflow's processes:

* ``COMMERCE_TIME_ZONE``: the company's time zone, in which the daily run counts its days (an IANA name; default UTC);
* ``COMMERCE_DAILY_FROM``: the first business date that the daily run takes by itself (``YYYY-MM-DD``; default
  2026-01-01);
* ``COMMERCE_HISTORY_RUNS``: ``day`` (default) or ``month``: the business dates that a run of history works.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable

from commerce_airflow.timetables import BackfillOnlyTimetable

DAILY_CRON = "0 4 * * *"  # at four the day before has ended, and no change to daylight saving time falls on it
HOURLY_CRON = "0 * * * *"
CUSTOMER_SYNC_CRON = "*/10 * * * *"

HISTORY_ZONE = (
    "UTC"  # `airflow backfill create --from-date` reads dates as UTC midnights; days of history are labelled the same
)
HISTORY_CRONS = {"day": "0 0 * * *", "month": "0 0 1 * *"}
HISTORY_START = datetime(2000, 1, 1, tzinfo=UTC)


def company_zone() -> str:
    """IANA name of the company's time zone.

    Raises:
        ValueError: there is no such zone; Airflow shows it as the DAG's import error.
    """
    name = os.environ.get("COMMERCE_TIME_ZONE") or "UTC"
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"COMMERCE_TIME_ZONE is '{name}', which is no time zone. Use an IANA name such as Europe/Oslo."
        ) from None
    return name


def daily_start() -> datetime:
    """Midnight, in the company's zone, of the first business date that the daily run takes by itself.

    Raises:
        ValueError: ``COMMERCE_DAILY_FROM`` is no date.
    """
    text = os.environ.get("COMMERCE_DAILY_FROM") or "2026-01-01"
    try:
        first = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"COMMERCE_DAILY_FROM is '{text}', which is no date. Write it as YYYY-MM-DD.") from None
    return datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(company_zone()))


def daily() -> CronDataIntervalTimetable:
    """One data interval a business date, in the company's zone: a plain cron schedule would have intervals of no
    width."""
    return CronDataIntervalTimetable(DAILY_CRON, timezone=company_zone())


def hourly() -> CronDataIntervalTimetable:
    """Hours in the company's zone: the date of an hour is the one on which it begins there."""
    return CronDataIntervalTimetable(HOURLY_CRON, timezone=company_zone())


def every_ten_minutes() -> CronDataIntervalTimetable:
    return CronDataIntervalTimetable(CUSTOMER_SYNC_CRON, timezone="UTC")


def history() -> BackfillOnlyTimetable:
    """Days or months labelled in UTC, started by backfills alone.

    Raises:
        ValueError: ``COMMERCE_HISTORY_RUNS`` is neither.
    """
    name = os.environ.get("COMMERCE_HISTORY_RUNS") or "day"
    if name not in HISTORY_CRONS:
        raise ValueError(f"COMMERCE_HISTORY_RUNS is '{name}'; it must be {' or '.join(HISTORY_CRONS)}.")
    return BackfillOnlyTimetable(HISTORY_CRONS[name], timezone=HISTORY_ZONE)
