"""Checked: what the statement took is still what it took (domain B4; domain F 9, re-check at posting)."""

from sqlalchemy import Connection

from commerce.schema.enums import TransactionType, ValidationStatus
from commerce.scope import key_sql, live_line_sql, live_payment_sql, real_sql
from commerce.statements.transitions import gather_marked, raise_refusals

CHANGED = f"""
SELECT m.dataareaid, m.statementid, count(*) AS count
FROM marked AS m JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("m")}
JOIN batch AS b ON (b.dataareaid, b.statementid) = (m.dataareaid, m.statementid)
WHERE t.validationstatus <> {int(ValidationStatus.SUCCESSFUL)} OR NOT {real_sql("t")}
   OR (t.type, t.businessdate, t.currency, t.netamount, t.grossamount, t.paymentamount)
      IS DISTINCT FROM (m.type, b.businessdate, b.currency, m.netamount, m.grossamount, m.paymentamount)
GROUP BY m.dataareaid, m.statementid"""

CUSTOMER_MISSING = """
SELECT m.dataareaid, m.statementid, count(*) AS count
FROM marked AS m
LEFT JOIN ax.custtable AS c ON c.dataareaid = m.dataareaid AND c.accountnum = m.custaccount
WHERE c.accountnum IS NULL GROUP BY m.dataareaid, m.statementid"""

TOTALS_DIFFER = f"""
SELECT b.dataareaid, b.statementid, b.transactioncount, coalesce(sums.transactioncount, 0) AS marked
FROM batch AS b
LEFT JOIN (
    SELECT dataareaid, statementid, count(*) AS transactioncount,
           coalesce(sum(grossamount) FILTER (WHERE type = {int(TransactionType.SALES)}), 0) AS salesamount,
           coalesce(sum(grossamount - netamount) FILTER (WHERE type = {int(TransactionType.SALES)}), 0) AS taxamount,
           sum(paymentamount) AS paymentamount
    FROM marked GROUP BY dataareaid, statementid
) AS sums USING (dataareaid, statementid)
WHERE (b.transactioncount, b.salesamount, b.taxamount, b.paymentamount)
      IS DISTINCT FROM (sums.transactioncount, sums.salesamount, sums.taxamount, sums.paymentamount)"""

TENDERS_DIFFER = f"""
SELECT dataareaid, statementid, count(*) AS count
FROM (SELECT m.dataareaid, m.statementid, p.tendertype AS tendertypeid, p.currency, sum(p.amountcur) AS amount
      FROM marked AS m
      JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("m")} AND {live_payment_sql("p")}
      GROUP BY m.dataareaid, m.statementid, p.tendertype, p.currency) AS paid
FULL JOIN (SELECT l.* FROM ax.retailstatementline AS l JOIN batch AS b USING (dataareaid, statementid)) AS line
     USING (dataareaid, statementid, tendertypeid, currency)
WHERE paid.amount IS DISTINCT FROM line.transamount
GROUP BY dataareaid, statementid"""

CASH_DIFFERS = f"""
SELECT m.dataareaid, m.statementid, count(*) AS count
FROM marked AS m
CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.amountcur), 0) AS amount FROM ax.retailtransactionpaymenttrans AS p
    WHERE {key_sql("p")} = {key_sql("m")} AND {live_payment_sql("p")}) AS paid
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS amount FROM (
        SELECT d.amount FROM ax.retailtransactioncustomeraccountdeposittrans AS d
        WHERE {key_sql("d")} = {key_sql("m")} AND {live_line_sql("d")}
        UNION ALL
        SELECT i.amount FROM ax.retailtransactionincomeexpensetrans AS i
        WHERE {key_sql("i")} = {key_sql("m")} AND {live_line_sql("i")}) AS row) AS meant
WHERE m.type IN ({int(TransactionType.PAYMENT)}, {int(TransactionType.INCOME_EXPENSE)}) AND paid.amount <> meant.amount
GROUP BY m.dataareaid, m.statementid"""

DEPOSITOR_DIFFERS = f"""
SELECT m.dataareaid, m.statementid, count(*) AS count
FROM marked AS m
JOIN ax.retailtransactioncustomeraccountdeposittrans AS d ON {key_sql("d")} = {key_sql("m")} AND {live_line_sql("d")}
LEFT JOIN ax.custaccountasyncmap AS known ON known.dataareaid = d.dataareaid
     AND known.custaccountasync = coalesce(nullif(d.custaccountasync, ''), nullif(d.custaccount, ''))
WHERE m.type = {int(TransactionType.PAYMENT)}
  AND coalesce(known.accountnum, nullif(d.custaccount, ''), nullif(d.custaccountasync, ''),
      m.custaccount) <> m.custaccount
GROUP BY m.dataareaid, m.statementid"""


def check(connection: Connection) -> None:
    """Calculated -> Checked. Refuses statements whose transactions, customers or sums have changed since the
    calculation."""
    gather_marked(connection)
    raise_refusals(
        connection,
        CHANGED,
        "TransactionChanged",
        "{count} of its transactions are no longer valid or have changed since the statement was calculated. Run "
        "`commerce "
        "validate-transactions`, mend what it reports, and post again.",
    )
    raise_refusals(
        connection,
        CUSTOMER_MISSING,
        "CustomerMissing",
        "{count} of its transactions refer to a customer that does not exist. Run `commerce hq verify`.",
    )
    raise_refusals(
        connection,
        TOTALS_DIFFER,
        "TotalsDiffer",
        "It says {transactioncount} transactions, {marked} are marked for it, or their sums differ. Run `commerce hq "
        "verify`.",
    )
    raise_refusals(
        connection,
        TENDERS_DIFFER,
        "TendersDiffer",
        "Its lines differ from the payments of its transactions for {count} tenders. Run `commerce reconcile`.",
    )
    raise_refusals(
        connection,
        CASH_DIFFERS,
        "CashDiffers",
        "In {count} deposits or income and expense transactions the payments differ from the amount booked. Correct "
        "them in the "
        "channel and validate again.",
    )
    raise_refusals(
        connection,
        DEPOSITOR_DIFFERS,
        "DepositorDiffers",
        "{count} deposits name another customer than their transaction. Correct them in the channel and validate "
        "again.",
    )
