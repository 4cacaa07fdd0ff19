"""Late binding of cash-and-carry transactions: no customer or address of a transaction stays unknown because the
conversion has not come to it yet (domain.md B2; system 5 of the chain)."""

from sqlalchemy import Engine

from commerce.customers.references import StoreReferences, bind
from commerce.outcomes import JobResult, StoreOutcome, StoreState, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import STATEMENT_TYPES
from commerce.scope import Scope

JOB = "bind-cash-and-carry"


def bind_cash_and_carry(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Convert the customers and addresses that unposted sales, deposits, income and expense in `scope` refer to, then
    fill in accounts and postal addresses on headers, lines, delivery addresses and deposits.

    Counts by store: `customers` and `addresses` that became known, `transactions` whose references were filled in,
    `unresolved` transactions whose reference nobody knows (the quality gate blocks their store). Doing it again changes
    nothing.
    """
    found = bind(hq, scope=scope, types=STATEMENT_TYPES, job=JOB, progress=progress)
    outcomes = {store: _outcome(store, found.get(store, StoreReferences())) for store in scope.stores}
    return JobResult(JOB, outcomes, totals(outcomes))


def _outcome(store: str, references: StoreReferences) -> StoreOutcome:
    state: StoreState = "failed" if references.message else "done"
    return StoreOutcome(store, state, references.message, references.counts)
