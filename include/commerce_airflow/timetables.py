"""A timetable that only backfills start. The plugin registers it, so that the scheduler can read it from a stored
DAG."""

from __future__ import annotations

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable


def now() -> pendulum.DateTime:
    return pendulum.now("UTC")


class BackfillOnlyTimetable(CronDataIntervalTimetable):
    """Whole days, one or as many as the cron expression has between two of its times; never before or after those that
    a backfill asks for, both of its dates included, and none that has not ended. The scheduler itself never starts one
    of them.

    The scheduler asks with the DAG's own `catchup`, which is false; a backfill always asks with true. A DAG without a
    time schedule cannot be backfilled at all, hence this.

    A run is due when its first day begins, not at its end: its pages and its id then show the business date.

    Airflow takes runs that begin or are due at the same moment for one and the same, and a backfill leaves out what is
    there already, without a word: a month whose first day has a run. So a run of several days begins as many minutes
    after midnight as it has days.
    """

    @property
    def summary(self) -> str:
        return "by backfill only"

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        if not restriction.catchup:
            return None
        if last_automated_data_interval is not None:
            start = self._moment(last_automated_data_interval.end)
        elif restriction.earliest is not None:
            start = self._moment(restriction.earliest)
            if start != start.start_of("day"):
                start = start.start_of("day").add(days=1)
        else:
            return None
        end = self._moment(self._get_next(start))
        if restriction.latest is not None:
            # Airflow makes no run whose days have not all ended: of this month that would be none of its days.
            latest = min(self._moment(restriction.latest), self._moment(now()).start_of("day").subtract(days=1))
            if start > latest:
                return None
            end = min(end, latest.start_of("day").add(days=1))
        days = (end - start).in_days()
        if days > 1:
            start = start.add(minutes=days)
        return DagRunInfo(run_after=start, data_interval=DataInterval(start, end))

    def _moment(self, moment: pendulum.DateTime) -> pendulum.DateTime:
        return pendulum.instance(moment).in_timezone(self._timezone)
