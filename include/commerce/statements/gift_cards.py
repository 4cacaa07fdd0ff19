"""Gift cards posted: a gift card that is sold is owed, not earned; one that pays is owed no more (domain B4).

Invoices and payments have booked gift cards like anything else: a sold one to Revenue, one that pays to its tender's
account. Voucher per statement and financial dimensions: debit Revenue and credit GiftCard with what was sold; debit
GiftCard and credit the tender's account with what was paid with gift card tenders.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import TenderFunction
from commerce.scope import key_sql, live_line_sql
from commerce.statements import ledger
from commerce.statements.aggregated import gather_orders
from commerce.statements.numbering import needs_by_company, take_numbers

_LINE_KEY = ("store", "terminalid", "transactionid")

INSERT_SOLD = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, amount)
SELECT d.voucherno, d.dataareaid, side.sortorder, side.postingtype, side.amount
FROM (
    SELECT o.dataareaid, o.statementid, o.defaultdimension, sum(l.netamount) AS amount
    FROM ax.retailtransactionsalestrans AS l
    JOIN ax.retaileodtransactiontable AS e ON {key_sql("e")} = {key_sql("l", _LINE_KEY)}
    JOIN sale_order AS o ON (o.dataareaid, o.statementid, o.aggregation) = (e.dataareaid, e.statementid, e.aggregation)
    WHERE l.giftcard <> 0 AND {live_line_sql("l")}
    GROUP BY o.dataareaid, o.statementid, o.defaultdimension) AS sold
JOIN document AS d USING (dataareaid, statementid, defaultdimension)
CROSS JOIN LATERAL (VALUES (1, 'Revenue', sold.amount), (2, 'GiftCard', -sold.amount))
     AS side (sortorder, postingtype, amount)
WHERE sold.amount <> 0""")

INSERT_USED = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, tendertypeid, amount, transactioncurrency,
    transactioncurrencyamount)
SELECT d.voucherno, d.dataareaid, side.sortorder, side.postingtype, side.tendertypeid, side.amount,
       CASE WHEN side.tendertypeid <> '' AND used.currency <> used.own THEN used.currency END,
       CASE WHEN side.tendertypeid <> '' AND used.currency <> used.own THEN -used.transamount END
FROM (
    SELECT b.dataareaid, b.statementid, b.currency AS own, l.tendertypeid, l.currency,
           sum(l.transamount) AS transamount, sum(l.transamountmst) AS transamountmst
    FROM batch AS b
    JOIN ax.retailstatementline AS l USING (dataareaid, statementid)
    JOIN ax.retailtendertypetable AS t
         ON (t.dataareaid, t.tendertypeid) = (l.dataareaid, l.tendertypeid)
        AND t.function = {int(TenderFunction.GIFT_CARD)}
    GROUP BY b.dataareaid, b.statementid, b.currency, l.tendertypeid, l.currency) AS used
JOIN document AS d ON (d.dataareaid, d.statementid, d.defaultdimension) = (used.dataareaid, used.statementid, 0)
CROSS JOIN LATERAL (VALUES (3, 'GiftCard', '', used.transamountmst), (4, 'Tender', used.tendertypeid,
        -used.transamountmst)) AS side (sortorder, postingtype, tendertypeid, amount)
WHERE used.transamountmst <> 0""")


def post_gift_cards(connection: Connection) -> None:
    """Payments posted -> Gift cards posted. Refuses statements with gift cards where the company has no account for
    them.

    Raises:
        ConfigurationError: a company has no usable LedgerVoucher number sequence.
    """
    gather_orders(connection)
    ledger.start(connection)
    ledger.document_statements(connection, "giftcard")
    connection.execute(INSERT_SOLD)
    connection.execute(INSERT_USED)
    ledger.prepare(connection)
    take_numbers(connection, {"LedgerVoucher": needs_by_company(connection, "new_voucher")})
    ledger.write_vouchers(connection)
