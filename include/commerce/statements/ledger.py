"""Vouchers of a transition: entries become numbered, balanced vouchers, linked to statement and customer (domain B4).

A caller fills two temp tables and calls `prepare`, takes the numbers, and calls `write_vouchers` and
`write_customer_transactions`:

* `document`: a row per voucher that there may be, `voucherno` in the order of the numbers, with what it belongs to
  (custaccount '' where it is nobody's);
* `entry`: a row per voucher and account side. `amount` is in the statement's currency, positive on the debit side;
  `transactioncurrency` and its amount, where money was paid in another one.
"""

from sqlalchemy import Connection, text

from commerce.statements.numbering import number_sql
from commerce.statements.transitions import raise_refusals

CREATE_DOCUMENT = text("""
CREATE TEMP TABLE document (
    voucherno integer, dataareaid varchar(4), statementid varchar(20), storeid varchar(10), postingdate date,
    currency varchar(3), custaccount varchar(20), category varchar(20), defaultdimension bigint, invoiceid varchar(20)
) ON COMMIT DROP""")

CREATE_ENTRY = text("""
CREATE TEMP TABLE entry (
    voucherno integer, dataareaid varchar(4), sortorder integer, postingtype varchar(30),
    tendertypeid varchar(10) DEFAULT '', taxcode varchar(10) DEFAULT '', incomeexpenseaccount varchar(10) DEFAULT '',
    amount numeric(32, 6), transactioncurrency varchar(3), transactioncurrencyamount numeric(32, 6)
) ON COMMIT DROP""")

DOCUMENT_STATEMENTS = text("""
INSERT INTO document (voucherno, dataareaid, statementid, storeid, postingdate, currency, custaccount, category,
    defaultdimension)
SELECT row_number() OVER (ORDER BY dataareaid, statementid COLLATE "C", defaultdimension), dataareaid, statementid,
       b.storeid, b.postingdate, b.currency, '', :category, defaultdimension
FROM (SELECT dataareaid, statementid, defaultdimension FROM sale_order
      UNION SELECT dataareaid, statementid, 0 FROM batch) AS part
JOIN batch AS b USING (dataareaid, statementid)""")

CREATE_ACCOUNT = text("""
CREATE TEMP TABLE account ON COMMIT DROP AS
SELECT e.*, coalesce(tender.mainaccount, incomeexpense.mainaccount, posting.mainaccount) AS mainaccount
FROM (SELECT DISTINCT dataareaid, postingtype, tendertypeid, incomeexpenseaccount FROM entry WHERE amount <> 0) AS e
LEFT JOIN ax.retailtendertypetable AS tender
     ON e.tendertypeid <> '' AND (tender.dataareaid, tender.tendertypeid) = (e.dataareaid, e.tendertypeid)
LEFT JOIN ax.retailincomeexpenseaccounttable AS incomeexpense
     ON e.incomeexpenseaccount <> ''
    AND (incomeexpense.dataareaid, incomeexpense.accountnum) = (e.dataareaid, e.incomeexpenseaccount)
LEFT JOIN ax.ledgerposting AS posting
     ON e.tendertypeid = '' AND e.incomeexpenseaccount = ''
    AND (posting.dataareaid, posting.postingtype) = (e.dataareaid, e.postingtype)""")

NO_ACCOUNT = """
SELECT d.dataareaid, d.statementid, string_agg(DISTINCT CASE
           WHEN a.tendertypeid <> '' THEN 'tender ' || a.tendertypeid
           WHEN a.incomeexpenseaccount <> '' THEN 'income/expense account ' || a.incomeexpenseaccount
           ELSE 'posting type ' || a.postingtype END, ', ') AS missing
FROM (SELECT * FROM account WHERE mainaccount IS NULL) AS a
JOIN entry AS e USING (dataareaid, postingtype, tendertypeid, incomeexpenseaccount)
JOIN document AS d USING (voucherno)
WHERE e.amount <> 0 GROUP BY d.dataareaid, d.statementid"""

CREATE_VOUCHER = text("""
CREATE TEMP TABLE new_voucher ON COMMIT DROP AS
SELECT d.*, e.debitamount, e.creditamount,
       row_number() OVER (PARTITION BY d.dataareaid ORDER BY voucherno) AS position
FROM (SELECT voucherno, coalesce(ax.sum_of_few(amount) FILTER (WHERE amount > 0), 0) AS debitamount,
             coalesce(-ax.sum_of_few(amount) FILTER (WHERE amount < 0), 0) AS creditamount
      FROM entry GROUP BY voucherno) AS e
JOIN document AS d USING (voucherno)""")

UNBALANCED = """
SELECT dataareaid, statementid, count(*) AS count, min(category) AS category, sum(debitamount) AS debit,
       sum(creditamount) AS credit
FROM new_voucher WHERE debitamount <> creditamount GROUP BY dataareaid, statementid"""

NUMBER = text(f"""
CREATE TEMP TABLE voucher_number ON COMMIT DROP AS
SELECT v.voucherno, {number_sql("r", "v.position")}::varchar(20) AS voucher
FROM new_voucher AS v JOIN number_range AS r ON r.reference = 'LedgerVoucher' AND r.dataareaid = v.dataareaid""")

INSERT_VOUCHERS = text("""
INSERT INTO ax.generaljournalentry (dataareaid, voucher, accountingdate, journalcategory, store, currency,
    defaultdimension, debitamount, creditamount)
SELECT v.dataareaid, n.voucher, v.postingdate, v.category, v.storeid, v.currency, v.defaultdimension, v.debitamount,
       v.creditamount
FROM new_voucher AS v JOIN voucher_number AS n USING (voucherno)
ORDER BY v.voucherno""")

INSERT_LINES = text("""
INSERT INTO ax.generaljournalaccountentry (dataareaid, voucher, linenum, mainaccount, postingtype, debitamount,
    creditamount, tendertypeid, taxcode, transactioncurrency, transactioncurrencyamount)
SELECT e.dataareaid, n.voucher,
       row_number() OVER (PARTITION BY voucherno
                          ORDER BY e.sortorder, e.tendertypeid COLLATE "C", e.incomeexpenseaccount COLLATE "C",
                                   e.taxcode COLLATE "C", e.transactioncurrency COLLATE "C" NULLS FIRST),
       a.mainaccount, e.postingtype, greatest(e.amount, 0), greatest(-e.amount, 0), e.tendertypeid, e.taxcode,
       e.transactioncurrency, e.transactioncurrencyamount
FROM entry AS e
JOIN voucher_number AS n USING (voucherno)
JOIN account AS a USING (dataareaid, postingtype, tendertypeid, incomeexpenseaccount)
WHERE e.amount <> 0""")

LINK = text("""
INSERT INTO ax.retailstatementvoucher (dataareaid, statementid, voucher, voucherdate)
SELECT v.dataareaid, v.statementid, n.voucher, v.postingdate
FROM new_voucher AS v JOIN voucher_number AS n USING (voucherno)
ORDER BY v.voucherno""")

INSERT_CUSTOMER_TRANSACTIONS = text("""
INSERT INTO ax.custtrans (dataareaid, accountnum, voucher, transdate, transtype, invoiceid, currency, amountcur)
SELECT v.dataareaid, v.custaccount, n.voucher, v.postingdate,
       CASE v.category WHEN 'deposit' THEN 'payment' ELSE v.category END, v.invoiceid, v.currency, e.amount
FROM entry AS e
JOIN new_voucher AS v USING (voucherno)
JOIN voucher_number AS n USING (voucherno)
WHERE e.postingtype = 'CustomerBalance' AND e.amount <> 0 ORDER BY voucherno""")


def start(connection: Connection) -> None:
    """Create the temp tables `document` and `entry`."""
    connection.execute(CREATE_DOCUMENT)
    connection.execute(CREATE_ENTRY)


def document_statements(connection: Connection, category: str) -> None:
    """A document per statement and financial dimensions of its customers (0: nobody's); `sale_order` must be there."""
    connection.execute(DOCUMENT_STATEMENTS, {"category": category})


def prepare(connection: Connection) -> None:
    """Find accounts (temp table `account`) and put the vouchers in the order of their numbers (`new_voucher`): those
    documents that have entries.

    Refuses statements that lack a main account or whose vouchers do not balance.
    """
    for table in ("document", "entry"):
        connection.execute(text(f"ANALYZE {table} (voucherno)"))
    connection.execute(CREATE_ACCOUNT)
    connection.execute(text("ANALYZE account"))
    raise_refusals(
        connection,
        NO_ACCOUNT,
        "NoMainAccount",
        "Company {dataareaid} has no main account for {missing}. Add it to the setup file and run `commerce setup "
        "apply`.",
    )
    connection.execute(CREATE_VOUCHER)
    connection.execute(text("ANALYZE new_voucher (voucherno)"))
    raise_refusals(
        connection,
        UNBALANCED,
        "VoucherNotBalanced",
        "{count} vouchers ({category}) do not balance: debit {debit:.2f}, credit {credit:.2f}. Rows of its "
        "transactions were lost "
        "or have changed; run `commerce reconcile`.",
    )


def write_vouchers(connection: Connection) -> None:
    """Write the vouchers with the numbers of LedgerVoucher (temp table `voucher_number`), and link them to their
    statements."""
    connection.execute(NUMBER)
    connection.execute(text("ANALYZE voucher_number (voucherno)"))
    for statement in (INSERT_VOUCHERS, INSERT_LINES, LINK):
        connection.execute(statement)


def write_customer_transactions(connection: Connection) -> None:
    """Write what the vouchers change in the customers' balances."""
    connection.execute(INSERT_CUSTOMER_TRANSACTIONS)
