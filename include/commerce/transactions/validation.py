"""*Validate store transactions*: the consistency checker that every transaction passes before a statement may take it
(domain.md B3; system 6 of the chain)."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from threading import Lock

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import ValidationStatus
from commerce.scope import Scope, key_sql
from commerce.transactions.rules import LINE_RULES, TRANSACTION_RULES, Rule
from commerce.transactions.sums import HEADERS, LINE_ERROR_COLUMNS, PASSES, checked_sql, unchecked_sql

JOB = "validate-transactions"

SMALL = 20_000
"""Transactions below which one connection does it all; more are checked by two, since each uses one core."""


def validate_transactions(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Check every unposted real sale, deposit, income and expense in `scope` that is not valid yet, set-based.

    Replaces the transactions' rows in `ax.retailtransactionvalidationerror` and sets validation status and time. Counts
    by store: `valid`, `invalid`; amounts: `invalid` (gross amount of sales, payments of the others).
    """

    batches = _batches(hq, scope)
    report = _Steps(progress, len(batches) * (len(PASSES) + 2))

    def work(batch: Scope) -> dict[str, StoreOutcome]:
        return retry_transient(lambda: _validate(hq, batch, report))

    found: dict[str, StoreOutcome] = {}
    with ThreadPoolExecutor(len(batches)) as pool:
        for outcomes in pool.map(work, batches):
            found |= outcomes
    stores = {store: found.get(store, _nothing(store)) for store in scope.stores}
    invalid = sum((outcome.amounts["invalid"] for outcome in stores.values()), Decimal(0))
    return JobResult(JOB, stores, totals(stores), {"invalid": invalid})


def _nothing(store: str) -> StoreOutcome:
    return StoreOutcome(store, counts={"valid": 0, "invalid": 0}, amounts={"invalid": Decimal(0)})


def _batches(hq: Engine, scope: Scope) -> list[Scope]:
    """The stores, as one batch or, when there is much to check, as two of about the same size that run side by side."""
    with hq.connect() as connection:
        rows = connection.execute(
            text(f"SELECT t.store, count(*) AS transactions {unchecked_sql(scope)} GROUP BY t.store"), scope.parameters
        )
        counts = {row.store: row.transactions for row in rows}
    if sum(counts.values()) < SMALL:
        return [scope]
    halves: list[list[str]] = [[], []]
    for store in sorted(scope.stores, key=lambda store: (-counts.get(store, 0), store)):
        min(halves, key=lambda half: sum(counts.get(member, 0) for member in half)).append(store)
    return [replace(scope, stores=tuple(sorted(half))) for half in halves if half]


class _Steps:
    """Progress of batches that run side by side: steps done, of all batches."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done, self._lock = progress, total, 0, Lock()

    def __call__(self, step: str) -> None:
        with self._lock:
            self._done = min(self._done + 1, self._total)  # a batch that is tried again counts twice
            self._progress(step, self._done, self._total)


def _validate(hq: Engine, scope: Scope, report: _Steps) -> dict[str, StoreOutcome]:
    with hq.begin() as connection:
        connection.execute(text("SET LOCAL work_mem = '128MB'"))  # hash a day's lines instead of spilling them
        _run(connection, checked_sql(scope), scope.parameters)
        _run(connection, "ANALYZE checked")
        for name, statement in PASSES.items():
            _run(connection, statement)
            _run(connection, f"ANALYZE {name}")
            report("add up the rows")
        _run(connection, _DELETE)
        _run(connection, _TRANSACTION_ERRORS)
        _run(connection, _LINE_ERRORS)
        report("write errors")
        _run(connection, _STATUS)
        rows = connection.execute(text(_RESULT))
        report("write validation status")
        return {
            row.store: StoreOutcome(
                row.store, counts={"valid": row.valid, "invalid": row.invalid}, amounts={"invalid": row.amount}
            )
            for row in rows
        }


def _run(connection: Connection, statement: str, parameters: Mapping[str, object] | None = None) -> None:
    connection.execute(text(statement), dict(parameters or {}))


def _applies(rule: Rule) -> str:
    return f"h.type IN ({', '.join(str(int(kind)) for kind in rule.types)}) AND ({rule.broken})"


def _any_transaction_rule() -> str:
    return " OR ".join(f"({_applies(rule)})" for rule in TRANSACTION_RULES)


def _transaction_checks() -> str:
    """One row of VALUES a rule: its name, and its message or null. A message is only built when the rule is broken."""
    return ",\n".join(
        f"('{rule.name}', CASE WHEN {_applies(rule)} THEN {rule.message} END)" for rule in TRANSACTION_RULES
    )


def _line_checks() -> str:
    return ", ".join(
        f"('{rule.name}', s.{column})" for rule, column in zip(LINE_RULES, LINE_ERROR_COLUMNS, strict=True)
    )


_INSERT = """
    INSERT INTO ax.retailtransactionvalidationerror
        (store, terminal, transactionid, linenum, validationtype, errormessage)
"""
# a validation that runs beside this one (a retry that overlaps its dead predecessor) found the same
_AGAIN = """
    ON CONFLICT (store, terminal, transactionid, linenum, validationtype)
    DO UPDATE SET errormessage = EXCLUDED.errormessage
"""
_DELETE = f"""
    DELETE FROM ax.retailtransactionvalidationerror AS e USING checked AS c WHERE {key_sql("e")} = {key_sql("c")}
"""
_TRANSACTION_ERRORS = f"""
    {_INSERT}
    SELECT h.store, h.terminal, h.transactionid, 0, rule.name, rule.message
    FROM ({HEADERS}) AS h
    CROSS JOIN LATERAL (VALUES {_transaction_checks()}) AS rule (name, message)
    WHERE rule.message IS NOT NULL AND ({_any_transaction_rule()})
    ORDER BY 1, 2, 3, 5
    {_AGAIN}
"""
_LINE_ERRORS = f"""
    {_INSERT}
    SELECT c.store, c.terminal, c.transactionid, CAST(error ->> 0 AS numeric), rule.name, error ->> 1
    FROM line_sum AS s JOIN checked AS c USING (id)
    CROSS JOIN LATERAL (VALUES {_line_checks()}) AS rule (name, errors)
    CROSS JOIN LATERAL jsonb_array_elements(rule.errors) AS error
    WHERE num_nonnulls({", ".join(f"s.{column}" for column in LINE_ERROR_COLUMNS)}) > 0
    ORDER BY 1, 2, 3, 4, 5
    {_AGAIN}
"""
_STATUS = f"""
    UPDATE ax.retailtransactiontable AS t
    SET validationstatus = CASE WHEN e.transactionid IS NULL THEN {int(ValidationStatus.SUCCESSFUL)}
                                ELSE {int(ValidationStatus.ERROR)} END,
        validationdatetime = now()
    FROM checked AS c
    LEFT JOIN (SELECT DISTINCT store, terminal, transactionid FROM ax.retailtransactionvalidationerror) AS e
        ON {key_sql("e")} = {key_sql("c")}
    WHERE {key_sql("t")} = {key_sql("c")}
"""
_RESULT = f"""
    SELECT t.store,
           count(*) FILTER (WHERE t.validationstatus = {int(ValidationStatus.SUCCESSFUL)}) AS valid,
           count(*) FILTER (WHERE t.validationstatus = {int(ValidationStatus.ERROR)}) AS invalid,
           COALESCE(sum(CASE t.type WHEN 2 THEN t.grossamount ELSE t.paymentamount END)
               FILTER (WHERE t.validationstatus = {int(ValidationStatus.ERROR)}), 0) AS amount
    FROM checked AS c JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("c")}
    GROUP BY t.store
"""
