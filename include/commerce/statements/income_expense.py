"""Income/expense posted: income and expense transactions, and deposits to customer accounts (domain B4, C3).

Income and expense: one voucher a statement, debit the tender's account, credit the income account; an expense is
negative and swaps the sides. Deposit: one voucher per statement and customer, debit the tender's account, credit
CustomerBalance.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import IncomeExpenseType, TransactionType
from commerce.scope import key_sql, live_line_sql, live_payment_sql, paid_sql
from commerce.statements import ledger
from commerce.statements.numbering import needs_by_company, take_numbers
from commerce.statements.transitions import gather_marked

_INCOME_EXPENSE = int(TransactionType.INCOME_EXPENSE)
_DEPOSIT = int(TransactionType.PAYMENT)

INSERT_DOCUMENTS = text(f"""
INSERT INTO document (voucherno, dataareaid, statementid, storeid, postingdate, currency, custaccount, category,
    defaultdimension)
SELECT row_number() OVER (ORDER BY booked.dataareaid, statementid COLLATE "C", custaccount COLLATE "C",
                                   category COLLATE "C"),
       booked.dataareaid, statementid, b.storeid, b.postingdate, b.currency, custaccount, category,
       coalesce(customer.defaultdimension, 0)
FROM (SELECT DISTINCT dataareaid, statementid, CASE type WHEN {_DEPOSIT} THEN custaccount ELSE '' END AS custaccount,
             CASE type WHEN {_DEPOSIT} THEN 'deposit' ELSE 'incomeexpense' END AS category
      FROM marked) AS booked
JOIN batch AS b USING (dataareaid, statementid)
LEFT JOIN ax.custtable AS customer
     ON (customer.dataareaid, customer.accountnum) = (booked.dataareaid, booked.custaccount)""")

CREATE_CASH = text(f"""
CREATE TEMP TABLE cash ON COMMIT DROP AS
SELECT m.store, m.terminal, m.transactionid, m.dataareaid, m.type, m.currency, d.voucherno
FROM marked AS m
JOIN document AS d ON (d.dataareaid, d.statementid, d.custaccount) =
     (m.dataareaid, m.statementid, CASE m.type WHEN {_DEPOSIT} THEN m.custaccount ELSE '' END)""")
"""The transactions with the voucher that each goes into."""

INSERT_TENDERS = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, tendertypeid, amount, transactioncurrency,
    transactioncurrencyamount)
SELECT voucherno, dataareaid, 1, 'Tender', tendertype, sum(amountmst), CASE WHEN currency <> own THEN currency END,
       CASE WHEN currency <> own THEN sum(amount) END
FROM (
    SELECT c.voucherno, c.dataareaid, c.currency AS own, p.tendertype, p.currency, p.amountcur AS amount,
           {paid_sql("p", "c.currency")} AS amountmst
    FROM cash AS c
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("c")} AND {live_payment_sql("p")}) AS paid
GROUP BY voucherno, dataareaid, tendertype, currency, own HAVING sum(amount) <> 0 OR sum(amountmst) <> 0""")

INSERT_INCOME_EXPENSE = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, incomeexpenseaccount, amount)
SELECT c.voucherno, c.dataareaid, 2,
       CASE i.accounttype WHEN {int(IncomeExpenseType.EXPENSE)} THEN 'Expense' ELSE 'Income' END,
       i.incomeexepenseaccount, -sum(i.amount)
FROM cash AS c
JOIN ax.retailtransactionincomeexpensetrans AS i ON {key_sql("i")} = {key_sql("c")} AND {live_line_sql("i")}
WHERE c.type = {_INCOME_EXPENSE}
GROUP BY c.voucherno, c.dataareaid, i.accounttype, i.incomeexepenseaccount HAVING sum(i.amount) <> 0""")

INSERT_DEPOSITS = text(f"""
INSERT INTO entry (voucherno, dataareaid, sortorder, postingtype, amount)
SELECT c.voucherno, c.dataareaid, 2, 'CustomerBalance', -sum(d.amount)
FROM cash AS c
JOIN ax.retailtransactioncustomeraccountdeposittrans AS d ON {key_sql("d")} = {key_sql("c")} AND {live_line_sql("d")}
WHERE c.type = {_DEPOSIT}
GROUP BY c.voucherno, c.dataareaid HAVING sum(d.amount) <> 0""")


def post_income_expense_and_deposits(connection: Connection) -> None:
    """Discounts posted -> Income/expense posted.

    Raises:
        ConfigurationError: a company has no usable LedgerVoucher number sequence.
    """
    gather_marked(connection, (TransactionType.PAYMENT, TransactionType.INCOME_EXPENSE))
    ledger.start(connection)
    for statement in (INSERT_DOCUMENTS, CREATE_CASH, INSERT_TENDERS, INSERT_INCOME_EXPENSE, INSERT_DEPOSITS):
        connection.execute(statement)
    ledger.prepare(connection)
    take_numbers(connection, {"LedgerVoucher": needs_by_company(connection, "new_voucher")})
    ledger.write_vouchers(connection)
    ledger.write_customer_transactions(connection)
