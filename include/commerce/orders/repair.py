"""What a person does about an order: take it into the Editing state and give it back, let it be tried again, remove the
hold of its sales order (domain.md B1). Who, when and why are kept in the audit of transactions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.editing import audit
from commerce.errors import UsageError
from commerce.orders.synchronize import synchronize_orders
from commerce.outcomes import JobResult
from commerce.schema.enums import ORDER_TYPES, EntryStatus, OrderStatus, RepairAction, SalesStatus
from commerce.scope import Key, Scope, key_sql, real_sql

_TYPES = ", ".join(str(int(kind)) for kind in ORDER_TYPES)

_BY_KEY = text(f"""
    SELECT k.key, t.store, t.terminal, t.transactionid
    FROM unnest(CAST(:keys AS text[])) AS k (key)
    LEFT JOIN ax.retailsalestable AS r ON r.salesid = k.key
    JOIN ax.retailtransactiontable AS t ON t.transactionid = k.key OR {key_sql("t")} = {key_sql("r")}
    WHERE t.type IN ({_TYPES}) AND (CAST(:store AS text) IS NULL OR t.store = :store)
    ORDER BY 1, 2, 3, 4
""")
_FAILED = """
    SELECT os.store, os.terminal, os.transactionid FROM ax.retailtransactionorderstatus AS os
    WHERE os.status = {failed} AND (CAST(:store AS text) IS NULL OR os.store = :store)
      AND (CAST(:error_class AS text) IS NULL OR os.errorclass = :error_class)
      AND (CAST(:words AS text) IS NULL OR position(lower(:words) IN lower(os.errordetail)) > 0)
    ORDER BY 1, 2, 3
"""
_CHOSEN = f"""
    CREATE TEMP TABLE chosen ON COMMIT DROP AS
    SELECT t.store, t.terminal, t.transactionid, t.dataareaid
    FROM ax.retailtransactiontable AS t
    WHERE {{wanted}} AND t.type IN ({_TYPES}) AND {real_sql("t")}
    ORDER BY t.store, t.terminal, t.transactionid FOR NO KEY UPDATE OF t
"""
# Behind the lock: what is decided here is what the order is now.
_NARROWED = f"""
    DELETE FROM chosen AS c WHERE NOT EXISTS (
        SELECT FROM ax.retailtransactiontable AS t
        LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
        WHERE {key_sql("t")} = {key_sql("c")} AND COALESCE(os.status, 0) IN ({{states}}) AND {{condition}})
"""
_SET = """
    INSERT INTO ax.retailtransactionorderstatus AS os
        (store, terminal, transactionid, dataareaid, status, lastedituser, modifieddatetime)
    SELECT store, terminal, transactionid, dataareaid, :status, :by, now()
    FROM chosen ORDER BY store, terminal, transactionid
    ON CONFLICT (store, terminal, transactionid) DO UPDATE
    SET status = excluded.status, lastedituser = excluded.lastedituser, errorclass = '', errordetail = '',
        retrycount = 0, nextattempt = NULL, failingsince = NULL, modifieddatetime = now()
"""
# A new version of the header: a job that has judged the order already passes it over.
_TOUCH = f"""
    UPDATE ax.retailtransactiontable AS t SET gaterun = NULL FROM chosen AS c WHERE {key_sql("t")} = {key_sql("c")}
"""
_HELD = text("""
    CREATE TEMP TABLE held ON COMMIT DROP AS
    SELECT o.dataareaid, o.salesid, r.store, r.terminal, r.transactionid
    FROM ax.salestable AS o JOIN ax.retailsalestable AS r USING (dataareaid, salesid)
    WHERE r.store = ANY(:stores) AND (r.store, r.terminal, r.transactionid) IN (
        SELECT * FROM unnest(CAST(:stores AS text[]), CAST(:terminals AS text[]), CAST(:transactions AS text[])))
      AND o.mcrorderstopped = 1
    ORDER BY o.dataareaid, o.salesid FOR NO KEY UPDATE OF o
""")
_OPEN_HOLDS = """
    SELECT held.store, held.terminal, held.transactionid, held.dataareaid, 'mcrholdcodetrans' AS reftable,
           '' AS refkey, 'mcrholdcode' AS fieldname, h.mcrholdcode AS oldvalue, CAST(NULL AS text) AS newvalue
    FROM held JOIN ax.mcrholdcodetrans AS h USING (dataareaid, salesid) WHERE h.mcrcleared = 0 ORDER BY h.recid
"""
_CLEAR = text("""
    UPDATE ax.mcrholdcodetrans AS h
    SET mcrcleared = 1, clearedby = :by, clearreason = :reason, cleareddatetime = now()
    FROM held WHERE (h.dataareaid, h.salesid) = (held.dataareaid, held.salesid) AND h.mcrcleared = 0
""")
_GO_ON = text("""
    UPDATE ax.salestable AS o SET mcrorderstopped = 0 FROM held
    WHERE (o.dataareaid, o.salesid) = (held.dataareaid, held.salesid)
""")


_UNREAL = f"""CASE t.entrystatus {
    " ".join(f"WHEN {int(one)} THEN '{one.name.lower().replace('_', ' ')}'" for one in EntryStatus)
} END"""
_SALES_STATUS = " ".join(
    f"WHEN {int(one)} THEN ', which is {one.name.lower()}'"
    for one in (SalesStatus.DELIVERED, SalesStatus.INVOICED, SalesStatus.CANCELED)
)
# Why nothing was done to an order; `{otherwise}`: where its state allows what was asked.
_WHY = f"""
    SELECT t.store, t.terminal, t.transactionid, CASE
        WHEN NOT ({real_sql("t")}) THEN 'it does not become a sales order: it is ' || {_UNREAL}
        WHEN os.status = {int(OrderStatus.SUCCEEDED)} THEN {{succeeded}}
        WHEN os.status = {int(OrderStatus.EDITING)} THEN {{editing}}
        WHEN t.held = 1 THEN {{held}}
        ELSE {{otherwise}} END AS why
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    LEFT JOIN ax.salestable AS o ON (o.dataareaid, o.salesid) = (os.dataareaid, os.salesid)
    WHERE {{wanted}} ORDER BY 1, 2, 3
"""
_WORDS = {
    "succeeded": f"'it is sales order ' || os.salesid || CASE o.salesstatus {_SALES_STATUS} ELSE '' END",
    "editing": "'somebody is editing it: `commerce orders end-edit` gives it back'",
    "held": "'it is on hold: `commerce transactions release`'",
    "otherwise": "'somebody else has just changed it'",
}
_WANTED = (
    f"{key_sql('t')} IN (SELECT * FROM unnest(CAST(:stores AS text[]), CAST(:terminals AS text[]),"
    " CAST(:transactions AS text[])))"
)
_NOT_EDITED = "'nobody is editing it'"
_NOT_STOPPED = dict.fromkeys(_WORDS, "'it has no sales order yet'") | {
    "succeeded": "'sales order ' || os.salesid || ' is not on hold'"
}


@dataclass(frozen=True)
class PassedOver:
    """An order that nothing was done to, and why: the end of a sentence that begins with the order."""

    store: str
    terminal: str
    transaction: str
    why: str


@dataclass(frozen=True)
class Repaired:
    """Orders that something was done to, and those that were passed over because they were not in a state for it.
    `result`: what the synchronization did that followed."""

    orders: tuple[Key, ...]
    passed_over: tuple[PassedOver, ...] = ()
    result: JobResult | None = field(default=None)

    def as_dict(self) -> dict[str, Any]:
        return {
            "orders": [dict(zip(("store", "terminal", "transaction"), key, strict=True)) for key in self.orders],
            "passed_over": [vars(one) for one in self.passed_over],
            "result": None if self.result is None else self.result.as_dict(),
        }


def find_orders(hq: Engine, keys: Sequence[str], store: str | None = None) -> list[Key]:
    """The orders that sales order numbers and transaction ids name.

    Raises:
        UsageError: one names no order, or several.
    """
    with hq.connect() as connection:
        rows = connection.execute(_BY_KEY, {"keys": sorted(set(keys)), "store": store}).all()
    found: defaultdict[str, list[Key]] = defaultdict(list)
    for key, *transaction in rows:
        found[key].append((transaction[0], transaction[1], transaction[2]))
    for key in keys:
        if key not in found:
            raise UsageError(f"There is no order {key}. `commerce orders list` shows them.")
        if len(found[key]) > 1:
            places = ", ".join(f"{place} {terminal}" for place, terminal, _ in found[key][:5])
            raise UsageError(f"{key} names several orders ({places}). Name the store with --channel.")
    return sorted({transaction for one in found.values() for transaction in one})


def failed_orders(
    hq: Engine, *, store: str | None = None, error_class: str | None = None, words: str | None = None
) -> list[Key]:
    """Failed orders of a store, of a class of error, with a text in the error."""
    query = text(_FAILED.format(failed=int(OrderStatus.FAILED)))
    with hq.connect() as connection:
        rows = connection.execute(query, {"store": store, "error_class": error_class, "words": words})
        return [tuple(row) for row in rows]


def begin_editing(hq: Engine, orders: Sequence[Key], *, by: str, reason: str) -> Repaired:
    """Take orders that have no sales order into the Editing state: the job leaves them alone until `end_editing`.

    Raises:
        UsageError: nobody says who, or why.
    """
    states = (OrderStatus.NONE, OrderStatus.FAILED)
    return _change(hq, orders, states, OrderStatus.EDITING, RepairAction.EDITING, by, reason)


def end_editing(hq: Engine, orders: Sequence[Key], *, by: str, reason: str) -> Repaired:
    """Give orders back to the job, which looks at them with its next run.

    Raises:
        UsageError: nobody says who, or why.
    """
    words = {"held": _NOT_EDITED, "otherwise": _NOT_EDITED}
    states = (OrderStatus.EDITING,)
    return _change(hq, orders, states, OrderStatus.NONE, RepairAction.RETURNED, by, reason, words=words)


def retry(hq: Engine, orders: Sequence[Key], *, by: str, reason: str, now: bool = True) -> Repaired:
    """Let orders that failed or wait be tried again: at once (*Synchronize order*), or by the next run.

    Whatever their error was, it is forgotten and their tries are counted anew. Orders that somebody edits or holds are
    passed over.

    Raises:
        UsageError: nobody says who, or why.
    """
    states = (OrderStatus.NONE, OrderStatus.FAILED)
    done = _change(hq, orders, states, OrderStatus.NONE, RepairAction.RETRIED, by, reason, "t.held = 0")
    if not now or not done.orders:
        return done
    return Repaired(done.orders, done.passed_over, synchronize_orders(hq, scope=Scope.just(done.orders)))


def release(hq: Engine, orders: Sequence[Key], *, by: str, reason: str) -> Repaired:
    """Remove the holds of the orders' sales orders: they may be delivered and invoiced.

    Raises:
        UsageError: nobody says who, or why.
    """
    audit.check_words(by, reason)

    def work() -> Repaired:
        with hq.begin() as connection:
            connection.execute(_HELD, _columns(orders))
            audit.record(connection, RepairAction.RELEASED, _OPEN_HOLDS, by, reason)
            connection.execute(_CLEAR, {"by": by, "reason": reason.strip()})
            connection.execute(_GO_ON)
            return _repaired(connection, "held", orders, _NOT_STOPPED)

    return retry_transient(work)


def _change(
    hq: Engine,
    orders: Sequence[Key],
    states: Sequence[OrderStatus],
    status: OrderStatus,
    action: RepairAction,
    by: str,
    reason: str,
    condition: str = "TRUE",
    words: Mapping[str, str] | None = None,
) -> Repaired:
    """Set the status of those `orders` that are in one of `states`, and that fulfil a condition on header t; `words`:
    why others are passed over, where it is not as `_WORDS` says."""
    audit.check_words(by, reason)
    names = " ".join(f"WHEN {int(one)} THEN '{one.name.lower()}'" for one in OrderStatus)
    entries = f"""
        SELECT c.store, c.terminal, c.transactionid, c.dataareaid, 'retailtransactionorderstatus' AS reftable,
               '' AS refkey, 'status' AS fieldname, CASE COALESCE(os.status, 0) {names} END AS oldvalue,
               '{status.name.lower()}' AS newvalue
        FROM chosen AS c LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("c")}
        ORDER BY 1, 2, 3"""

    def work() -> Repaired:
        with hq.begin() as connection:
            connection.execute(text(_CHOSEN.format(wanted=_WANTED)), _columns(orders))
            allowed = ", ".join(str(int(state)) for state in states)
            connection.execute(text(_NARROWED.format(states=allowed, condition=condition)))
            audit.record(connection, action, entries, by, reason)
            connection.execute(text(_SET), {"status": int(status), "by": by})
            connection.execute(text(_TOUCH))
            return _repaired(connection, "chosen", orders, words or {})

    return retry_transient(work)


def _repaired(connection: Connection, table: str, orders: Sequence[Key], words: Mapping[str, str]) -> Repaired:
    """The orders in temp table `table`, and why the others of `orders` are not there."""
    rows = connection.execute(text(f"SELECT store, terminal, transactionid FROM {table} ORDER BY 1, 2, 3"))
    done = tuple((row.store, row.terminal, row.transactionid) for row in rows)
    others = sorted(set(orders) - set(done))
    if not others:
        return Repaired(done)
    query = text(_WHY.format(wanted=_WANTED, **{**_WORDS, **words}))
    return Repaired(done, tuple(PassedOver(*row) for row in connection.execute(query, _columns(others))))


def _columns(orders: Sequence[Key]) -> dict[str, list[str]]:
    return {name: [key[place] for key in orders] for place, name in enumerate(("stores", "terminals", "transactions"))}
