"""Recalculate a statement: clear it and take its transactions and shifts again (domain B4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from commerce.errors import UsageError
from commerce.outcomes import JobResult
from commerce.progress import Progress, silent
from commerce.run.single import single_step

FIND = text("""
    SELECT s.dataareaid AS company, s.storeid AS store, s.businessdate,
           ch.cutoverdate IS NOT NULL AND s.businessdate < ch.cutoverdate AS history
    FROM ax.retailstatementtable AS s JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = s.storeid
    WHERE s.statementid = :statement AND (CAST(:company AS text) IS NULL OR s.dataareaid = :company)
""")
STEPS = ("validate_transactions", "quality_gate", "calculate_statements")
"""What a transaction passes before a statement may take it."""


def recalculate_statement(
    hq: Engine,
    *,
    statement: str,
    company: str | None = None,
    progress: Progress = silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> JobResult:
    """Clear `statement`, judge what it held and calculate the statements of its store up to its business date again.
    Returns what the calculation says; the cleared statement stays, empty, and keeps its number.

    Raises:
        UsageError: there is no such statement, it has sales orders or is posted, or is of history.
    """
    from commerce.statements import clear_statement

    with hq.connect() as connection:
        found = connection.execute(FIND, {"statement": statement, "company": company}).all()
    if len(found) == 1 and found[0].history:
        day = found[0].businessdate
        raise UsageError(
            f"Statement {statement} is of history. Clear it (`commerce statements clear {statement}`), then run"
            f" `commerce backfill --channel {found[0].store} --from {day} --to {day}`."
        )
    clear_statement(hq, statement=statement, company=company)
    (row,) = found
    result = JobResult(STEPS[-1])
    for step in STEPS:
        result = single_step(
            hq, step=step, business_date=row.businessdate, stores=[row.store], progress=progress, now=now
        )
        if not result.ok:
            break
    return result
