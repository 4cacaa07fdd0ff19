"""Transactions that a person names by their ids: locked, with what decides about what may be done to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from commerce.errors import UsageError
from commerce.schema.enums import (
    REAL_ENTRY_STATUSES,
    DocumentOperationStatus,
    EntryStatus,
    OrderStatus,
    TransactionOrderType,
    TransactionType,
    ValidationStatus,
)
from commerce.scope import key_sql

# The lock first: what another session commits meanwhile is seen by the query after it.
LOCK = text("""
    SELECT FROM ax.retailtransactiontable AS t
    WHERE t.transactionid = ANY(:ids) AND (CAST(:store AS text) IS NULL OR t.store = :store)
    ORDER BY t.store, t.terminal, t.transactionid FOR UPDATE
""")
FACTS = text(f"""
    SELECT t.store, t.terminal, t.transactionid, t.type, t.entrystatus, t.validationstatus, t.held,
           coalesce(eod.statementid, '') AS statement,
           coalesce(CASE WHEN os.status = {int(OrderStatus.SUCCEEDED)} THEN os.salesid END, '') AS sales_order,
           coalesce(CASE WHEN d.status = {int(DocumentOperationStatus.SUCCEEDED)} THEN d.salesid END, '') AS canceled,
           t.transactionordertype = {int(TransactionOrderType.CANCELLATION)} AS cancels
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retaileodtransactiontable AS eod ON {key_sql("eod")} = {key_sql("t")}
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    LEFT JOIN ax.retaildocumentoperation AS d ON {key_sql("d")} = {key_sql("t")}
    WHERE t.transactionid = ANY(:ids) AND (CAST(:store AS text) IS NULL OR t.store = :store)
    ORDER BY t.store, t.terminal, t.transactionid
""")


@dataclass(frozen=True)
class Named:
    """A transaction and how far it has come. `statement`, `sales_order`, `canceled` (the order that it has canceled):
    empty where it has none; `cancels`: a customer order that asks for a cancellation."""

    store: str
    terminal: str
    transaction: str
    type: int
    entry_status: int
    validation_status: int
    held: bool
    statement: str
    sales_order: str
    canceled: str
    cancels: bool

    @property
    def key(self) -> tuple[str, str, str]:
        return self.store, self.terminal, self.transaction

    @property
    def taken(self) -> str:
        """Why nothing may be done to it any more: it is in a statement, is a sales order or has canceled one; empty:
        nothing has taken it."""
        if self.statement:
            return f"is in statement {self.statement}"
        if self.canceled:
            return f"has canceled sales order {self.canceled}"
        return f"is sales order {self.sales_order}" if self.sales_order else ""

    @property
    def unreal(self) -> str:
        """Why it never posts; empty: it does."""
        if self.entry_status in REAL_ENTRY_STATUSES:
            return ""
        return f"does not post: it is {EntryStatus(self.entry_status).name.lower().replace('_', ' ')}"

    def is_of(self, types: Sequence[TransactionType]) -> bool:
        return self.type in types

    @property
    def valid(self) -> bool:
        return self.validation_status == ValidationStatus.SUCCESSFUL


def lock(connection: Connection, transactions: Sequence[str], store: str | None = None) -> list[Named]:
    """Lock the headers of `transactions` (ids; of `store`, where given) until the caller commits, and read them.

    Raises:
        UsageError: one does not exist, or several stores have a transaction of that id and none is given.
    """
    wanted = {"ids": list(transactions), "store": store}
    connection.execute(LOCK, wanted)
    found = [
        Named(row.store, row.terminal, row.transactionid, row.type, row.entrystatus, row.validationstatus,
              bool(row.held), row.statement, row.sales_order, row.canceled, row.cancels)
        for row in connection.execute(FACTS, wanted)
    ]  # fmt: skip
    by_id: dict[str, list[Named]] = {transaction: [] for transaction in transactions}
    for one in found:
        by_id[one.transaction].append(one)
    faults = [
        f"There is no transaction {id_}" + (f" of store {store}." if store else ".") for id_ in by_id if not by_id[id_]
    ]
    faults += [
        f"Several transactions have the id {id_}: of {', '.join(f'{one.store} {one.terminal}' for one in ones)}."
        " Name the store with --channel."
        for id_, ones in by_id.items()
        if len(ones) > 1
    ]
    if faults:
        raise UsageError(" ".join(faults))
    return found


def refuse(named: Sequence[Named], why_not: Callable[[Named], str], doing: str) -> None:
    """Refuse all of `named` when `why_not` says something of one.

    Raises:
        UsageError: every reason, with the transaction's id.
    """
    faults = [f"{one.transaction} {why}" for one in named if (why := why_not(one))]
    if faults:
        raise UsageError(f"Cannot {doing}: {'; '.join(faults)}. Nothing was changed.")
