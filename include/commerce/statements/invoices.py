"""Customer order invoiced: an invoice, its taxes and its voucher per sales order (domain B4, what a posted statement
yields).

Voucher: debit CustomerBalance with the gross amount; credit Revenue with the net amount without charges, ChargeRevenue
with the charges, SalesTax per tax code. A negative amount (more returned than sold) swaps the sides.
"""

from sqlalchemy import Connection, text

from commerce.scope import key_sql, live_line_sql
from commerce.statements import ledger
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.transitions import gather_sales

_LINE_KEY = ("store", "terminalid", "transactionid")
_TAX_KEY = ("storeid", "terminalid", "transactionid")

CREATE_TAX = text(f"""
CREATE TEMP TABLE invoice_tax ON COMMIT DROP AS
SELECT o.dataareaid, o.statementid, o.custaccount, t.taxcode, t.base, t.amount
FROM (
  SELECT orderno, taxcode, sum(base) AS base, sum(amount) AS amount FROM (
    SELECT s.orderno, x.taxcode, x.taxbaseamount AS base, x.amount
    FROM sale AS s
    JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _TAX_KEY)} = {key_sql("s")}
    WHERE NOT EXISTS (
        SELECT FROM ax.retailtransactionsalestrans AS l
        WHERE {key_sql("l", _LINE_KEY)} = {key_sql("x", _TAX_KEY)} AND l.linenum = x.salelinenum
            AND NOT ({live_line_sql("l")}))
    UNION ALL
    SELECT s.orderno, '', c.calculatedamount, c.taxamountexclusive
    FROM sale AS s
    JOIN ax.retailtransactionmarkuptrans AS c ON {key_sql("c", _LINE_KEY)} = {key_sql("s")}
    WHERE c.taxamountexclusive <> 0) AS row
  GROUP BY orderno, taxcode) AS t
JOIN sale_order AS o USING (orderno)""")
"""Charge rows name no tax code: their tax stands under the code ''."""

INSERT_ENTRIES = text("""
INSERT INTO entry (dataareaid, statementid, custaccount, category, sortorder, postingtype, taxcode, amount)
SELECT a.dataareaid, a.statementid, a.custaccount, 'invoice', side.sortorder, side.postingtype, '', side.amount
FROM batch AS b
JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid)
CROSS JOIN LATERAL (VALUES
    (1, 'CustomerBalance', a.grossamount),
    (2, 'Revenue', a.chargeamount - a.netamount),
    (3, 'ChargeRevenue', -a.chargeamount)) AS side (sortorder, postingtype, amount)
UNION ALL
SELECT dataareaid, statementid, custaccount, 'invoice', 4, 'SalesTax', taxcode, -amount FROM invoice_tax""")

CREATE_INVOICES = text(f"""
CREATE TEMP TABLE new_invoice ON COMMIT DROP AS
SELECT v.dataareaid, v.statementid, v.custaccount, v.voucher, v.position,
       {number_sql("r", "v.position")}::varchar(20) AS invoiceid
FROM new_voucher AS v JOIN number_range AS r ON r.reference = 'CustomerInvoice' AND r.dataareaid = v.dataareaid""")

INSERT_INVOICES = text("""
INSERT INTO ax.custinvoicejour (dataareaid, invoiceid, salesid, invoiceaccount, store, invoicedate, currency,
    statementid, netamount, taxamount, chargeamount, invoiceamount, ledgervoucher)
SELECT a.dataareaid, i.invoiceid, a.salesid, a.custaccount, b.storeid, b.businessdate, b.currency, a.statementid,
       a.netamount, a.taxamount, a.chargeamount, a.grossamount, i.voucher
FROM new_invoice AS i
JOIN batch AS b USING (dataareaid, statementid)
JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid, custaccount)
ORDER BY i.dataareaid, i.position""")

INSERT_TAX = text("""
INSERT INTO ax.taxtrans (dataareaid, invoiceid, taxcode, taxbaseamount, taxamount)
SELECT t.dataareaid, i.invoiceid, t.taxcode, t.base, t.amount
FROM invoice_tax AS t JOIN new_invoice AS i USING (dataareaid, statementid, custaccount)""")

LINK = text("""
UPDATE ax.retaileodstatementaggregation AS a SET invoiceid = i.invoiceid
FROM new_invoice AS i
WHERE (a.dataareaid, a.statementid, a.custaccount) = (i.dataareaid, i.statementid, i.custaccount)""")


def invoice_orders(connection: Connection) -> None:
    """Customer order created -> Customer order invoiced.

    Raises:
        ConfigurationError: a company has no usable CustomerInvoice or LedgerVoucher number sequence.
    """
    gather_sales(connection)
    connection.execute(CREATE_TAX)
    ledger.start(connection)
    connection.execute(INSERT_ENTRIES)
    ledger.prepare(connection)
    needs = needs_by_company(connection, "new_voucher")
    take_numbers(connection, {"CustomerInvoice": needs, "LedgerVoucher": needs})
    ledger.write_vouchers(connection)
    connection.execute(CREATE_INVOICES)
    connection.execute(text("ANALYZE new_invoice"))
    for statement in (INSERT_INVOICES, INSERT_TAX, LINK):
        connection.execute(statement)
    ledger.write_customer_transactions(connection)
