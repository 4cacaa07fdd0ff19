"""Normal forms and match keys of customers that changed: made anew for those in the temporary table `unkeyed`."""

from __future__ import annotations

from sqlalchemy import Connection, text

from commerce.customers.duplicates.sql import KIND_OF_TYPE, PUNCTUATION, name_sql, parse_into_form, taxid_sql, value_sql
from commerce.customers.status.by_contact import SEPARATORS
from commerce.schema.enums import ContactType

_TYPES = f"{int(ContactType.PHONE)}, {int(ContactType.EMAIL)}"

_ENTERED = text(
    f"""
    CREATE TEMP TABLE entered ON COMMIT DROP AS
    SELECT e.recid, c.dataareaid, c.accountnum, e.type, e.locator, l.ispostaladdress = 1 AS ofaddress,
           CASE WHEN e.type = {ContactType.PHONE} THEN coalesce(home.country, company.countryregionid)
                ELSE '' END AS country
    FROM unkeyed AS k
    JOIN ax.custtable AS c USING (dataareaid, accountnum)
    JOIN ax.dataarea AS company USING (dataareaid)
    JOIN ax.dirpartylocation AS l ON l.party = c.party
    JOIN ax.logisticselectronicaddress AS e ON e.location = l.location AND e.type IN ({_TYPES}) AND e.locator <> ''
    LEFT JOIN LATERAL (
        SELECT nullif(a.countryregionid, '') AS country FROM ax.dirpartylocation AS h
        JOIN ax.logisticspostaladdress AS a ON a.location = h.location
        WHERE h.party = c.party AND h.ispostaladdress = 1 AND h.isprimary = 1
        ORDER BY a.validfrom DESC LIMIT 1) AS home ON TRUE
    """
)
"""A phone number without a country code is one of the customer's primary address, else of the company. `ofaddress`: how
to reach that address; who is looked for by it is found, but nobody is recognised by it."""

_FORGET_FORMS = text(
    """
    DELETE FROM ax.electronicaddressform AS f USING unkeyed AS k
    JOIN ax.custtable AS c USING (dataareaid, accountnum)
    JOIN ax.dirpartylocation AS l ON l.party = c.party
    JOIN ax.logisticselectronicaddress AS e ON e.location = l.location AND e.locator = ''
    WHERE f.recid = e.recid
    """
)
PLAIN = f"""CASE WHEN m.normalized <> '' THEN ''
    WHEN e.type = {ContactType.PHONE} THEN lower(translate(e.locator, '{SEPARATORS}', ''))
    ELSE lower(btrim(e.locator)) END"""
"""What does not parse is found as it was entered."""

_FORMS = text(
    f"""
    INSERT INTO ax.electronicaddressform AS f (recid, normalized, problem, plain)
    SELECT e.recid, m.normalized, m.problem, {PLAIN}
    FROM entered AS e JOIN form AS m USING (type, country, locator)
    ORDER BY e.recid
    ON CONFLICT (recid) DO UPDATE
        SET normalized = excluded.normalized, problem = excluded.problem, plain = excluded.plain
    WHERE (f.normalized, f.problem, f.plain) IS DISTINCT FROM (excluded.normalized, excluded.problem, excluded.plain)
    """
)
_FORGET_KEYS = text(
    "DELETE FROM ax.customermatchkey AS m USING unkeyed AS k"
    " WHERE (m.dataareaid, m.accountnum) = (k.dataareaid, k.accountnum)"
)

_INITIALS = f"""(SELECT string_agg(left(word, 1), '' ORDER BY word)
                 FROM regexp_split_to_table({name_sql("p.name")}, ' ') AS word)"""
_PLACE = f"""lower(concat_ws('|', a.countryregionid, nullif(a.zipcode, ''), a.city,
    regexp_replace(a.street || a.streetnumber, '{PUNCTUATION}', '', 'g')))"""

KEYS = text(
    f"""
    WITH customer AS (
        SELECT c.dataareaid, c.accountnum, c.vatnum, p.recid AS party, {_INITIALS} AS initials
        FROM unkeyed AS k JOIN ax.custtable AS c USING (dataareaid, accountnum)
        JOIN ax.dirpartytable AS p ON p.recid = c.party
    ), place AS (
        SELECT c.dataareaid, c.accountnum, c.initials, {_PLACE} AS place
        FROM customer AS c
        JOIN ax.dirpartylocation AS l ON l.party = c.party AND l.ispostaladdress = 1
        JOIN ax.logisticspostaladdress AS a ON a.location = l.location AND a.street <> '' AND a.validto IS NULL
    ), found AS (
        SELECT e.dataareaid, e.accountnum, {KIND_OF_TYPE.format(type="e.type")} AS kind,
               {value_sql("m.normalized")} AS value
        FROM entered AS e JOIN form AS m USING (type, country, locator)
        WHERE m.normalized <> '' AND NOT e.ofaddress
        UNION
        SELECT dataareaid, accountnum, 'taxid', {value_sql(taxid_sql("vatnum"))} FROM customer
        WHERE {taxid_sql("vatnum")} <> ''
        UNION
        SELECT dataareaid, accountnum, 'address', {value_sql("place")} FROM place
        UNION
        SELECT dataareaid, accountnum, 'addressname', {value_sql("place || '|' || initials")} FROM place
    )
    INSERT INTO ax.customermatchkey (dataareaid, kind, value, accountnum)
    SELECT dataareaid, kind, value, accountnum FROM found ORDER BY dataareaid, kind, value, accountnum
    ON CONFLICT DO NOTHING
    """
)
"""`addressname`: people at one address whose names have the same initials, for addresses of very many people."""


def refresh(connection: Connection) -> int:
    """Make forms and keys of the customers in `unkeyed` (dataareaid, accountnum) anew, in the caller's transaction.

    Returns:
        How many distinct e-mail addresses and phone numbers were parsed.
    """
    connection.execute(_ENTERED)
    connection.execute(text("ANALYZE entered"))
    parsed = parse_into_form(connection, "entered")
    for statement in (_FORGET_FORMS, _FORMS, _FORGET_KEYS, KEYS):
        connection.execute(statement)
    return parsed
