"""Imported once by the process from which the scheduler's workers are forked (`[scheduler] mp_forkserver_preload`).

A task is a process of its own. Without this, each would spend a second or more on importing the same libraries;
forked, it has them.
"""

import airflow.executors.local_executor
import airflow.sdk.execution_time.supervisor
import airflow.sdk.execution_time.task_runner  # noqa: F401

import commerce_airflow.groups  # noqa: F401
