"""The ledger: journals, customer transactions and vouchers that statements post, and exports for the general ledger."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import amount, created, customer_key, metadata, recid, statement_key

PAYMENT_JOURNAL = Table(
    "ledgerjournaltable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("journalnum", String(20), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("journaldate", Date, nullable=False),
    created(),
    PrimaryKeyConstraint("dataareaid", "journalnum"),
    statement_key(),
    schema="ax",
)

PAYMENT_JOURNAL_LINE = Table(
    "ledgerjournaltrans",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("journalnum", String(20), nullable=False),
    Column("linenum", Integer, nullable=False),
    Column("custaccount", String(20), nullable=False),
    Column("tendertypeid", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    amount("amount"),
    amount("amountmst"),
    Column("invoiceid", String(20), nullable=True),
    Column("voucher", String(20), nullable=False),
    PrimaryKeyConstraint("dataareaid", "journalnum", "linenum"),
    ForeignKeyConstraint(
        ["dataareaid", "journalnum"], ["ax.ledgerjournaltable.dataareaid", "ax.ledgerjournaltable.journalnum"]
    ),
    ForeignKeyConstraint(
        ["dataareaid", "invoiceid"], ["ax.custinvoicejour.dataareaid", "ax.custinvoicejour.invoiceid"]
    ),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    customer_key("custaccount"),
    schema="ax",
    comment="amount: what was paid with the tender, change already taken off; negative when money went back; "
    "amountmst: the same in the voucher's currency",
)

CUSTOMER_TRANSACTION = Table(
    "custtrans",
    metadata,
    recid(),
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("voucher", String(20), nullable=False),
    Column("transdate", Date, nullable=False),
    Column("transtype", String(10), nullable=False),
    Column("invoiceid", String(20), nullable=True),
    Column("salesid", String(20), nullable=True),
    Column("currency", String(3), nullable=False),
    amount("amountcur"),
    customer_key("accountnum"),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    CheckConstraint("transtype IN ('invoice', 'payment', 'rounding')", name="transtype"),
    Index("ix_custtrans_accountnum", "dataareaid", "accountnum"),
    schema="ax",
    comment="customer subledger: an invoice raises what the customer owes, a payment lowers it; salesid: the order that"
    " a prepayment was made for",
)

VOUCHER = Table(
    "generaljournalentry",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("voucher", String(20), nullable=False),
    Column("accountingdate", Date, nullable=False),
    Column("journalcategory", String(20), nullable=False),
    Column("store", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("defaultdimension", BigInteger, nullable=False, server_default=text("0")),
    amount("debitamount"),
    amount("creditamount"),
    created(),
    PrimaryKeyConstraint("dataareaid", "voucher"),
    CheckConstraint("debitamount = creditamount", name="balanced"),
    CheckConstraint(
        "journalcategory IN ('invoice', 'payment', 'incomeexpense', 'deposit', 'rounding', 'discount', 'giftcard', "
        "'difference', 'cashmanagement', 'prepayment')",
        name="journalcategory",
    ),
    schema="ax",
    comment="a voucher; debitamount and creditamount are the sums over its lines",
)

VOUCHER_LINE = Table(
    "generaljournalaccountentry",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("voucher", String(20), nullable=False),
    Column("linenum", Integer, nullable=False),
    Column("mainaccount", String(20), nullable=False),
    Column("postingtype", String(30), nullable=False),
    amount("debitamount"),
    amount("creditamount"),
    Column("tendertypeid", String(10), nullable=False, server_default=text("''")),
    Column("taxcode", String(10), nullable=False, server_default=text("''")),
    Column("transactioncurrency", String(3), nullable=True),
    Column("transactioncurrencyamount", MONEY, nullable=True),
    PrimaryKeyConstraint("dataareaid", "voucher", "linenum"),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    ForeignKeyConstraint(["dataareaid", "mainaccount"], ["ax.mainaccount.dataareaid", "ax.mainaccount.mainaccountid"]),
    CheckConstraint("debitamount >= 0 AND creditamount >= 0 AND (debitamount = 0 OR creditamount = 0)", name="side"),
    schema="ax",
    comment="transactioncurrency and its amount (positive on the debit side): where money was paid in another currency "
    "than the voucher's",
)

LEDGER_EXPORT = Table(
    "ledgerexport",
    metadata,
    Column("export", BigInteger, Identity(), primary_key=True),
    Column("datefrom", Date, nullable=True),
    Column("dateto", Date, nullable=True),
    Column("dataareaid", String(4), nullable=True),
    Column("store", String(10), nullable=True),
    Column("format", Integer, nullable=False),
    Column("vouchers", BigInteger, nullable=False, server_default=text("0")),
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("checksum", String(64), nullable=False, server_default=text("''")),
    created(),
    CheckConstraint("datefrom <= dateto", name="dates"),
    schema="cdx",
    comment="an export that takes each voucher once; checksum: SHA-256 of its file, which can be written again; format:"
    " which columns that has",
)

LEDGER_EXPORT_VOUCHER = Table(
    "ledgerexportvoucher",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("voucher", String(20), nullable=False),
    Column("export", BigInteger, ForeignKey("cdx.ledgerexport.export"), nullable=False),
    PrimaryKeyConstraint("dataareaid", "voucher"),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    Index("ix_ledgerexportvoucher_export", "export"),
    schema="cdx",
    comment="the primary key holds a voucher to one export",
)
