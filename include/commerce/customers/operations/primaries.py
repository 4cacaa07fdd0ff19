"""Which contact and address of a party is the primary one, after some were added, changed or taken away.

Statements over the temporary table `wanted` (party): at most one primary of each kind, and one if there is any.
"""

from __future__ import annotations

from commerce.schema.enums import ContactType

_PARTIES = "ARRAY(SELECT DISTINCT party FROM wanted)"

CONTACTS = (
    f"""
    UPDATE ax.logisticselectronicaddress AS e SET isprimary = 1
    FROM (SELECT DISTINCT ON (l.party, e.type) e.recid,
                 max(e.isprimary) OVER (PARTITION BY l.party, e.type) AS has_primary
          FROM ax.dirpartylocation AS l JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
          WHERE l.party = ANY ({_PARTIES}) AND l.ispostaladdress = 0
          ORDER BY l.party, e.type, e.recid) AS first
    WHERE first.has_primary = 0 AND e.recid = first.recid
    """,
    f"""
    UPDATE ax.dirpartytable AS p
    SET primarycontactphone = n.phone, primarycontactemail = n.email, primarycontacturl = n.url
    FROM (SELECT w.party, max(e.recid) FILTER (WHERE e.type = {ContactType.PHONE}) AS phone,
                 max(e.recid) FILTER (WHERE e.type = {ContactType.EMAIL}) AS email,
                 max(e.recid) FILTER (WHERE e.type = {ContactType.URL}) AS url
          FROM (SELECT DISTINCT party FROM wanted) AS w
          LEFT JOIN ax.dirpartylocation AS l ON l.party = w.party AND l.ispostaladdress = 0
          LEFT JOIN ax.logisticselectronicaddress AS e ON e.location = l.location AND e.isprimary = 1
          GROUP BY w.party) AS n
    WHERE p.recid = n.party AND (p.primarycontactphone, p.primarycontactemail, p.primarycontacturl)
          IS DISTINCT FROM (n.phone, n.email, n.url)
    """,
)
"""Of each type (a mobile phone is a phone) the oldest becomes primary where none is."""

ADDRESSES = (
    f"""
    UPDATE ax.dirpartylocation AS l SET isprimary = 1
    FROM (SELECT DISTINCT ON (l.party) l.recid, max(l.isprimary) OVER (PARTITION BY l.party) AS has_primary
          FROM ax.dirpartylocation AS l
          JOIN ax.logisticspostaladdress AS a ON a.location = l.location AND a.validto IS NULL
          WHERE l.party = ANY ({_PARTIES}) AND l.ispostaladdress = 1
          ORDER BY l.party, l.recid) AS first
    WHERE first.has_primary = 0 AND l.recid = first.recid
    """,
    """
    UPDATE ax.dirpartytable AS p SET primaryaddresslocation = n.location
    FROM (SELECT w.party, max(l.location) AS location
          FROM (SELECT DISTINCT party FROM wanted) AS w
          LEFT JOIN ax.dirpartylocation AS l ON l.party = w.party AND l.ispostaladdress = 1 AND l.isprimary = 1
          GROUP BY w.party) AS n
    WHERE p.recid = n.party AND p.primaryaddresslocation IS DISTINCT FROM n.location
    """,
)
"""The oldest address that is still valid becomes primary where none is."""


def tombstones(table: str, rows: str) -> str:
    """SQL text: remember that `rows` (a query of accountnum and recid) of `table` are deleted, for the channels."""
    return f"""
        INSERT INTO cdx.tombstone (dataareaid, accountnum, tablename, recid)
        SELECT :company, accountnum, '{table}', recid FROM ({rows}) AS gone ORDER BY accountnum, recid
        ON CONFLICT DO NOTHING"""


def remove_electronic(gone: str) -> tuple[str, ...]:
    """Statements that delete phone numbers, e-mail addresses and URLs with their own locations.

    `gone`: query of accountnum and electronic (record id).
    """
    return (
        f"""
        CREATE TEMP TABLE gone ON COMMIT DROP AS
        SELECT g.accountnum, g.electronic, e.location, l.recid AS relation
        FROM ({gone}) AS g JOIN ax.logisticselectronicaddress AS e ON e.recid = g.electronic
        LEFT JOIN ax.dirpartylocation AS l ON l.location = e.location AND l.ispostaladdress = 0
        """,
        tombstones("logisticselectronicaddress", "SELECT accountnum, electronic AS recid FROM gone"),
        tombstones("dirpartylocation", "SELECT accountnum, relation AS recid FROM gone WHERE relation IS NOT NULL"),
        tombstones("logisticslocation", "SELECT accountnum, location AS recid FROM gone WHERE relation IS NOT NULL"),
        "UPDATE ax.asynccontactmap AS m SET logisticselectronicaddress = NULL FROM gone AS g"
        " WHERE m.logisticselectronicaddress = g.electronic",
        "DELETE FROM ax.logisticselectronicaddress WHERE recid IN (SELECT electronic FROM gone)",
        "DELETE FROM ax.dirpartylocation WHERE recid IN (SELECT relation FROM gone)",
        "DELETE FROM ax.logisticslocation WHERE recid IN (SELECT location FROM gone WHERE relation IS NOT NULL)",
    )
