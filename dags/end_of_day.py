"""### End of day

Brings each store's new customers and transactions to headquarters, turns asynchronous customers into real ones,
creates the sales orders, checks everything and posts the day's statements.

**Start it by hand:** *Trigger*, choose a business date and, if you like, stores. Without a date it takes the day of
its data interval. *Dry run* only shows the plan. It also runs by itself every morning at 04:00 in the company's time
zone (`COMMERCE_TIME_ZONE`), for the day before. Starting it again for the same day does just what is missing.

**When something is red**

* `open_run`: the configuration is wrong (an unknown store or key, no date). Read its log, trigger again with the
  right values.
* `upload`: a store's database is out of reach or busy, or was restored from a backup. The log names store and reason.
  Mend it, then clear that task, or trigger a run with just that store.
* `synchronize_customers`: setup is missing, such as an exhausted number sequence. Mend the setup, clear the task.
* `quality_gate`: a store refers to a customer or address that nobody knows. That store alone is not posted. When the
  customer's row has arrived (`commerce customers list`), trigger a run for that store.
* `distribute`, `distribute_late`: new accounts have not reached a register yet. Money is not held back;
  `customer_sync` tries again.
* `close_run`: at least one store failed or is blocked. Its log is the summary: state, reasons, count and amount of
  each store.

A red task of a shard is tried again by itself when the cause may pass; the retry works only on the stores that
failed. The other stores of the run are finished and posted whatever one store does.
"""

from airflow.sdk import dag

from commerce_airflow import params, schedules
from commerce_airflow.failures import task_defaults
from commerce_airflow.groups import end_of_day_chain
from commerce_airflow.tasks import open_run


@dag(
    dag_id="end_of_day",
    dag_display_name="End of day",
    doc_md=__doc__,
    schedule=schedules.daily(),
    start_date=schedules.daily_start(),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(),
    tags=["commerce", "posting"],
    params={
        "business_date": params.business_date(),
        "stores": params.stores("The stores to post. Empty: all."),
        "dry_run": params.dry_run(),
        "skip": params.skip(),
    },
)
def end_of_day() -> None:
    end_of_day_chain(open_run(kind="end_of_day", zone=schedules.company_zone()))


end_of_day()
