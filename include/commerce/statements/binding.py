"""Late binding of cash-and-carry transactions: no customer or address of a transaction stays unknown because the
conversion has not come to it yet (domain.md B2; system 5 of the chain)."""

from functools import partial

from sqlalchemy import Engine

from commerce.customers import convert_referenced
from commerce.customers.references import StoreReferences, bind
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import TransactionType
from commerce.scope import Scope

JOB = "bind-cash-and-carry"

BOUND_TYPES = (TransactionType.SALES, TransactionType.PAYMENT)
"""Sales and returns, and deposits to a customer's account: what statements take and customers stand in."""


def bind_cash_and_carry(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Convert the customers and addresses that unposted sales, returns and deposits in `scope` refer to, then
    fill in accounts and postal addresses on headers, lines, delivery addresses and deposits.

    Counts by store: `customers` and `addresses` that became known, `transactions` whose references were filled in,
    `unresolved` transactions whose reference nobody knows (the quality gate blocks their store). Doing it again changes
    nothing.
    """
    found = bind(
        hq,
        scope=scope,
        types=BOUND_TYPES,
        convert=partial(_convert, hq),
        progress=progress,
    )
    stores = {
        store: StoreOutcome(store, counts=vars(found.get(store, StoreReferences())).copy()) for store in scope.stores
    }
    return JobResult(JOB, stores, totals(stores))


def _convert(hq: Engine, references_sql: str, parameters: dict[str, object]) -> None:
    convert_referenced(hq, references_sql=references_sql, parameters=parameters, job=JOB)
