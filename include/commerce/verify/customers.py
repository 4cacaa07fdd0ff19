"""One customer, one account (design rule 1), and what a conversion leaves behind (domain C2)."""

from commerce.schema.enums import CustomerAsyncOperation, SyncStatus
from commerce.verify.rules import Check

CHECKS = (
    Check(
        "guid_without_account",
        "every GUID in the map leads to an account",
        "SELECT dataareaid || ' ' || custaccountasync AS id FROM ax.custaccountasyncmap WHERE accountnum IS NULL",
    ),
    Check(
        "account_of_guid_missing",
        "the account that a GUID leads to exists",
        """
        SELECT m.dataareaid || ' ' || m.custaccountasync AS id FROM ax.custaccountasyncmap AS m
        WHERE m.accountnum IS NOT NULL AND NOT EXISTS (
            SELECT FROM ax.custtable AS c WHERE (c.dataareaid, c.accountnum) = (m.dataareaid, m.accountnum))""",
    ),
    Check(
        "two_accounts_for_a_guid",
        "a GUID has one account: in the map, and as the one that a customer was created from",
        """
        SELECT dataareaid || ' ' || custaccountasync AS id
        FROM (SELECT dataareaid, custaccountasync, accountnum FROM ax.custaccountasyncmap WHERE accountnum IS NOT NULL
              UNION ALL
              SELECT dataareaid, custaccountasync,
                  accountnum FROM ax.retailcusttable WHERE custaccountasync <> '') AS told
        GROUP BY dataareaid, custaccountasync HAVING count(DISTINCT accountnum) > 1""",
    ),
    Check(
        "two_guids_created_an_account",
        "an account was created from one GUID; others are linked to it",
        """
        SELECT dataareaid || ' ' || accountnum AS id FROM ax.custaccountasyncmap
        WHERE mappedhow = 'created' GROUP BY dataareaid, accountnum HAVING count(*) > 1""",
    ),
    Check(
        "creating_guid_not_in_map",
        "the GUID that a customer was created from leads to it",
        """
        SELECT r.dataareaid || ' ' || r.accountnum AS id FROM ax.retailcusttable AS r
        WHERE r.custaccountasync <> '' AND NOT EXISTS (
            SELECT FROM ax.custaccountasyncmap AS m
            WHERE (m.dataareaid, m.custaccountasync) = (r.dataareaid, r.custaccountasync))""",
    ),
    Check(
        "creating_guid_lost",
        "a customer keeps the GUID that it was created from",
        """
        SELECT m.dataareaid || ' ' || m.accountnum AS id FROM ax.custaccountasyncmap AS m
        LEFT JOIN ax.retailcusttable AS r ON (r.dataareaid, r.accountnum) = (m.dataareaid, m.accountnum)
        WHERE m.mappedhow = 'created' AND r.custaccountasync IS DISTINCT FROM m.custaccountasync""",
    ),
    Check(
        "party_shared",
        "no two customers of a company share a party",
        """
        SELECT dataareaid || ' ' || string_agg(accountnum, ', ' ORDER BY accountnum) AS id FROM ax.custtable
        GROUP BY dataareaid, party HAVING count(*) > 1""",
    ),
    Check(
        "synchronized_without_account",
        "an asynchronous customer whose creation is done has an account",
        f"""
        SELECT a.dataareaid || ' ' || a.custaccountasync AS id FROM ax.retailasynccustomerv2 AS a
        WHERE a.operation = {int(CustomerAsyncOperation.CREATE)} AND a.syncstatus = {int(SyncStatus.DONE)}
            AND NOT EXISTS (
            SELECT FROM ax.custaccountasyncmap AS m
            WHERE (m.dataareaid, m.custaccountasync) = (a.dataareaid, a.custaccountasync))""",
    ),
)
