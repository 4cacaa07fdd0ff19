"""Vouchers of a transition: entries become numbered, balanced vouchers, linked to statement and customer (domain B4).

A caller fills the temp table `entry` (one row per voucher and account side: a positive amount debits, a negative one
credits), calls `prepare`, takes the numbers, and calls `write_vouchers` and `write_customer_transactions`. A voucher is
identified by company, statement, customer account ('' where it is nobody's) and journal category.
"""

from sqlalchemy import Connection, text

from commerce.statements.numbering import number_sql
from commerce.statements.transitions import raise_refusals

CREATE_ENTRY = text("""
CREATE TEMP TABLE entry (
    dataareaid varchar(4), statementid varchar(20), custaccount varchar(20), category varchar(20), sortorder integer,
    postingtype varchar(30), tendertypeid varchar(10) DEFAULT '', taxcode varchar(10) DEFAULT '',
    incomeexpenseaccount varchar(10) DEFAULT '', amount numeric(32, 6)
) ON COMMIT DROP""")

CREATE_LINE = text("""
CREATE TEMP TABLE voucher_line ON COMMIT DROP AS
SELECT e.*, coalesce(tender.mainaccount, account.mainaccount, posting.mainaccount) AS mainaccount
FROM entry AS e
LEFT JOIN ax.retailtendertypetable AS tender
     ON e.tendertypeid <> '' AND (tender.dataareaid, tender.tendertypeid) = (e.dataareaid, e.tendertypeid)
LEFT JOIN ax.retailincomeexpenseaccounttable AS account
     ON e.incomeexpenseaccount <> '' AND (account.dataareaid, account.accountnum) = (e.dataareaid,
         e.incomeexpenseaccount)
LEFT JOIN ax.ledgerposting AS posting
     ON e.tendertypeid = '' AND e.incomeexpenseaccount = ''
    AND (posting.dataareaid, posting.postingtype) = (e.dataareaid, e.postingtype)
WHERE e.amount <> 0""")

NO_ACCOUNT = """
SELECT dataareaid, statementid, string_agg(DISTINCT CASE
           WHEN tendertypeid <> '' THEN 'tender ' || tendertypeid
           WHEN incomeexpenseaccount <> '' THEN 'income/expense account ' || incomeexpenseaccount
           ELSE 'posting type ' || postingtype END, ', ') AS missing
FROM voucher_line WHERE mainaccount IS NULL GROUP BY dataareaid, statementid"""

CREATE_VOUCHER = text("""
CREATE TEMP TABLE new_voucher ON COMMIT DROP AS
SELECT dataareaid, statementid, custaccount, category,
       coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debitamount,
       coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS creditamount,
       row_number() OVER (PARTITION BY dataareaid ORDER BY statementid COLLATE "C", custaccount COLLATE "C",
                                                           category COLLATE "C") AS position,
       ''::varchar(20) AS voucher
FROM entry GROUP BY dataareaid, statementid, custaccount, category""")

UNBALANCED = """
SELECT dataareaid, statementid, count(*) AS count, min(category) AS category, sum(debitamount) AS debit,
       sum(creditamount) AS credit
FROM new_voucher WHERE debitamount <> creditamount GROUP BY dataareaid, statementid"""

NUMBER = text(f"""
UPDATE new_voucher AS v SET voucher = {number_sql("r", "v.position")}
FROM number_range AS r WHERE r.reference = 'LedgerVoucher' AND r.dataareaid = v.dataareaid""")

INSERT_VOUCHERS = text("""
INSERT INTO ax.generaljournalentry (dataareaid, voucher, accountingdate, journalcategory, store, currency, debitamount,
    creditamount)
SELECT v.dataareaid, v.voucher, b.businessdate, v.category, b.storeid, b.currency, v.debitamount, v.creditamount
FROM new_voucher AS v JOIN batch AS b USING (dataareaid, statementid)
ORDER BY v.dataareaid, v.position""")

INSERT_LINES = text("""
INSERT INTO ax.generaljournalaccountentry (dataareaid, voucher, linenum, mainaccount, postingtype, debitamount,
    creditamount,
    tendertypeid, taxcode)
SELECT dataareaid, v.voucher,
       row_number() OVER (PARTITION BY dataareaid, v.voucher
                          ORDER BY l.sortorder, l.tendertypeid COLLATE "C", l.incomeexpenseaccount COLLATE "C",
                                   l.taxcode COLLATE "C"),
       l.mainaccount, l.postingtype, greatest(l.amount, 0), greatest(-l.amount, 0), l.tendertypeid, l.taxcode
FROM voucher_line AS l JOIN new_voucher AS v USING (dataareaid, statementid, custaccount, category)""")

LINK = text("""
INSERT INTO ax.retailstatementvoucher (dataareaid, statementid, voucher, voucherdate)
SELECT v.dataareaid, v.statementid, v.voucher, b.businessdate
FROM new_voucher AS v JOIN batch AS b USING (dataareaid, statementid)""")

INSERT_CUSTOMER_TRANSACTIONS = text("""
INSERT INTO ax.custtrans (dataareaid, accountnum, voucher, transdate, transtype, invoiceid, currency, amountcur)
SELECT v.dataareaid, v.custaccount, v.voucher, b.businessdate,
       CASE v.category WHEN 'deposit' THEN 'payment' ELSE v.category END,
       CASE v.category WHEN 'deposit' THEN NULL ELSE a.invoiceid END, b.currency, l.amount
FROM new_voucher AS v
JOIN batch AS b USING (dataareaid, statementid)
JOIN voucher_line AS l USING (dataareaid, statementid, custaccount, category)
LEFT JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid, custaccount)
WHERE l.postingtype = 'CustomerBalance' ORDER BY v.dataareaid, v.position""")


def start(connection: Connection) -> None:
    """Create the temp table `entry`."""
    connection.execute(CREATE_ENTRY)


def prepare(connection: Connection) -> None:
    """Find accounts (temp table `voucher_line`) and put the vouchers in the order of their numbers (`new_voucher`).

    Refuses statements that lack a main account or whose vouchers do not balance.
    """
    connection.execute(text("ANALYZE entry"))
    connection.execute(CREATE_LINE)
    connection.execute(text("ANALYZE voucher_line"))
    raise_refusals(
        connection,
        NO_ACCOUNT,
        "NoMainAccount",
        "Company {dataareaid} has no main account for {missing}. Add it to the setup file and run `commerce setup "
        "apply`.",
    )
    connection.execute(CREATE_VOUCHER)
    connection.execute(text("ANALYZE new_voucher"))
    raise_refusals(
        connection,
        UNBALANCED,
        "VoucherNotBalanced",
        "{count} vouchers ({category}) do not balance: debit {debit:.2f}, credit {credit:.2f}. Rows of its "
        "transactions were lost "
        "or have changed; run `commerce reconcile`.",
    )


def write_vouchers(connection: Connection) -> None:
    """Write the vouchers with the numbers of LedgerVoucher, and link them to their statements."""
    for statement in (NUMBER, INSERT_VOUCHERS, INSERT_LINES, LINK):
        connection.execute(statement)


def write_customer_transactions(connection: Connection) -> None:
    """Write what the vouchers change in the customers' balances; an invoice must be linked to its aggregation
    before."""
    connection.execute(INSERT_CUSTOMER_TRANSACTIONS)
