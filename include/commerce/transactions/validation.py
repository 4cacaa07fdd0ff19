"""*Validate store transactions*: the consistency checker that every transaction passes before a statement may take it
(domain.md B3; system 6 of the chain)."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import ValidationStatus
from commerce.scope import Scope, key_sql
from commerce.transactions.rules import LINE_RULES, TRANSACTION_RULES
from commerce.transactions.sums import HEADERS, LINE_ERROR_COLUMNS, PASSES, checked_sql

JOB = "validate-transactions"


def validate_transactions(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Check every unposted real sale, deposit, income and expense in `scope` that is not valid yet, set-based.

    Replaces the transactions' rows in `ax.retailtransactionvalidationerror` and sets validation status and time. Counts
    by store: `valid`, `invalid`; amounts: `invalid` (gross amount of sales, payments of the others).
    """

    def work() -> dict[str, StoreOutcome]:
        with hq.begin() as connection:
            return _validate(connection, scope, progress)

    found = retry_transient(work)
    none = StoreOutcome("", counts={"valid": 0, "invalid": 0}, amounts={"invalid": Decimal(0)})
    stores = {
        store: found.get(store, StoreOutcome(store, counts=none.counts, amounts=none.amounts)) for store in scope.stores
    }
    invalid = sum((outcome.amounts["invalid"] for outcome in stores.values()), Decimal(0))
    return JobResult(JOB, stores, totals(stores), {"invalid": invalid})


def _validate(connection: Connection, scope: Scope, progress: Progress) -> dict[str, StoreOutcome]:
    steps = len(PASSES) + 2
    connection.execute(text("SET LOCAL work_mem = '128MB'"))  # one hash over a day's lines instead of spilling
    _run(connection, checked_sql(scope), scope.parameters)
    _run(connection, "ANALYZE checked")
    for done, (name, statement) in enumerate(PASSES.items()):
        progress(f"read {name}", done, steps)
        _run(connection, statement)
        _run(connection, f"ANALYZE {name}")
    progress("write errors", len(PASSES), steps)
    _run(connection, _DELETE)
    _run(connection, _TRANSACTION_ERRORS)
    _run(connection, _LINE_ERRORS)
    progress("write validation status", len(PASSES) + 1, steps)
    _run(connection, _STATUS)
    rows = connection.execute(text(_RESULT))
    progress("write validation status", steps, steps)
    return {
        row.store: StoreOutcome(
            row.store, counts={"valid": row.valid, "invalid": row.invalid}, amounts={"invalid": row.amount}
        )
        for row in rows
    }


def _run(connection: Connection, statement: str, parameters: Mapping[str, object] | None = None) -> None:
    connection.execute(text(statement), dict(parameters or {}))


def _transaction_checks() -> str:
    """One row of VALUES a rule: its name, and its message or null. A message is only built when the rule is broken."""
    rows = []
    for rule in TRANSACTION_RULES:
        types = ", ".join(str(int(kind)) for kind in rule.types)
        rows.append(f"('{rule.name}', CASE WHEN h.type IN ({types}) AND ({rule.broken}) THEN {rule.message} END)")
    return ",\n".join(rows)


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
    WHERE rule.message IS NOT NULL
    ORDER BY 1, 2, 3, 5
    {_AGAIN}
"""
_LINE_ERRORS = f"""
    {_INSERT}
    SELECT s.store, s.terminal, s.transactionid, CAST(error ->> 0 AS numeric), rule.name, error ->> 1
    FROM line_sum AS s
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
