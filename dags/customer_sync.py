"""### Customer synchronization

Every ten minutes: new asynchronous customers and transactions come to headquarters (`upload`), each new customer gets
its account (`synchronize_customers`), and the accounts go back to the registers (`distribute`). Then contact data of
the customers that changed is normalized and compared (`find_duplicates`), and what is older than the companies keep it
is blanked (`purge_personal_data`). Posts nothing.

A store that is red is out of reach or busy; the next run tries it again, and the other stores are not held up. Red
for more than an hour: read the log of `close_run`, it names the stores and the reasons. Trigger it by hand with
`stores: [STORE]` to try one store.
"""

from airflow.sdk import chain, dag

from commerce_airflow import params, schedules
from commerce_airflow.failures import task_defaults
from commerce_airflow.groups import bring_customers
from commerce_airflow.tasks import close_run, open_run, shard_step, whole_step


@dag(
    dag_id="customer_sync",
    dag_display_name="Customer synchronization",
    doc_md=__doc__,
    schedule=schedules.every_ten_minutes(),
    start_date=schedules.daily_start(),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(),
    tags=["commerce", "customers"],
    params={"stores": params.stores("The stores to synchronize. Empty: all.")},
)
def customer_sync() -> None:
    shards = open_run(kind="customer_sync", zone="UTC")
    converted = bring_customers(shards)
    distributed = shard_step("distribute").expand(shard=shards)
    chain(converted, distributed, whole_step("find_duplicates")(), whole_step("purge_personal_data")(), close_run())


customer_sync()
