"""Which columns of uploaded tables hold personal data, and how a value is shown to who need not read it."""

from __future__ import annotations

from collections.abc import Iterable

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


def personal_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Those of `columns` that hold personal data: what is blanked after N days, and on request. Identifiers (GUID,
    account, address and contact ids) stay: without the data they are pseudonyms."""
    return tuple(name for name in columns if name in PERSONAL)


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
