"""Post statements: Checked -> ... -> Posted, a transition at a time over all statements of the call (domain B4).

Whatever is killed, and wherever, a later call goes on from the states that committed: every transition is one
transaction with its state, and works on the statements in the order of their numbers, so the ledger is that of an
undisturbed run. A statement that cannot go on stays in its state with code and message; the others go on.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from commerce.database import describe_error, retry_transient, sqlstate
from commerce.errors import ConfigurationError, UsageError
from commerce.named_statement import find
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import StatementStatus, StatementType
from commerce.scope import Scope
from commerce.statements import (
    aggregation,
    cash_management,
    checking,
    counting,
    counts,
    discounts,
    fiscal_periods,
    gift_cards,
    income_expense,
    invoices,
    orders,
    payments,
)
from commerce.statements.transitions import (
    Key,
    Refusal,
    Refused,
    Transition,
    claim,
    finish,
    forget,
    passed_through,
    refuse,
)

_TRANSACTIONAL, _FINANCIAL = int(StatementType.TRANSACTIONAL), int(StatementType.FINANCIAL)
S = StatementStatus
TRANSITIONS = (
    Transition(S.CALCULATED, S.CHECKED, checking.check),
    Transition(S.CHECKED, S.AGGREGATED, aggregation.aggregate),
    Transition(S.AGGREGATED, S.CUSTOMER_ORDER_CREATED, orders.create_orders),
    Transition(S.CUSTOMER_ORDER_CREATED, S.CUSTOMER_ORDER_INVOICED, invoices.invoice_orders),
    Transition(S.CUSTOMER_ORDER_INVOICED, S.DISCOUNTS_POSTED, discounts.post_discounts),
    Transition(S.DISCOUNTS_POSTED, S.INCOME_EXPENSE_POSTED, income_expense.post_income_expense_and_deposits),
    # A voucher is linked to its statement in the transaction that creates it.
    Transition(S.INCOME_EXPENSE_POSTED, S.VOUCHERS_LINKED, passed_through),
    Transition(S.VOUCHERS_LINKED, S.PAYMENTS_POSTED, payments.post_payments),
    Transition(S.PAYMENTS_POSTED, S.GIFT_CARDS_POSTED, gift_cards.post_gift_cards),
    Transition(S.GIFT_CARDS_POSTED, S.POSTED, passed_through),
)
"""The product's states in its order, of transactional statements."""

FINANCIAL_TRANSITIONS = (
    Transition(S.CALCULATED, S.CHECKED, counts.check_counts, counting.count_again),
    # A financial statement has no sales: nothing is aggregated, ordered or invoiced.
    Transition(S.CHECKED, S.AGGREGATED, passed_through),
    Transition(S.AGGREGATED, S.CUSTOMER_ORDER_CREATED, passed_through),
    Transition(S.CUSTOMER_ORDER_CREATED, S.CUSTOMER_ORDER_INVOICED, passed_through),
    Transition(S.CUSTOMER_ORDER_INVOICED, S.DISCOUNTS_POSTED, passed_through),
    Transition(S.DISCOUNTS_POSTED, S.INCOME_EXPENSE_POSTED, cash_management.post_cash_management),
    Transition(S.INCOME_EXPENSE_POSTED, S.VOUCHERS_LINKED, passed_through),
    Transition(S.VOUCHERS_LINKED, S.PAYMENTS_POSTED, cash_management.post_differences),
    Transition(S.PAYMENTS_POSTED, S.GIFT_CARDS_POSTED, passed_through),
    Transition(S.GIFT_CARDS_POSTED, S.POSTED, passed_through),
)
"""The same states, of financial statements."""

ISOLATED_STATES = ("22", "23")
"""Classes of SQLSTATE that one statement's data causes (data exception, integrity violation); others stop the job."""

SETTINGS = text("""
SELECT set_config('work_mem', '192MB', true), set_config('default_statistics_target', '10', true)""")
"""For the transition's transaction: its aggregations run over all lines of a shard, one at a time, and its temp tables
are analyzed for their sizes: a sample of 3,000 rows tells as much as one of 30,000, for a tenth of the time."""


def _open_statements(scope: Scope) -> str:
    return f"""
SELECT t.dataareaid, t.statementid, t.store, t.statementtype
FROM (SELECT dataareaid, statementid, storeid AS store, businessdate, postingstatus, statementtype
      FROM ax.retailstatementtable) AS t
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
WHERE t.postingstatus < {int(S.POSTED)} AND {scope.dated_sql("t", "ch")}
ORDER BY t.dataareaid, t.statementid"""


REPORT = text(f"""
SELECT s.storeid AS store, s.statementid, s.statementtype, s.postingstatus, s.postingerrormessage AS message,
       CASE s.statementtype WHEN {_TRANSACTIONAL} THEN s.transactioncount ELSE 0 END AS transactioncount, s.salesamount,
       (SELECT count(*) FROM ax.retaileodstatementaggregation AS a
        WHERE (a.dataareaid, a.statementid) = (s.dataareaid, s.statementid)) AS invoices,
       (SELECT count(*) FROM ax.retailstatementvoucher AS v
        WHERE (v.dataareaid, v.statementid) = (s.dataareaid, s.statementid)) AS vouchers
FROM ax.retailstatementtable AS s
JOIN unnest(CAST(:companies AS text[]), CAST(:statements AS text[])) AS wanted (dataareaid, statementid)
     USING (dataareaid, statementid)
ORDER BY s.storeid, s.statementid""")


def post_statements(
    hq: Engine, *, run: int, scope: Scope, trickle_feed: bool = False, progress: Progress = silent
) -> JobResult:
    """Post all open statements of the scope's stores and dates, those that an earlier run left behind included; with
    `trickle_feed` only transactional ones, which do not wait for the end of the day.

    Returns per store the counts statements, financial (of those), transactions, invoices and vouchers and the amount
    posted (sales incl. tax) of the statements that are Posted now and were not before, and `taken_out`: transactions
    that changed since the calculation and are left to the next run. A store with a statement that cannot be posted is
    "failed".
    """
    with hq.connect() as connection:
        found = connection.execute(text(_open_statements(scope)), scope.parameters).all() if scope.stores else []
    keys: dict[int, list[Key]] = {_TRANSACTIONAL: [], _FINANCIAL: []}
    for row in found:
        keys[row.statementtype].append((row.dataareaid, row.statementid))
    if trickle_feed:
        keys[_FINANCIAL] = []
    taken_out = _post(hq, keys, run, progress)
    outcomes = _outcomes(hq, scope.stores, [*keys[_TRANSACTIONAL], *keys[_FINANCIAL]], taken_out)
    posted = sum((outcome.amounts["posted"] for outcome in outcomes.values()), start=Decimal(0))
    return JobResult("post_statements", outcomes, totals(outcomes), {"posted": posted})


def post_statement(hq: Engine, *, statement: str, company: str | None = None, progress: Progress = silent) -> JobResult:
    """Post one statement from where it stands; result as of `post_statements`, of its store. The event log names the
    run that the statement is of, if there is one.

    Raises:
        UsageError: there is no such statement, several companies have one, or it is posted.
    """
    with hq.begin() as connection:
        found = find(connection, statement, company)
    if found.state == S.POSTED:
        raise UsageError(f"Statement {statement} is posted already.")
    key = (found.company, statement)
    keys: dict[int, list[Key]] = {_TRANSACTIONAL: [], _FINANCIAL: [], int(found.type): [key]}
    taken_out = _post(hq, keys, found.run, progress)
    outcomes = _outcomes(hq, (found.store,), [key], taken_out)
    return JobResult("post_statements", outcomes, totals(outcomes), dict(outcomes[found.store].amounts))


def _post(hq: Engine, keys: Mapping[int, list[Key]], run: int | None, progress: Progress) -> Counter[str]:
    """Work the statements of each type through its states; returns what was taken out of them, by store."""
    chains = ((_TRANSACTIONAL, TRANSITIONS), (_FINANCIAL, FINANCIAL_TRANSITIONS))
    total = sum(len(chain) for type_, chain in chains if keys[type_])
    done = 0
    progress("post statements", done, total)
    taken_out: Counter[str] = Counter()
    for type_, chain in chains:
        for transition in chain if keys[type_] else ():
            taken_out += _advance(hq, keys[type_], transition, run)
            done += 1
            progress("post statements", done, total)
    return taken_out


def _advance(hq: Engine, keys: Sequence[Key], transition: Transition, run: int | None) -> Counter[str]:
    """Move all of `keys` that are in the transition's source state, in one transaction. Returns what was taken out of
    them, by store."""
    return retry_transient(partial(_move, hq, keys, transition, run)) if keys else Counter()


def _move(hq: Engine, keys: Sequence[Key], transition: Transition, run: int | None) -> Counter[str]:
    """All at once within a savepoint; what fails is isolated by halving, about log2 tries for one of many statements,
    and stays behind with its reason."""
    taken_out: Counter[str] = Counter()
    waiting = [list(keys)]
    with hq.begin() as connection:
        connection.execute(SETTINGS)
        if transition.before:
            transition.before(connection, keys, run)
        while waiting:
            batch = waiting.pop(0)
            if not batch:
                continue
            try:
                with connection.begin_nested():
                    taken_out += Counter(_apply(connection, batch, transition, run))
            except (Refused, ConfigurationError, DBAPIError) as error:
                refusals, parts = _isolate(error, batch)
                refuse(connection, refusals, transition.source, run)
                waiting[:0] = parts
            else:
                if waiting:
                    forget(connection)
    return taken_out


def _apply(connection: Connection, batch: Sequence[Key], transition: Transition, run: int | None) -> Mapping[str, int]:
    if not claim(connection, batch, transition.source, run):
        return {}
    if transition.target < S.POSTED:
        fiscal_periods.refuse_closed(connection, transition.source)
    taken_out = transition.apply(connection)
    finish(connection, transition.target, run)
    return taken_out or {}


def _isolate(
    error: Refused | ConfigurationError | DBAPIError, batch: list[Key]
) -> tuple[list[Refusal], list[list[Key]]]:
    """Which statements of a batch that failed stay behind, and the parts in which the others are tried again.

    Raises:
        DBAPIError: the error is not one that a statement's data causes.
    """
    if isinstance(error, Refused):
        left = {(refusal.company, refusal.statement) for refusal in error.refusals}
        return list(error.refusals), [[key for key in batch if key not in left]]
    if isinstance(error, ConfigurationError):
        companies = sorted({company for company, _ in batch})
        if len(companies) > 1:
            return [], [[key for key in batch if key[0] == company] for company in companies]
        return [Refusal(*key, "ConfigurationError", str(error)) for key in batch], []
    if error.connection_invalidated or (sqlstate(error) or "")[:2] not in ISOLATED_STATES:
        raise error
    if len(batch) > 1:
        middle = len(batch) // 2
        return [], [batch[:middle], batch[middle:]]
    message = f"The database refused the posting ({describe_error(error)}). Run `commerce hq verify`."
    return [Refusal(*batch[0], "DatabaseError", message)], []


def _outcomes(
    hq: Engine, stores: Sequence[str], keys: Sequence[Key], taken_out: Mapping[str, int]
) -> dict[str, StoreOutcome]:
    parameters = {"companies": [company for company, _ in keys], "statements": [statement for _, statement in keys]}
    with hq.connect() as connection:
        rows: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        for row in connection.execute(REPORT, parameters):
            rows[row.store].append(row)
    outcomes = {}
    for store in sorted(stores):
        posted = [row for row in rows[store] if row.postingstatus == S.POSTED]
        stuck = [row for row in rows[store] if row.postingstatus != S.POSTED]
        numbers = {
            "statements": len(posted),
            "financial": sum(row.statementtype == _FINANCIAL for row in posted),
            "transactions": sum(row.transactioncount for row in posted),
            "invoices": sum(row.invoices for row in posted),
            "vouchers": sum(row.vouchers for row in posted),
            "taken_out": taken_out.get(store, 0),
        }
        outcomes[store] = StoreOutcome(
            store,
            "failed" if stuck else "done",
            " ".join(f"Statement {row.statementid} is not posted: {row.message}" for row in stuck),
            numbers,
            {"posted": sum((row.salesamount for row in posted), start=Decimal(0))},
        )
    return outcomes
