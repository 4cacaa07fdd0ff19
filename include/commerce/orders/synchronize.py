"""*Synchronize orders*: asynchronous orders become sales orders and quotations (domain.md B1; system 4)."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from commerce.customers.references import StoreReferences, bind, selected_sql
from commerce.database import analyze, describe_error, retry_transient, sqlstate
from commerce.errors import ConfigurationError
from commerce.orders import creating, recording
from commerce.orders.cancellation import cancel_orders
from commerce.orders.creating import CHUNK, JOB
from commerce.orders.judging import DUE, judge
from commerce.orders.recording import Place
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import ORDER_TYPES, ErrorClass, OrderStatus
from commerce.scope import TRANSACTION_KEY, Scope, key_sql

PASSING = ("40", "53", "55", "57014")
"""SQLSTATEs of what may be over by the next try: deadlock and serialization, resources, locks, a statement's time."""
ANALYZE_ORDERS = 500
"""So many statuses are told to the planner, which otherwise looks each transaction up among all of them."""
OF_THE_ORDER = ("22", "23")
"""SQLSTATEs that an order's own data causes; what is neither stops the job."""


def synchronize_orders(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Create a sales order (of type 31: a quotation) for every real asynchronous order in `scope` that is due.

    First, in transactions of its own, late binding: customers and addresses that the orders refer to are converted and
    their accounts filled in. Orders that nothing keeps are then created in chunks, in the order of store, terminal and
    transaction. Others get a status with class and text of the error: see `recording`. An order that a person edited is
    put on hold with the company's hold code. Orders under Editing, those that wait for a person, and those with a
    transient error before the time of their next try are left alone.

    Counts by store: `synchronized` now; after this run `pending`, `failed`, `retrying` (transient errors) and
    `editing`; `waiting` because a row came for them, or a person edited them, while they were judged: the next run
    takes them; `canceled` now, and `not_canceled`: requests of channels that are not done (`cancellation`). A store
    fails only when setup is missing (no numbers left); an order that fails is a count.
    """
    references = bind(hq, scope=scope, types=ORDER_TYPES, condition=DUE, job=JOB, progress=progress)
    with hq.connect() as connection:
        connection.detach()  # the temporary tables of `judge` live as long as this session
        selected = selected_sql(scope, ORDER_TYPES, DUE)
        progress("judge orders", 0)

        def work() -> int:
            with connection.begin():
                ready = judge(connection, scope, selected)
                recording.record_problems(connection)
                return ready

        created = _create(connection, retry_transient(work), progress)
        canceled, not_canceled = cancel_orders(hq, scope)
        with connection.begin():
            standing = recording.standing(connection, scope)
            waiting = creating.overtaken(connection)
    outcomes = {
        store: _outcome(
            store,
            references.get(store, StoreReferences()),
            {
                "synchronized": created.orders[store],
                **standing.get(store, dict.fromkeys(recording.STATES, 0)),
                "waiting": waiting.get(store, 0),
                "canceled": canceled.get(store, 0),
                "not_canceled": not_canceled.get(store, 0),
            },
            created.messages.get(store, ""),
        )
        for store in scope.stores
    }
    if created.orders.total() >= ANALYZE_ORDERS:
        analyze(hq, "ax.retailtransactionorderstatus", (*TRANSACTION_KEY, "status"))
    return JobResult(JOB, outcomes, totals(outcomes))


@dataclass
class _Created:
    """Sales orders by store; `messages` where setup is missing."""

    orders: Counter[str] = field(default_factory=Counter)
    messages: dict[str, str] = field(default_factory=dict)


def _create(connection: Connection, ready: int, progress: Progress) -> _Created:
    """Create all that is ready. What the database refuses is isolated by halving."""
    made = _Created()
    stopped: set[str] = set()
    with connection.begin():
        parts = creating.chunks(connection, CHUNK)
    while parts:
        progress("create sales orders", made.orders.total(), ready)
        part = parts.pop(0)
        if part.company in stopped:
            continue
        try:
            made.orders.update(retry_transient(partial(_create_part, connection, part)))
        except ConfigurationError as error:
            stopped.add(part.company)
            made.messages |= _stop(connection, part.company, str(error))
        except DBAPIError as error:
            if error.connection_invalidated or not (sqlstate(error) or "").startswith((*PASSING, *OF_THE_ORDER)):
                raise
            if part.first < part.last:
                middle = (part.first + part.last) // 2
                parts[:0] = [Place(part.company, part.first, middle), Place(part.company, middle + 1, part.last)]
            else:
                _refuse(connection, part, error)
    progress("create sales orders", ready, ready)
    return made


def _create_part(connection: Connection, part: Place) -> dict[str, int]:
    with connection.begin():
        return creating.create(connection, part)


def _stop(connection: Connection, company: str, message: str) -> dict[str, str]:
    """Nothing more of the company can be created; returns the message for each store of it that this concerns."""
    with connection.begin():
        recording.record_setup(connection, company, message)
        return dict.fromkeys(connection.scalars(text(_NOT_CREATED), {"company": company}), message)


def _refuse(connection: Connection, order: Place, error: DBAPIError) -> None:
    passing = (sqlstate(error) or "").startswith(PASSING)
    errorclass = ErrorClass.TRANSIENT if passing else ErrorClass.PERMANENT
    with connection.begin():
        recording.record_refused(
            connection, order, errorclass, f"The database refused the order ({describe_error(error)})."
        )


def _outcome(store: str, references: StoreReferences, counts: dict[str, int], message: str) -> StoreOutcome:
    messages = [one for one in (references.message, message) if one]
    return StoreOutcome(store, "failed" if messages else "done", " ".join(messages), counts)


_NOT_CREATED = f"""
    SELECT DISTINCT r.store FROM ready AS r
    WHERE r.dataareaid = :company AND NOT EXISTS (
        SELECT FROM ax.retailtransactionorderstatus AS os
        WHERE {key_sql("os")} = {key_sql("r")} AND os.status = {int(OrderStatus.SUCCEEDED)})
"""
