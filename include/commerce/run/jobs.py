"""Each step's job, called with the run's scope. A job is imported when it is called: a task loads only what it runs."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from commerce.outcomes import JobResult
from commerce.progress import Progress
from commerce.run import data_docs
from commerce.run.records import RunRecord
from commerce.run.steps import OF_HISTORY

Job = Callable[[Engine, RunRecord, tuple[str, ...], Progress], JobResult]

WAIT_FOR_UPLOAD = {
    "end_of_day": 300.0,
    "historical": 300.0,
    "history_upload": 300.0,
    "customer_sync": 60.0,
    "trickle_feed": 60.0,
}
"""Seconds that a run waits for a channel's P-job that somebody else runs: an end of day lets `customer_sync` finish."""

CUSTOMERS_OF_A_RUN = 100_000
"""Changed customers that one run looks at for duplicates: about a minute's work; the next run takes the rest."""


def _upload(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import exchange

    history = run.kind in OF_HISTORY
    return exchange.upload(
        hq, stores=stores, history=history, wait_seconds=WAIT_FOR_UPLOAD[run.kind], progress=progress
    )


def _synchronize_customers(hq: Engine, run: RunRecord, _: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import customers

    return customers.synchronize_customers(hq, companies=run.companies, progress=progress)


def _distribute(hq: Engine, _: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import exchange

    return exchange.distribute(hq, stores=stores, progress=progress)


def _synchronize_orders(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import orders

    return orders.synchronize_orders(hq, scope=run.scope(stores), progress=progress)


def _bind_cash_and_carry(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import statements

    return statements.bind_cash_and_carry(hq, scope=run.scope(stores), progress=progress)


def _validate_transactions(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import transactions

    return transactions.validate_transactions(hq, scope=run.scope(stores), progress=progress)


def _quality_gate(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import quality

    return quality.check(hq, run=run.run, scope=run.scope(stores), docs_dir=data_docs.folder(), progress=progress)


def _calculate_statements(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import statements

    return statements.calculate_statements(
        hq, run=run.run, scope=run.scope(stores), trickle_feed=run.kind == "trickle_feed", progress=progress
    )


def _post_statements(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import statements

    return statements.post_statements(
        hq, run=run.run, scope=run.scope(stores), trickle_feed=run.kind == "trickle_feed", progress=progress
    )


def _find_duplicates(hq: Engine, run: RunRecord, _: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import customers

    return customers.find_duplicates(hq, companies=run.companies, limit=CUSTOMERS_OF_A_RUN, progress=progress)


def _purge_personal_data(hq: Engine, _: RunRecord, __: tuple[str, ...], progress: Progress) -> JobResult:
    from commerce import customers

    return customers.purge_personal_data(hq, progress=progress)


JOBS: dict[str, Job] = {
    "upload": _upload,
    "synchronize_customers": _synchronize_customers,
    "distribute": _distribute,
    "synchronize_orders": _synchronize_orders,
    "bind_cash_and_carry": _bind_cash_and_carry,
    "distribute_late": _distribute,
    "validate_transactions": _validate_transactions,
    "quality_gate": _quality_gate,
    "calculate_statements": _calculate_statements,
    "post_statements": _post_statements,
    "find_duplicates": _find_duplicates,
    "purge_personal_data": _purge_personal_data,
}
"""Step -> its job."""
