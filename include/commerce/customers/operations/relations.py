"""Affiliations and attribute values that are added, changed and taken away again (domain A4, F19).

They have no id of their own: customer and affiliation, or customer and attribute, are the key.
"""

from __future__ import annotations

from commerce.customers.affiliations import AFFILIATIONS as ADDITION
from commerce.customers.attributes import ATTRIBUTES as VALUE
from commerce.customers.operations.kinds import ACTIVE, Edits, changed
from commerce.customers.operations.primaries import tombstones

AFFILIATIONS = Edits(
    kind=ADDITION,
    fields={},
    entity="s.retailaffiliationid",
    present=f"""
        SELECT t.accountnum, t.party, t.entity,
               jsonb_build_object('{ACTIVE}', CASE WHEN a.custaccountnum IS NULL THEN '0' ELSE '1' END) AS fields
        FROM thing AS t
        LEFT JOIN ax.retailcustaffiliation AS a ON a.dataareaid = :company AND a.custaccountnum = t.accountnum
             AND a.retailaffiliationid = t.entity::bigint""",
    statements=(
        f"""
        INSERT INTO ax.retailcustaffiliation (dataareaid, custaccountnum, retailaffiliationid)
        SELECT :company, accountnum, entity::bigint FROM wanted WHERE changes ->> '{ACTIVE}' = '1'
        ORDER BY accountnum, entity ON CONFLICT DO NOTHING
        """,
        f"""
        DELETE FROM ax.retailcustaffiliation AS a USING wanted AS w
        WHERE a.dataareaid = :company AND a.custaccountnum = w.accountnum AND a.retailaffiliationid = w.entity::bigint
          AND w.changes ->> '{ACTIVE}' = '0'
        """,
        tombstones(
            "retailcustaffiliation",
            f"SELECT accountnum, entity::bigint AS recid FROM wanted WHERE changes ->> '{ACTIVE}' = '0'",
        ),
    ),
    upserts=True,
)

_VALUES = ", ".join(f"w.{state} ->> 'attributevaluestring'" for state in ("changes", "fields", "whole"))

ATTRIBUTES = Edits(
    kind=VALUE,
    fields={"attributevaluestring": "s.attributevaluestring"},
    entity="s.attributerecid",
    present=f"""
        SELECT t.accountnum, t.party, t.entity,
               CASE WHEN a.accountnum IS NULL THEN jsonb_build_object('{ACTIVE}', '0')
                    ELSE jsonb_build_object('{ACTIVE}', '1', 'attributevaluestring', a.textvalue) END AS fields
        FROM thing AS t
        LEFT JOIN ax.retailcustattributevalue AS a ON a.dataareaid = :company AND a.accountnum = t.accountnum
             AND a.attribute = t.entity::bigint""",
    statements=(
        f"""
        INSERT INTO ax.retailcustattributevalue (dataareaid, accountnum, attribute, attributedatatype, textvalue)
        SELECT :company, w.accountnum, e.recid, e.datatype, coalesce({_VALUES}, '')
        FROM wanted AS w JOIN ax.ecoresattribute AS e ON e.recid = w.entity::bigint
        WHERE {changed(ACTIVE)} = '1' ORDER BY w.accountnum, e.recid
        ON CONFLICT (dataareaid, accountnum, attribute) DO UPDATE
        SET textvalue = excluded.textvalue, attributedatatype = excluded.attributedatatype
        """,
        f"""
        DELETE FROM ax.retailcustattributevalue AS a USING wanted AS w
        WHERE a.dataareaid = :company AND a.accountnum = w.accountnum AND a.attribute = w.entity::bigint
          AND w.changes ->> '{ACTIVE}' = '0'
        """,
        tombstones(
            "retailcustattributevalue",
            f"SELECT accountnum, entity::bigint AS recid FROM wanted WHERE changes ->> '{ACTIVE}' = '0'",
        ),
    ),
    upserts=True,
)
