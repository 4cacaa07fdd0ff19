"""What a retailer sets up: companies, number sequences, customer groups, ledger accounts, tenders and stores."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Time,
    UniqueConstraint,
    text,
)

from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import metadata, recid

COMPANY = Table(
    "dataarea",
    metadata,
    Column("dataareaid", String(4), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("countryregionid", String(10), nullable=False),
    Column("languageid", String(7), nullable=False),
    schema="ax",
)

NUMBER_SEQUENCE = Table(
    "numbersequencetable",
    metadata,
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    Column("numbersequence", String(20), nullable=False),
    Column("format", String(30), nullable=False),
    Column("lowest", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("nextrec", BigInteger, nullable=False),
    Column("manual", Integer, nullable=False, server_default=text("0")),
    Column("blocked", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("dataareaid", "numbersequence"),
    CheckConstraint("lowest <= nextrec AND nextrec <= highest + 1", name="range"),
    CheckConstraint("format ~ '^[^#]*#+[^#]*$'", name="format"),
    schema="ax",
)

NUMBER_SEQUENCE_REFERENCE = Table(
    "numbersequencereference",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("reference", String(30), nullable=False),
    Column("numbersequence", String(20), nullable=False),
    PrimaryKeyConstraint("dataareaid", "reference"),
    ForeignKeyConstraint(
        ["dataareaid", "numbersequence"],
        ["ax.numbersequencetable.dataareaid", "ax.numbersequencetable.numbersequence"],
    ),
    CheckConstraint(
        "reference IN ('CustomerAccount', 'SalesOrder', 'SalesQuotation', 'CustomerInvoice', 'LedgerVoucher', "
        "'PaymentJournal', 'Statement')",
        name="reference",
    ),
    schema="ax",
)

CUSTOMER_GROUP = Table(
    "custgroup",
    metadata,
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    Column("custgroup", String(10), nullable=False),
    Column("name", String(60), nullable=False),
    Column("paymtermid", String(10), nullable=False, server_default=text("''")),
    Column("taxgroupid", String(10), nullable=False, server_default=text("''")),
    Column("defaultdimension", BigInteger, nullable=False, server_default=text("0")),
    Column("custaccountnumseq", String(20), nullable=True),
    PrimaryKeyConstraint("dataareaid", "custgroup"),
    ForeignKeyConstraint(
        ["dataareaid", "custaccountnumseq"],
        ["ax.numbersequencetable.dataareaid", "ax.numbersequencetable.numbersequence"],
    ),
    schema="ax",
)

AFFILIATION = Table(
    "retailaffiliation",
    metadata,
    recid(),
    Column("name", String(60), nullable=False, unique=True),
    schema="ax",
)

TITLE = Table(
    "dirnameaffix",
    metadata,
    recid(),
    Column("affix", String(60), nullable=False, unique=True),
    schema="ax",
    comment="personal titles; an asynchronous customer names one by its record id (titlerecordid)",
)

ATTRIBUTE = Table(
    "ecoresattribute",
    metadata,
    recid(),
    Column("name", String(60), nullable=False, unique=True),
    Column("datatype", Integer, nullable=False),
    schema="ax",
)

MAIN_ACCOUNT = Table(
    "mainaccount",
    metadata,
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    Column("mainaccountid", String(20), nullable=False),
    Column("name", String(60), nullable=False),
    PrimaryKeyConstraint("dataareaid", "mainaccountid"),
    schema="ax",
)


def _main_account() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["dataareaid", "mainaccount"], ["ax.mainaccount.dataareaid", "ax.mainaccount.mainaccountid"]
    )


LEDGER_POSTING = Table(
    "ledgerposting",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("postingtype", String(30), nullable=False),
    Column("mainaccount", String(20), nullable=False),
    PrimaryKeyConstraint("dataareaid", "postingtype"),
    _main_account(),
    CheckConstraint(
        "postingtype IN ('CustomerBalance', 'Revenue', 'SalesTax', 'ChargeRevenue', 'RoundingDifference', "
        "'PeriodicDiscount', 'GiftCard', 'CountingDifference', 'Safe', 'Bank')",
        name="postingtype",
    ),
    schema="ax",
)

TENDER_TYPE = Table(
    "retailtendertypetable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("tendertypeid", String(10), nullable=False),
    Column("name", String(60), nullable=False),
    Column("function", Integer, nullable=False, server_default=text("0")),
    Column("mainaccount", String(20), nullable=False),
    Column("countingrequired", Integer, nullable=False, server_default=text("1")),
    PrimaryKeyConstraint("dataareaid", "tendertypeid"),
    _main_account(),
    CheckConstraint("function IN (0, 1, 3, 5)", name="function"),
    schema="ax",
)

INCOME_EXPENSE_ACCOUNT = Table(
    "retailincomeexpenseaccounttable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(10), nullable=False),
    Column("name", String(60), nullable=False),
    Column("accounttype", Integer, nullable=False),
    Column("mainaccount", String(20), nullable=False),
    PrimaryKeyConstraint("dataareaid", "accountnum"),
    _main_account(),
    CheckConstraint("accounttype IN (0, 1)", name="accounttype"),
    schema="ax",
)

CHANNEL = Table(
    "retailchanneltable",
    metadata,
    recid(),
    Column("retailchannelid", String(10), nullable=False, unique=True),
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("channeltimezoneinfoid", String(60), nullable=False),
    Column("defaultcustaccount", String(20), nullable=False),
    Column("defaultcustdataareaid", String(4), nullable=False),
    Column("inventlocation", String(10), nullable=False, server_default=text("''")),
    Column("cutoverdate", Date, nullable=True, info={"inferred": True}),
    ForeignKeyConstraint(
        ["defaultcustdataareaid", "defaultcustaccount"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]
    ),
    UniqueConstraint("retailchannelid", "dataareaid"),
    schema="ax",
)

STORE = Table(
    "retailstoretable",
    metadata,
    Column("recid", BigInteger, ForeignKey("ax.retailchanneltable.recid"), primary_key=True, autoincrement=False),
    Column("storenumber", String(10), nullable=False, unique=True),
    Column("taxgroup", String(10), nullable=False, server_default=text("''")),
    Column("stmtcalcbatchendtime", Time, nullable=False, server_default=text("'00:00'")),
    Column("stmtpostasbusinessday", Integer, nullable=False, server_default=text("1")),
    Column("maxroundingamount", MONEY, nullable=False, server_default=text("0.05")),
    Column("roundingunit", MONEY, nullable=False, server_default=text("0.01"), info={"inferred": True}),
    Column("statementmethod", Integer, nullable=False, server_default=text("2")),
    Column("onestatementperday", Integer, nullable=False, server_default=text("0")),
    Column("separatestmtperstaffterminal", Integer, nullable=False, server_default=text("0")),
    Column("closingmethod", Integer, nullable=False, server_default=text("1")),
    Column("tenderdeclarationcalculation", Integer, nullable=False, server_default=text("1")),
    Column("startamountcalculation", Integer, nullable=False, server_default=text("0")),
    Column("bankdropcalculation", Integer, nullable=False, server_default=text("0")),
    Column("maximumpostingdifference", MONEY, nullable=False, server_default=text("0")),
    Column("maxshiftdifferenceamount", MONEY, nullable=False, server_default=text("0")),
    Column("maxtransactiondifferenceamount", MONEY, nullable=False, server_default=text("0")),
    Column("financialstatementsfrom", Date, nullable=True, info={"inferred": True}),
    CheckConstraint("maxroundingamount >= 0 AND roundingunit > 0", name="rounding"),
    CheckConstraint("statementmethod BETWEEN 0 AND 3 AND closingmethod IN (0, 1)", name="method"),
    CheckConstraint(
        "tenderdeclarationcalculation IN (0, 1) AND startamountcalculation IN (0, 1) AND bankdropcalculation IN (0, 1)",
        name="calculation",
    ),
    CheckConstraint(
        "least(maximumpostingdifference, maxshiftdifferenceamount, maxtransactiondifferenceamount) >= 0",
        name="maxima",
    ),
    schema="ax",
    comment="financialstatementsfrom: shifts of earlier business dates get no financial statement; without it those of"
    " all dates that runs work on do",
)

COMPANY_PARAMETERS = Table(
    "retailparameters",
    metadata,
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), primary_key=True),
    Column("disablecountingrequired", Integer, nullable=False, server_default=text("0")),
    Column("disableroundingdifferenceposting", Integer, nullable=False, server_default=text("0")),
    Column("maxlinesperaggregation", Integer, nullable=False, server_default=text("1000")),
    Column("donotaggregatereturns", Integer, nullable=False, server_default=text("0")),
    Column("orderholdcode", String(10), nullable=False, server_default=text("''")),
    Column("pendingreferencehours", Integer, nullable=False, server_default=text("24"), info={"inferred": True}),
    Column("ordertrycount", Integer, nullable=False, server_default=text("5"), info={"inferred": True}),
    CheckConstraint("least(maxlinesperaggregation, pendingreferencehours, ordertrycount) > 0", name="positive"),
    schema="ax",
    comment="Commerce parameters of a company; every company has a row",
)
