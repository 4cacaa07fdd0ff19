"""Orders that channels sent, what became of them, and what people did to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from commerce.cli.queries.documents import TRANSACTION_PARTS, found_or_refuse, whereabouts
from commerce.cli.queries.reading import Row, fetch, where
from commerce.schema.enums import ORDER_TYPES, DocumentOperationStatus, OrderStatus, SalesStatus, TransactionType
from commerce.scope import Key, key_sql, real_sql

_TYPES = ", ".join(str(int(kind)) for kind in ORDER_TYPES)
_KINDS = {
    TransactionType.PENDING_SALES_ORDER: "online",
    TransactionType.ASYNC_CUSTOMER_ORDER: "customer",
    TransactionType.ASYNC_CUSTOMER_QUOTE: "quotation",
}
_KIND = " ".join(f"WHEN {int(kind)} THEN '{name}'" for kind, name in _KINDS.items())

ORDERS = f"""
    SELECT t.store, t.terminal, t.transactionid AS transaction, CASE t.type {_KIND} END AS kind,
           t.businessdate AS business_date, os.salesid AS sales_order,
           CASE WHEN o.mcrorderstopped = 1 THEN 'on-hold'
                WHEN os.status = {int(OrderStatus.SUCCEEDED)} THEN 'synchronized'
                WHEN t.held = 1 THEN 'held'
                WHEN os.status = {int(OrderStatus.FAILED)} THEN 'failed'
                WHEN os.status = {int(OrderStatus.EDITING)} THEN 'editing' ELSE 'pending' END AS state,
           t.grossamount AS amount, t.currency, os.errorclass AS error_class, os.errordetail AS error,
           coalesce(os.retrycount, 0) AS tries, os.nextattempt AS next_try_at,
           coalesce(os.failingsince, os.modifieddatetime) AS since_at,
           nullif(os.lastedituser, '') AS last_edited_by
    FROM ax.retailtransactiontable AS t
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    LEFT JOIN ax.salestable AS o ON (o.dataareaid, o.salesid) = (os.dataareaid, os.salesid)
    WHERE t.type IN ({_TYPES}) AND {real_sql("t")}
"""
_STATES = " ".join(f"WHEN {int(state)} THEN '{state.name.lower()}'" for state in SalesStatus)
SALES_ORDER = f"""
    SELECT o.dataareaid AS company, o.salesid AS sales_order, o.custaccount AS customer, o.documenttype AS document,
           o.salesorigin AS origin, o.store, o.businessdate AS business_date, o.currency, o.netamount AS net,
           o.taxamount AS tax, o.grossamount AS gross, nullif(o.statementid, '') AS statement,
           CASE o.salesstatus {_STATES} END AS sales_status, o.mcrorderstopped = 1 AS on_hold,
           r.terminal, r.transactionid AS transaction
    FROM ax.salestable AS o LEFT JOIN ax.retailsalestable AS r USING (dataareaid, salesid)
    WHERE o.salesid = :key ORDER BY o.dataareaid
"""
LINES = """
    SELECT trim_scale(linenum)::text AS line, itemid AS item, qty AS quantity, netamount AS net, taxamount AS tax,
           giftcard = 1 AS gift_card, custaccount AS customer, deliverypostaladdress AS delivery_address
    FROM ax.salesline WHERE dataareaid = :company AND salesid = :sales_order ORDER BY linenum
"""
HOLDS = """
    SELECT mcrholdcode AS code, reason, createdby AS by, createddatetime AS held_at, clearedby AS released_by,
           clearreason AS release_reason, cleareddatetime AS released_at
    FROM ax.mcrholdcodetrans WHERE dataareaid = :company AND salesid = :sales_order ORDER BY recid
"""


_OPERATION_STATES = " ".join(f"WHEN {int(state)} THEN '{state.name.lower()}'" for state in DocumentOperationStatus)
CANCELLATIONS = f"""
    SELECT d.store, d.terminal, d.transactionid AS transaction, d.createddatetime AS arrived_at,
           coalesce(nullif(d.requestedsalesid, ''), d.channelreferenceid) AS "order", d.salesid AS sales_order,
           CASE d.status {_OPERATION_STATES} END AS state, d.errorclass AS error_class, d.errordetail AS error,
           d.retrycount AS tries, d.nextattempt AS next_try_at
    FROM ax.retaildocumentoperation AS d
"""


def list_cancellations(hq: Engine, *, state: str | None, store: str | None, limit: int) -> list[Row]:
    """Cancellations that channels ask for, by the transaction that does."""
    condition, values = where({"listed.state = :state": state, "listed.store = :store": store})
    query = f"SELECT * FROM ({CANCELLATIONS}) AS listed{condition} ORDER BY store, terminal, transaction LIMIT :limit"
    return fetch(hq, query, {**values, "limit": limit})


def list_orders(
    hq: Engine,
    *,
    state: str | None,
    store: str | None,
    error_class: str | None = None,
    kind: str | None = None,
    words: str | None = None,
    before: datetime | None = None,
    limit: int,
) -> list[Row]:
    """Orders that channels sent (types 27, 31 and 33) and what became of them. `words`: in the error; `before`: in
    this state or error since an earlier time."""
    wanted: dict[str, Any] = {
        "listed.state = :state": state,
        "listed.store = :store": store,
        "listed.error_class = :error_class": error_class,
        "listed.kind = :kind": kind,
        "position(lower(:words) IN lower(listed.error)) > 0": words,
        "listed.since_at < :before": before,
    }
    condition, values = where(wanted)
    query = f"SELECT * FROM ({ORDERS}) AS listed{condition} ORDER BY store, terminal, transaction LIMIT :limit"
    return fetch(hq, query, {**values, "limit": limit})


def keys(
    hq: Engine, *, state: str, store: str | None, error_class: str | None = None, words: str | None = None
) -> list[Key]:
    """The transactions of orders, chosen as in `list_orders`."""
    wanted: dict[str, Any] = {
        "listed.state = :state": state,
        "listed.store = :store": store,
        "listed.error_class = :error_class": error_class,
        "position(lower(:words) IN lower(listed.error)) > 0": words,
    }
    condition, values = where(wanted)
    found = fetch(hq, f"SELECT * FROM ({ORDERS}) AS listed{condition} ORDER BY store, terminal, transaction", values)
    return [(row["store"], row["terminal"], row["transaction"]) for row in found]


def show_order(hq: Engine, key: str, *, personal: bool = False) -> list[Row]:
    """An order by its sales order number or its transaction, with the lines of either.

    Raises:
        UsageError: there is none.
    """
    found = fetch(hq, SALES_ORDER, {"key": key})
    for order in found:
        order["lines"] = fetch(hq, LINES, order)
        order["holds"] = fetch(hq, HOLDS, order)
    if not found:
        found = fetch(hq, f"SELECT * FROM ({ORDERS}) AS o WHERE transaction = :key ORDER BY store", {"key": key})
        for order in found:
            order |= {part: fetch(hq, TRANSACTION_PARTS[part], order) for part in ("lines", "payments")}
    for order in found_or_refuse(found, "order"):
        if order["transaction"] is not None:
            order |= whereabouts(hq, order, personal=personal)
    return found
