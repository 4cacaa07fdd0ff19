"""Updates and deactivations of further phone numbers, e-mail addresses and URLs (domain A4)."""

from __future__ import annotations

from commerce.customers.contacts import CONTACTS as CREATION
from commerce.customers.operations import primaries
from commerce.customers.operations.kinds import ACTIVE, Edits, any_changes
from commerce.schema.enums import ContactType

_FIELDS = {
    "contacttype": "s.contacttype::text",
    "locator": "s.locator",
    "locatorextension": "s.locatorextension",
    "description": "s.description",
    "isprimary": "s.isprimary::text",
    "retailmarketingoptin": "s.retailmarketingoptin::text",
}

_PRESENT = f"""
    SELECT t.accountnum, t.party, t.entity, e.recid AS electronic,
           jsonb_build_object('{ACTIVE}', CASE WHEN e.recid IS NULL THEN '0' ELSE '1' END)
           || CASE WHEN e.recid IS NULL THEN '{{}}'::jsonb ELSE jsonb_build_object(
               'contacttype', CASE WHEN e.type = {ContactType.PHONE} AND e.ismobilephone = 1
                              THEN {ContactType.CELLULAR_PHONE} ELSE e.type END::text,
               'locator', e.locator, 'locatorextension', e.locatorextension, 'description', e.description,
               'isprimary', e.isprimary::text, 'retailmarketingoptin', e.retailmarketingoptin::text) END AS fields
    FROM thing AS t
    LEFT JOIN ax.asynccontactmap AS m
      ON m.dataareaid = :company AND m.accountnum = t.accountnum AND m.contactid = t.entity
    LEFT JOIN (ax.logisticslocation AS o
               JOIN ax.dirpartylocation AS l ON l.location = o.recid AND l.ispostaladdress = 0
               JOIN ax.logisticselectronicaddress AS own ON own.location = o.recid)
      ON m.contactid IS NULL AND o.locationid = t.entity AND l.party = t.party
    LEFT JOIN ax.logisticselectronicaddress AS e ON e.recid = coalesce(m.logisticselectronicaddress, own.recid)
    WHERE m.contactid IS NOT NULL OR own.recid IS NOT NULL
"""
"""A contact that did not come by the log is known to registers by the id of its location."""


def _value(name: str) -> str:
    return f"coalesce(w.changes ->> '{name}', w.fields ->> '{name}', w.whole ->> '{name}')"


_KIND = f"{_value('contacttype')}::int"
_COLUMNS = {
    "type": f"CASE {_KIND} WHEN {ContactType.CELLULAR_PHONE} THEN {ContactType.PHONE} ELSE {_KIND} END",
    "ismobilephone": f"({_KIND} = {ContactType.CELLULAR_PHONE})::int",
    "locator": _value("locator"),
    "locatorextension": _value("locatorextension"),
    "description": _value("description"),
    "retailmarketingoptin": f"{_value('retailmarketingoptin')}::int",
}

_CHANGE = f"""
    UPDATE ax.logisticselectronicaddress AS e
    SET {", ".join(f"{column} = {value}" for column, value in _COLUMNS.items())},
        isprimary = CASE WHEN w.changes ? 'contacttype' THEN 0 ELSE e.isprimary END
    FROM wanted AS w
    WHERE e.recid = w.electronic AND {any_changes(n for n in _FIELDS if n != "isprimary")}
"""

_REVIVE = f"""
    WITH again AS (
        SELECT w.*, nextval('ax.recid') AS recid FROM wanted AS w
        WHERE w.electronic IS NULL AND w.changes ->> '{ACTIVE}' = '1'
    ), location AS (
        INSERT INTO ax.logisticslocation (recid, locationid, description)
        SELECT recid, recid::text, {_value("description")} FROM again AS w ORDER BY 1
    ), electronic AS (
        INSERT INTO ax.logisticselectronicaddress (recid, location, {", ".join(_COLUMNS)})
        SELECT recid, recid, {", ".join(_COLUMNS.values())} FROM again AS w ORDER BY 1
    ), relation AS (
        INSERT INTO ax.dirpartylocation (recid, party, location) SELECT recid, party, recid FROM again ORDER BY 1
    ), mapped AS (
        UPDATE ax.asynccontactmap AS m SET logisticselectronicaddress = again.recid FROM again
        WHERE m.dataareaid = :company AND m.accountnum = again.accountnum AND m.contactid = again.entity)
    UPDATE wanted SET electronic = again.recid FROM again
    WHERE wanted.accountnum = again.accountnum AND wanted.entity = again.entity
"""

_ASKING = """
    CREATE TEMP TABLE asking ON COMMIT DROP AS
    SELECT DISTINCT ON (w.party, e.type) w.party, e.type, e.recid
    FROM wanted AS w JOIN ax.logisticselectronicaddress AS e ON e.recid = w.electronic
    WHERE w.changes ->> 'isprimary' = '1' ORDER BY w.party, e.type, w.at DESC, e.recid DESC
"""

_STEP_DOWN = """
    UPDATE ax.logisticselectronicaddress AS e SET isprimary = (e.recid = a.recid)::int
    FROM asking AS a JOIN ax.dirpartylocation AS l ON l.party = a.party AND l.ispostaladdress = 0
    WHERE e.location = l.location AND e.type = a.type AND e.isprimary <> (e.recid = a.recid)::int
"""

CONTACTS = Edits(
    kind=CREATION,
    fields=_FIELDS,
    entity="s.contactid",
    present=_PRESENT,
    requests=("isprimary",),
    statements=(
        _CHANGE,
        _REVIVE,
        *primaries.remove_electronic(
            f"SELECT accountnum, electronic FROM wanted WHERE changes ->> '{ACTIVE}' = '0' AND electronic IS NOT NULL"
        ),
        _ASKING,
        _STEP_DOWN,
        *primaries.CONTACTS,
    ),
)
