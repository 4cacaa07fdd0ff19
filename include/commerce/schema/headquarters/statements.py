"""Statements, and the transactions and shifts that they took."""

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
    Text,
    text,
)

from commerce.schema.headquarters.base import amount, created, customer_key, metadata, moment, recid, statement_key

STATEMENT = Table(
    "retailstatementtable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("storeid", String(10), nullable=False),
    Column("statementtype", Integer, nullable=False),
    Column("businessdate", Date, nullable=False),
    Column("postingdate", Date, nullable=True),
    Column("currency", String(3), nullable=False),
    Column("stafforterminal", String(35), nullable=False, server_default=text("''")),
    Column("postingstatus", Integer, nullable=False),
    Column("postingerrorstatus", Integer, nullable=False, server_default=text("0")),
    Column("postingerrorcode", String(40), nullable=False, server_default=text("''")),
    Column("postingerrormessage", Text, nullable=False, server_default=text("''")),
    Column("run", BigInteger, nullable=True),
    Column("transactioncount", Integer, nullable=False, server_default=text("0")),
    amount("salesamount"),
    amount("taxamount"),
    amount("paymentamount"),
    moment("calculateddatetime"),
    moment("posteddatetime"),
    created(),
    PrimaryKeyConstraint("dataareaid", "statementid"),
    ForeignKeyConstraint(["storeid"], ["ax.retailchanneltable.retailchannelid"]),
    CheckConstraint("statementtype IN (1, 2)", name="statementtype"),
    CheckConstraint("postingstatus IN (1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)", name="postingstatus"),
    Index("ix_retailstatementtable_storeid", "storeid", "businessdate"),
    schema="ax",
    comment="stafforterminal: the staff, terminal or shift (terminal:batch) that the statement is split off for;"
    " postingdate: the date of its documents where that is not the business date",
)


def _counted() -> list[Column]:  # type: ignore[type-arg]
    """A tender in a drawer: what was paid with it, what else came in and went out, what was counted, and what is too
    much (positive) or missing."""
    return [
        amount("transamount"),
        Column("transcount", Integer, nullable=False),
        amount("addedtodrawer"),
        amount("removedfromdrawer"),
        amount("changetender"),
        amount("bankedamount"),
        amount("safeamount"),
        amount("countedamount"),
        amount("differenceamount"),
    ]


def _difference() -> CheckConstraint:
    return CheckConstraint(
        "differenceamount = 0 OR differenceamount = countedamount + bankedamount + safeamount + removedfromdrawer"
        " - transamount - addedtodrawer - changetender",
        name="difference",
    )


STATEMENT_LINE = Table(
    "retailstatementline",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("staffid", String(25), nullable=False, server_default=text("''")),
    Column("terminalid", String(10), nullable=False, server_default=text("''")),
    Column("uniqueshiftid", String(35), nullable=False, server_default=text("''")),
    Column("tendertypeid", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    *_counted(),
    amount("transamountmst"),
    amount("differenceamountmst"),
    _difference(),
    PrimaryKeyConstraint(
        "dataareaid", "statementid", "staffid", "terminalid", "uniqueshiftid", "tendertypeid", "currency"
    ),
    statement_key(),
    schema="ax",
    comment="a financial statement has a line per tender and staff, terminal or shift,"
    " as the store's statement method says; amounts are in the tender's currency, those in -mst in the statement's",
)

STATEMENT_SHIFT = Table(
    "retailstatementshift",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("storeid", String(10), nullable=False),
    Column("terminalid", String(10), nullable=False),
    Column("batchid", BigInteger, nullable=False),
    Column("tenderdeclarationcalculation", Integer, nullable=False),
    Column("startamountcalculation", Integer, nullable=False),
    Column("bankdropcalculation", Integer, nullable=False),
    PrimaryKeyConstraint("dataareaid", "statementid", "storeid", "terminalid", "batchid"),
    statement_key(),
    ForeignKeyConstraint(
        ["storeid", "terminalid", "batchid"],
        ["ax.retailposbatchtable.storeid", "ax.retailposbatchtable.terminalid", "ax.retailposbatchtable.batchid"],
    ),
    CheckConstraint(
        "tenderdeclarationcalculation IN (0, 1) AND startamountcalculation IN (0, 1) AND bankdropcalculation IN (0, 1)",
        name="calculation",
    ),
    Index("ix_retailstatementshift_storeid", "storeid", "terminalid", "batchid"),
    schema="ax",
    comment="the closed shifts of a financial statement, and which of their declarations, starting amounts and bank"
    " drops it counts; what comes late for a shift goes into a further statement, which counts the same",
)

LATE_SHIFT = Table(
    "retailstatementlateshift",
    metadata,
    Column("storeid", String(10), nullable=False),
    Column("terminalid", String(10), nullable=False),
    Column("batchid", BigInteger, nullable=False),
    PrimaryKeyConstraint("storeid", "terminalid", "batchid"),
    ForeignKeyConstraint(
        ["storeid", "terminalid", "batchid"],
        ["ax.retailposbatchtable.storeid", "ax.retailposbatchtable.terminalid", "ax.retailposbatchtable.batchid"],
    ),
    schema="ax",
    comment="shifts of a financial statement that was cleared which stand in another one, too: the next calculation"
    " counts them again",
)

STATEMENT_SHIFT_LINE = Table(
    "retailstatementshiftline",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("storeid", String(10), nullable=False),
    Column("terminalid", String(10), nullable=False),
    Column("batchid", BigInteger, nullable=False),
    Column("tendertypeid", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    *_counted(),
    _difference(),
    amount("floatamount"),
    amount("transamountmst"),
    amount("floatamountmst"),
    amount("changetendermst"),
    amount("removedfromdrawermst"),
    amount("bankedamountmst"),
    amount("safeamountmst"),
    amount("differenceamountmst"),
    Column("countedhow", String(10), nullable=False),
    PrimaryKeyConstraint("dataareaid", "statementid", "storeid", "terminalid", "batchid", "tendertypeid", "currency"),
    ForeignKeyConstraint(
        ["dataareaid", "statementid", "storeid", "terminalid", "batchid"],
        [
            "ax.retailstatementshift.dataareaid",
            "ax.retailstatementshift.statementid",
            "ax.retailstatementshift.storeid",
            "ax.retailstatementshift.terminalid",
            "ax.retailstatementshift.batchid",
        ],
        name="fk_retailstatementshiftline_shift",
    ),
    CheckConstraint("countedhow IN ('declared', 'entered', 'required', 'assumed')", name="countedhow"),
    Index("ix_retailstatementshiftline_storeid", "storeid", "terminalid", "batchid"),
    schema="ax",
    comment="what a financial statement says of a shift, per tender: what it adds to earlier statements of the shift;"
    " addedtodrawer is starting amounts and floatamount; amounts are in the tender's currency, those in -mst in the"
    " statement's",
)

ENTERED_COUNT = Table(
    "retailstatementcount",
    metadata,
    recid(),
    Column("storeid", String(10), nullable=False),
    Column("terminalid", String(10), nullable=False),
    Column("batchid", BigInteger, nullable=False),
    Column("tendertypeid", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    amount("countedamount"),
    Column("reason", Text, nullable=False),
    Column("enteredby", String(60), nullable=False),
    created(),
    ForeignKeyConstraint(
        ["storeid", "terminalid", "batchid"],
        ["ax.retailposbatchtable.storeid", "ax.retailposbatchtable.terminalid", "ax.retailposbatchtable.batchid"],
    ),
    Index("ix_retailstatementcount_storeid", "storeid", "terminalid", "batchid"),
    schema="ax",
    comment="amounts that a person in headquarters entered as counted; the last one of a tender and shift holds",
)

STATEMENT_EVENT = Table(
    "retaileodstatementcontrollerlog",
    metadata,
    recid(),
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("postingstatus", Integer, nullable=False),
    Column("isendevent", Integer, nullable=False, server_default=text("1")),
    Column("starteventid", BigInteger, nullable=True),
    Column("run", BigInteger, nullable=True),
    Column("postingstatemessage", Text, nullable=False, server_default=text("''")),
    created("createdon"),
    statement_key(),
    CheckConstraint("isendevent IN (0, 1) AND (starteventid IS NULL OR isendevent = 1)", name="isendevent"),
    Index("ix_retaileodstatementcontrollerlog_statementid", "dataareaid", "statementid"),
    schema="ax",
)

AGGREGATION = Table(
    "retaileodstatementaggregation",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("aggregation", Integer, nullable=False),
    Column("custaccount", String(20), nullable=False),
    Column("defaultdimension", BigInteger, nullable=False, server_default=text("0")),
    Column("salesid", String(20), nullable=True),
    Column("invoiceid", String(20), nullable=True),
    Column("transactioncount", Integer, nullable=False),
    Column("linecount", Integer, nullable=False),
    amount("netamount"),
    amount("taxamount"),
    amount("chargeamount"),
    amount("grossamount"),
    PrimaryKeyConstraint("dataareaid", "statementid", "aggregation"),
    statement_key(),
    customer_key("custaccount"),
    CheckConstraint("aggregation > 0", name="aggregation"),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    ForeignKeyConstraint(
        ["dataareaid", "invoiceid"], ["ax.custinvoicejour.dataareaid", "ax.custinvoicejour.invoiceid"]
    ),
    schema="ax",
    comment="one sales order and invoice each; the store's default customer gathers the nameless sales",
)

STATEMENT_TRANSACTION = Table(
    "retaileodtransactiontable",
    metadata,
    Column("store", String(10), nullable=False),
    Column("terminal", String(10), nullable=False),
    Column("transactionid", String(44), nullable=False),
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("type", Integer, nullable=False),
    Column("businessdate", Date, nullable=False),
    Column("custaccount", String(20), nullable=True),
    amount("netamount"),
    amount("grossamount"),
    amount("paymentamount"),
    Column("aggregation", Integer, nullable=True),
    PrimaryKeyConstraint("store", "terminal", "transactionid"),
    ForeignKeyConstraint(
        ["store", "terminal", "transactionid"],
        [
            "ax.retailtransactiontable.store",
            "ax.retailtransactiontable.terminal",
            "ax.retailtransactiontable.transactionid",
        ],
    ),
    statement_key(),
    customer_key("custaccount"),
    CheckConstraint("(custaccount IS NULL) = (type IN (4, 5, 6, 7, 16, 17, 20))", name="custaccount"),
    Index("ix_retaileodtransactiontable_statementid", "dataareaid", "statementid", "custaccount"),
    schema="ax",
    comment="the primary key holds a transaction to one statement; the foreign key holds it to a synchronized customer,"
    " whom only cash management has none of; aggregation: the aggregated transaction that a sale went into",
)

STATEMENT_VOUCHER = Table(
    "retailstatementvoucher",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("statementid", String(20), nullable=False),
    Column("voucher", String(20), nullable=False),
    Column("voucherdate", Date, nullable=False),
    PrimaryKeyConstraint("dataareaid", "voucher"),
    statement_key(),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    Index("ix_retailstatementvoucher_statementid", "dataareaid", "statementid"),
    schema="ax",
)
