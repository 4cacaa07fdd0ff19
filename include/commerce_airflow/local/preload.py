"""Imported once by the process from which the scheduler's workers are forked (`[scheduler] mp_forkserver_preload`).

A task is a process of its own. Without this, each would spend seconds on importing the same libraries; forked, it has
them. Nothing here may start a Python thread: a fork would not have it.
"""

# ruff: noqa: F401
import airflow.executors.local_executor
import airflow.sdk.execution_time.supervisor
import airflow.sdk.execution_time.task_runner
import great_expectations

import commerce.customers
import commerce.exchange.distribute
import commerce.exchange.upload
import commerce.exchange.waiting
import commerce.orders
import commerce.quality
import commerce.run
import commerce.statements
import commerce.transactions
import commerce_airflow.groups
