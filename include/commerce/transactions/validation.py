"""*Validate store transactions*: the consistency checker that every transaction passes before a statement may take it
(domain.md B3; system 6 of the chain)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.outcomes import JobResult, StoreOutcome, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import ValidationStatus
from commerce.scope import Scope, amount_sql, key_sql, portions
from commerce.transactions import applicability
from commerce.transactions.applicability import Applicability
from commerce.transactions.rules import HEADER_RULES, Rule
from commerce.transactions.sums import (
    DENSE,
    HEADERS,
    IDS,
    Selection,
    charge_rules,
    checked_sql,
    passes,
    unchecked,
)

JOB = "validate-transactions"

SMALL = 20_000
"""Transactions below which one connection does it all at once."""
AT_ONCE = 70_000
"""Transactions that a connection works on: the rows of more would spill from memory."""
CONNECTIONS = 2
"""Each uses one core."""


def validate_transactions(hq: Engine, *, scope: Scope, progress: Progress = silent) -> JobResult:
    """Check every unposted real sale, deposit, income and expense in `scope` that is not valid yet, set-based.

    Replaces the transactions' rows in `ax.retailtransactionvalidationerror` and sets validation status and time. Counts
    by store: `valid`, `invalid`; amounts: `invalid` (gross amount of sales, payments of the others). Notes: the rules
    that were not applied, by company.
    """
    with hq.begin() as connection:
        applied = applicability.of_stores(connection, scope.stores)
        applicability.record(connection, applied)
    batches = _batches(hq, scope)
    report = _Steps(progress, len(batches) * (len(passes(applied, dense=False)) + 2))

    def work(batch: Scope) -> dict[str, StoreOutcome]:
        return retry_transient(lambda: _validate(hq, batch, applied, report))

    found: dict[str, StoreOutcome] = {}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for outcomes in pool.map(work, batches):
            found |= outcomes
    return job_result(scope.stores, found, applied)


def job_result(stores: Sequence[str], found: Mapping[str, StoreOutcome], applied: Applicability) -> JobResult:
    """The outcomes of `stores`, those that had nothing to check among them."""
    outcomes = {store: found.get(store, _nothing(store)) for store in stores}
    invalid = sum((outcome.amounts["invalid"] for outcome in outcomes.values()), Decimal(0))
    return JobResult(JOB, outcomes, totals(outcomes), {"invalid": invalid}, applied.notes)


def _nothing(store: str) -> StoreOutcome:
    return StoreOutcome(store, counts={"valid": 0, "invalid": 0}, amounts={"invalid": Decimal(0)})


def _batches(hq: Engine, scope: Scope) -> list[Scope]:
    """The stores, as one batch or, when there is much to check, as several of about the same size."""
    with hq.connect() as connection:
        rows = connection.execute(
            text(f"SELECT t.store, count(*) AS transactions {unchecked(scope).sql} GROUP BY t.store"), scope.parameters
        )
        counts = {row.store: row.transactions for row in rows}
    total = sum(counts.values())
    if total < SMALL:
        return [scope]
    rounds = -(-total // (AT_ONCE * CONNECTIONS))
    sizes = {store: counts.get(store, 0) for store in sorted(scope.stores)}
    return [replace(scope, stores=tuple(part)) for part in portions(sizes, rounds * CONNECTIONS)]


class _Steps:
    """Progress of batches that run side by side: steps done, of all batches."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done, self._lock = progress, total, 0, Lock()

    def __call__(self, step: str) -> None:
        with self._lock:
            self._done = min(self._done + 1, self._total)  # a batch that is tried again counts twice
            self._progress(step, self._done, self._total)


def _validate(hq: Engine, scope: Scope, applied: Applicability, report: _Steps) -> dict[str, StoreOutcome]:
    with hq.begin() as connection:
        return judge(connection, unchecked(scope), applied, report)


def judge(
    connection: Connection, selection: Selection, applied: Applicability, report: Callable[[str], None] = lambda _: None
) -> dict[str, StoreOutcome]:
    """Check the selected transactions in the caller's transaction; outcomes of the stores that have some."""
    connection.execute(text("SET LOCAL work_mem = '128MB'"))  # hash a day's lines instead of spilling them
    connection.execute(text("SET LOCAL default_statistics_target = 20"))  # a few values are enough to plan with
    _run(connection, checked_sql(selection), selection.parameters)
    _run(connection, "ANALYZE checked")
    ids = dict(connection.execute(text(IDS)).one()._mapping)
    dense = connection.execute(text(DENSE), ids).scalar_one()
    for name, part in passes(applied, dense=dense).items():
        with _planned_with(connection, part.settings):
            _run(connection, part.statement, {**applied.parameters, **ids})
        _run(connection, f"ANALYZE {name}")
        report("add up the rows")
    _run(connection, _found_sql(applied), applied.parameters)
    for statement in (_DELETE, _WRITE):
        _run(connection, statement)
    report("write errors")
    _run(connection, _STATUS)
    rows = connection.execute(text(_RESULT)).all()
    report("write validation status")
    return {
        row.store: StoreOutcome(
            row.store, counts={"valid": row.valid, "invalid": row.invalid}, amounts={"invalid": row.amount}
        )
        for row in rows
    }


def _run(connection: Connection, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
    connection.execute(text(statement), dict(parameters or {}))


@contextmanager
def _planned_with(connection: Connection, settings: Mapping[str, str]) -> Iterator[None]:
    """In the block PostgreSQL has `settings`."""
    for name, value in settings.items():
        _run(connection, f"SET LOCAL {name} = {value}")
    yield
    for name in settings:
        _run(connection, f"SET LOCAL {name} TO DEFAULT")


def _found_sql(applied: Applicability) -> str:
    """The errors: of headers, a message is only built when its rule is broken; of lines and charges, as `sums` gathered
    them."""
    headers = [(rule, _applies(applied, rule)) for rule in applied.active(HEADER_RULES)]
    checks = ",\n".join(f"('{rule.name}', CASE WHEN {broken} THEN {rule.message} END)" for rule, broken in headers)
    charges = charge_rules(applied)
    return f"""
        CREATE TEMP TABLE found ON COMMIT DROP AS
        SELECT h.id, CAST(0 AS numeric) AS linenum, rule.name, rule.message
        FROM ({HEADERS}) AS h
        CROSS JOIN LATERAL (VALUES {checks}) AS rule (name, message)
        WHERE rule.message IS NOT NULL AND ({" OR ".join(broken for _, broken in headers)})
        UNION ALL
        SELECT s.id, CAST(line ->> 0 AS numeric), rule.key, rule.value
        FROM line_sum AS s
        CROSS JOIN LATERAL jsonb_array_elements(s.errors) AS line
        CROSS JOIN LATERAL jsonb_each_text(line -> 1) AS rule
        WHERE s.errors IS NOT NULL
        {_of_charges(charges) if charges else ""}
    """


def _of_charges(charges: Mapping[str, Rule]) -> str:
    return f"""
        UNION ALL
        SELECT s.id, CAST(error.key AS numeric), rule.name, error.value
        FROM charge_sum AS s
        CROSS JOIN LATERAL (VALUES {_gathered(charges)}) AS rule (name, errors)
        CROSS JOIN LATERAL jsonb_each_text(rule.errors) AS error
        WHERE num_nonnulls({_columns(charges)}) > 0
    """


def _applies(applied: Applicability, rule: Rule) -> str:
    return f"h.type IN ({', '.join(str(int(kind)) for kind in rule.types)}) AND {applied.broken(rule, 'h.company')}"


def _gathered(rules: Mapping[str, Rule]) -> str:
    return ", ".join(f"('{rule.name}', s.\"{column}\")" for column, rule in rules.items())


def _columns(rules: Mapping[str, Rule]) -> str:
    return ", ".join(f's."{column}"' for column in rules)


_DELETE = f"""
    DELETE FROM ax.retailtransactionvalidationerror AS e USING checked AS c WHERE {key_sql("e")} = {key_sql("c")}
"""
# A validation that runs beside this one (a retry that overlaps its dead predecessor) found the same.
_WRITE = """
    INSERT INTO ax.retailtransactionvalidationerror
        (store, terminal, transactionid, linenum, validationtype, errormessage)
    SELECT c.store, c.terminal, c.transactionid, f.linenum, f.name, f.message
    FROM found AS f JOIN checked AS c USING (id)
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (store, terminal, transactionid, linenum, validationtype)
    DO UPDATE SET errormessage = EXCLUDED.errormessage
"""
# What somebody edited, or what got a late row, since it was summed up is judged by the next run. Of a row version and
# a key PostgreSQL expects one row: without OFFSET 0 it would go through all that was found for each transaction.
_STATUS = f"""
    UPDATE ax.retailtransactiontable AS t
    SET validationstatus = CASE WHEN c.valid THEN {int(ValidationStatus.SUCCESSFUL)}
                                ELSE {int(ValidationStatus.ERROR)} END,
        validationdatetime = now()
    FROM (SELECT c.store, c.terminal, c.transactionid, c.version, e.id IS NULL AS valid
          FROM checked AS c LEFT JOIN (SELECT DISTINCT id FROM found) AS e USING (id) OFFSET 0) AS c
    WHERE {key_sql("t")} = {key_sql("c")} AND t.xmin = c.version
"""
_RESULT = f"""
    SELECT c.store, count(*) FILTER (WHERE e.id IS NULL) AS valid, count(e.id) AS invalid,
           COALESCE(sum({amount_sql("c")}) FILTER (WHERE e.id IS NOT NULL), 0) AS amount
    FROM checked AS c LEFT JOIN (SELECT DISTINCT id FROM found) AS e USING (id)
    GROUP BY c.store
"""
