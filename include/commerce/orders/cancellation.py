"""Asynchronous cancellation of orders (domain.md B1): a channel asks for it, headquarters does it with the same job.

A register asks by a transaction of type 19 (customer order) whose `transactionordertype` is Cancellation; it names the
order by its number (`salesorderid`) or, as it does not know that one yet, by its confirmation number
(`channelreferenceid`). Each request becomes one document operation. Transient: the order does not exist yet; it is
tried again by itself, and given up only when nobody has heard of the order for as long as a reference may be on its
way. Permanent: a person has to look, as the order is delivered or invoiced already, or the request names none or
several, or pays back what was not paid. Payments of the request give a prepayment back and are posted with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, Engine, text

from commerce import sequences
from commerce.database import retry_transient
from commerce.editing import audit
from commerce.errors import ConfigurationError, UsageError
from commerce.orders import prepayments
from commerce.orders.recording import DETAIL_WIDTH, LONGEST_WAIT
from commerce.schema.enums import (
    ORDER_TYPES,
    DocumentOperationStatus,
    ErrorClass,
    RepairAction,
    SalesStatus,
    TenderFunction,
    TransactionOrderType,
    TransactionType,
)
from commerce.scope import Key, Scope, key_sql, live_payment_sql, paid_sql, real_sql

S = DocumentOperationStatus
_TYPES = ", ".join(str(int(kind)) for kind in ORDER_TYPES)
_CANCEL = (
    f"t.type = {int(TransactionType.CUSTOMER_ORDER)} AND t.transactionordertype = {TransactionOrderType.CANCELLATION}"
)

_REQUESTED = f"""
    INSERT INTO ax.retaildocumentoperation
        (store, terminal, transactionid, dataareaid, operation, channelreferenceid, requestedsalesid)
    SELECT t.store, t.terminal, t.transactionid, t.dataareaid, 'cancel', t.channelreferenceid, t.salesorderid
    FROM ax.retailtransactiontable AS t JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    WHERE {_CANCEL} AND {real_sql("t")} AND t.held = 0 AND {{dated}}
    ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
"""
_OF_DUE = f"""
    FROM ax.retaildocumentoperation AS d
    JOIN ax.retailtransactiontable AS t
        ON {key_sql("t")} = {key_sql("d")} AND {_CANCEL} AND {real_sql("t")} AND t.held = 0
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    WHERE {{dated}} AND d.dataareaid = :company AND (
        d.status = {int(S.PENDING)} OR (d.status = {int(S.FAILED)} AND (d.errorclass = '{ErrorClass.PENDING}'
        OR (d.errorclass = '{ErrorClass.TRANSIENT}' AND d.nextattempt <= now()))))
    ORDER BY d.store, d.terminal, d.transactionid
"""
# Who edits a request, holds it, or takes a late payment of it has its header: what is judged is what is posted.
_LOCK = f"SELECT count(*) FROM (SELECT t.store {_OF_DUE} FOR UPDATE OF t) AS locked"
_DUE = f"""
    CREATE TEMP TABLE due ON COMMIT DROP AS
    SELECT d.store, d.terminal, d.transactionid, d.dataareaid, d.channelreferenceid, d.requestedsalesid
    {_OF_DUE} FOR UPDATE OF t, d
"""
# Whoever delivers or invoices one of these orders waits here, and so do we for them.
_ORDERS = """
    CREATE TEMP TABLE asked ON COMMIT DROP AS
    SELECT o.dataareaid, o.salesid, o.channelreferenceid, o.salesstatus
    FROM ax.salestable AS o
    WHERE o.salesorigin = 'channel' AND (o.dataareaid, o.salesid) IN (
        SELECT dataareaid, requestedsalesid FROM due WHERE requestedsalesid <> ''
        UNION
        SELECT c.dataareaid, c.salesid FROM due AS d
        JOIN ax.salestable AS c ON c.dataareaid = d.dataareaid AND c.channelreferenceid = d.channelreferenceid
        WHERE c.channelreferenceid <> '' AND d.requestedsalesid = '')
    ORDER BY o.dataareaid, o.salesid FOR UPDATE OF o
"""
_STATUS_WORDS = " ".join(f"WHEN {int(status)} THEN '{status.name.lower()}'" for status in SalesStatus)
_REFUNDS = f"""
    CREATE TEMP TABLE refund ON COMMIT DROP AS
    SELECT d.store, d.terminal, d.transactionid, t.businessdate, t.currency, t.paymentamount,
           COALESCE(sum({paid_sql("p", "t.currency")}), 0) AS amount,
           COALESCE(bool_or(p.store IS NOT NULL AND (k.tendertypeid IS NULL
                            OR k.function = {int(TenderFunction.CUSTOMER_ACCOUNT)})), FALSE) AS wrong_tender
    FROM due AS d
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("d")}
    LEFT JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("d")} AND {live_payment_sql("p")}
    LEFT JOIN ax.retailtendertypetable AS k ON (k.dataareaid, k.tendertypeid) = (d.dataareaid, p.tendertype)
    GROUP BY 1, 2, 3, 4, 5, 6
"""
_NAMED = f"""
    CREATE TEMP TABLE named ON COMMIT DROP AS
    SELECT d.*, o.orders, o.salesid, o.salesstatus, r.businessdate, r.currency, r.amount AS refund, r.paymentamount,
           r.wrong_tender,
           COALESCE((SELECT sum(m.amount) FROM ax.mcrcustpaymtable AS m
                     WHERE (m.dataareaid, m.salesid) = (d.dataareaid, o.salesid)), 0) AS paid
    FROM due AS d JOIN refund AS r ON {key_sql("r")} = {key_sql("d")}
    LEFT JOIN LATERAL (
        SELECT count(*) AS orders, min(a.salesid) AS salesid, min(a.salesstatus) AS salesstatus FROM asked AS a
        WHERE a.dataareaid = d.dataareaid AND CASE d.requestedsalesid WHEN '' THEN
              a.channelreferenceid = d.channelreferenceid ELSE a.salesid = d.requestedsalesid END
        HAVING count(*) > 0) AS o ON TRUE
"""
_FAULTED = f"""
    CREATE TEMP TABLE faulted ON COMMIT DROP AS
    SELECT n.*, CASE
        WHEN n.requestedsalesid = '' AND n.channelreferenceid = ''
            THEN 'The cancellation names no order: neither its number nor its confirmation number.'
        WHEN n.orders > 1 THEN 'Several orders have the confirmation number ' || n.channelreferenceid || '.'
        WHEN n.salesstatus IN ({int(SalesStatus.DELIVERED)}, {int(SalesStatus.INVOICED)})
            THEN 'Order ' || n.salesid || ' is ' || CASE n.salesstatus {_STATUS_WORDS} END || ' already.'
        WHEN n.paymentamount <> n.refund
            THEN 'Its payment amount is not the sum of its payments.'
        WHEN n.wrong_tender THEN 'A tender of its payments does not exist, or is the customer account.'
        WHEN n.refund > 0 THEN 'It takes money: a cancellation only gives money back.'
        WHEN n.refund < 0 AND NOT {prepayments.open_sql("n.dataareaid", "n.businessdate")}
            THEN 'It pays back on ' || n.businessdate || ', which is in no open fiscal period.'
        ELSE '' END AS fault,
        CASE WHEN n.refund <> 0 AND n.orders = 1 THEN CAST(:setup AS text) ELSE '' END AS setup,
        n.orders IS NULL AND NOT (n.requestedsalesid = '' AND n.channelreferenceid = '') AS missing,
        EXISTS (SELECT FROM ax.retailtransactiontable AS t
                WHERE t.dataareaid = n.dataareaid AND t.channelreferenceid = n.channelreferenceid
                  AND t.channelreferenceid <> '' AND t.type IN ({_TYPES})) AS underway
    FROM named AS n
"""
# Several requests may pay back what was paid for one order: each in its turn has what those before it have left, and
# one that is refused takes nothing.
_JUDGED = f"""
    CREATE TEMP TABLE judged ON COMMIT DROP AS
    WITH RECURSIVE asking AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.dataareaid, f.salesid
                                       ORDER BY f.store, f.terminal, f.transactionid) AS turn
        FROM faulted AS f WHERE f.refund < 0 AND f.orders = 1 AND f.fault = ''),
    answered AS (
        SELECT a.store, a.terminal, a.transactionid, a.dataareaid, a.salesid, a.turn, a.paid + a.refund < 0 AS too_much,
               a.paid + CASE WHEN a.paid + a.refund < 0 THEN 0 ELSE a.refund END AS left_over
        FROM asking AS a WHERE a.turn = 1
        UNION ALL
        SELECT a.store, a.terminal, a.transactionid, a.dataareaid, a.salesid, a.turn, b.left_over + a.refund < 0,
               b.left_over + CASE WHEN b.left_over + a.refund < 0 THEN 0 ELSE a.refund END
        FROM answered AS b
        JOIN asking AS a ON (a.dataareaid, a.salesid, a.turn) = (b.dataareaid, b.salesid, b.turn + 1))
    SELECT f.*, CASE WHEN b.too_much THEN 'It pays back more than was paid for order ' || f.salesid || '.'
                     ELSE f.fault END AS permanent
    FROM faulted AS f LEFT JOIN answered AS b ON {key_sql("b")} = {key_sql("f")}
"""
_GRANTED = "j.permanent = '' AND j.setup = '' AND NOT j.missing"
_CANCELED = f"""
    UPDATE ax.salestable AS o SET salesstatus = {int(SalesStatus.CANCELED)}
    FROM judged AS j
    WHERE (o.dataareaid, o.salesid) = (j.dataareaid, j.salesid) AND {_GRANTED}
      AND o.salesstatus = {int(SalesStatus.BACKORDER)}
"""
_OVERDUE = (
    "NOT j.underway AND d.createddatetime < now() - make_interval(hours => COALESCE(k.pendingreferencehours, 24))"
)
_TRIED = "d.retrycount + 1"
_SETTLED = f"""
    UPDATE ax.retaildocumentoperation AS d
    SET status = CASE WHEN {_GRANTED} THEN {int(S.SUCCEEDED)} ELSE {int(S.FAILED)} END,
        salesid = CASE WHEN {_GRANTED} THEN j.salesid END,
        errorclass = CASE WHEN j.permanent <> '' OR (j.missing AND {_OVERDUE}) THEN '{ErrorClass.PERMANENT}'
                          WHEN j.missing THEN '{ErrorClass.TRANSIENT}'
                          WHEN j.setup <> '' THEN '{ErrorClass.PENDING}' ELSE '' END,
        errordetail = left(CASE WHEN j.permanent <> '' THEN j.permanent WHEN j.missing THEN 'Order '
            || COALESCE(NULLIF(j.requestedsalesid, ''), j.channelreferenceid) || CASE WHEN j.underway
            THEN ' has no sales order yet.' ELSE ' is not known at headquarters.' END
            ELSE j.setup END, {DETAIL_WIDTH}),
        retrycount = CASE WHEN {_GRANTED} THEN d.retrycount ELSE {_TRIED} END,
        nextattempt = CASE WHEN j.permanent = '' AND j.missing AND NOT ({_OVERDUE})
            THEN now() + make_interval(mins => least({LONGEST_WAIT}, power(2, least({_TRIED}, 10) - 1)::integer)) END,
        modifieddatetime = now()
    FROM judged AS j LEFT JOIN ax.retailparameters AS k ON k.dataareaid = j.dataareaid
    WHERE {key_sql("d")} = {key_sql("j")}
"""
_PREPAID = f"""
    CREATE TEMP TABLE prepaid ON COMMIT DROP AS
    SELECT j.store, j.terminal, j.transactionid, j.dataareaid, o.custaccount AS account, j.businessdate, j.currency,
           j.salesid
    FROM judged AS j JOIN ax.salestable AS o USING (dataareaid, salesid) WHERE {_GRANTED} AND j.refund <> 0
"""
_DONE = f"SELECT j.store, count(*) AS canceled FROM judged AS j WHERE {_GRANTED} GROUP BY j.store"
_COMPANIES = f"""
    SELECT DISTINCT d.dataareaid FROM ax.retaildocumentoperation AS d
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("d")}
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    WHERE d.status IN ({int(S.PENDING)}, {int(S.FAILED)}) AND {{dated}} ORDER BY 1
"""
_STANDING = f"""
    SELECT d.store, count(*) AS operations FROM ax.retaildocumentoperation AS d
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("d")} AND {_CANCEL} AND {real_sql("t")}
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    WHERE d.status IN ({int(S.PENDING)}, {int(S.FAILED)}) AND {{dated}} GROUP BY d.store
"""


def cancel_orders(hq: Engine, scope: Scope) -> tuple[dict[str, int], dict[str, int]]:
    """Cancel the sales orders that transactions in `scope` ask to be canceled, and post what they pay back; returns by
    store how many were canceled now (one that was canceled before counts, too), and how many requests are not done.

    Where a company lacks what posting needs (voucher numbers, an account), only what pays money back waits for it.
    """
    dated = scope.dated_sql()

    def ask() -> list[str]:
        with hq.begin() as connection:
            connection.execute(text(_REQUESTED.format(dated=dated)), scope.parameters)
            return list(connection.scalars(text(_COMPANIES.format(dated=dated)), scope.parameters))

    canceled: Counter[str] = Counter()
    for company in retry_transient(ask):
        try:
            canceled.update(retry_transient(partial(_cancel, hq, scope, company)))
        except ConfigurationError as error:
            canceled.update(retry_transient(partial(_cancel, hq, scope, company, str(error))))
    with hq.begin() as connection:
        return dict(canceled), _by_store(connection, _STANDING.format(dated=dated), scope.parameters)


def _cancel(hq: Engine, scope: Scope, company: str, setup: str = "") -> dict[str, int]:
    """The requests of one company; `setup`: why it can post nothing, '' where it can."""
    values = {**scope.parameters, "company": company}
    with hq.begin() as connection:
        connection.execute(text(_LOCK.format(dated=scope.dated_sql())), values)
        if not connection.execute(text(_DUE.format(dated=scope.dated_sql())), values).rowcount:
            return {}
        connection.execute(prepayments.LOCK_PERIODS, {"companies": [company]})
        for statement in (_ORDERS, _REFUNDS, _NAMED):
            connection.execute(text(statement))
        connection.execute(text(_FAULTED), {"setup": setup})
        for statement in (_JUDGED, _CANCELED, _SETTLED, _PREPAID):
            connection.execute(text(statement))
        if vouchers := prepayments.gather(connection).get(company, 0):
            code = prepayments.sequence(connection, company, prepayments.REFERENCE)
            numbers = sequences.take(connection, {(company, code): vouchers})[company, code]
            prepayments.write(connection, {company: numbers.sql("position")})
        return _by_store(connection, _DONE, {})


def _by_store(connection: Connection, query: str, values: dict[str, object]) -> dict[str, int]:
    return {row.store: row[1] for row in connection.execute(text(query), values)}


_FOUND = text("""
    SELECT d.store, d.terminal, d.transactionid FROM ax.retaildocumentoperation AS d
    WHERE d.transactionid = ANY(:keys) AND (CAST(:store AS text) IS NULL OR d.store = :store) ORDER BY 1, 2, 3
""")
_CHOSEN = f"""
    CREATE TEMP TABLE chosen ON COMMIT DROP AS
    SELECT d.* FROM ax.retaildocumentoperation AS d
    WHERE {key_sql("d")} IN (SELECT * FROM unnest(CAST(:stores AS text[]), CAST(:terminals AS text[]),
                                                  CAST(:transactions AS text[])))
      AND d.status <> {int(S.SUCCEEDED)} AND d.status <> :status
    ORDER BY d.store, d.terminal, d.transactionid FOR UPDATE OF d
"""
_NAMES = " ".join(f"WHEN {int(status)} THEN '{status.name.lower()}'" for status in S)
_ENTRIES = f"""
    SELECT store, terminal, transactionid, dataareaid, 'retaildocumentoperation' AS reftable, '' AS refkey,
           'status' AS fieldname, CASE status {_NAMES} END AS oldvalue, CASE CAST(:status AS integer) {_NAMES} END
           AS newvalue
    FROM chosen ORDER BY 1, 2, 3
"""
_SET = f"""
    UPDATE ax.retaildocumentoperation AS d
    SET status = :status, errorclass = '', errordetail = '', retrycount = 0, nextattempt = NULL,
        modifieddatetime = now()
    FROM chosen AS c WHERE {key_sql("d")} = {key_sql("c")}
"""


def find_cancellations(hq: Engine, transactions: Sequence[str], store: str | None = None) -> list[Key]:
    """The cancellations that transactions ask for.

    Raises:
        UsageError: one does not ask for any.
    """
    with hq.connect() as connection:
        rows = connection.execute(_FOUND, {"keys": list(transactions), "store": store}).all()
    if missing := sorted(set(transactions) - {row.transactionid for row in rows}):
        raise UsageError(f"No cancellation comes from {', '.join(missing[:5])}: `commerce orders cancellations list`.")
    return [(row.store, row.terminal, row.transactionid) for row in rows]


def retry_cancellations(hq: Engine, keys: Sequence[Key], *, by: str, reason: str) -> int:
    """Let cancellations that failed or were given up be tried again, at once; returns how many are done now.

    Raises:
        UsageError: nobody says who, or why.
    """
    _settle(hq, keys, S.PENDING, RepairAction.RETRIED, by, reason)
    canceled, _ = cancel_orders(hq, Scope.just(keys))
    return sum(canceled.values())


def ignore_cancellations(hq: Engine, keys: Sequence[Key], *, by: str, reason: str) -> int:
    """Give cancellations up that are not done: nobody tries them any more; returns how many.

    Raises:
        UsageError: nobody says who, or why.
    """
    return _settle(hq, keys, S.IGNORED, RepairAction.IGNORED, by, reason)


def _settle(
    hq: Engine, keys: Sequence[Key], status: DocumentOperationStatus, action: RepairAction, by: str, reason: str
) -> int:
    audit.check_words(by, reason)
    values = {name: [key[place] for key in keys] for place, name in enumerate(("stores", "terminals", "transactions"))}

    def work() -> int:
        with hq.begin() as connection:
            connection.execute(text(_CHOSEN), {**values, "status": int(status)})
            audit.record(connection, action, _ENTRIES, by, reason, {"status": int(status)})
            return connection.execute(text(_SET), {"status": int(status)}).rowcount

    return retry_transient(work)
