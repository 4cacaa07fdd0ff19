"""Which columns of uploaded tables hold personal data, and how a value is shown to who need not read it."""

from __future__ import annotations

from collections.abc import Iterable

from commerce.schema.uploaded import ACCOUNT_DEPOSIT, DELIVERY_ADDRESS, TRANSACTION

PERSONAL = frozenset(
    {
        "attributevaluestring",
        "attentiontoaddressline",
        "buildingcompliment",
        "cardoraccount",
        "cellularphone",
        "city",
        "comment",
        "contactpersonid",
        "county",
        "custname",
        "deliveryname",
        "description",
        "districtname",
        "email",
        "externalidentityid",
        "firstname",
        "identificationnumber",
        "lastname",
        "locator",
        "locatorextension",
        "loyaltycardid",
        "middlename",
        "name",
        "organizationid",
        "phone",
        "phoneextension",
        "receiptemail",
        "salesname",
        "street",
        "streetnumber",
        "url",
        "vatnum",
        "zip",
        "zipcode",
    }
)


ERASED_NAME = "Erased"
"""The name of an erased customer: a party must have one."""

MASTER: dict[str, tuple[str, ...]] = {
    "dirpartytable": ("name", "namealias"),
    "dirpersonname": ("firstname", "middlename", "lastname"),
    "custtable": ("vatnum", "identificationnumber", "orgid", "contactpersonid"),
    "retailcusttable": ("receiptemail",),
    "logisticslocation": ("description",),
    "logisticspostaladdress": (
        "street",
        "streetnumber",
        "buildingcompliment",
        "districtname",
        "city",
        "county",
        "state",
        "zipcode",
        "address",
    ),
    "logisticselectronicaddress": ("locator", "locatorextension", "description"),
    "retailcustattributevalue": ("textvalue",),
}
"""Personal columns of the customer master, in headquarters and in what job 1010 sends."""

DOCUMENTS: dict[str, tuple[str, ...]] = {
    TRANSACTION.name: ("receiptemail", "comment"),
    DELIVERY_ADDRESS.name: (
        "deliveryname",
        "salesname",
        "attentiontoaddressline",
        "street",
        "streetnumber",
        "districtname",
        "city",
        "county",
        "state",
        "zipcode",
        "phone",
        "email",
    ),
    ACCOUNT_DEPOSIT.name: ("comment",),
}
"""Personal columns of transactions, in headquarters and in the channels. Amounts, cards and accounts stay."""

AUDITED = PERSONAL.union(*DOCUMENTS.values())
"""Columns whose values the audit of transactions shows masked, and loses when the customer is erased or after N
days."""

UNPURGED_AUDIT = (
    f"fieldname IN ({', '.join(repr(name) for name in sorted(AUDITED))}) AND num_nonnulls(oldvalue, newvalue) > 0"
)
"""SQL: a line of that audit still has a personal value."""


def blank(column: str) -> str:
    """What an erased value becomes."""
    return ERASED_NAME if column == "name" else ""


def personal_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Those of `columns` that hold personal data: what is blanked after N days, and on request. Identifiers (GUID,
    account, address and contact ids) stay: without the data they are pseudonyms."""
    return tuple(name for name in columns if name in PERSONAL)


def filled_sql(columns: Iterable[str]) -> str | None:
    """SQL text: a row with these columns still has personal data; None where it can have none."""
    personal = personal_columns(columns)
    return " OR ".join(f"{column} <> ''" for column in personal) or None


def masked(value: object) -> str | None:
    """The first letter of each word of a text, the last two digits of a number, a star for the rest: enough to tell
    two values apart on the telephone, too little to be of use elsewhere.

    "Kari Nordmann" is "K*** N***", "kari@example.com" is "k***@e***.com", "+47 22 33 44 55" is "***55".
    """
    if value is None or value == "":
        return None if value is None else ""
    text = str(value)
    if "@" in text:
        local, _, host = text.rpartition("@")
        domain, _, top = host.rpartition(".")
        return f"{local[:1]}***@{domain[:1]}***.{top}" if domain else f"{local[:1]}***@***"
    digits = sum(character.isdigit() for character in text)
    if digits * 2 > len(text):
        return f"***{text[-2:]}" if len(text) > 4 else "***"
    return " ".join(f"{word[:1]}***" for word in text.split()) or "***"
