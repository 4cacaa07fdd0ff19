"""### End of day for history

Posts days of a store from before its cut-over date: what it sold before this system took over. Runs only as a
backfill, one run a day; the daily run never touches these days, and this one never touches days from the cut-over on.

**Start it:** *Trigger* > *Backfill*, or

    airflow backfill create --dag-id historical_end_of_day --max-active-runs 1 \\
        --from-date 2026-02-26 --to-date 2026-02-28 --dag-run-conf '{"stores": ["NEWPORT"]}'

Both dates are included; they are business dates and mean the same in every time zone. `stores` is required. A run
works a day; where `COMMERCE_HISTORY_RUNS` says so, the days of a calendar month that the range has. A run bears its
first date, and of several days as many minutes after midnight: `2025-06-01 00:30` works the 1st to the 30th of June.

Let one run go at a time (`--max-active-runs 1`; Airflow starts ten unless told): the first one uploads all history of
its stores, and the others would wait for it. Where tasks wait for a place, those of the other DAGs go first.

**When a run is red**, the log of `close_run` names the stores and the reasons, as in *End of day*. Mend the cause and
clear the run; days that are posted stay as they are. A range that has runs already is left out by another backfill,
unless it is told `--reprocess-behavior failed` (or `completed`).
"""

from airflow.sdk import dag

from commerce_airflow import params, schedules
from commerce_airflow.failures import LAST_IN_LINE, task_defaults
from commerce_airflow.groups import end_of_day_chain
from commerce_airflow.tasks import open_run


@dag(
    dag_id="historical_end_of_day",
    dag_display_name="End of day for history",
    doc_md=__doc__,
    schedule=schedules.history(),
    start_date=schedules.HISTORY_START,
    catchup=False,
    allowed_run_types=["scheduled", "backfill"],
    max_active_runs=1,
    default_args=task_defaults() | LAST_IN_LINE,
    tags=["commerce", "posting", "history"],
    params={"stores": params.stores("The stores whose history to post."), "dry_run": params.dry_run()},
)
def historical_end_of_day() -> None:
    end_of_day_chain(open_run(kind="historical", zone=schedules.HISTORY_ZONE))


historical_end_of_day()
