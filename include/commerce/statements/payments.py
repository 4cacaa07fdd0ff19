"""Payments posted: a payment journal a statement, with what each customer paid per tender, linked to the invoices
(domain B4).

Voucher per customer: debit the tenders' accounts, credit CustomerBalance; change is taken off, money given back swaps
the sides. A sale put on the customer's account pays nothing: that invoice stays open. What a transaction's payments
miss or exceed its total by (at most the store's maximum, which validation holds) goes to RoundingDifference in a
voucher of its own, so that a paid invoice leaves the customer's balance at zero.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import TenderFunction
from commerce.scope import key_sql, live_payment_sql
from commerce.statements import ledger
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers
from commerce.statements.transitions import gather_sales

CREATE_PAID = text(f"""
CREATE TEMP TABLE paid ON COMMIT DROP AS
SELECT o.dataareaid, o.statementid, o.custaccount, p.tendertype, p.currency, p.amount,
       coalesce(t.function, 0) = {int(TenderFunction.CUSTOMER_ACCOUNT)} AS onaccount
FROM (SELECT s.orderno, p.tendertype, p.currency, sum(p.amountcur) AS amount
      FROM sale AS s
      JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("s")} AND {live_payment_sql("p")}
      GROUP BY s.orderno, p.tendertype, p.currency) AS p
JOIN sale_order AS o USING (orderno)
LEFT JOIN ax.retailtendertypetable AS t ON (t.dataareaid, t.tendertypeid) = (o.dataareaid, p.tendertype)""")

INSERT_PAYMENTS = text("""
INSERT INTO entry (dataareaid, statementid, custaccount, category, sortorder, postingtype, tendertypeid, amount)
SELECT dataareaid, statementid, custaccount, 'payment', 1, 'Tender', tendertype, sum(amount)
FROM paid WHERE NOT onaccount AND amount <> 0
GROUP BY dataareaid, statementid, custaccount, tendertype
UNION ALL
SELECT dataareaid, statementid, custaccount, 'payment', 2, 'CustomerBalance', '', -sum(amount)
FROM paid WHERE NOT onaccount AND amount <> 0
GROUP BY dataareaid, statementid, custaccount""")

INSERT_ROUNDING = text("""
INSERT INTO entry (dataareaid, statementid, custaccount, category, sortorder, postingtype, amount)
SELECT d.dataareaid, d.statementid, d.custaccount, 'rounding', side.sortorder, side.postingtype, side.amount
FROM (
    SELECT a.dataareaid, a.statementid, a.custaccount, a.grossamount - coalesce(p.amount, 0) AS amount
    FROM batch AS b
    JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid)
    LEFT JOIN (SELECT dataareaid, statementid, custaccount, sum(amount) AS amount
               FROM paid GROUP BY dataareaid, statementid, custaccount) AS p USING (dataareaid, statementid,
                   custaccount)
) AS d
CROSS JOIN LATERAL (VALUES (1, 'RoundingDifference', d.amount), (2, 'CustomerBalance', -d.amount))
     AS side (sortorder, postingtype, amount)
WHERE d.amount <> 0""")

CREATE_JOURNAL = text("""
CREATE TEMP TABLE new_journal ON COMMIT DROP AS
SELECT dataareaid, statementid, ''::varchar(20) AS journalnum,
       row_number() OVER (PARTITION BY dataareaid ORDER BY statementid COLLATE "C") AS position
FROM (SELECT DISTINCT dataareaid, statementid FROM paid WHERE NOT onaccount AND amount <> 0) AS statement""")

NUMBER_JOURNALS = text(f"""
UPDATE new_journal AS j SET journalnum = {number_sql("r", "j.position")}
FROM number_range AS r WHERE r.reference = 'PaymentJournal' AND r.dataareaid = j.dataareaid""")

INSERT_JOURNALS = text("""
INSERT INTO ax.ledgerjournaltable (dataareaid, journalnum, statementid, journaldate)
SELECT j.dataareaid, j.journalnum, j.statementid, b.businessdate
FROM new_journal AS j JOIN batch AS b USING (dataareaid, statementid)
ORDER BY j.dataareaid, j.position""")

INSERT_JOURNAL_LINES = text("""
INSERT INTO ax.ledgerjournaltrans (dataareaid, journalnum, linenum, custaccount, tendertypeid, currency, amount,
    invoiceid,
    voucher)
SELECT p.dataareaid, j.journalnum,
       row_number() OVER (PARTITION BY p.dataareaid, j.journalnum
                          ORDER BY p.custaccount COLLATE "C", p.tendertype COLLATE "C", p.currency COLLATE "C"),
       p.custaccount, p.tendertype, p.currency, p.amount, a.invoiceid, v.voucher
FROM paid AS p
JOIN new_journal AS j USING (dataareaid, statementid)
JOIN new_voucher AS v USING (dataareaid, statementid, custaccount)
JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid, custaccount)
WHERE v.category = 'payment' AND NOT p.onaccount AND p.amount <> 0""")


def post_payments(connection: Connection) -> None:
    """Vouchers linked -> Payments posted.

    Raises:
        ConfigurationError: a company has no usable PaymentJournal or LedgerVoucher number sequence.
    """
    gather_sales(connection)
    connection.execute(CREATE_PAID)
    connection.execute(text("ANALYZE paid"))
    ledger.start(connection)
    connection.execute(INSERT_PAYMENTS)
    connection.execute(INSERT_ROUNDING)
    ledger.prepare(connection)
    connection.execute(CREATE_JOURNAL)
    take_numbers(
        connection,
        {
            "LedgerVoucher": needs_by_company(connection, "new_voucher"),
            "PaymentJournal": needs_by_company(connection, "new_journal"),
        },
    )
    ledger.write_vouchers(connection)
    connection.execute(NUMBER_JOURNALS)
    connection.execute(INSERT_JOURNALS)
    connection.execute(INSERT_JOURNAL_LINES)
    ledger.write_customer_transactions(connection)
