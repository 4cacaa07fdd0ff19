"""Asynchronous addresses, of asynchronous and of synchronous customers (domain A2, A3): postal address, location, and
which is primary. The address map (company, address id) is the lock: an address is created once."""

from __future__ import annotations

from collections.abc import Callable

from commerce.customers.candidates import BLANKS
from commerce.customers.dependents import Kind
from commerce.schema.enums import AddressType, ContactType, RelationType

_TESTED_FOR_BLANK = (
    "street",
    "city",
    "zip",
    "county",
    "country",
    "email",
    "phone",
    "url",
    "streetnumber",
    "districtname",
    "buildingcompliment",
)
"""Headquarters and the register refuse an address in which all of these are blank; a state alone is no address."""

_BLANK = " AND ".join(f"btrim(s.{column}, {BLANKS}) = ''" for column in _TESTED_FOR_BLANK)
COUNTRY = "coalesce(nullif(s.country, ''), company.countryregionid)"
ROLE = f"""CASE WHEN s.role <> 0 THEN s.role WHEN p.instancerelationtype = {RelationType.PERSON}
                 THEN {AddressType.HOME} ELSE {AddressType.BUSINESS} END"""


def address_text(value: Callable[[str], str]) -> str:
    """SQL text of the address as it is written, from the SQL text `value` gives for each field.

    Street and number, building, district, "city, county, state zip" and country, a line each, blank ones left out.
    """

    def shown(name: str) -> str:
        return f"nullif({value(name)}, '')"

    return f"""concat_ws(E'\\n',
    nullif(concat_ws(' ', {shown("street")}, {shown("streetnumber")}), ''),
    {shown("buildingcompliment")}, {shown("districtname")},
    nullif(concat_ws(', ', {shown("city")}, {shown("county")},
                     nullif(concat_ws(' ', {shown("state")}, {shown("zip")}), '')), ''),
    {value("country")})"""


_TEXT = address_text(lambda name: COUNTRY if name == "country" else f"s.{name}")

_CREATE = """
    WITH chosen AS (
        SELECT DISTINCT ON (addressid) * FROM work WHERE reason = '' ORDER BY addressid, ordinal
    ), claimed AS (
        INSERT INTO ax.asyncaddressmap (dataareaid, addressid, accountnum, logisticspostaladdress, origin, mappedby)
        SELECT dataareaid, addressid, accountnum, recid, origin, :job FROM chosen ORDER BY addressid
        ON CONFLICT (dataareaid, addressid) DO NOTHING
        RETURNING logisticspostaladdress AS recid
    ), location AS (
        INSERT INTO ax.logisticslocation (recid, locationid, ispostaladdress, description)
        SELECT recid, recid::text, 1, custname FROM work JOIN claimed USING (recid)
    ), postal AS (
        INSERT INTO ax.logisticspostaladdress (recid, location, street, streetnumber, buildingcompliment, districtname,
                                               city, county, state, zipcode, countryregionid, address, validfrom)
        SELECT recid, recid, street, streetnumber, buildingcompliment, districtname, city, county, state, zip, country,
               address, createddatetime
        FROM work JOIN claimed USING (recid))
    UPDATE work SET made = TRUE FROM claimed WHERE work.recid = claimed.recid
"""
"""One statement, so that the map can be first and its foreign key to the postal address still holds at the end."""

_REFUSE_FOREIGN = """
    UPDATE work AS w SET reason = 'addressid: this id belongs to an address of another customer'
    FROM ax.asyncaddressmap AS m
    WHERE m.dataareaid = w.dataareaid AND m.addressid = w.addressid AND m.accountnum <> w.accountnum AND w.reason = ''
"""

_REFUSE_ENDED = """
    UPDATE work AS w SET reason = 'addressid: the address was deactivated; an update can bring it back, no creation'
    FROM ax.asyncaddressmap AS m JOIN ax.logisticspostaladdress AS a ON a.recid = m.logisticspostaladdress
    WHERE m.dataareaid = w.dataareaid AND m.addressid = w.addressid AND a.validto IS NOT NULL
      AND NOT w.made AND w.reason = ''
      AND EXISTS (SELECT FROM ax.retailasyncaddressv2 AS d WHERE d.dataareaid = w.dataareaid
                  AND d.addressid = w.addressid AND d.operation = 3 AND d.createddatetime < w.createddatetime)
"""

_CONTACTS = f"""
    INSERT INTO ax.logisticselectronicaddress (location, type, locator)
    SELECT w.recid, e.type, e.locator FROM work AS w
    CROSS JOIN LATERAL (VALUES
        ({ContactType.PHONE}, w.phone), ({ContactType.EMAIL}, w.email), ({ContactType.URL}, w.url)) AS e (type, locator)
    WHERE w.made AND e.locator <> '' ORDER BY w.ordinal, e.type
"""
"""How to reach this address: at its own location, so never a primary contact of the party."""

_CHOOSE_PRIMARY = """
    WITH winner AS (
        SELECT DISTINCT ON (w.party) w.recid FROM work AS w
        WHERE w.made AND (w.primaryasked OR 0 = (
            SELECT count(*) FROM ax.dirpartylocation AS l
            WHERE l.party = w.party AND l.ispostaladdress = 1 AND l.isprimary = 1))
        ORDER BY w.party, w.primaryasked DESC, CASE WHEN w.primaryasked THEN -w.ordinal ELSE w.ordinal END)
    UPDATE work SET isprimary = 1 FROM winner WHERE work.recid = winner.recid
"""
"""The last address that asks to be primary; if none asks and the party has no primary one, the first."""

_STEP_DOWN = """
    UPDATE ax.dirpartylocation SET isprimary = 0
    WHERE party = ANY (ARRAY(SELECT party FROM work WHERE isprimary = 1)) AND ispostaladdress = 1 AND isprimary = 1
"""

_PARTY_LOCATION = f"""
    INSERT INTO ax.dirpartylocation (recid, party, location, ispostaladdress, isprimary, isrolehome, isrolebusiness,
                                     isroledelivery, isroleinvoice)
    SELECT recid, party, recid, 1, isprimary, (role = {AddressType.HOME})::int, (role = {AddressType.BUSINESS})::int,
           (role = {AddressType.DELIVERY})::int, (role = {AddressType.INVOICE})::int
    FROM work WHERE made
"""

_PARTY = """
    UPDATE ax.dirpartytable AS p SET primaryaddresslocation = w.recid FROM work AS w
    WHERE w.isprimary = 1 AND p.recid = w.party
"""

ADDRESSES = Kind(
    table="retailasyncaddressv2",
    counted="addresses",
    columns=f"""s.addressid, s.createddatetime, s.custname, s.street, s.streetnumber, s.buildingcompliment,
                s.districtname, s.city, s.county, s.state, s.zip, s.phone, s.email, s.url,
                s.makepostaladdressprimary = 1 AS primaryasked, 0 AS isprimary, {COUNTRY} AS country, {ROLE} AS role,
                {_TEXT} AS address""",
    reason=f"""CASE WHEN s.addressid = '' THEN 'addressid: no id is given'
                    WHEN {_BLANK} THEN 'address: every field is blank'
                    WHEN s.role NOT BETWEEN 0 AND {max(AddressType)} THEN 'role: ' || s.role || ' is unknown'
                    ELSE '' END""",
    joins="JOIN ax.dataarea AS company ON company.dataareaid = s.dataareaid",
    statements=(
        _CREATE,
        _REFUSE_FOREIGN,
        _REFUSE_ENDED,
        _CONTACTS,
        _CHOOSE_PRIMARY,
        _STEP_DOWN,
        _PARTY_LOCATION,
        _PARTY,
    ),
    locks_party=True,
)
