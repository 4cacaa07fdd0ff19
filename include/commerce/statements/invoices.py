"""Customer order invoiced: an invoice, its taxes and its voucher per sales order (domain B4, what a posted statement
yields).

Voucher: debit CustomerBalance with the gross amount; credit Revenue with the net amount without charges, ChargeRevenue
with the charges, SalesTax per tax code. A negative amount (more returned than sold) swaps the sides.
"""

from sqlalchemy import Connection, text

from commerce.scope import key_sql
from commerce.statements import ledger
from commerce.statements.aggregated import gather_sales
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.transitions import execute_hashed
from commerce.statements.voided import gather_voided_lines

_LINE_KEY = ("store", "terminalid", "transactionid")
_TAX_KEY = ("storeid", "terminalid", "transactionid")

CREATE_TAX = text(f"""
CREATE TEMP TABLE invoice_tax ON COMMIT DROP AS
SELECT orderno, taxcode, sum(base) AS base, sum(amount) AS amount
FROM (
  SELECT s.orderno, x.taxcode, x.taxbaseamount AS base, x.amount, 1 AS rows
  FROM sale AS s
  JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _TAX_KEY)} = {key_sql("s")}
  UNION ALL
  SELECT v.orderno, x.taxcode, -x.taxbaseamount, -x.amount, -1
  FROM voided_line AS v
  JOIN ax.retailtransactiontaxtrans AS x
       ON {key_sql("x", _TAX_KEY)} = {key_sql("v")} AND x.salelinenum = v.linenum
  UNION ALL
  SELECT s.orderno, '', c.calculatedamount, c.taxamountexclusive, 1
  FROM sale AS s
  JOIN ax.retailtransactionmarkuptrans AS c ON {key_sql("c", _LINE_KEY)} = {key_sql("s")}
  WHERE c.taxamountexclusive <> 0) AS row
GROUP BY orderno, taxcode HAVING sum(rows) > 0""")
"""All taxes less those of voided lines, which are few: no tax row has to look for its line. Charge rows name no tax
code: their tax stands under the code ''."""

INSERT_DOCUMENTS = text("""
INSERT INTO document (voucherno, dataareaid, statementid, storeid, postingdate, currency, custaccount, category,
    defaultdimension, invoiceid)
SELECT orderno, dataareaid, statementid, storeid, postingdate, currency, custaccount, 'invoice', defaultdimension, NULL
FROM sale_order""")

INSERT_ENTRIES = text("""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, taxcode, amount)
SELECT o.orderno, o.dataareaid, side.sortorder, side.postingtype, '', side.amount
FROM sale_order AS o
CROSS JOIN LATERAL (VALUES
    (1, 'CustomerBalance', o.grossamount),
    (2, 'Revenue', o.chargeamount - o.netamount),
    (3, 'ChargeRevenue', -o.chargeamount)) AS side (sortorder, postingtype, amount)
UNION ALL
SELECT t.orderno, o.dataareaid, 4, 'SalesTax', t.taxcode, -t.amount
FROM invoice_tax AS t JOIN sale_order AS o USING (orderno)""")

NUMBER = text(f"""
UPDATE new_voucher AS v SET invoiceid = {number_sql("r", "v.position")}
FROM number_range AS r WHERE r.reference = 'CustomerInvoice' AND r.dataareaid = v.dataareaid""")

INSERT_INVOICES = text("""
INSERT INTO ax.custinvoicejour (dataareaid, invoiceid, salesid, invoiceaccount, store, invoicedate, currency,
    statementid, netamount, taxamount, chargeamount, invoiceamount, ledgervoucher)
SELECT o.dataareaid, v.invoiceid, o.salesid, o.custaccount, o.storeid, o.postingdate, o.currency, o.statementid,
       o.netamount, o.taxamount, o.chargeamount, o.grossamount, n.voucher
FROM sale_order AS o
JOIN new_voucher AS v ON v.voucherno = o.orderno
JOIN voucher_number AS n USING (voucherno)
ORDER BY o.orderno""")

INSERT_TAX = text("""
INSERT INTO ax.taxtrans (dataareaid, invoiceid, taxcode, taxbaseamount, taxamount)
SELECT v.dataareaid, v.invoiceid, t.taxcode, t.base, t.amount
FROM invoice_tax AS t JOIN new_voucher AS v ON v.voucherno = t.orderno""")

LINK = text("""
UPDATE ax.retaileodstatementaggregation AS a SET invoiceid = v.invoiceid
FROM sale_order AS o JOIN new_voucher AS v ON v.voucherno = o.orderno
WHERE (a.dataareaid, a.statementid, a.aggregation) = (o.dataareaid, o.statementid, o.aggregation)""")


def invoice_orders(connection: Connection) -> None:
    """Customer order created -> Customer order invoiced.

    Raises:
        ConfigurationError: a company has no usable CustomerInvoice or LedgerVoucher number sequence.
    """
    gather_sales(connection)
    gather_voided_lines(connection)
    execute_hashed(connection, CREATE_TAX)
    ledger.start(connection)
    connection.execute(INSERT_DOCUMENTS)
    connection.execute(INSERT_ENTRIES)
    ledger.prepare(connection)
    needs = needs_by_company(connection, "new_voucher")
    take_numbers(connection, {"CustomerInvoice": needs, "LedgerVoucher": needs})
    connection.execute(NUMBER)
    ledger.write_vouchers(connection)
    for statement in (INSERT_INVOICES, INSERT_TAX, LINK):
        connection.execute(statement)
    ledger.write_customer_transactions(connection)
