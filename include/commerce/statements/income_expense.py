"""Income/expense posted: income and expense transactions, and deposits to customer accounts (domain B4, C3).

Income and expense: one voucher a statement, debit the tender's account, credit the income account; an expense is
negative and swaps the sides. Deposit: one voucher per statement and customer, debit the tender's account, credit
CustomerBalance.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import IncomeExpenseType, TransactionType
from commerce.scope import key_sql, live_line_sql, live_payment_sql
from commerce.statements import ledger
from commerce.statements.numbering import needs_by_company, take_numbers
from commerce.statements.transitions import gather_marked

_INCOME_EXPENSE = int(TransactionType.INCOME_EXPENSE)
_DEPOSIT = int(TransactionType.PAYMENT)

INSERT_TENDERS = text(f"""
INSERT INTO entry (dataareaid, statementid, custaccount, category, sortorder, postingtype, tendertypeid, amount)
SELECT dataareaid, statementid, custaccount, category, 1, 'Tender', tendertype, sum(amountcur)
FROM (
    SELECT m.dataareaid, m.statementid, p.tendertype, p.amountcur,
           CASE m.type WHEN {_DEPOSIT} THEN m.custaccount ELSE '' END AS custaccount,
           CASE m.type WHEN {_DEPOSIT} THEN 'deposit' ELSE 'incomeexpense' END AS category
    FROM marked AS m
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("m")} AND {live_payment_sql("p")}
    WHERE m.type IN ({_DEPOSIT}, {_INCOME_EXPENSE})) AS paid
GROUP BY dataareaid, statementid, custaccount, category, tendertype HAVING sum(amountcur) <> 0""")

INSERT_INCOME_EXPENSE = text(f"""
INSERT INTO entry (dataareaid, statementid, custaccount, category, sortorder, postingtype, incomeexpenseaccount, amount)
SELECT m.dataareaid, m.statementid, '', 'incomeexpense', 2,
       CASE i.accounttype WHEN {int(IncomeExpenseType.EXPENSE)} THEN 'Expense' ELSE 'Income' END,
           i.incomeexepenseaccount,
       -sum(i.amount)
FROM marked AS m
JOIN ax.retailtransactionincomeexpensetrans AS i ON {key_sql("i")} = {key_sql("m")} AND {live_line_sql("i")}
WHERE m.type = {_INCOME_EXPENSE}
GROUP BY m.dataareaid, m.statementid, i.accounttype, i.incomeexepenseaccount HAVING sum(i.amount) <> 0""")

INSERT_DEPOSITS = text(f"""
INSERT INTO entry (dataareaid, statementid, custaccount, category, sortorder, postingtype, amount)
SELECT m.dataareaid, m.statementid, m.custaccount, 'deposit', 2, 'CustomerBalance', -sum(d.amount)
FROM marked AS m
JOIN ax.retailtransactioncustomeraccountdeposittrans AS d ON {key_sql("d")} = {key_sql("m")} AND {live_line_sql("d")}
WHERE m.type = {_DEPOSIT}
GROUP BY m.dataareaid, m.statementid, m.custaccount HAVING sum(d.amount) <> 0""")


def post_income_expense_and_deposits(connection: Connection) -> None:
    """Discounts posted -> Income/expense posted.

    Raises:
        ConfigurationError: a company has no usable LedgerVoucher number sequence.
    """
    gather_marked(connection)
    ledger.start(connection)
    for statement in (INSERT_TENDERS, INSERT_INCOME_EXPENSE, INSERT_DEPOSITS):
        connection.execute(statement)
    ledger.prepare(connection)
    take_numbers(connection, {"LedgerVoucher": needs_by_company(connection, "new_voucher")})
    ledger.write_vouchers(connection)
    ledger.write_customer_transactions(connection)
