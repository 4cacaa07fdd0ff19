"""Revalidate the transactions of a statement that has not gone to the ledger yet (domain B4: Revalidate transactions).

Those that are not valid any more leave it when it is posted; the next run judges them.
"""

from __future__ import annotations

from sqlalchemy import Engine

from commerce.database import retry_transient
from commerce.errors import UsageError
from commerce.named_statement import find
from commerce.outcomes import JobResult
from commerce.schema.enums import StatementStatus, StatementType
from commerce.scope import key_sql
from commerce.transactions import applicability
from commerce.transactions.sums import Selection
from commerce.transactions.validation import job_result, judge

IN_STATEMENT = f"""
    {key_sql("t")} IN (SELECT e.store, e.terminal, e.transactionid FROM ax.retaileodtransactiontable AS e
                       WHERE (e.dataareaid, e.statementid) = (:company, :statement))
"""


def revalidate_statement(hq: Engine, *, statement: str, company: str | None = None) -> JobResult:
    """Validate the transactions of a Calculated transactional `statement` anew; counts and amounts as
    `validate_transactions`.

    Raises:
        UsageError: there is no such statement, several companies have one, or it is in another state.
    """

    def work() -> JobResult:
        with hq.begin() as connection:
            found = find(connection, statement, company)
            if found.type != StatementType.TRANSACTIONAL:
                raise UsageError(f"Statement {statement} is a financial one: cash management has no validation.")
            if found.state != StatementStatus.CALCULATED:
                raise UsageError(
                    f"Statement {statement} is on its way to the ledger: what is Checked was valid then. `commerce"
                    f" statements clear {statement}` takes everything out, as long as it has no sales orders."
                )
            applied = applicability.of_stores(connection, [found.store])
            applicability.record(connection, applied)
            selection = Selection(IN_STATEMENT, found.key)
            return job_result([found.store], judge(connection, selection, applied), applied)

    return retry_transient(work)
