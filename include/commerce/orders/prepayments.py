"""Prepayments and deposits of orders: what was paid for an order before it is invoiced (domain.md B1).

Posted in the transaction that creates the sales order, or that cancels it and pays money back: a voucher for each
transaction with payments, debit the tenders' accounts (gift cards: what is owed for them), credit CustomerBalance; and
a customer transaction that names the order. A payment of a channel is posted at most once: it is the primary key of
`ax.mcrcustpaymtable`. Amounts are in the currency of the store; the channel converts other ones.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from commerce import sequences
from commerce.errors import ConfigurationError
from commerce.schema.enums import FiscalPeriodStatus, TenderFunction
from commerce.scope import key_sql, live_payment_sql, paid_sql

REFERENCE = "LedgerVoucher"

LOCK_PERIODS = text("""
    SELECT FROM ax.ledgerfiscalcalendarperiod WHERE dataareaid = ANY(:companies)
    ORDER BY dataareaid, startdate FOR SHARE
""")
"""Nobody closes a period under a voucher."""


def open_sql(company: str, date: str) -> str:
    """Condition: `date` is in an open fiscal period of `company`, or the company has no periods at all."""
    return (
        f"(EXISTS (SELECT FROM ax.ledgerfiscalcalendarperiod AS fp WHERE fp.dataareaid = {company}"
        f" AND {date} BETWEEN fp.startdate AND fp.enddate AND fp.status = {int(FiscalPeriodStatus.OPEN)})"
        f" OR NOT EXISTS (SELECT FROM ax.ledgerfiscalcalendarperiod AS fp WHERE fp.dataareaid = {company}))"
    )


_PAID = f"""
    CREATE TEMP TABLE paid ON COMMIT DROP AS
    SELECT o.store, o.terminal, o.transactionid, p.linenum, p.tendertype, p.currency, p.amountcur,
           {paid_sql("p", "o.currency")} AS amount, o.currency AS own
    FROM prepaid AS o
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("o")} AND {live_payment_sql("p")}
    WHERE p.amountcur <> 0 OR p.amountmst <> 0
"""
_VOUCHER = f"""
    CREATE TEMP TABLE prepayment ON COMMIT DROP AS
    SELECT o.*, row_number() OVER (PARTITION BY o.dataareaid ORDER BY o.store, o.terminal, o.transactionid) AS position,
           CAST('' AS varchar(20)) AS voucher, coalesce(c.defaultdimension, 0) AS defaultdimension
    FROM prepaid AS o
    LEFT JOIN ax.custtable AS c ON (c.dataareaid, c.accountnum) = (o.dataareaid, o.account)
    WHERE EXISTS (SELECT FROM paid AS p WHERE {key_sql("p")} = {key_sql("o")})
"""
_ENTRY = f"""
    CREATE TEMP TABLE entry ON COMMIT DROP AS
    SELECT v.dataareaid, v.position, 1 AS place, p.tendertype, p.currency, p.own, sum(p.amountcur) AS amountcur,
           sum(p.amount) AS amount, CASE t.function WHEN {int(TenderFunction.GIFT_CARD)} THEN 'GiftCard'
           ELSE 'Tender' END AS postingtype,
           CASE t.function WHEN {int(TenderFunction.GIFT_CARD)} THEN g.mainaccount ELSE t.mainaccount END AS mainaccount
    FROM prepayment AS v JOIN paid AS p ON {key_sql("p")} = {key_sql("v")}
    LEFT JOIN ax.retailtendertypetable AS t ON (t.dataareaid, t.tendertypeid) = (v.dataareaid, p.tendertype)
    LEFT JOIN ax.ledgerposting AS g ON (g.dataareaid, g.postingtype) = (v.dataareaid, 'GiftCard')
    GROUP BY 1, 2, 4, 5, 6, 9, 10
    UNION ALL
    SELECT v.dataareaid, v.position, 2, '', v.currency, v.currency, -sum(p.amount), -sum(p.amount), 'CustomerBalance',
           b.mainaccount
    FROM prepayment AS v JOIN paid AS p ON {key_sql("p")} = {key_sql("v")}
    LEFT JOIN ax.ledgerposting AS b ON (b.dataareaid, b.postingtype) = (v.dataareaid, 'CustomerBalance')
    GROUP BY v.dataareaid, v.position, v.currency, b.mainaccount
"""
_NO_ACCOUNT = """
    SELECT dataareaid, min(CASE WHEN postingtype = 'Tender' THEN 'tender ' || tendertype
                                ELSE 'posting type ' || postingtype END) AS missing
    FROM entry WHERE mainaccount IS NULL AND amount <> 0 GROUP BY dataareaid ORDER BY dataareaid LIMIT 1
"""
_VOUCHERS = """
    INSERT INTO ax.generaljournalentry (dataareaid, voucher, accountingdate, journalcategory, store, currency,
                                        defaultdimension, debitamount, creditamount)
    SELECT v.dataareaid, v.voucher, v.businessdate, 'prepayment', v.store, v.currency, v.defaultdimension, e.debit,
           e.credit
    FROM prepayment AS v
    JOIN (SELECT dataareaid, position, sum(greatest(amount, 0)) AS debit, sum(greatest(-amount, 0)) AS credit
          FROM entry GROUP BY dataareaid, position) AS e USING (dataareaid, position)
    ORDER BY v.dataareaid, v.position
"""
_LINES = """
    INSERT INTO ax.generaljournalaccountentry (dataareaid, voucher, linenum, mainaccount, postingtype, debitamount,
        creditamount, tendertypeid, transactioncurrency, transactioncurrencyamount)
    SELECT v.dataareaid, v.voucher,
           row_number() OVER (PARTITION BY v.dataareaid, v.voucher
                              ORDER BY e.place, e.tendertype COLLATE "C", e.currency COLLATE "C"),
           e.mainaccount, e.postingtype, greatest(e.amount, 0), greatest(-e.amount, 0), e.tendertype,
           CASE WHEN e.currency <> e.own THEN e.currency END, CASE WHEN e.currency <> e.own THEN e.amountcur END
    FROM entry AS e JOIN prepayment AS v USING (dataareaid, position) WHERE e.amount <> 0
    ORDER BY v.dataareaid, v.position
"""
_CUSTOMER_TRANSACTIONS = """
    INSERT INTO ax.custtrans (dataareaid, accountnum, voucher, transdate, transtype, salesid, currency, amountcur)
    SELECT v.dataareaid, v.account, v.voucher, v.businessdate, 'payment', v.salesid, v.currency, e.amount
    FROM entry AS e JOIN prepayment AS v USING (dataareaid, position)
    WHERE e.postingtype = 'CustomerBalance' AND e.amount <> 0 ORDER BY v.dataareaid, v.position
"""
_PAYMENTS = f"""
    INSERT INTO ax.mcrcustpaymtable (store, terminal, transactionid, linenum, dataareaid, salesid, tendertypeid,
                                     currency, amount, voucher)
    SELECT p.store, p.terminal, p.transactionid, p.linenum, v.dataareaid, v.salesid, p.tendertype, p.currency, p.amount,
           v.voucher
    FROM paid AS p JOIN prepayment AS v ON {key_sql("v")} = {key_sql("p")}
    ORDER BY 1, 2, 3, 4
"""


def gather(connection: Connection) -> dict[str, int]:
    """Find the payments of the transactions in temp table `prepaid` (store, terminal, transactionid, dataareaid,
    account, businessdate, currency, salesid; that one may still be missing), and the accounts that they go to; returns
    how many vouchers each company needs.

    Raises:
        ConfigurationError: a company has no main account for a tender or posting type.
    """
    for statement in (_PAID, "ANALYZE paid", _VOUCHER, "ANALYZE prepayment", _ENTRY):
        connection.execute(text(statement))
    if missing := connection.execute(text(_NO_ACCOUNT)).one_or_none():
        raise ConfigurationError(
            f"Company {missing.dataareaid} has no main account for {missing.missing}, which a prepayment needs. Add it"
            " to the setup file and run `commerce setup apply`."
        )
    rows = connection.execute(text("SELECT dataareaid, count(*) AS vouchers FROM prepayment GROUP BY dataareaid"))
    return {row.dataareaid: row.vouchers for row in rows}


def write(connection: Connection, numbers: Mapping[str, str]) -> None:
    """Write vouchers, customer transactions and payments. The sales orders are in headquarters, and their numbers in
    temp table `prepayment`.

    Args:
        numbers: company -> SQL of a voucher's number from its `position`.
    """
    for company, number in numbers.items():
        connection.execute(
            text(f"UPDATE prepayment SET voucher = {number} WHERE dataareaid = :company"), {"company": company}
        )
    for statement in (_VOUCHERS, _LINES, _CUSTOMER_TRANSACTIONS, _PAYMENTS):
        connection.execute(text(statement))


def sequence(connection: Connection, company: str, reference: str) -> str:
    """The number sequence of a company for a reference.

    Raises:
        ConfigurationError: it has none.
    """
    code = sequences.references(connection, reference).get(company)
    if code is None:
        raise ConfigurationError(
            f"Company {company} has no number sequence for {reference}. Name one under `references` in the setup file"
            " and run `commerce setup apply`."
        )
    return code
