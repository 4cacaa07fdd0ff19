"""Payments posted: a payment journal a statement, with what each customer paid per tender, linked to the invoices
(domain B4).

Voucher per customer: debit the tenders' accounts, credit CustomerBalance; change is taken off, money given back swaps
the sides. A sale put on the customer's account pays nothing: that invoice stays open. What a transaction's payments
miss or exceed its total by (at most the store's maximum, which validation holds) goes to RoundingDifference in a
voucher of its own, so that a paid invoice leaves the customer's balance at zero; where the company does not post
rounding differences, it stays in the balance.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import TenderFunction
from commerce.scope import key_sql, live_payment_sql, paid_sql
from commerce.statements import ledger
from commerce.statements.aggregated import gather_sales
from commerce.statements.numbering import needs_by_company, number_sql, take_numbers

CREATE_PAID = text(f"""
CREATE TEMP TABLE paid ON COMMIT DROP AS
SELECT p.orderno, o.dataareaid, o.statementid, p.tendertype, p.currency, p.amount, p.amountmst,
       coalesce(t.function, 0) = {int(TenderFunction.CUSTOMER_ACCOUNT)} AS onaccount,
       p.currency <> o.currency AS converted
FROM (SELECT s.orderno, p.tendertype, p.currency, ax.sum_of_few(p.amountcur) AS amount,
             ax.sum_of_few({paid_sql("p", "s.currency")}) AS amountmst
      FROM sale AS s
      JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("s")} AND {live_payment_sql("p")}
      GROUP BY s.orderno, p.tendertype, p.currency) AS p
JOIN sale_order AS o USING (orderno)
LEFT JOIN ax.retailtendertypetable AS t ON (t.dataareaid, t.tendertypeid) = (o.dataareaid, p.tendertype)""")

DOCUMENTS = {"payment": 0, "rounding": 1}
"""Vouchers of an aggregated transaction, in the order of their numbers."""

INSERT_DOCUMENTS = text(f"""
INSERT INTO document (voucherno, dataareaid, statementid, storeid, postingdate, currency, custaccount, category,
    defaultdimension, invoiceid)
SELECT {len(DOCUMENTS)} * orderno + d.place, dataareaid, statementid, storeid, postingdate, currency, custaccount,
       d.category, defaultdimension, invoiceid
FROM sale_order
CROSS JOIN (VALUES {", ".join(f"({place}, '{category}')" for category, place in DOCUMENTS.items())})
     AS d (place, category)""")


def _voucherno(category: str) -> str:
    return f"{len(DOCUMENTS)} * orderno + {DOCUMENTS[category]}"


INSERT_PAYMENTS = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, tendertypeid, amount, transactioncurrency,
    transactioncurrencyamount)
SELECT {_voucherno("payment")}, dataareaid, 1, 'Tender', tendertype, amountmst, CASE WHEN converted THEN currency END,
       CASE WHEN converted THEN amount END
FROM paid WHERE NOT onaccount AND (amount <> 0 OR amountmst <> 0)
UNION ALL
SELECT {_voucherno("payment")}, dataareaid, 2, 'CustomerBalance', '', -sum(amountmst), NULL, NULL
FROM paid WHERE NOT onaccount AND (amount <> 0 OR amountmst <> 0)
GROUP BY orderno, dataareaid""")

INSERT_ROUNDING = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, amount)
SELECT {_voucherno("rounding")}, d.dataareaid, side.sortorder, side.postingtype, side.amount
FROM (
    SELECT o.orderno, o.dataareaid, o.grossamount - coalesce(p.amount, 0) AS amount
    FROM sale_order AS o
    JOIN ax.retailparameters AS parameter USING (dataareaid)
    LEFT JOIN (SELECT orderno, sum(amountmst) AS amount FROM paid GROUP BY orderno) AS p USING (orderno)
    WHERE parameter.disableroundingdifferenceposting = 0
) AS d
CROSS JOIN LATERAL (VALUES (1, 'RoundingDifference', d.amount), (2, 'CustomerBalance', -d.amount))
     AS side (sortorder, postingtype, amount)
WHERE d.amount <> 0""")

CREATE_JOURNAL = text("""
CREATE TEMP TABLE new_journal ON COMMIT DROP AS
SELECT dataareaid, statementid, ''::varchar(20) AS journalnum,
       row_number() OVER (PARTITION BY dataareaid ORDER BY statementid COLLATE "C") AS position
FROM (SELECT DISTINCT dataareaid, statementid FROM paid
      WHERE NOT onaccount AND (amount <> 0 OR amountmst <> 0)) AS statement""")

NUMBER_JOURNALS = text(f"""
UPDATE new_journal AS j SET journalnum = {number_sql("r", "j.position")}
FROM number_range AS r WHERE r.reference = 'PaymentJournal' AND r.dataareaid = j.dataareaid""")

INSERT_JOURNALS = text("""
INSERT INTO ax.ledgerjournaltable (dataareaid, journalnum, statementid, journaldate)
SELECT j.dataareaid, j.journalnum, j.statementid, b.postingdate
FROM new_journal AS j JOIN batch AS b USING (dataareaid, statementid)
ORDER BY j.dataareaid, j.position""")

INSERT_JOURNAL_LINES = text(f"""
INSERT INTO ax.ledgerjournaltrans (dataareaid, journalnum, linenum, custaccount, tendertypeid, currency, amount,
    amountmst, invoiceid, voucher)
SELECT p.dataareaid, j.journalnum,
       row_number() OVER (PARTITION BY p.dataareaid, j.journalnum
                          ORDER BY orderno, p.tendertype COLLATE "C", p.currency COLLATE "C"),
       o.custaccount, p.tendertype, p.currency, p.amount, p.amountmst, o.invoiceid, n.voucher
FROM paid AS p
JOIN sale_order AS o USING (orderno)
JOIN new_journal AS j ON (j.dataareaid, j.statementid) = (p.dataareaid, p.statementid)
JOIN voucher_number AS n ON n.voucherno = {_voucherno("payment")}
WHERE NOT p.onaccount AND (p.amount <> 0 OR p.amountmst <> 0)""")


def post_payments(connection: Connection) -> None:
    """Vouchers linked -> Payments posted.

    Raises:
        ConfigurationError: a company has no usable PaymentJournal or LedgerVoucher number sequence.
    """
    gather_sales(connection)
    connection.execute(CREATE_PAID)
    connection.execute(text("ANALYZE paid (orderno, onaccount)"))
    ledger.start(connection)
    for statement in (INSERT_DOCUMENTS, INSERT_PAYMENTS, INSERT_ROUNDING):
        connection.execute(statement)
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
