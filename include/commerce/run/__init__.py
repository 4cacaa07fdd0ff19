"""Runs: the steps of a day put together, for the command line, for DAGs and for everybody who asks how things stand."""

from commerce.run.backfilling import BackfillResult, backfill
from commerce.run.opening import RunPlan, Shard, open_run
from commerce.run.pipeline import customer_sync, end_of_day, trickle_feed
from commerce.run.planning import DryRun, plan
from commerce.run.recalculating import recalculate_statement
from commerce.run.single import single_step
from commerce.run.status import status
from commerce.run.stepping import run_step
from commerce.run.summary import RunSummary, StoreSummary, close_run

__all__ = [
    "BackfillResult",
    "DryRun",
    "RunPlan",
    "RunSummary",
    "Shard",
    "StoreSummary",
    "backfill",
    "close_run",
    "customer_sync",
    "end_of_day",
    "open_run",
    "plan",
    "recalculate_statement",
    "run_step",
    "single_step",
    "status",
    "trickle_feed",
]
