"""The peer of posting: the loop one writes, written well.

Transaction by transaction, each in a savepoint, because a bad one must not stop the others; a hundred make a commit.
As the tables grow they are analyzed, as autovacuum would do it: checks of foreign keys keep the plan they were given
while a table was empty, and would read all of it for each row.
What is the same for all is loaded once, rows of one table go in one statement, and numbers come by the hundred. It
makes an order, an invoice and a payment of each transaction, with vouchers and the customer's transactions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row as _namedtuple_row

from bench.installation import conninfo
from commerce.schema.enums import EntryStatus

AT_ONCE = 100
ANALYZED_AT = {2**power for power in range(20)}
"""Commits after which the tables are twice as large as when they were analyzed before."""
ANALYZE = (
    "ANALYZE ax.salestable, ax.salesline, ax.generaljournalentry, ax.generaljournalaccountentry, ax.custinvoicejour,"
    " ax.taxtrans, ax.retailstatementvoucher, ax.custtrans"
)
ROWS: Any = _namedtuple_row

TRANSACTIONS = """
SELECT e.store, e.terminal, e.transactionid, e.dataareaid, e.statementid, e.businessdate, e.custaccount, e.netamount,
       e.grossamount, s.currency
FROM ax.retaileodtransactiontable AS e JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
WHERE e.type = 2 ORDER BY e.statementid, e.custaccount, e.transactionid"""
LINES = """
SELECT linenum, itemid, variantid, unit, qty, netamount, taxamount, discamount FROM ax.retailtransactionsalestrans
WHERE (store, terminalid, transactionid) = (%s, %s, %s) AND transactionstatus <> %s ORDER BY linenum"""
TAXES = """
SELECT salelinenum, taxcode, taxbaseamount, amount FROM ax.retailtransactiontaxtrans
WHERE (storeid, terminalid, transactionid) = (%s, %s, %s)"""
CHARGES = """
SELECT calculatedamount, taxamountexclusive FROM ax.retailtransactionmarkuptrans
WHERE (store, terminalid, transactionid) = (%s, %s, %s)"""
PAYMENTS = """
SELECT tendertype, sum(amountcur) AS amount FROM ax.retailtransactionpaymenttrans
WHERE (store, terminal, transactionid) = (%s, %s, %s) AND voidstatus = 0 AND transactionstatus <> %s
GROUP BY tendertype ORDER BY tendertype"""
ORDER = """
INSERT INTO ax.salestable (dataareaid, salesid, custaccount, salesorigin, store, businessdate, currency, statementid,
    netamount, taxamount, chargeamount, grossamount) VALUES (%s, %s, %s, 'statement', %s, %s, %s, %s, %s, %s, %s, %s)"""
ORDER_LINES = """
INSERT INTO ax.salesline (dataareaid, salesid, linenum, itemid, variantid, unit, qty, netamount, taxamount, discamount)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
VOUCHER = """
INSERT INTO ax.generaljournalentry (dataareaid, voucher, accountingdate, journalcategory, store, currency, debitamount,
    creditamount) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
VOUCHER_LINES = """
INSERT INTO ax.generaljournalaccountentry (dataareaid, voucher, linenum, mainaccount, postingtype, debitamount,
    creditamount, tendertypeid, taxcode) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""
LINK = "INSERT INTO ax.retailstatementvoucher (dataareaid, statementid, voucher, voucherdate) VALUES (%s, %s, %s, %s)"
INVOICE = """
INSERT INTO ax.custinvoicejour (dataareaid, invoiceid, salesid, invoiceaccount, store, invoicedate, currency,
    statementid, netamount, taxamount, chargeamount, invoiceamount, ledgervoucher)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
INVOICE_TAXES = """
INSERT INTO ax.taxtrans (dataareaid, invoiceid, taxcode, taxbaseamount, taxamount) VALUES (%s, %s, %s, %s, %s)"""
CUSTOMER_TRANSACTION = """
INSERT INTO ax.custtrans (dataareaid, accountnum, voucher, transdate, transtype, invoiceid, currency, amountcur)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""


@dataclass
class Loop:
    """Accounts and numbers of one run."""

    hq: psycopg.Connection[Any]
    accounts: dict[str, str] = field(default_factory=dict)
    ready: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def load(self) -> None:
        """Main accounts by posting type and, in brackets, by tender."""
        rows = self.hq.execute("SELECT postingtype, mainaccount FROM ax.ledgerposting").fetchall()
        tenders = self.hq.execute("SELECT '(' || tendertypeid || ')', mainaccount FROM ax.retailtendertypetable")
        self.accounts = dict([*rows, *tenders.fetchall()])

    def number(self, company: str, reference: str) -> str:
        """The next number, of a hundred that are taken at once."""
        if not self.ready[reference]:
            ((first, format_),) = self.hq.execute(
                "UPDATE ax.numbersequencetable AS s SET nextrec = nextrec + %s FROM ax.numbersequencereference AS r"
                " WHERE (s.dataareaid, s.numbersequence) = (r.dataareaid, r.numbersequence)"
                " AND (r.dataareaid, r.reference) = (%s, %s) RETURNING s.nextrec - %s, s.format",
                [AT_ONCE, company, reference, AT_ONCE],
            ).fetchall()
            prefix, width = format_.rstrip("#"), format_.count("#")
            self.ready[reference] = [
                f"{prefix}{number:0{width}}" for number in range(first + AT_ONCE - 1, first - 1, -1)
            ]
        return self.ready[reference].pop()


def post(url: str, lines: int) -> int:
    """Post transactions one by one until `lines` sales lines are through; returns how many there were."""
    done = 0
    with psycopg.connect(conninfo(url)) as hq:
        loop = Loop(hq)
        loop.load()
        for position, transaction in enumerate(_transactions(url)):
            if done >= lines:
                break
            with hq.transaction():
                done += _post(loop, transaction)
            if (count := position + 1) % AT_ONCE == 0:
                hq.commit()
                if count // AT_ONCE in ANALYZED_AT:
                    hq.execute(ANALYZE)
                    hq.commit()
    return done


def _transactions(url: str) -> Iterator[Any]:
    with psycopg.connect(conninfo(url)) as hq, hq.cursor("transactions", row_factory=ROWS) as cursor:
        cursor.itersize = AT_ONCE
        yield from cursor.execute(TRANSACTIONS)


def _post(loop: Loop, t: Any) -> int:
    hq, key, voided = loop.hq, [t.store, t.terminal, t.transactionid], int(EntryStatus.VOIDED)
    with hq.cursor(row_factory=ROWS) as cursor:
        lines = cursor.execute(LINES, [*key, voided]).fetchall()
        charges = cursor.execute(CHARGES, key).fetchall()
        live = {line.linenum for line in lines}
        taxes: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for row in cursor.execute(TAXES, key).fetchall():
            if row.salelinenum in live:
                taxes[row.taxcode][0] += row.taxbaseamount
                taxes[row.taxcode][1] += row.amount
        for charge in charges:
            taxes[""][0] += charge.calculatedamount
            taxes[""][1] += charge.taxamountexclusive
        payments = cursor.execute(PAYMENTS, [*key, voided]).fetchall()
        charged = sum((charge.calculatedamount for charge in charges), Decimal(0))
        order = loop.number(t.dataareaid, "SalesOrder")
        tax = t.grossamount - t.netamount
        amounts = [t.netamount, tax, charged, t.grossamount]
        cursor.execute(
            ORDER,
            [t.dataareaid, order, t.custaccount, t.store, t.businessdate, t.currency, t.statementid, *amounts],
        )
        cursor.executemany(
            ORDER_LINES, [[t.dataareaid, order, number, *line[1:]] for number, line in enumerate(lines, start=1)]
        )
        sides = [
            ("CustomerBalance", t.grossamount, "", ""),
            ("Revenue", charged - t.netamount, "", ""),
            ("ChargeRevenue", -charged, "", ""),
            *(("SalesTax", -amount, "", code) for code, (_, amount) in sorted(taxes.items())),
        ]
        voucher = _voucher(loop, cursor, t, "invoice", sides)
        invoice = loop.number(t.dataareaid, "CustomerInvoice")
        head = [t.dataareaid, invoice, order, t.custaccount, t.store, t.businessdate, t.currency, t.statementid]
        cursor.execute(INVOICE, [*head, *amounts, voucher])
        cursor.executemany(INVOICE_TAXES, [[t.dataareaid, invoice, code, *sums] for code, sums in taxes.items()])
        _customer(cursor, t, voucher, "invoice", invoice, t.grossamount)
        paid = sum((payment.amount for payment in payments), Decimal(0))
        if paid:
            sides = [("Tender", payment.amount, payment.tendertype, "") for payment in payments]
            voucher = _voucher(loop, cursor, t, "payment", [*sides, ("CustomerBalance", -paid, "", "")])
            _customer(cursor, t, voucher, "payment", invoice, -paid)
    return len(lines)


def _voucher(loop: Loop, cursor: Any, t: Any, category: str, sides: list[tuple[str, Decimal, str, str]]) -> str:
    voucher = loop.number(t.dataareaid, "LedgerVoucher")
    amount = sum((side[1] for side in sides if side[1] > 0), Decimal(0))
    cursor.execute(VOUCHER, [t.dataareaid, voucher, t.businessdate, category, t.store, t.currency, amount, amount])
    cursor.executemany(
        VOUCHER_LINES,
        [
            [
                t.dataareaid,
                voucher,
                number,
                loop.accounts[f"({tender})" if tender else kind],
                kind,
                max(amount, Decimal(0)),
                max(-amount, Decimal(0)),
                tender,
                code,
            ]
            for number, (kind, amount, tender, code) in enumerate(sides, start=1)
            if amount
        ],
    )
    cursor.execute(LINK, [t.dataareaid, t.statementid, voucher, t.businessdate])
    return voucher


def _customer(cursor: Any, t: Any, voucher: str, kind: str, invoice: str, amount: Decimal) -> None:
    cursor.execute(
        CUSTOMER_TRANSACTION,
        [t.dataareaid, t.custaccount, voucher, t.businessdate, kind, invoice, t.currency, amount],
    )
