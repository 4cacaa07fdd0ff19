"""Contacts that were converted before contacts were mapped: where it can be told which electronic address one became."""

from alembic import op

revision = "0025"
down_revision = "0024"

FILL = """
    INSERT INTO ax.asynccontactmap (dataareaid, accountnum, contactid, logisticselectronicaddress, origin, mappedby)
    WITH made AS (
        SELECT DISTINCT ON (c.dataareaid, c.accountnum, s.contactid) c.dataareaid, c.accountnum, c.party, s.contactid,
               s.origin, CASE s.contacttype WHEN 6 THEN 1 ELSE s.contacttype END AS type,
               (s.contacttype = 6)::int AS mobile, s.locator, s.locatorextension, s.description
        FROM ax.retailasynccustomercontact AS s
        LEFT JOIN ax.custaccountasyncmap AS m ON m.dataareaid = s.dataareaid
             AND m.custaccountasync = s.custaccountasync AND s.custaccountasync <> ''
        JOIN ax.custtable AS c ON c.dataareaid = s.dataareaid
             AND c.accountnum = coalesce(m.accountnum, nullif(s.custaccount, ''))
        WHERE s.operation = 1 AND s.syncstatus = 1 AND s.contactid <> '' AND s.locator <> ''
          AND NOT EXISTS (SELECT FROM ax.asynccontactmap AS k WHERE (k.dataareaid, k.accountnum, k.contactid)
                                                                  = (c.dataareaid, c.accountnum, s.contactid))
        ORDER BY c.dataareaid, c.accountnum, s.contactid,
                 s.createddatetime, s.origin, s.incarnation, s.replicationcounterfromorigin
    ), fitting AS (
        SELECT m.*, e.recid,
               count(*) OVER (PARTITION BY m.dataareaid, m.accountnum, m.contactid) AS addresses,
               count(*) OVER (PARTITION BY e.recid) AS contacts
        FROM made AS m JOIN ax.dirpartylocation AS l ON l.party = m.party AND l.ispostaladdress = 0
        JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
             AND (e.type, e.ismobilephone, e.locator, e.locatorextension, e.description)
               = (m.type, m.mobile, m.locator, m.locatorextension, m.description)
        WHERE NOT EXISTS (SELECT FROM ax.asynccontactmap AS k WHERE k.logisticselectronicaddress = e.recid)
    )
    SELECT dataareaid, accountnum, contactid, recid, origin, 'migration 0025' FROM fitting
    WHERE addresses = 1 AND contacts = 1 ORDER BY dataareaid, accountnum, contactid
"""
"""Only what is unmistakable: one electronic address of the customer is just like the contact, and like no other."""


def upgrade() -> None:
    op.execute(FILL)
