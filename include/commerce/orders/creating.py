"""Sales orders and quotations from asynchronous orders: one short transaction a chunk, numbers taken last (rule 8)."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, text

from commerce import sequences
from commerce.orders import prepayments
from commerce.orders.recording import Place
from commerce.schema.enums import OrderStatus, TransactionType
from commerce.scope import key_sql, live_line_sql

CHUNK = 2_000
"""Orders a transaction: the number sequence is held for well under a second."""

JOB = "synchronize-orders"
DOCUMENTS = {"SalesOrder": "order", "SalesQuotation": "quotation"}
"""Number sequence reference -> document type."""


def create(connection: Connection, place: Place) -> dict[str, int]:
    """Create the sales orders of a part of temp table `ready`, and post their prepayments; returns how many by store.
    The caller's transaction is short and does nothing else.

    Raises ConfigurationError when the company has no number sequence for them, too few numbers, or no account.
    """
    connection.execute(text(_LOCK), vars(place))
    connection.execute(prepayments.LOCK_PERIODS, {"companies": [place.company]})
    connection.execute(text(_CHOSEN), vars(place))
    needs = {row.reference: row.orders for row in connection.execute(text(_NEEDS))}
    if not needs:
        return {}
    connection.execute(text("ANALYZE chosen"))
    connection.execute(text(_PREPAID))
    if vouchers := prepayments.gather(connection).get(place.company, 0):
        needs[prepayments.REFERENCE] = vouchers
    numbers = _take(connection, place.company, needs)
    for kind in DOCUMENTS.keys() & needs.keys():
        connection.execute(
            text(f"UPDATE chosen SET salesid = {numbers[kind]} WHERE documenttype = :kind"), {"kind": DOCUMENTS[kind]}
        )
    for statement in (_ORDERS, _LINES, _RETAIL_ORDERS, _STATUS):
        connection.execute(text(statement))
    connection.execute(text(_HOLDS), {"job": JOB})
    if vouchers:
        connection.execute(text(_NAME_ORDERS))
        prepayments.write(connection, {place.company: numbers[prepayments.REFERENCE]})
    rows = connection.execute(text("SELECT store, count(*) AS orders FROM chosen GROUP BY store"))
    return {row.store: row.orders for row in rows}


def _take(connection: Connection, company: str, needs: Mapping[str, int]) -> dict[str, str]:
    """Take all numbers at once (reference -> how many); returns SQL of the number at a `position`. References may share
    a sequence."""
    codes = {reference: prepayments.sequence(connection, company, reference) for reference in sorted(needs)}
    totals: Counter[tuple[str, str]] = Counter()
    offsets: dict[str, int] = {}
    for reference, code in codes.items():
        offsets[reference] = totals[company, code]
        totals[company, code] += needs[reference]
    ranges = sequences.take(connection, totals)
    return {
        reference: ranges[company, code].sql(f"(position + {offsets[reference]})") for reference, code in codes.items()
    }


def chunks(connection: Connection, size: int) -> list[Place]:
    """All of `ready`, in the order in which they get their numbers."""
    rows = connection.execute(text("SELECT dataareaid, max(place) AS last FROM ready GROUP BY 1 ORDER BY 1")).all()
    return [
        Place(row.dataareaid, first, min(first + size - 1, row.last))
        for row in rows
        for first in range(1, row.last + 1, size)
    ]


def overtaken(connection: Connection) -> dict[str, int]:
    """Ready orders that changed before they were created, by store."""
    return {row.store: row.orders for row in connection.execute(text(_OVERTAKEN))}


_OF_READY = f"""
    FROM ready AS r JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("r")}
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("r")}
    LEFT JOIN ax.retailparameters AS k ON k.dataareaid = r.dataareaid
    WHERE r.dataareaid = :company AND r.place BETWEEN :first AND :last
"""
# Whoever else synchronizes these orders waits here, then finds their status written.
_LOCK = f"""
    SELECT count(*) FROM (SELECT t.store {_OF_READY} ORDER BY t.store, t.terminal, t.transactionid FOR UPDATE OF t) AS l
"""
# An order that got rows after it was judged has other sums than `ready` says: the next run takes it.
_CHOSEN = f"""
    CREATE TEMP TABLE chosen ON COMMIT DROP AS
    SELECT *, row_number() OVER (PARTITION BY documenttype ORDER BY store, terminal, transactionid) AS position,
           CAST(NULL AS varchar(20)) AS salesid
    FROM (
        SELECT r.store, r.terminal, r.transactionid, r.dataareaid, r.account, r.net, r.tax, r.charges, r.paid,
               t.businessdate,
               t.currency, COALESCE(os.manuallymodified, 0) = 1 AND COALESCE(k.orderholdcode, '') <> '' AS stopped,
               COALESCE(k.orderholdcode, '') AS holdcode, COALESCE(os.lastedituser, '') AS editedby,
               t.dlvmode, t.inventlocationid, t.channelreferenceid,
               CASE t.type WHEN {int(TransactionType.ASYNC_CUSTOMER_QUOTE)} THEN 'quotation' ELSE 'order' END
                   AS documenttype,
               COALESCE(NULLIF(t.logisticspostaladdress, 0), (
                   SELECT NULLIF(d.logisticspostaladdress, 0) FROM ax.retailtransactionaddresstrans AS d
                   WHERE {key_sql("d")} = {key_sql("t")} AND d.salelinenum = 0)) AS address
        {_OF_READY} AND t.xmin = r.version
          AND COALESCE(os.status, 0) NOT IN ({int(OrderStatus.SUCCEEDED)}, {int(OrderStatus.EDITING)})
          AND (r.paid IS NULL OR {prepayments.open_sql("t.dataareaid", "t.businessdate")})
    ) AS waiting
"""
_PREPAID = """
    CREATE TEMP TABLE prepaid ON COMMIT DROP AS
    SELECT store, terminal, transactionid, dataareaid, account, businessdate, currency,
           CAST('' AS varchar(20)) AS salesid
    FROM chosen WHERE paid IS NOT NULL
"""
_NAME_ORDERS = f"""
    UPDATE prepayment AS v SET salesid = c.salesid FROM chosen AS c WHERE {key_sql("c")} = {key_sql("v")}
"""
_OVERTAKEN = f"""
    SELECT r.store, count(*) AS orders
    FROM ready AS r JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("r")}
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("r")}
    WHERE t.xmin <> r.version
      AND COALESCE(os.status, 0) NOT IN ({int(OrderStatus.SUCCEEDED)}, {int(OrderStatus.EDITING)})
    GROUP BY r.store
"""
_REFERENCE = " ".join(f"WHEN '{kind}' THEN '{reference}'" for reference, kind in DOCUMENTS.items())
_NEEDS = f"SELECT CASE documenttype {_REFERENCE} END AS reference, count(*) AS orders FROM chosen GROUP BY documenttype"
_ORDERS = """
    INSERT INTO ax.salestable (dataareaid, salesid, custaccount, documenttype, salesorigin, store, businessdate,
                               currency, deliverypostaladdress, dlvmode, inventlocationid, channelreferenceid,
                               netamount, taxamount, chargeamount, grossamount, mcrorderstopped)
    SELECT dataareaid, salesid, account, documenttype, 'channel', store, businessdate, currency, address, dlvmode,
           inventlocationid, channelreferenceid, net, tax, charges, net + tax, stopped::integer
    FROM chosen ORDER BY salesid
"""
_LINES = f"""
    INSERT INTO ax.salesline (dataareaid, salesid, linenum, itemid, variantid, unit, qty, netamount, taxamount,
                              discamount, custaccount, deliverypostaladdress, giftcard)
    SELECT c.dataareaid, c.salesid, l.linenum, l.itemid, l.variantid, l.unit, l.qty, l.netamount, l.taxamount,
           l.discamount, NULLIF(NULLIF(l.custaccount, ''), c.account),
           COALESCE(NULLIF(l.logisticspostaladdress, 0), NULLIF(d.logisticspostaladdress, 0), c.address),
           CAST(l.giftcard <> 0 AS integer)
    FROM chosen AS c
    JOIN ax.retailtransactionsalestrans AS l
        ON {key_sql("l", ("store", "terminalid", "transactionid"))} = {key_sql("c")} AND {live_line_sql("l")}
    LEFT JOIN ax.retailtransactionaddresstrans AS d ON {key_sql("d")} = {key_sql("c")} AND d.salelinenum = l.linenum
    ORDER BY c.salesid, l.linenum
"""
_RETAIL_ORDERS = """
    INSERT INTO ax.retailsalestable (dataareaid, salesid, store, terminal, transactionid)
    SELECT dataareaid, salesid, store, terminal, transactionid FROM chosen ORDER BY salesid
"""
_HOLDS = """
    INSERT INTO ax.mcrholdcodetrans (dataareaid, salesid, mcrholdcode, reason, createdby)
    SELECT dataareaid, salesid, holdcode, 'edited by ' || editedby || ' before it was synchronized', :job
    FROM chosen WHERE stopped ORDER BY salesid
"""
_STATUS = f"""
    INSERT INTO ax.retailtransactionorderstatus AS os
        (store, terminal, transactionid, dataareaid, status, salesid, putonhold, modifieddatetime)
    SELECT store, terminal, transactionid, dataareaid, {int(OrderStatus.SUCCEEDED)}, salesid, stopped::integer, now()
    FROM chosen ORDER BY store, terminal, transactionid
    ON CONFLICT (store, terminal, transactionid) DO UPDATE
    SET status = EXCLUDED.status, salesid = EXCLUDED.salesid, errorclass = '', errordetail = '',
        nextattempt = NULL, failingsince = NULL, putonhold = EXCLUDED.putonhold, modifieddatetime = now()
"""
