"""Further phone numbers, e-mail addresses and URLs of a customer (domain A2: enhanced async customer creation, C2)."""

from __future__ import annotations

from commerce.customers.candidates import BLANKS
from commerce.customers.dependents import Kind
from commerce.schema.enums import ContactType

_CHOOSE = """
    WITH chosen AS (
        SELECT DISTINCT ON (accountnum, contactid) recid, dataareaid, accountnum, contactid, origin FROM work
        WHERE reason = '' ORDER BY accountnum, contactid, ordinal
    ), claimed AS (
        INSERT INTO ax.asynccontactmap (dataareaid, accountnum, contactid, origin, mappedby)
        SELECT dataareaid, accountnum, contactid, origin, :job FROM chosen ORDER BY accountnum, contactid
        ON CONFLICT (dataareaid, accountnum, contactid) DO NOTHING
        RETURNING accountnum, contactid)
    UPDATE work SET made = TRUE FROM chosen JOIN claimed USING (accountnum, contactid) WHERE work.recid = chosen.recid
"""
"""The map is the lock: a contact is created once, however often its creation is uploaded."""

_MAP = """
    UPDATE ax.asynccontactmap AS m SET logisticselectronicaddress = w.recid FROM work AS w
    WHERE w.made AND m.dataareaid = w.dataareaid AND m.accountnum = w.accountnum AND m.contactid = w.contactid
"""

_LOCATION = """
    INSERT INTO ax.logisticslocation (recid, locationid, description)
    SELECT recid, recid::text, description FROM work WHERE made
"""

_CHOOSE_PRIMARY = """
    WITH winner AS (
        SELECT DISTINCT ON (w.party, w.type) w.recid FROM work AS w
        WHERE w.made AND (w.primaryasked OR 0 = (
            SELECT count(*) FROM ax.dirpartylocation AS l
            JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
            WHERE l.party = w.party AND l.ispostaladdress = 0 AND e.type = w.type AND e.isprimary = 1))
        ORDER BY w.party, w.type, w.primaryasked DESC, CASE WHEN w.primaryasked THEN -w.ordinal ELSE w.ordinal END)
    UPDATE work SET isprimary = 1 FROM winner WHERE work.recid = winner.recid
"""
"""Of each type (a mobile phone is a phone) the last that asks to be primary; if none asks and none is, the first.
Counted, because NOT EXISTS is planned as one reading of both tables for each chunk."""

_STEP_DOWN = """
    UPDATE ax.logisticselectronicaddress AS e SET isprimary = 0
    FROM work AS w JOIN ax.dirpartylocation AS l ON l.party = w.party AND l.ispostaladdress = 0
    WHERE w.isprimary = 1 AND e.location = l.location AND e.type = w.type AND e.isprimary = 1
"""

_ELECTRONIC = """
    INSERT INTO ax.logisticselectronicaddress (recid, location, type, locator, locatorextension, description, isprimary,
                                               ismobilephone, retailmarketingoptin)
    SELECT recid, recid, type, locator, locatorextension, description, isprimary, mobile, retailmarketingoptin
    FROM work WHERE made
"""

_PARTY_LOCATION = """
    INSERT INTO ax.dirpartylocation (recid, party, location) SELECT recid, party, recid FROM work WHERE made
"""

_PARTY = f"""
    UPDATE ax.dirpartytable AS p
    SET primarycontactphone = coalesce(w.phone, p.primarycontactphone),
        primarycontactemail = coalesce(w.email, p.primarycontactemail),
        primarycontacturl = coalesce(w.url, p.primarycontacturl)
    FROM (SELECT party, max(recid) FILTER (WHERE type = {ContactType.PHONE}) AS phone,
                 max(recid) FILTER (WHERE type = {ContactType.EMAIL}) AS email,
                 max(recid) FILTER (WHERE type = {ContactType.URL}) AS url
          FROM work WHERE isprimary = 1 GROUP BY party) AS w
    WHERE p.recid = w.party
"""

CONTACTS = Kind(
    table="retailasynccustomercontact",
    counted="contacts",
    columns=f"""s.contactid, s.custaccountasync, s.custaccount, s.locator, s.locatorextension, s.description,
                s.retailmarketingoptin, s.isprimary = 1 AS primaryasked, 0 AS isprimary,
                CASE WHEN s.contacttype = {ContactType.CELLULAR_PHONE} THEN {ContactType.PHONE}
                     ELSE s.contacttype END AS type,
                (s.contacttype = {ContactType.CELLULAR_PHONE})::int AS mobile""",
    reason=f"""CASE WHEN s.contacttype NOT BETWEEN {ContactType.PHONE} AND {ContactType.CELLULAR_PHONE}
                    THEN 'contacttype: ' || s.contacttype || ' is unknown'
                    WHEN btrim(s.locator, {BLANKS}) = '' THEN 'locator: no value is given' ELSE '' END""",
    statements=(_CHOOSE, _LOCATION, _CHOOSE_PRIMARY, _STEP_DOWN, _ELECTRONIC, _MAP, _PARTY_LOCATION, _PARTY),
    locks_party=True,
)
