"""Customers by an e-mail address or phone number, in its normal form: by an index, however many customers there are.

Three places: the forms that the search for duplicates keeps, as entered where there is no form yet (customers that
changed since), and asynchronous customers that have no account. The last two are as many as wait.
"""

from __future__ import annotations

from typing import Any

from commerce.schema.enums import ContactType, CustomerAsyncOperation, SyncStatus

SEPARATORS = " +-()./\u00a0"
"""What people write between the digits of a phone number."""
LEAST_DIGITS = 5

NOT_MAPPED = """NOT EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                            WHERE m.dataareaid = s.dataareaid AND m.custaccountasync = s.custaccountasync)"""
_LOOKUP = "reverse(f.normalized || f.plain)"
_BY_FORM = """
    SELECT f.recid FROM ax.electronicaddressform AS f WHERE {condition}
"""
_UNFORMED = """
    SELECT e.recid FROM ax.customerchange AS k JOIN ax.custtable AS c USING (dataareaid, accountnum)
    JOIN ax.dirpartylocation AS l ON l.party = c.party
    JOIN ax.logisticselectronicaddress AS e ON e.location = l.location WHERE NOT k.keyed AND {condition}
"""


def _waiting(table: str) -> str:
    """Rows of `table` that are not done; each of the two has an index of its own."""
    return " UNION ALL ".join(
        f"SELECT * FROM ax.{table} WHERE syncstatus {states}"
        for states in (f"= {SyncStatus.PENDING}", f"IN ({int(SyncStatus.FAILED)}, {int(SyncStatus.IGNORED)})")
    )


def _customers(kind: ContactType, forms: tuple[str, ...], entered: str, customer: str, contact: str) -> str:
    """Query of the customers, by conditions on f (form), e (as entered), and s (rows without account)."""
    places = " UNION ".join(
        [*(_BY_FORM.format(condition=condition) for condition in forms), _UNFORMED.format(condition=entered)]
    )
    return f"""
        SELECT c.dataareaid AS company, c.accountnum AS account, '' AS guid
        FROM ({places}) AS r JOIN ax.logisticselectronicaddress AS e ON e.recid = r.recid AND e.type = {int(kind)}
        JOIN ax.dirpartylocation AS l ON l.location = e.location
        JOIN ax.custtable AS c ON c.party = l.party
        UNION
        SELECT s.dataareaid, '', s.custaccountasync FROM ({_waiting("retailasynccustomerv2")}) AS s
        WHERE s.operation = {int(CustomerAsyncOperation.CREATE)} AND ({customer}) AND {NOT_MAPPED}
        UNION
        SELECT s.dataareaid, s.custaccount, s.custaccountasync FROM ({_waiting("retailasynccustomercontact")}) AS s
        WHERE {contact} AND {NOT_MAPPED}
        LIMIT :limit
    """


def _same_number(column: str) -> str:
    """The digits end alike: one of the two may lack the country, and zeros before it."""
    digits = f"translate({column}, '{SEPARATORS}', '')"
    last = f"right({column}, 1)"  # nine of ten numbers are told apart by their last digit alone
    return (
        f"(({last} = right(CAST(:digits AS text), 1) OR {last} NOT BETWEEN '0' AND '9')"
        f" AND length({digits}) >= {LEAST_DIGITS}"
        f" AND (right({digits}, length(CAST(:digits AS text))) = CAST(:digits AS text)"
        f" OR right(CAST(:digits AS text), length({digits})) = {digits}))"
    )


def _same_email(column: str) -> str:
    return f"lower(btrim({column})) = ANY(CAST(:emails AS text[]))"


BY_EMAIL = _customers(
    ContactType.EMAIL,
    (f"{_LOOKUP} = ANY(CAST(:backwards AS text[]))",),
    _same_email("e.locator"),
    f"{_same_email('s.email')} OR {_same_email('s.receiptemail')}",
    _same_email("s.locator"),
)
BY_PHONE = _customers(
    ContactType.PHONE,
    (
        f"{_LOOKUP} ~>=~ CAST(:from AS text) AND {_LOOKUP} ~<~ CAST(:to AS text)",
        f"{_LOOKUP} = ANY(CAST(:shorter AS text[]))",
    ),
    _same_number("e.locator"),
    f"{_same_number('s.phone')} OR {_same_number('s.cellularphone')}",
    _same_number("s.locator"),
)
"""`from` to `to`: numbers that end with the digits, as their texts stand in the index, back to front."""


def email_values(key: str) -> dict[str, Any]:
    """Bind values of `BY_EMAIL`: the address as it was given, and in its normal form."""
    from commerce.customers.duplicates.forms import email  # loads the library that knows the rules

    emails = sorted({key.strip().lower(), email(key).normalized} - {""})
    return {"emails": emails, "backwards": [one[::-1] for one in emails]}


def phone_values(digits: str) -> dict[str, Any]:
    """Bind values of `BY_PHONE`; `digits`: at least `LEAST_DIGITS`, without zeros before them."""
    backwards = digits[::-1]
    ends = [digits[-length:] for length in range(LEAST_DIGITS, len(digits))]
    return {
        "digits": digits,
        "from": backwards,
        "to": backwards[:-1] + chr(ord(backwards[-1]) + 1),
        "shorter": [number[::-1] for end in ends for number in (end, f"+{end}")],
    }
