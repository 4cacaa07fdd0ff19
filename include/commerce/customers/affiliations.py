"""Affiliations of asynchronous customers, and the identities of sign-in providers that lead to them (domain A2, A6)."""

from __future__ import annotations

from commerce.customers.dependents import Kind

_ADD_AFFILIATION = """
    WITH chosen AS (
        SELECT DISTINCT ON (accountnum, affiliation) recid, dataareaid, accountnum, affiliation FROM work
        WHERE reason = '' ORDER BY accountnum, affiliation, ordinal
    ), added AS (
        INSERT INTO ax.retailcustaffiliation (dataareaid, custaccountnum, retailaffiliationid)
        SELECT dataareaid, accountnum, affiliation FROM chosen ORDER BY accountnum, affiliation
        ON CONFLICT DO NOTHING
        RETURNING custaccountnum AS accountnum, retailaffiliationid AS affiliation)
    UPDATE work SET made = TRUE FROM chosen JOIN added USING (accountnum, affiliation) WHERE work.recid = chosen.recid
"""

AFFILIATIONS = Kind(
    table="retailasynccustomeraffiliation",
    counted="affiliations",
    columns="s.retailaffiliationid AS affiliation",
    reason="""CASE WHEN a.recid IS NULL
                   THEN 'retailaffiliationid: affiliation ' || s.retailaffiliationid || ' is not set up' ELSE '' END""",
    joins="LEFT JOIN ax.retailaffiliation AS a ON a.recid = s.retailaffiliationid",
    statements=(_ADD_AFFILIATION,),
    shared_key="retailaffiliationid",
)

_ADD_IDENTITY = """
    WITH chosen AS (
        SELECT DISTINCT ON (externalidentityid, providerid) * FROM work
        WHERE reason = '' ORDER BY externalidentityid, providerid, ordinal
    ), added AS (
        INSERT INTO ax.retailexternalidtocustomermap (dataareaid, externalidentityid, providerid, accountnum)
        SELECT dataareaid, externalidentityid, providerid, accountnum FROM chosen
        ORDER BY externalidentityid, providerid
        ON CONFLICT DO NOTHING
        RETURNING externalidentityid, providerid)
    UPDATE work SET made = TRUE FROM chosen JOIN added USING (externalidentityid, providerid)
    WHERE work.recid = chosen.recid
"""

_REFUSE_FOREIGN = """
    UPDATE work AS w SET reason = 'externalidentityid: this identity belongs to another customer'
    FROM ax.retailexternalidtocustomermap AS i
    WHERE i.dataareaid = w.dataareaid AND i.externalidentityid = w.externalidentityid AND i.providerid = w.providerid
      AND i.accountnum <> w.accountnum AND w.reason = ''
"""

IDENTITIES = Kind(
    table="retailexternalidtoasynccustomermap",
    counted="identities",
    columns="s.externalidentityid, s.providerid",
    reason="CASE WHEN s.externalidentityid = '' THEN 'externalidentityid: no identity is given' ELSE '' END",
    statements=(_ADD_IDENTITY, _REFUSE_FOREIGN),
    guid="asynccustomeraccountnumber",
    has_operation=False,
    has_account=False,
)
