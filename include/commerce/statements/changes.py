"""Transactions that are not what their statement took any more (domain F 9: re-check at posting).

Whatever a later state could stumble over is looked for here, while a transaction can still be taken out of its
statement: headers, customers, payments, the amounts of deposits, income and expense, and what sales add up to. That
a customer exists, the foreign key of the mark holds.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import TransactionType, ValidationStatus
from commerce.scope import account_sql, key_sql, live_line_sql, live_payment_sql, map_sql, paid_sql, real_sql
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

TRANSACTION_CHANGED = f"""
JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("m")}
JOIN batch AS b ON (b.dataareaid, b.statementid) = (m.dataareaid, m.statementid)
WHERE t.validationstatus <> {int(ValidationStatus.SUCCESSFUL)} OR NOT {real_sql("t")}
   OR (t.type, t.businessdate, t.currency, t.netamount, t.grossamount, t.paymentamount)
      IS DISTINCT FROM (m.type, b.businessdate, b.currency, m.netamount, m.grossamount, m.paymentamount)"""

CUSTOMER_DIFFERS = f"""
JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("m")}
{map_sql("t", "known")}
WHERE {account_sql("t", "known", "m.custaccount")} <> m.custaccount"""
"""A transaction that names nobody keeps the customer that the calculation gave it."""

PAYMENTS_DIFFER = f"""
LEFT JOIN (
    SELECT m.store, m.terminal, m.transactionid, sum({paid_sql("p", "m.currency")}) AS amount
    FROM marked AS m
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("m")} AND {live_payment_sql("p")}
    GROUP BY m.store, m.terminal, m.transactionid) AS paid ON {key_sql("paid")} = {key_sql("m")}
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

CAUSES = {
    "TransactionChanged": TRANSACTION_CHANGED,
    "CustomerDiffers": CUSTOMER_DIFFERS,
    "PaymentsDiffer": PAYMENTS_DIFFER,
    "CashDiffers": CASH_DIFFERS,
    "DepositorDiffers": DEPOSITOR_DIFFERS,
}
"""Code -> joins and condition over `marked` as m; a transaction is changed for the first of them that it meets."""


CREATE_CUSTOMER = text(f"""
CREATE TEMP TABLE sale_customer ON COMMIT DROP AS
SELECT row_number() OVER ()::integer AS orderno, dataareaid, statementid, custaccount
FROM (SELECT DISTINCT dataareaid, statementid, custaccount FROM marked WHERE type = {_SALES}) AS customer""")

CREATE_SALE = text(f"""
CREATE TEMP TABLE sale ON COMMIT DROP AS
SELECT m.store, m.terminal, m.transactionid, m.dataareaid, c.orderno, m.netamount, m.grossamount
FROM marked AS m JOIN sale_customer AS c USING (dataareaid, statementid, custaccount)
WHERE m.type = {_SALES}""")
"""Sales are not aggregated yet: they are summed by statement and customer."""


def _sums(sales: str, key: str) -> str:
    """What the rows of `sales` (a table like `sale`) add up to for each `key`: the lines' net amounts with the charges,
    the lines' tax and the tax rows, both with the charges' tax."""
    columns = ", ".join(f"s.{column.strip()}" for column in key.split(","))
    return f"""
SELECT {key}, sum(net) AS net, sum(linetax) AS linetax, sum(tax) AS tax
FROM (
    SELECT {columns}, l.netamount AS net, l.taxamount AS linetax, 0 AS tax
    FROM {sales} AS s
    JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _LINE_KEY)} = {key_sql("s")} AND {live_line_sql("l")}
    UNION ALL
    SELECT {columns}, c.calculatedamount, c.taxamountexclusive, c.taxamountexclusive
    FROM {sales} AS s JOIN ax.retailtransactionmarkuptrans AS c ON {key_sql("c", _LINE_KEY)} = {key_sql("s")}
    UNION ALL
    SELECT {columns}, 0, 0, x.amount
    FROM {sales} AS s JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _TAX_KEY)} = {key_sql("s")}
    UNION ALL
    SELECT {columns}, 0, 0, -x.amount
    FROM {sales} AS s
    JOIN voided_line AS v ON {key_sql("v")} = {key_sql("s")}
    JOIN ax.retailtransactiontaxtrans AS x
         ON {key_sql("x", _TAX_KEY)} = {key_sql("v")} AND x.salelinenum = v.linenum) AS row
GROUP BY {key}"""


_DIFFER = """(s.net, s.tax, s.tax)
      IS DISTINCT FROM (coalesce(found.net, 0), coalesce(found.linetax, 0), coalesce(found.tax, 0))"""

CREATE_SUSPECT = text(f"""
CREATE TEMP TABLE suspect ON COMMIT DROP AS
SELECT sale.* FROM sale JOIN (
    SELECT s.orderno
    FROM (SELECT orderno, sum(netamount) AS net, sum(grossamount - netamount) AS tax FROM sale GROUP BY orderno) AS s
    LEFT JOIN ({_sums("sale", "orderno")}) AS found USING (orderno)
    WHERE {_DIFFER}) AS differing USING (orderno)""")
"""Sales of the customers whose sums differ. A day's rows are summed by customer, not by sale: half the work."""

INSERT_SUMS_DIFFER = text(f"""
INSERT INTO changed
SELECT store, terminal, transactionid, s.dataareaid, o.statementid, 'SumsDiffer'
FROM (SELECT store, terminal, transactionid, dataareaid, orderno, netamount AS net, grossamount - netamount AS tax
      FROM suspect) AS s
JOIN sale_customer AS o USING (orderno)
LEFT JOIN ({_sums("suspect", "store, terminal, transactionid")}) AS found USING (store, terminal, transactionid)
WHERE {_DIFFER}
ON CONFLICT DO NOTHING""")


def find_changed(connection: Connection) -> int:
    """Temp table `changed`: the transactions of `marked` that changed since their statement was calculated, and why;
    returns how many."""
    connection.execute(CREATE_CHANGED)
    found = 0
    for code, cause in CAUSES.items():
        keys = "m.store, m.terminal, m.transactionid, m.dataareaid, m.statementid"
        insert = text(
            f"INSERT INTO changed SELECT DISTINCT {keys}, :code FROM marked AS m {cause} ON CONFLICT DO NOTHING"
        )
        found += connection.execute(insert, {"code": code}).rowcount
    for table, statement in (("sale_customer (orderno)", CREATE_CUSTOMER), ("sale", CREATE_SALE)):
        connection.execute(statement)
        connection.execute(text(f"ANALYZE {table}"))
    gather_voided_lines(connection)
    if connection.execute(CREATE_SUSPECT).rowcount:
        found += connection.execute(INSERT_SUMS_DIFFER).rowcount
    return found
