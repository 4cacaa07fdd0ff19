"""### Trickle feed

Posts through the day what the stores have sold so far, so that the end of the day has little left to do: the same
steps as *End of day*, for transactions up to today's business date, without asking whether a store's day has ended.
It makes transactional statements only. Shifts are counted, and differences posted, by *End of day*; stores with *one
statement per day* wait for it, too.

It is paused until you switch it on. Then it runs every hour, in the company's time zone (`COMMERCE_TIME_ZONE`). **By
hand:** *Trigger*, if you like with stores or a business date.

**When something is red**, read the log of `close_run`: it names the stores and the reasons, as in *End of day*. The
next hour tries again what is missing; nothing is posted twice.
"""

from airflow.sdk import dag

from commerce_airflow import params, schedules
from commerce_airflow.failures import task_defaults
from commerce_airflow.groups import end_of_day_chain
from commerce_airflow.tasks import open_run


@dag(
    dag_id="trickle_feed",
    dag_display_name="Trickle feed",
    doc_md=__doc__,
    schedule=schedules.hourly(),
    start_date=schedules.daily_start(),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=task_defaults(),
    tags=["commerce", "posting"],
    params={
        "business_date": params.business_date(),
        "stores": params.stores("The stores to post. Empty: all."),
    },
)
def trickle_feed() -> None:
    end_of_day_chain(open_run(kind="trickle_feed", zone=schedules.company_zone()))


trickle_feed()
