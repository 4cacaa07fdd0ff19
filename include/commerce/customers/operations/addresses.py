"""Updates and deactivations of addresses (domain A2, A4, F19): date-effective, as headquarters keeps them.

An edit ends the version of the postal address that is valid and begins the next at the same location; a deactivation
ends the last one. Transactions that were posted keep the version that they were delivered to.
"""

from __future__ import annotations

from commerce.customers.addresses import ADDRESSES as CREATION
from commerce.customers.addresses import COUNTRY, ROLE, address_text
from commerce.customers.operations import primaries
from commerce.customers.operations.kinds import ACTIVE, Edits, any_changes, changed
from commerce.schema.enums import AddressType, ContactType

_POSTAL = {
    "street": "street",
    "streetnumber": "streetnumber",
    "buildingcompliment": "buildingcompliment",
    "districtname": "districtname",
    "city": "city",
    "county": "county",
    "state": "state",
    "zip": "zipcode",
    "country": "countryregionid",
}
"""Fields of the row and columns of the postal address."""
_ROLES = {
    "isrolehome": AddressType.HOME,
    "isrolebusiness": AddressType.BUSINESS,
    "isroledelivery": AddressType.DELIVERY,
    "isroleinvoice": AddressType.INVOICE,
}
_CONTACTS = {"phone": ContactType.PHONE, "email": ContactType.EMAIL, "url": ContactType.URL}
_FIELDS = {
    **{name: f"s.{name}" for name in _POSTAL if name != "country"},
    "country": COUNTRY,
    "custname": "s.custname",
    "role": f"({ROLE})::text",
    **{name: f"s.{name}" for name in _CONTACTS},
    "makepostaladdressprimary": "s.makepostaladdressprimary::text",
}

_ROLE_OF = " ".join(f"WHEN l.{column} = 1 THEN {role}" for column, role in _ROLES.items())
_PRESENT = f"""
    SELECT t.accountnum, t.party, t.entity, a.recid AS postal, a.location, l.recid AS relation,
           jsonb_build_object(
               {", ".join(f"'{name}', a.{column}" for name, column in _POSTAL.items())},
               'custname', o.description, 'role', CASE {_ROLE_OF} ELSE {AddressType.OTHER} END::text,
               {", ".join(f"'{name}', coalesce(e.{name}, '')" for name in _CONTACTS)},
               'makepostaladdressprimary', l.isprimary::text,
               '{ACTIVE}', CASE WHEN a.validto IS NULL THEN '1' ELSE '0' END) AS fields
    FROM thing AS t
    LEFT JOIN ax.asyncaddressmap AS m
      ON m.dataareaid = :company AND m.addressid = t.entity AND m.accountnum = t.accountnum
    LEFT JOIN (ax.logisticslocation AS own
               JOIN ax.dirpartylocation AS r ON r.location = own.recid AND r.ispostaladdress = 1)
      ON m.addressid IS NULL AND own.locationid = t.entity AND r.party = t.party
    LEFT JOIN ax.logisticspostaladdress AS mapped ON mapped.recid = m.logisticspostaladdress
    JOIN LATERAL (
        SELECT * FROM ax.logisticspostaladdress AS v WHERE v.location = coalesce(mapped.location, own.recid)
        ORDER BY v.validto DESC NULLS FIRST LIMIT 1) AS a ON TRUE
    JOIN ax.logisticslocation AS o ON o.recid = a.location
    JOIN ax.dirpartylocation AS l ON l.location = a.location AND l.party = t.party
    LEFT JOIN LATERAL (
        SELECT {", ".join(f"max(e.locator) FILTER (WHERE e.type = {t}) AS {n}" for n, t in _CONTACTS.items())}
        FROM ax.logisticselectronicaddress AS e WHERE e.location = a.location) AS e ON TRUE
"""
"""An address that did not come by the log is known to registers by the id of its location."""

_ANEW = f"({any_changes(_POSTAL)} OR w.changes ->> '{ACTIVE}' = '1')"

_END_VERSION = f"""
    UPDATE ax.logisticspostaladdress AS a SET validto = greatest(w.at, a.validfrom + interval '1 microsecond')
    FROM wanted AS w WHERE a.recid = w.postal AND a.validto IS NULL AND {_ANEW}
"""
_VERSION = f"""
    WITH version AS (
        INSERT INTO ax.logisticspostaladdress (location, {", ".join(_POSTAL.values())}, address, validfrom)
        SELECT w.location, {", ".join(changed(name) for name in _POSTAL)}, {address_text(changed)},
               greatest(w.at, a.validto)
        FROM wanted AS w JOIN ax.logisticspostaladdress AS a ON a.recid = w.postal
        WHERE {_ANEW} ORDER BY w.location
        RETURNING recid, location
    ), mapped AS (
        UPDATE ax.asyncaddressmap AS m SET logisticspostaladdress = v.recid
        FROM version AS v JOIN wanted AS w ON w.location = v.location
        WHERE m.dataareaid = :company AND m.addressid = w.entity)
    UPDATE wanted SET postal = v.recid FROM version AS v WHERE wanted.location = v.location
"""
"""Two statements: only one version of a location may have no end, at any moment."""

_END = f"""
    WITH ended AS (
        UPDATE ax.logisticspostaladdress AS a SET validto = greatest(w.at, a.validfrom + interval '1 microsecond')
        FROM wanted AS w WHERE a.recid = w.postal AND a.validto IS NULL AND w.changes ->> '{ACTIVE}' = '0')
    UPDATE ax.dirpartylocation AS l SET isprimary = 0
    FROM wanted AS w WHERE l.recid = w.relation AND l.isprimary = 1 AND w.changes ->> '{ACTIVE}' = '0'
"""

_NAME = f"""
    UPDATE ax.logisticslocation AS o SET description = {changed("custname")}
    FROM wanted AS w WHERE o.recid = w.location AND w.changes ? 'custname'
"""

_ROLE = f"""
    UPDATE ax.dirpartylocation AS l
    SET {", ".join(f"{column} = ({changed('role', cast='::int')} = {role})::int" for column, role in _ROLES.items())}
    FROM wanted AS w WHERE l.recid = w.relation AND w.changes ? 'role'
"""

_SLOTS = f"""
    CREATE TEMP TABLE slot ON COMMIT DROP AS
    SELECT w.accountnum, w.location, v.type, v.locator, e.recid AS id
    FROM wanted AS w CROSS JOIN LATERAL (VALUES
        {", ".join(f"({t}, {changed(n)}, w.changes ? '{n}')" for n, t in _CONTACTS.items())}
    ) AS v (type, locator, changes)
    LEFT JOIN ax.logisticselectronicaddress AS e ON e.location = w.location AND e.type = v.type
    WHERE v.changes
"""
_CHANGE_SLOTS = """
    UPDATE ax.logisticselectronicaddress AS e SET locator = s.locator
    FROM slot AS s WHERE e.recid = s.id AND s.locator <> ''
"""
_ADD_SLOTS = """
    INSERT INTO ax.logisticselectronicaddress (location, type, locator)
    SELECT location, type, locator FROM slot WHERE id IS NULL AND locator <> '' ORDER BY location, type
"""

_GONE_SLOTS = "SELECT accountnum, id AS electronic FROM slot WHERE id IS NOT NULL AND locator = ''"

_ASKING = """
    CREATE TEMP TABLE asking ON COMMIT DROP AS
    SELECT DISTINCT ON (w.party) w.party, w.relation
    FROM wanted AS w JOIN ax.logisticspostaladdress AS a ON a.recid = w.postal AND a.validto IS NULL
    WHERE w.changes ->> 'makepostaladdressprimary' = '1' ORDER BY w.party, w.at DESC, w.relation DESC
"""
_STEP_DOWN = """
    UPDATE ax.dirpartylocation AS l SET isprimary = 0
    FROM asking AS a WHERE l.party = a.party AND l.ispostaladdress = 1 AND l.isprimary = 1
"""
_STEP_UP = "UPDATE ax.dirpartylocation AS l SET isprimary = 1 FROM asking AS a WHERE l.recid = a.relation"

ADDRESSES = Edits(
    kind=CREATION,
    fields=_FIELDS,
    entity="s.addressid",
    present=_PRESENT,
    requests=("makepostaladdressprimary",),
    statements=(
        _END_VERSION,
        _VERSION,
        _END,
        _NAME,
        _ROLE,
        _SLOTS,
        _CHANGE_SLOTS,
        _ADD_SLOTS,
        *primaries.remove_electronic(
            "SELECT accountnum, id AS electronic FROM slot WHERE id IS NOT NULL AND locator = ''"
        ),
        _ASKING,
        _STEP_DOWN,
        _STEP_UP,
        *primaries.ADDRESSES,
    ),
)
