"""*Synchronize orders*: asynchronous orders become sales orders and quotations (domain.md B1; system 4)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, Engine, text

from commerce.customers.references import StoreReferences, bind, selected_sql
from commerce.database import retry_transient
from commerce.errors import ConfigurationError
from commerce.orders.creating import CHUNK, chunks, create_chunk, fail_company, overtaken
from commerce.orders.judging import NOT_EDITING, judge, record_problems
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import ORDER_TYPES
from commerce.scope import Scope

JOB = "synchronize-orders"


def synchronize_orders(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Create a sales order (of type 31: a quotation) for every real asynchronous order in `scope` that has none.

    First, in transactions of its own, late binding: customers and addresses that the orders refer to are converted and
    their accounts filled in. Orders that nothing keeps are then created in chunks, in the order of store, terminal and
    transaction. Others get a status: None with class pending while a customer or address has yet to arrive, Failed with
    class permanent when a person must act; `errordetail` says why. Orders under Editing are left alone.

    Counts by store: `synchronized` now, `pending` and `failed` after this run, `waiting` because a row came for them
    while they were judged: the next run takes them. A store fails only when setup is missing
    (no numbers left); an order that fails is a count.
    """
    references = bind(hq, scope=scope, types=ORDER_TYPES, condition=NOT_EDITING, job=JOB, progress=progress)
    with hq.connect() as connection:
        connection.detach()  # the temporary tables of `judge` live as long as this session
        selected = selected_sql(scope, ORDER_TYPES, NOT_EDITING)
        progress("judge orders", 0)

        def work() -> tuple[int, dict[str, dict[str, int]]]:
            with connection.begin():
                ready = judge(connection, scope, selected, CHUNK)
                record_problems(connection)
                return ready, _kept(connection)

        ready, kept = retry_transient(work)
        created = _create(connection, ready, progress)
    outcomes = {
        store: _outcome(
            store,
            references.get(store, StoreReferences()),
            {
                "synchronized": created.orders[store],
                "pending": kept.get(store, {}).get("pending", 0),
                "failed": kept.get(store, {}).get("failed", 0) + created.failed[store],
                "waiting": created.waiting.get(store, 0),
            },
            created.messages.get(store, ""),
        )
        for store in scope.stores
    }
    return JobResult(JOB, outcomes, totals(outcomes))


@dataclass
class _Created:
    """What became of the ready orders, by store; `messages` where setup is missing."""

    orders: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    waiting: Mapping[str, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)


def _create(connection: Connection, ready: int, progress: Progress) -> _Created:
    """Create all that is ready."""
    made = _Created()
    stopped: set[str] = set()
    for company, chunk in _chunks(connection):
        progress("create sales orders", made.orders.total(), ready)
        if company in stopped:
            continue
        try:
            made.orders.update(retry_transient(partial(_create_chunk, connection, company, chunk)))
        except ConfigurationError as error:
            stopped.add(company)
            for store, orders in fail_company(connection, company, str(error)).items():
                made.failed[store] += orders
                made.messages[store] = str(error)
    progress("create sales orders", ready, ready)
    with connection.begin():
        made.waiting = overtaken(connection, stopped)
    return made


def _create_chunk(connection: Connection, company: str, chunk: int) -> dict[str, int]:
    with connection.begin():
        return create_chunk(connection, company, chunk)


def _chunks(connection: Connection) -> list[tuple[str, int]]:
    with connection.begin():
        return chunks(connection)


def _kept(connection: Connection) -> dict[str, dict[str, int]]:
    """Orders that a problem keeps, by store: `pending` and `failed`."""
    rows = connection.execute(
        text("""
        SELECT store, count(*) FILTER (WHERE NOT permanent) AS pending, count(*) FILTER (WHERE permanent) AS failed
        FROM (SELECT store, terminal, transactionid, bool_or(errorclass = 'permanent') AS permanent
              FROM problem GROUP BY 1, 2, 3) AS kept
        GROUP BY store
        """)
    )
    return {row.store: {"pending": row.pending, "failed": row.failed} for row in rows}


def _outcome(store: str, references: StoreReferences, counts: dict[str, int], message: str) -> StoreOutcome:
    messages = [one for one in (references.message, message) if one]
    return StoreOutcome(store, "failed" if messages else "done", " ".join(messages), counts)
