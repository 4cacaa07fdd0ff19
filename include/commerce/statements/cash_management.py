"""What a financial statement posts (domain B4): journals of cash management, and of what was counted too much or too
little.

Cash management, one voucher a statement: a bank drop debits Bank, a safe drop and a removed tender debit Safe, and the
tender's account is credited; a float entry goes the other way, from Safe. A changed tender moves from the account of
one tender to that of the other; what is lost or won by it goes to CountingDifference. A starting amount lies in the
drawer already.
Difference, one voucher a statement: what is too much debits the tender's account and credits CountingDifference, what
is missing goes the other way.
"""

from sqlalchemy import Connection, TextClause, text

from commerce.statements import ledger
from commerce.statements.numbering import needs_by_company, take_numbers

_LINES = "batch AS b JOIN ax.retailstatementshiftline AS l USING (dataareaid, statementid)"


def _documents(category: str) -> str:
    return f"""
INSERT INTO document (voucherno, dataareaid, statementid, storeid, postingdate, currency, custaccount, category,
    defaultdimension)
SELECT row_number() OVER (ORDER BY dataareaid, statementid COLLATE "C"), dataareaid, statementid, storeid, postingdate,
       currency, '', '{category}', 0
FROM batch"""


_TENDER = """CASE WHEN l.currency <> b.currency THEN l.currency END,
       CASE WHEN l.currency <> b.currency THEN sum({amount}) END
"""

_IN = "l.floatamount + l.changetender - l.removedfromdrawer - l.bankedamount - l.safeamount"
_IN_MST = "l.floatamountmst + l.changetendermst - l.removedfromdrawermst - l.bankedamountmst - l.safeamountmst"

INSERT_MOVEMENTS = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, tendertypeid, amount, transactioncurrency,
    transactioncurrencyamount)
SELECT d.voucherno, d.dataareaid, 3, 'Tender', l.tendertypeid, sum({_IN_MST}), {_TENDER.format(amount=_IN)}
FROM {_LINES} JOIN document AS d USING (dataareaid, statementid)
GROUP BY d.voucherno, d.dataareaid, l.tendertypeid, l.currency, b.currency
HAVING sum({_IN_MST}) <> 0
UNION ALL
SELECT voucherno, dataareaid, sortorder, postingtype, '', amount, NULL, NULL
FROM (
    SELECT d.voucherno, d.dataareaid, sum(l.bankedamountmst) AS bank,
           sum(l.safeamountmst + l.removedfromdrawermst - l.floatamountmst) AS safe, -sum(l.changetendermst) AS lost
    FROM {_LINES} JOIN document AS d USING (dataareaid, statementid)
    GROUP BY d.voucherno, d.dataareaid) AS moved
CROSS JOIN LATERAL (VALUES (1, 'Bank', bank), (2, 'Safe', safe), (4, 'CountingDifference', lost))
     AS side (sortorder, postingtype, amount)
WHERE amount <> 0""")

INSERT_DIFFERENCES = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, tendertypeid, amount, transactioncurrency,
    transactioncurrencyamount)
SELECT d.voucherno, d.dataareaid, 1, 'Tender', l.tendertypeid, sum(l.differenceamountmst),
       {_TENDER.format(amount="l.differenceamount")}
FROM {_LINES} JOIN document AS d USING (dataareaid, statementid)
GROUP BY d.voucherno, d.dataareaid, l.tendertypeid, l.currency, b.currency
HAVING sum(l.differenceamountmst) <> 0
UNION ALL
SELECT d.voucherno, d.dataareaid, 2, 'CountingDifference', '', -sum(l.differenceamountmst), NULL, NULL
FROM {_LINES} JOIN document AS d USING (dataareaid, statementid)
GROUP BY d.voucherno, d.dataareaid
HAVING sum(l.differenceamountmst) <> 0""")


def post_cash_management(connection: Connection) -> None:
    """Discounts posted -> Income/expense posted, of financial statements: bank drops, safe drops, float entries,
    removed and changed tenders.

    Raises:
        ConfigurationError: a company has no usable LedgerVoucher number sequence.
    """
    _post(connection, "cashmanagement", INSERT_MOVEMENTS)


def post_differences(connection: Connection) -> None:
    """Vouchers linked -> Payments posted, of financial statements: what was counted against what was expected.

    Raises:
        ConfigurationError: a company has no usable LedgerVoucher number sequence.
    """
    _post(connection, "difference", INSERT_DIFFERENCES)


def _post(connection: Connection, category: str, entries: TextClause) -> None:
    ledger.start(connection)
    connection.execute(text(_documents(category)))
    connection.execute(entries)
    ledger.prepare(connection)
    take_numbers(connection, {"LedgerVoucher": needs_by_company(connection, "new_voucher")})
    ledger.write_vouchers(connection)
