"""Transactions that are not what their statement took any more (domain F 9: re-check at posting).

Whatever a later state could stumble over is looked for here, while a transaction can still be taken out of its
statement: headers, customers, payments, the amounts of deposits, income and expense, and what sales add up to. That
a customer exists, the foreign key of the mark holds.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import TransactionType, ValidationStatus
from commerce.scope import account_sql, key_sql, live_line_sql, live_payment_sql, map_sql, paid_sql, real_sql
from commerce.statements.transitions import execute_hashed
from commerce.statements.voided import gather_voided_lines

_SALES = int(TransactionType.SALES)
_DEPOSIT, _INCOME_EXPENSE = int(TransactionType.PAYMENT), int(TransactionType.INCOME_EXPENSE)
_LINE_KEY = ("store", "terminalid", "transactionid")
_TAX_KEY = ("storeid", "terminalid", "transactionid")

CREATE_CHANGED = text("""
CREATE TEMP TABLE changed (
    store varchar(10), terminal varchar(10), transactionid varchar(44), dataareaid varchar(4), statementid varchar(20),
    code varchar(40), PRIMARY KEY (store, terminal, transactionid)
) ON COMMIT DROP""")

_CHANGED = f"""
t.validationstatus <> {int(ValidationStatus.SUCCESSFUL)} OR NOT {real_sql("t")}
   OR (t.type, t.businessdate, t.currency, t.netamount, t.grossamount, t.paymentamount)
      IS DISTINCT FROM (m.type, m.businessdate, m.currency, m.netamount, m.grossamount, m.paymentamount)"""

HEADER_DIFFERS = f"""
JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("m")}
{map_sql("t", "known")}
WHERE {_CHANGED} OR {account_sql("t", "known", "m.custaccount")} <> m.custaccount"""
"""A transaction that names nobody keeps the customer that the calculation gave it."""

PAYMENTS_DIFFER = f"""
LEFT JOIN (
    SELECT m.markno, ax.sum_of_few({paid_sql("p", "m.currency")}) AS amount
    FROM marked AS m
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("m")} AND {live_payment_sql("p")}
    GROUP BY m.markno) AS paid USING (markno)
WHERE coalesce(paid.amount, 0) <> m.paymentamount"""

CASH_DIFFERS = f"""
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS amount FROM (
        SELECT d.amount FROM ax.retailtransactioncustomeraccountdeposittrans AS d
        WHERE {key_sql("d")} = {key_sql("m")} AND {live_line_sql("d")}
        UNION ALL
        SELECT i.amount FROM ax.retailtransactionincomeexpensetrans AS i
        WHERE {key_sql("i")} = {key_sql("m")} AND {live_line_sql("i")}) AS row) AS booked
WHERE m.type IN ({_DEPOSIT}, {_INCOME_EXPENSE}) AND booked.amount <> m.paymentamount"""

DEPOSITOR_DIFFERS = f"""
JOIN ax.retailtransactioncustomeraccountdeposittrans AS d ON {key_sql("d")} = {key_sql("m")} AND {live_line_sql("d")}
{map_sql("d", "known")}
WHERE m.type = {_DEPOSIT} AND {account_sql("d", "known", "m.custaccount")} <> m.custaccount"""

SUMS_DIFFER = f"""
LEFT JOIN (
    SELECT m.markno, sum(l.netamount) AS net, sum(l.taxamount) AS tax
    FROM marked AS m
    JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _LINE_KEY)} = {key_sql("m")} AND {live_line_sql("l")}
    WHERE m.type = {_SALES} GROUP BY m.markno) AS line USING (markno)
LEFT JOIN (
    SELECT m.markno, sum(c.calculatedamount) AS net, sum(c.taxamountexclusive) AS tax
    FROM marked AS m
    JOIN ax.retailtransactionmarkuptrans AS c ON {key_sql("c", _LINE_KEY)} = {key_sql("m")}
    WHERE m.type = {_SALES} GROUP BY m.markno) AS charge USING (markno)
LEFT JOIN (
    SELECT m.markno, sum(x.amount) AS tax
    FROM marked AS m JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _TAX_KEY)} = {key_sql("m")}
    WHERE m.type = {_SALES} GROUP BY m.markno) AS taxed USING (markno)
LEFT JOIN (
    SELECT v.markno, sum(x.amount) AS tax
    FROM voided_line AS v
    JOIN ax.retailtransactiontaxtrans AS x
         ON {key_sql("x", _TAX_KEY)} = {key_sql("v")} AND x.salelinenum = v.linenum GROUP BY v.markno) AS voided
     USING (markno)
WHERE m.type = {_SALES}
  AND (m.netamount, m.grossamount - m.netamount, m.grossamount - m.netamount)
      IS DISTINCT FROM (coalesce(line.net, 0) + coalesce(charge.net, 0),
                        coalesce(line.tax, 0) + coalesce(charge.tax, 0),
                        coalesce(taxed.tax, 0) - coalesce(voided.tax, 0) + coalesce(charge.tax, 0))"""
"""The lines' net amounts with the charges, the lines' tax and the tax rows, both with the charges' tax."""

CAUSES = {
    f"CASE WHEN {_CHANGED} THEN 'TransactionChanged' ELSE 'CustomerDiffers' END": HEADER_DIFFERS,
    "'PaymentsDiffer'": PAYMENTS_DIFFER,
    "'CashDiffers'": CASH_DIFFERS,
    "'DepositorDiffers'": DEPOSITOR_DIFFERS,
    "'SumsDiffer'": SUMS_DIFFER,
}
"""Code -> joins and condition over `marked` as m; a transaction is changed for the first of them that it meets."""


def find_changed(connection: Connection) -> int:
    """Temp table `changed`: the transactions of `marked` that changed since their statement was calculated, and why;
    returns how many."""
    connection.execute(CREATE_CHANGED)
    gather_voided_lines(connection, "marked", "markno")
    found = 0
    for code, cause in CAUSES.items():
        keys = "m.store, m.terminal, m.transactionid, m.dataareaid, m.statementid"
        insert = text(
            f"INSERT INTO changed SELECT DISTINCT {keys}, {code} FROM marked AS m {cause} ON CONFLICT DO NOTHING"
        )
        found += execute_hashed(connection, insert)
    return found
