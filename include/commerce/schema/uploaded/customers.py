"""The asynchronous tables: operation logs that registers append to, and the external identity map.

The second generation is not published; what no source shows is marked `inferred`.
"""

from commerce.schema.fields import Field, bigint, datetime_, decimal, integer, text_
from commerce.schema.uploaded.definition import ADDRESS_ID_WIDTH, GUID_WIDTH, UploadedTable


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
        integer("isb2badmin", inferred=True),
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
