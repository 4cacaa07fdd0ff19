"""Discounts posted: what periodic discounts took off revenue is shown as a discount (domain B4, periodic-discount
journals).

Only for companies with an account for it (posting type PeriodicDiscount); for the others revenue stays what was
invoiced. Voucher per statement and financial dimensions: debit PeriodicDiscount, credit Revenue, with the amounts of
the discount rows that name an offer; what returns took back is negative and swaps the sides.
"""

from sqlalchemy import Connection, text

from commerce.scope import key_sql
from commerce.statements import ledger
from commerce.statements.aggregated import gather_sales
from commerce.statements.numbering import needs_by_company, take_numbers
from commerce.statements.voided import gather_voided_lines

_DISCOUNT_KEY = ("storeid", "terminalid", "transactionid")

POSTS = text("""
SELECT EXISTS (SELECT FROM batch AS b JOIN ax.ledgerposting AS p USING (dataareaid)
               WHERE p.postingtype = 'PeriodicDiscount')""")

INSERT_ENTRIES = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, amount)
SELECT d.voucherno, d.dataareaid, side.sortorder, side.postingtype, side.amount
FROM (
    SELECT o.dataareaid, o.statementid, o.defaultdimension, sum(offered.amount) AS amount
    FROM (
        SELECT s.orderno, x.amount
        FROM sale AS s
        JOIN ax.retailtransactiondiscounttrans AS x
             ON {key_sql("x", _DISCOUNT_KEY)} = {key_sql("s")} AND x.periodicdiscountofferid <> ''
        UNION ALL
        SELECT v.orderno, -x.amount
        FROM voided_line AS v
        JOIN ax.retailtransactiondiscounttrans AS x
             ON {key_sql("x", _DISCOUNT_KEY)} = {key_sql("v")} AND x.salelinenum = v.linenum
            AND x.periodicdiscountofferid <> '') AS offered
    JOIN sale_order AS o USING (orderno)
    JOIN ax.ledgerposting AS p ON p.dataareaid = o.dataareaid AND p.postingtype = 'PeriodicDiscount'
    GROUP BY o.dataareaid, o.statementid, o.defaultdimension) AS given
JOIN document AS d USING (dataareaid, statementid, defaultdimension)
CROSS JOIN LATERAL (VALUES (1, 'PeriodicDiscount', given.amount), (2, 'Revenue', -given.amount))
     AS side (sortorder, postingtype, amount)
WHERE given.amount <> 0""")


def post_discounts(connection: Connection) -> None:
    """Customer order invoiced -> Discounts posted.

    Raises:
        ConfigurationError: a company has no usable LedgerVoucher number sequence.
    """
    if not connection.scalar(POSTS):
        return
    gather_sales(connection)
    gather_voided_lines(connection)
    ledger.start(connection)
    ledger.document_statements(connection, "discount")
    connection.execute(INSERT_ENTRIES)
    ledger.prepare(connection)
    take_numbers(connection, {"LedgerVoucher": needs_by_company(connection, "new_voucher")})
    ledger.write_vouchers(connection)
