"""Revalidate transactions that a person names, whatever their validation status: a rule was switched, a master
loaded, a row mended since."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from commerce.database import retry_transient
from commerce.outcomes import JobResult
from commerce.schema.enums import STATEMENT_TYPES
from commerce.scope import key_sql
from commerce.transactions import applicability
from commerce.transactions.named import Named, lock, refuse
from commerce.transactions.sums import Selection
from commerce.transactions.validation import job_result, judge

# A gate that has judged it before the validation did may have let it through as it was.
UNSTAMP = text(f"""
    UPDATE ax.retailtransactiontable AS t SET gaterun = NULL
    FROM unnest(CAST(:own_stores AS text[]), CAST(:terminals AS text[]), CAST(:ids AS text[])) AS k (s, t, i)
    WHERE {key_sql("t")} = (k.s, k.t, k.i)
""")


def revalidate_transactions(hq: Engine, *, transactions: Sequence[str], store: str | None = None) -> JobResult:
    """Validate `transactions` (ids) anew; counts and amounts as `validate_transactions`, notes too.

    Raises:
        UsageError: one does not exist, is held, is in a statement, never posts, or is of a type without validation.
    """

    def work() -> JobResult:
        with hq.begin() as connection:
            found = lock(connection, transactions, store)
            refuse(found, _why_not, "revalidate")
            stores, terminals, ids = (list(part) for part in zip(*(one.key for one in found), strict=True))
            values = {"own_stores": stores, "terminals": terminals, "ids": ids}
            connection.execute(UNSTAMP, values)
            applied = applicability.of_stores(connection, stores)
            applicability.record(connection, applied)
            named = (
                f"{key_sql('t')} IN (SELECT * FROM unnest(CAST(:own_stores AS text[]), CAST(:terminals AS text[]),"
                " CAST(:ids AS text[])))"
            )
            return job_result(sorted(set(stores)), judge(connection, Selection(named, values), applied), applied)

    return retry_transient(work)


def _why_not(transaction: Named) -> str:
    if transaction.taken:
        return f"{transaction.taken}, and was valid then"
    if transaction.unreal:
        return transaction.unreal
    if transaction.held:
        return "is on hold; release it, then it is validated by the next run"
    return "" if transaction.is_of(STATEMENT_TYPES) else "is of a type without validation"
