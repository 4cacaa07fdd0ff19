"""Sales orders and invoices."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from commerce.schema.enums import SalesStatus
from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import created, customer_key, metadata


def _blank(name: str, width: int) -> Column:  # type: ignore[type-arg]
    return Column(name, String(width), nullable=False, server_default=text("''"))


def _amount(name: str) -> Column:  # type: ignore[type-arg]
    return Column(name, MONEY, nullable=False)


def _transaction_columns() -> list[Column]:  # type: ignore[type-arg]
    return [
        Column("store", String(10), nullable=False),
        Column("terminal", String(10), nullable=False),
        Column("transactionid", String(44), nullable=False),
    ]


SALES_ORDER = Table(
    "salestable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("salesid", String(20), nullable=False),
    Column("custaccount", String(20), nullable=False),
    Column("documenttype", String(10), nullable=False, server_default=text("'order'")),
    Column("salesorigin", String(10), nullable=False),
    Column("store", String(10), nullable=False),
    Column("businessdate", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("deliverypostaladdress", BigInteger, nullable=True),
    _blank("dlvmode", 10),
    _blank("inventlocationid", 10),
    _blank("channelreferenceid", 50),
    _blank("statementid", 20),
    Column("defaultdimension", BigInteger, nullable=False, server_default=text("0")),
    _amount("netamount"),
    _amount("taxamount"),
    _amount("chargeamount"),
    _amount("grossamount"),
    Column("salesstatus", Integer, nullable=False, server_default=text(str(int(SalesStatus.BACKORDER)))),
    Column("mcrorderstopped", Integer, nullable=False, server_default=text("0")),
    created(),
    PrimaryKeyConstraint("dataareaid", "salesid"),
    customer_key("custaccount"),
    ForeignKeyConstraint(["deliverypostaladdress"], ["ax.logisticspostaladdress.recid"]),
    CheckConstraint("documenttype IN ('order', 'quotation')", name="documenttype"),
    CheckConstraint("salesorigin IN ('channel', 'statement')", name="salesorigin"),
    CheckConstraint("grossamount = netamount + taxamount", name="gross"),
    CheckConstraint("salesstatus BETWEEN 1 AND 4", name="salesstatus"),
    CheckConstraint(
        f"mcrorderstopped = 0 OR salesstatus NOT IN ({int(SalesStatus.DELIVERED)}, {int(SalesStatus.INVOICED)})",
        name="hold_before_fulfilment",
    ),
    Index(
        "ix_salestable_channelreferenceid",
        "dataareaid",
        "channelreferenceid",
        postgresql_where=text("channelreferenceid <> ''"),
    ),
    schema="ax",
    comment="netamount includes charges (chargeamount says how much of it); mcrorderstopped: a hold keeps the order,"
    " and whoever delivers or invoices it is refused; salesstatus: of an order of a channel, one of a statement follows"
    " its statement",
)

SALES_LINE = Table(
    "salesline",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("salesid", String(20), nullable=False),
    Column("linenum", MONEY, nullable=False),
    Column("itemid", String(20), nullable=False),
    _blank("variantid", 10),
    _blank("unit", 10),
    _amount("qty"),
    _amount("netamount"),
    _amount("taxamount"),
    _amount("discamount"),
    Column("custaccount", String(20), nullable=True),
    Column("deliverypostaladdress", BigInteger, nullable=True),
    Column("giftcard", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("dataareaid", "salesid", "linenum"),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    ForeignKeyConstraint(["deliverypostaladdress"], ["ax.logisticspostaladdress.recid"]),
    customer_key("custaccount"),
    schema="ax",
    comment="custaccount: where it is another customer than the order's, whose foreign key holds for the others; "
    "one key less to look up for each line; giftcard: 1 for a line of a channel's order that sells a gift card, which"
    " is owed when it is invoiced (inferred; statements post their own gift cards)",
)

RETAIL_SALES_ORDER = Table(
    "retailsalestable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("salesid", String(20), nullable=False),
    *_transaction_columns(),
    PrimaryKeyConstraint("dataareaid", "salesid"),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    UniqueConstraint("store", "terminal", "transactionid"),
    schema="ax",
    comment="the channel transaction that an order was created from: one order a transaction",
)

INVOICE = Table(
    "custinvoicejour",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("invoiceid", String(20), nullable=False),
    Column("salesid", String(20), nullable=False),
    Column("invoiceaccount", String(20), nullable=False),
    Column("store", String(10), nullable=False),
    Column("invoicedate", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("statementid", String(20), nullable=False),
    _amount("netamount"),
    _amount("taxamount"),
    _amount("chargeamount"),
    _amount("invoiceamount"),
    Column("ledgervoucher", String(20), nullable=False),
    created(),
    PrimaryKeyConstraint("dataareaid", "invoiceid"),
    UniqueConstraint("dataareaid", "salesid"),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    ForeignKeyConstraint(
        ["dataareaid", "ledgervoucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    customer_key("invoiceaccount"),
    CheckConstraint("invoiceamount = netamount + taxamount", name="invoiceamount"),
    Index("ix_custinvoicejour_statementid", "dataareaid", "statementid"),
    schema="ax",
)

INVOICE_TAX = Table(
    "taxtrans",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("invoiceid", String(20), nullable=False),
    Column("taxcode", String(10), nullable=False),
    _amount("taxbaseamount"),
    _amount("taxamount"),
    PrimaryKeyConstraint("dataareaid", "invoiceid", "taxcode"),
    ForeignKeyConstraint(
        ["dataareaid", "invoiceid"], ["ax.custinvoicejour.dataareaid", "ax.custinvoicejour.invoiceid"]
    ),
    schema="ax",
)
