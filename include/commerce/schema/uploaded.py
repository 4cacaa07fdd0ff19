"""The tables that the P-job uploads, defined once for channel, landing and headquarters.

Columns follow Microsoft's Common Data Model; the second generation of the asynchronous tables is not published there, and
what no source shows is marked `inferred`. Widths are headquarters' (street 250, county 10): a longer value from a channel
goes to quarantine, it is never cut.
"""

from dataclasses import dataclass
from typing import Literal

from commerce.schema.fields import Field, bigint, date_, datetime_, decimal, integer, text_

Group = Literal["customer", "header", "line", "shift"]


@dataclass(frozen=True)
class UploadedTable:
    """One uploaded table.

    `natural_key`: unique on the channel and (for transactions) the primary key in headquarters; empty for operation logs.
    `transaction_key`: this table's names for (store, terminal, transactionid), where its rows belong to a transaction.
    """

    name: str
    group: Group
    fields: tuple[Field, ...]
    natural_key: tuple[str, ...] = ()
    transaction_key: tuple[str, str, str] | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


GUID_WIDTH = 38
ADDRESS_ID_WIDTH = 44


def _account() -> tuple[Field, ...]:
    return (text_("custaccountasync", GUID_WIDTH), text_("custaccount", 20))


def _operation() -> tuple[Field, ...]:
    return (
        integer("operation", required=True),
        datetime_("createddatetime", required=True, inferred=True),
        text_("dataareaid", 4, required=True),
    )


ASYNC_CUSTOMER = UploadedTable(
    "retailasynccustomerv2",
    "customer",
    (
        *_account(),
        text_("custname", 100),
        text_("firstname", 25),
        text_("middlename", 25),
        text_("lastname", 25),
        integer("relationshiptype", required=True),
        text_("custgroup", 10),
        text_("currency", 3),
        text_("languageid", 7),
        text_("phone", 255),
        text_("phoneextension", 10),
        text_("cellularphone", 255),
        text_("email", 255),
        text_("url", 255),
        text_("receiptemail", 80),
        integer("receiptoption"),
        text_("taxgroup", 10),
        text_("vatnum", 20),
        text_("pricegroup", 10),
        text_("linedisc", 10),
        text_("multilinedisc", 10),
        text_("enddisc", 10),
        decimal("creditmax"),
        integer("mandatorycreditlimit", inferred=True),
        integer("blocked"),
        text_("invoiceaccount", 20),
        text_("identificationnumber", 50),
        text_("organizationid", 20),
        integer("usepurchrequest"),
        text_("contactpersonid", 20, inferred=True),
        bigint("titlerecordid"),
        bigint("originatingchannel"),
        *_operation(),
    ),
)
ASYNC_ADDRESS = UploadedTable(
    "retailasyncaddressv2",
    "customer",
    (
        *_account(),
        text_("addressid", ADDRESS_ID_WIDTH, required=True),
        text_("custname", 100, inferred=True),
        text_("street", 250),
        text_("streetnumber", 20),
        text_("buildingcompliment", 60),
        text_("districtname", 60, inferred=True),
        text_("city", 60),
        text_("county", 10),
        text_("state", 10),
        text_("zip", 10, inferred=True),
        text_("country", 10),
        text_("phone", 255, inferred=True),
        text_("email", 255, inferred=True),
        text_("url", 255, inferred=True),
        text_("taxgroup", 10, inferred=True),
        integer("role", inferred=True),
        integer("makepostaladdressprimary"),
        *_operation(),
    ),
)
ASYNC_CONTACT = UploadedTable(
    "retailasynccustomercontact",
    "customer",
    (
        *_account(),
        text_("contactid", ADDRESS_ID_WIDTH, required=True, inferred=True),
        integer("contacttype", required=True, inferred=True),
        text_("locator", 255, inferred=True),
        text_("locatorextension", 10, inferred=True),
        text_("description", 60, inferred=True),
        integer("isprimary", inferred=True),
        integer("retailmarketingoptin", inferred=True),
        *_operation(),
    ),
)
ASYNC_AFFILIATION = UploadedTable(
    "retailasynccustomeraffiliation",
    "customer",
    (*_account(), bigint("retailaffiliationid", required=True, inferred=True), *_operation()),
)
ASYNC_ATTRIBUTE = UploadedTable(
    "retailasynccustomerattributev2",
    "customer",
    (
        *_account(),
        bigint("attributerecid", required=True),
        integer("attributedatatype"),
        text_("attributevaluestring", 1000),
        *_operation(),
    ),
)
EXTERNAL_IDENTITY = UploadedTable(
    "retailexternalidtoasynccustomermap",
    "customer",
    (
        text_("externalidentityid", 255, required=True),
        bigint("providerid", required=True),
        text_("asynccustomeraccountnumber", GUID_WIDTH, required=True),
        text_("dataareaid", 4, required=True),
    ),
)

_HEADER_KEY = ("store", "terminal", "transactionid")


def _transaction(store: str = "store", terminal: str = "terminal") -> tuple[Field, ...]:
    return (
        text_("transactionid", 44, required=True),
        text_(store, 10, required=True),
        text_(terminal, 10, required=True),
        bigint("channel"),
    )


def _register() -> tuple[Field, ...]:
    return (
        text_("receiptid", 18),
        text_("staff", 25),
        text_("shift", 10),
        date_("transdate"),
        integer("transtime"),
        date_("businessdate"),
        integer("transactionstatus"),
    )


TRANSACTION = UploadedTable(
    "retailtransactiontable",
    "header",
    (
        text_("transactionid", 44, required=True),
        text_("store", 10, required=True),
        text_("terminal", 10, required=True),
        bigint("channel"),
        integer("type", required=True),
        integer("entrystatus", required=True),
        date_("businessdate", required=True),
        date_("transdate"),
        integer("transtime"),
        datetime_("begindatetime"),
        text_("receiptid", 18),
        text_("staff", 25),
        text_("shift", 10),
        bigint("batchid"),
        text_("batchterminalid", 10),
        text_("currency", 3, required=True),
        decimal("exchrate"),
        text_("custaccount", GUID_WIDTH),
        text_("custaccountasync", GUID_WIDTH),
        bigint("logisticspostaladdress"),
        text_("addressidasync", ADDRESS_ID_WIDTH, inferred=True),
        text_("channelreferenceid", 50),
        text_("salesorderid", 20),
        text_("invoiceid", 20),
        text_("loyaltycardid", 30),
        text_("dlvmode", 10),
        text_("inventlocationid", 10),
        text_("inventsiteid", 10),
        decimal("grossamount", required=True),
        decimal("netamount", required=True),
        decimal("paymentamount", required=True),
        decimal("discamount"),
        decimal("custdiscamount"),
        decimal("totaldiscamount"),
        decimal("roundedamount"),
        decimal("salespaymentdifference"),
        decimal("incomeexpenseamount"),
        decimal("numberofitems"),
        decimal("numberofitemlines"),
        integer("numberofpaymentlines"),
        integer("saleisreturnsale"),
        integer("createdoffline"),
        integer("skipaggregation"),
        integer("transactionordertype"),
        integer("istaxincludedinprice"),
        text_("receiptemail", 80),
        text_("comment", 60),
        date_("shippingdaterequested"),
        datetime_("createddatetime", required=True),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=_HEADER_KEY,
    transaction_key=_HEADER_KEY,
)
SALES_LINE = UploadedTable(
    "retailtransactionsalestrans",
    "line",
    (
        *_transaction(terminal="terminalid"),
        decimal("linenum", required=True),
        text_("itemid", 20, required=True),
        text_("variantid", 10),
        text_("barcode", 80),
        text_("unit", 10),
        decimal("qty", required=True),
        decimal("price", required=True),
        decimal("originalprice"),
        decimal("netamount", required=True),
        decimal("taxamount", required=True),
        decimal("netamountincltax", required=True),
        decimal("discamount"),
        decimal("linedscamount"),
        decimal("periodicdiscamount"),
        decimal("totaldiscamount"),
        decimal("custdiscamount"),
        decimal("costamount"),
        text_("taxgroup", 10),
        text_("taxitemgroup", 10),
        text_("currency", 3),
        integer("transactionstatus"),
        text_("custaccount", GUID_WIDTH),
        text_("custaccountasync", GUID_WIDTH),
        bigint("logisticspostaladdress"),
        text_("addressidasync", ADDRESS_ID_WIDTH, inferred=True),
        text_("dlvmode", 10),
        text_("inventlocationid", 10),
        text_("inventsiteid", 10),
        text_("inventserialid", 20),
        text_("inventdimid", 20),
        bigint("categoryid"),
        text_("returntransactionid", 44),
        decimal("returnlinenum"),
        text_("returnstore", 10),
        text_("returnterminalid", 10),
        integer("giftcard"),
        text_("giftcardnumber", 30),
        date_("shippingdaterequested"),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=("store", "terminalid", "transactionid", "linenum"),
    transaction_key=("store", "terminalid", "transactionid"),
)
PAYMENT = UploadedTable(
    "retailtransactionpaymenttrans",
    "line",
    (
        *_transaction(),
        decimal("linenum", required=True),
        text_("tendertype", 10, required=True),
        text_("currency", 3, required=True),
        decimal("exchrate"),
        decimal("amountcur", required=True),
        decimal("amountmst"),
        decimal("amounttendered"),
        text_("cardtypeid", 10),
        text_("cardoraccount", 30),
        text_("giftcardid", 30),
        text_("loyaltycardid", 30),
        text_("creditvoucherid", 20),
        integer("changeline"),
        integer("isprepayment"),
        integer("voidstatus"),
        *_register(),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=(*_HEADER_KEY, "linenum"),
    transaction_key=_HEADER_KEY,
)
TAX = UploadedTable(
    "retailtransactiontaxtrans",
    "line",
    (
        *_transaction("storeid", "terminalid"),
        decimal("salelinenum", required=True),
        text_("taxcode", 10, required=True),
        decimal("amount", required=True),
        decimal("taxbaseamount"),
        decimal("taxpercentage"),
        integer("isincludedinprice"),
        integer("isexempt"),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=("storeid", "terminalid", "transactionid", "salelinenum", "taxcode"),
    transaction_key=("storeid", "terminalid", "transactionid"),
)
DISCOUNT = UploadedTable(
    "retailtransactiondiscounttrans",
    "line",
    (
        *_transaction("storeid", "terminalid"),
        decimal("salelinenum", required=True),
        decimal("linenum", required=True),
        decimal("amount", required=True),
        decimal("discountamount"),
        decimal("percentage"),
        integer("discountorigintype"),
        integer("manualdiscounttype"),
        integer("customerdiscounttype"),
        text_("discountcode", 60),
        text_("periodicdiscountofferid", 20),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=("storeid", "terminalid", "transactionid", "salelinenum", "linenum"),
    transaction_key=("storeid", "terminalid", "transactionid"),
)
CHARGE = UploadedTable(
    "retailtransactionmarkuptrans",
    "line",
    (
        *_transaction(terminal="terminalid"),
        decimal("salelinenum"),
        decimal("markuplinenum", required=True),
        text_("markupcode", 10, required=True),
        text_("currencycode", 3, required=True),
        integer("method"),
        decimal("value"),
        decimal("calculatedamount", required=True),
        decimal("taxamount"),
        decimal("taxamountexclusive"),
        decimal("taxamountinclusive"),
        text_("taxgroup", 10),
        text_("taxitemgroup", 10),
        text_("description", 60),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=("store", "terminalid", "transactionid", "salelinenum", "markuplinenum"),
    transaction_key=("store", "terminalid", "transactionid"),
)
DELIVERY_ADDRESS = UploadedTable(
    "retailtransactionaddresstrans",
    "line",
    (
        *_transaction(),
        decimal("salelinenum"),
        text_("addressidasync", ADDRESS_ID_WIDTH, inferred=True),
        bigint("logisticspostaladdress", inferred=True),
        text_("deliveryname", 100),
        text_("salesname", 100),
        text_("attentiontoaddressline", 60),
        text_("street", 250),
        text_("streetnumber", 20),
        text_("districtname", 60),
        text_("city", 60),
        text_("county", 10),
        text_("state", 10),
        text_("zipcode", 10),
        text_("countryregionid", 10),
        text_("phone", 255),
        text_("email", 255),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=(*_HEADER_KEY, "salelinenum"),
    transaction_key=_HEADER_KEY,
)
ACCOUNT_DEPOSIT = UploadedTable(
    "retailtransactioncustomeraccountdeposittrans",
    "line",
    (
        *_transaction(),
        decimal("linenum", required=True),
        text_("custaccount", GUID_WIDTH),
        text_("custaccountasync", GUID_WIDTH, inferred=True),
        decimal("amount", required=True),
        text_("comment", 60),
        *_register(),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=(*_HEADER_KEY, "linenum"),
    transaction_key=_HEADER_KEY,
)
INCOME_EXPENSE = UploadedTable(
    "retailtransactionincomeexpensetrans",
    "line",
    (
        *_transaction(),
        decimal("linenum", required=True),
        integer("accounttype", required=True),
        text_("incomeexepenseaccount", 10, required=True),
        decimal("amount", required=True),
        *_register(),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=(*_HEADER_KEY, "linenum"),
    transaction_key=_HEADER_KEY,
)


def _tender_amounts() -> tuple[Field, ...]:
    return (
        text_("tendertype", 10, required=True),
        text_("currency", 3, required=True),
        decimal("exchrate"),
        decimal("amountcur"),
        decimal("amountmst"),
        decimal("amounttendered", required=True),
        decimal("qty"),
    )


TENDER_DECLARATION = UploadedTable(
    "retailtransactiontenderdeclarationtrans",
    "line",
    (
        *_transaction(),
        decimal("linenum", required=True),
        *_tender_amounts(),
        text_("cardid", 10),
        *_register(),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=(*_HEADER_KEY, "linenum"),
    transaction_key=_HEADER_KEY,
)


def _removed_tender(name: str, extra: tuple[Field, ...] = ()) -> UploadedTable:
    return UploadedTable(
        name,
        "line",
        (
            *_transaction(),
            decimal("linenum", required=True),
            *_tender_amounts(),
            text_("cardtypeid", 10),
            text_("cardoraccount", 30),
            integer("statustype"),
            *extra,
            *_register(),
            text_("dataareaid", 4, required=True),
        ),
        natural_key=(*_HEADER_KEY, "linenum"),
        transaction_key=_HEADER_KEY,
    )


BANKED_TENDER = _removed_tender("retailtransactionbankedtendertrans", (text_("bankbagno", 20),))
SAFE_TENDER = _removed_tender("retailtransactionsafetendertrans")

SHIFT = UploadedTable(
    "retailposbatchtable",
    "shift",
    (
        text_("storeid", 10, required=True),
        text_("terminalid", 10, required=True),
        bigint("batchid", required=True),
        bigint("channel"),
        integer("status", required=True),
        text_("staffid", 25),
        date_("startdate"),
        integer("starttime"),
        datetime_("startdatetimeutc"),
        date_("closedate"),
        integer("closetime"),
        datetime_("closedatetimeutc"),
        text_("closedatterminal", 10),
        integer("transactionscount"),
        integer("salescount"),
        integer("returnscount"),
        integer("voidscount"),
        integer("customerscount"),
        decimal("salestotal"),
        decimal("returnstotal"),
        decimal("taxtotal"),
        decimal("discounttotal"),
        decimal("paidtoaccounttotal"),
        decimal("roundedamounttotal"),
        text_("dataareaid", 4, required=True),
    ),
    natural_key=("storeid", "terminalid", "batchid"),
)

CUSTOMER_TABLES = (
    ASYNC_CUSTOMER,
    ASYNC_ADDRESS,
    ASYNC_CONTACT,
    ASYNC_AFFILIATION,
    ASYNC_ATTRIBUTE,
    EXTERNAL_IDENTITY,
)
"""Operation logs of the customer side, uploaded before any transaction of the same run."""

TRANSACTION_LINES = (
    SALES_LINE,
    PAYMENT,
    TAX,
    DISCOUNT,
    CHARGE,
    DELIVERY_ADDRESS,
    ACCOUNT_DEPOSIT,
    INCOME_EXPENSE,
    TENDER_DECLARATION,
    BANKED_TENDER,
    SAFE_TENDER,
)
"""Rows that belong to a transaction and travel with its header."""

UPLOADED_TABLES = (*CUSTOMER_TABLES, TRANSACTION, *TRANSACTION_LINES, SHIFT)

BY_NAME = {table.name: table for table in UPLOADED_TABLES}
