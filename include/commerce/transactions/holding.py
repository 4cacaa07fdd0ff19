"""Hold and release of a single transaction, so that one hopeless receipt does not block its store for ever.

A held transaction is left out of late binding, order synchronization, validation, the quality gate and statements:
`Scope.unposted_sql` leaves it out. Its hold stays in `ax.retailtransactionhold`, with who, when and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.editing import audit
from commerce.outcomes import money
from commerce.schema.enums import ORDER_TYPES, STATEMENT_TYPES, TransactionType, ValidationStatus
from commerce.scope import amount_sql, key_sql
from commerce.transactions.named import Named, lock, refuse

_KEYS = "unnest(CAST(:stores AS text[]), CAST(:terminals AS text[]), CAST(:ids AS text[])) AS k (s, t, i)"
# Without its stamp no calculation takes it that is about to: PostgreSQL looks at a header again after having waited.
# It is judged anew after its release, so until then it may be edited.
HOLD = text(f"""
    UPDATE ax.retailtransactiontable AS h
    SET held = 1, gaterun = NULL, validationstatus = {int(ValidationStatus.NONE)}, validationdatetime = NULL
    FROM {_KEYS} WHERE {key_sql("h")} = (k.s, k.t, k.i)
""")
REMEMBER = text(f"""
    INSERT INTO ax.retailtransactionhold (store, terminal, transactionid, reason, heldby)
    SELECT k.s, k.t, k.i, :reason, :by FROM {_KEYS}
""")
RELEASE = text(f"""
    UPDATE ax.retailtransactiontable AS h
    SET held = 0, gaterun = NULL, validationstatus = {int(ValidationStatus.NONE)}, validationdatetime = NULL
    FROM {_KEYS} WHERE {key_sql("h")} = (k.s, k.t, k.i)
""")
CLOSE = text(f"""
    UPDATE ax.retailtransactionhold AS h
    SET releasedby = :by, releaseddatetime = now(), releasereason = :reason
    FROM {_KEYS} WHERE {key_sql("h")} = (k.s, k.t, k.i) AND h.releaseddatetime IS NULL
""")
HELD = f"""
    SELECT h.store, h.terminal, h.transactionid, h.businessdate, h.currency, {amount_sql("h")} AS amount,
           o.helddatetime, extract(day FROM now() - o.helddatetime)::integer AS days, o.heldby, o.reason
    FROM ax.retailtransactiontable AS h
    JOIN ax.retailtransactionhold AS o ON {key_sql("o")} = {key_sql("h")} AND o.releaseddatetime IS NULL
    WHERE h.held = 1 AND (CAST(:stores AS text[]) IS NULL OR h.store = ANY(:stores))
    ORDER BY h.store, o.helddatetime, h.terminal, h.transactionid
"""


@dataclass(frozen=True)
class HeldTransaction:
    """A transaction on hold. `days`: since when, in whole days; `amount`: in `currency`."""

    store: str
    terminal: str
    transaction: str
    business_date: date
    currency: str
    amount: Decimal
    since: datetime
    days: int
    by: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON; amounts are decimal text."""
        return {
            **vars(self),
            "amount": money(self.amount),
            "business_date": self.business_date.isoformat(),
            "since": self.since.isoformat(),
        }


def hold_transactions(
    hq: Engine, *, transactions: Sequence[str], reason: str, by: str, store: str | None = None
) -> list[Named]:
    """Hold `transactions` (ids): nothing takes them until they are released.

    Raises:
        UsageError: one does not exist, is held already, is in a statement or a sales order, or never posts; nobody says
            who, or why.
    """
    audit.check_words(by, reason)
    return _change(
        hq, transactions, store, "hold", _why_not_held, (HOLD, REMEMBER), {"reason": reason.strip(), "by": by}
    )


def release_transactions(
    hq: Engine, *, transactions: Sequence[str], by: str, reason: str, store: str | None = None
) -> list[Named]:
    """Release held `transactions` (ids): the next run judges them anew.

    Raises:
        UsageError: one does not exist, or is not held; nobody says who, or why.
    """
    audit.check_words(by, reason)
    return _change(
        hq, transactions, store, "release", _why_not_released, (RELEASE, CLOSE), {"reason": reason.strip(), "by": by}
    )


def held_transactions(connection: Connection, stores: Sequence[str] | None = None) -> list[HeldTransaction]:
    """What is held (of `stores`), by store, the oldest hold first."""
    rows = connection.execute(text(HELD), {"stores": None if stores is None else list(stores)})
    return [HeldTransaction(*row) for row in rows]


def _change(
    hq: Engine,
    transactions: Sequence[str],
    store: str | None,
    doing: str,
    why_not: Callable[[Named], str],
    statements: Sequence[Any],
    values: Mapping[str, str],
) -> list[Named]:
    def change() -> list[Named]:
        with hq.begin() as connection:
            found = lock(connection, transactions, store)
            refuse(found, why_not, doing)
            stores, terminals, ids = (list(part) for part in zip(*(one.key for one in found), strict=True))
            for statement in statements:
                connection.execute(statement, {"stores": stores, "terminals": terminals, "ids": ids, **values})
            return found

    return retry_transient(change)


def _why_not_held(transaction: Named) -> str:
    if transaction.held:
        return "is on hold already"
    if transaction.taken:
        way_out = "; a statement that is not posted yet can be cleared first" if transaction.statement else ""
        return transaction.taken + way_out
    if transaction.unreal:
        return transaction.unreal
    cancels = transaction.cancels and transaction.is_of((TransactionType.CUSTOMER_ORDER,))
    posts = cancels or transaction.is_of((*STATEMENT_TYPES, *ORDER_TYPES))
    return "" if posts else "is of a type that never posts"


def _why_not_released(transaction: Named) -> str:
    return "" if transaction.held else "is not on hold"
