"""A timetable that only backfills start. The plugin registers it, so that the scheduler can read it from a stored
DAG."""

from __future__ import annotations

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable


class BackfillOnlyTimetable(CronDataIntervalTimetable):
    """Days like a cron schedule's, but the scheduler never starts one of them.

    The scheduler asks with the DAG's own `catchup`, which is false; a backfill always asks with true. A DAG without a
    time schedule cannot be backfilled at all, hence this.
    """

    @property
    def summary(self) -> str:
        return "by backfill only"

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        if not restriction.catchup:
            return None
        return super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
