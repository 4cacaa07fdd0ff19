"""The dry run: what a run would do, step by step, and what would be blocked. It reads; nothing is written anywhere.

Amounts and references are those of what headquarters holds already; what still waits in the channels is counted, not
judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce import exchange
from commerce.customers import references
from commerce.orders.judging import DUE
from commerce.outcomes import money
from commerce.run import opening, steps
from commerce.run.unfinished import unfinished_sql
from commerce.schema.enums import ORDER_TYPES, STATEMENT_TYPES, CustomerAsyncOperation, SyncStatus, ValidationStatus
from commerce.scope import Scope, amount_sql

_ORDER_TYPES = ", ".join(str(int(kind)) for kind in ORDER_TYPES)
_STATEMENT_TYPES = ", ".join(str(int(kind)) for kind in STATEMENT_TYPES)
_DUE_ORDER = f"t.type IN ({_ORDER_TYPES}) AND {DUE}"
_HOPEFUL = (
    f"operation = {int(CustomerAsyncOperation.CREATE)} AND syncstatus <> {int(SyncStatus.IGNORED)}"
    " AND errorclass <> 'permanent'"
)

CUSTOMERS = text(f"""
    SELECT count(DISTINCT custaccountasync) FROM ax.retailasynccustomerv2
    WHERE dataareaid = ANY(:companies) AND operation = {int(CustomerAsyncOperation.CREATE)}
      AND syncstatus = {int(SyncStatus.PENDING)}
""")


def transactions_sql(scope: Scope) -> str:
    """Orders and transactions that are due, by store: count and amount of each, and how many were wrong before."""
    return f"""
        SELECT t.store,
               count(*) FILTER (WHERE {_DUE_ORDER}) AS orders,
               coalesce(sum(t.grossamount) FILTER (WHERE {_DUE_ORDER}), 0) AS order_amount,
               count(*) FILTER (WHERE t.type IN ({_STATEMENT_TYPES})) AS transactions,
               coalesce(sum({amount_sql("t")}) FILTER (WHERE t.type IN ({_STATEMENT_TYPES})), 0) AS transaction_amount,
               count(*) FILTER (WHERE t.validationstatus = {int(ValidationStatus.ERROR)}) AS invalid
        FROM ax.retailtransactiontable AS t
        JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
        WHERE {scope.unposted_sql("t", "ch")}
        GROUP BY t.store
    """


def unresolvable_sql(scope: Scope) -> str:
    """Transactions that refer to a customer or address that neither a map nor a row waiting to be converted knows."""
    unbound = references.unbound_sql(references.selected_sql(scope, (*ORDER_TYPES, *STATEMENT_TYPES)))
    return f"""
        SELECT r.store, count(*) AS number, coalesce(sum({amount_sql("t")}), 0) AS amount
        FROM (
            SELECT DISTINCT u.store, u.terminal, u.transactionid FROM ({unbound}) AS u
            WHERE (NOT u.customer_known AND NOT EXISTS (
                      SELECT FROM ax.retailasynccustomerv2 AS c
                      WHERE c.dataareaid = u.dataareaid AND c.custaccountasync = u.custaccountasync AND {_HOPEFUL}))
               OR (NOT u.address_known AND NOT EXISTS (
                      SELECT FROM ax.retailasyncaddressv2 AS a
                      WHERE a.dataareaid = u.dataareaid AND a.addressid = u.addressidasync AND {_HOPEFUL}))
        ) AS r
        JOIN ax.retailtransactiontable AS t USING (store, terminal, transactionid)
        GROUP BY r.store
    """


@dataclass(frozen=True)
class StorePlan:
    """One store. Pairs are (count, amount). `fault`: its channel database cannot be read, so it would fail.
    `unfinished`: cash management of closed shifts in no statement, or statements that are not posted, wait in it."""

    store: str
    closed: bool
    fault: str = ""
    waiting_transactions: int = 0
    orders: tuple[int, Decimal] = (0, Decimal(0))
    transactions: tuple[int, Decimal] = (0, Decimal(0))
    invalid: int = 0
    unresolvable: tuple[int, Decimal] = (0, Decimal(0))
    unfinished: bool = False

    @property
    def outlook(self) -> str:
        if self.fault:
            return "would fail"
        if not self.closed:
            return "not closed"
        if self.unresolvable[0]:
            return "would be blocked"
        coming = self.waiting_transactions or self.orders[0] or self.transactions[0] or self.unfinished
        return "would be posted" if coming else "no new transactions"

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "outlook": self.outlook,
            "fault": self.fault,
            "waiting_transactions": self.waiting_transactions,
            "orders": _pair(self.orders),
            "transactions": _pair(self.transactions),
            "invalid": self.invalid,
            "unresolvable": _pair(self.unresolvable),
            "unfinished": self.unfinished,
        }


@dataclass(frozen=True)
class DryRun:
    """What a run would do. `steps`: (step, what it would work on)."""

    kind: str
    business_date: date | None
    steps: tuple[tuple[str, str], ...]
    stores: tuple[StorePlan, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "dry_run": True,
            "kind": self.kind,
            "business_date": None if self.business_date is None else self.business_date.isoformat(),
            "steps": [{"step": step, "would": would} for step, would in self.steps],
            "stores": [store.as_dict() for store in self.stores],
        }

    def as_text(self) -> str:
        """For a log or a terminal."""
        lines = [f"Dry run of {self.kind} for {self.business_date or 'now'}: nothing is written."]
        lines += [f"  {step:<24}{would}" for step, would in self.steps]
        for store in self.stores:
            lines.append(f"  {store.store:<12}{store.outlook}{': ' + store.fault if store.fault else ''}")
        return "\n".join(lines)


def plan(
    hq: Engine,
    *,
    kind: steps.Kind,
    business_date: date | None = None,
    first_date: date | None = None,
    stores: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DryRun:
    """Look at what a run would do, without doing any of it; arguments as for `open_run`.

    Raises:
        UsageError: whatever would keep the run from being opened.
    """
    left_out = steps.to_skip(kind, skip)
    moment = now()
    with hq.connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        business_date = opening.last_date(connection, first_date, business_date, stores)
        chosen = opening.resolve(connection, kind, business_date, stores, moment, first_date)
        plans = {
            store.store: StorePlan(store.store, opening.has_ended(store, business_date, moment)) for store in chosen
        }
        customers = connection.execute(
            CUSTOMERS, {"companies": sorted({store.company for store in chosen})}
        ).scalar_one()
        if business_date is not None:
            scope = Scope(tuple(plans), business_date, kind == "historical", first_date)
            plans |= _with_transactions(connection, scope, plans)
    waiting = exchange.waiting(hq, stores=list(plans), history=kind == "historical")
    for found in waiting:
        for store in set(found.stores) & set(plans):
            count = found.transactions.get(store, 0)
            plans[store] = replace(plans[store], fault=found.fault, waiting_transactions=count)
    described = _descriptions(tuple(plans.values()), waiting, customers)
    return DryRun(
        kind,
        business_date,
        tuple((name, "left out" if name in left_out else described[name]) for name in steps.names(kind)),
        tuple(plans[store] for store in sorted(plans)),
    )


def _with_transactions(connection: Connection, scope: Scope, plans: dict[str, StorePlan]) -> dict[str, StorePlan]:
    found = dict(plans)
    for row in connection.execute(text(transactions_sql(scope)), scope.parameters):
        found[row.store] = replace(
            found[row.store],
            orders=(row.orders, row.order_amount),
            transactions=(row.transactions, row.transaction_amount),
            invalid=row.invalid,
        )
    for row in connection.execute(text(unresolvable_sql(scope)), scope.parameters):
        found[row.store] = replace(found[row.store], unresolvable=(row.number, row.amount))
    unfinished = text(f"SELECT DISTINCT store FROM ({unfinished_sql(scope)}) AS u")
    for store in connection.scalars(unfinished, scope.parameters):
        found[store] = replace(found[store], unfinished=True)
    return found


def _descriptions(stores: Sequence[StorePlan], waiting: Sequence[exchange.Waiting], customers: int) -> dict[str, str]:
    arriving = sum(found.customers for found in waiting)
    unreachable = sum(1 for found in waiting if found.fault)
    orders = _total([store.orders for store in stores])
    closed = [store for store in stores if store.closed]
    transactions = _total([store.transactions for store in closed])
    blocked = [store for store in closed if store.unresolvable[0]]
    wrong = sum(store.invalid for store in closed)
    held = _total([store.unresolvable for store in blocked])
    free = _total([store.transactions for store in closed if not store.unresolvable[0]])
    accounts = f"the accounts of {customers + arriving:,} customers at most to {len(waiting)} channel databases"
    return {
        "upload": f"{sum(found.rows for found in waiting):,} rows wait in {len(waiting)} channel databases"
        + (f", {unreachable} of them out of reach" if unreachable else ""),
        "synchronize_customers": f"{customers:,} customers wait, {arriving:,} customer rows are still to be uploaded",
        "distribute": accounts,
        "synchronize_orders": f"{orders[0]:,} orders, {money(orders[1])}",
        "bind_cash_and_carry": f"{transactions[0]:,} transactions",
        "distribute_late": "accounts that the two steps before bind late",
        "validate_transactions": f"{transactions[0]:,} transactions, {wrong:,} of them were wrong",
        "quality_gate": f"{len(blocked)} stores would be blocked by {held[0]:,} transactions, {money(held[1])}",
        "calculate_statements": f"{free[0]:,} transactions, {money(free[1])}",
        "post_statements": f"what was calculated, for {len(closed) - len(blocked)} of {len(stores)} stores",
    }


def _total(pairs: Sequence[tuple[int, Decimal]]) -> tuple[int, Decimal]:
    return sum(count for count, _ in pairs), sum((amount for _, amount in pairs), Decimal(0))


def _pair(pair: tuple[int, Decimal]) -> dict[str, Any]:
    return {"count": pair[0], "amount": money(pair[1])}
