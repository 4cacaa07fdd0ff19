"""What updates and deactivations of the operation log leave behind (design rule 5, domain A4, F19)."""

from commerce.schema.enums import CustomerAsyncOperation, SyncStatus
from commerce.schema.uploaded import CUSTOMER_TABLES
from commerce.verify.rules import Check

_APPLIED = " UNION ALL ".join(
    f"SELECT '{table.name}' AS tablename, recid, dataareaid, custaccountasync, custaccount FROM ax.{table.name}"
    f" WHERE operation <> {int(CustomerAsyncOperation.CREATE)} AND syncstatus = {int(SyncStatus.DONE)}"
    for table in CUSTOMER_TABLES
    if "operation" in table.column_names
)
_DELETED = ("dirpartylocation", "logisticselectronicaddress", "logisticslocation")
"""Tables whose rows are deleted for good: one that comes again is another row. An affiliation or attribute may be added
again under the same key."""

CHECKS = (
    Check(
        "operation_without_account",
        "an update or deactivation that is done belongs to a customer with an account",
        f"""
        SELECT o.tablename || ' ' || o.recid AS id FROM ({_APPLIED}) AS o
        LEFT JOIN ax.custaccountasyncmap AS m
             ON (m.dataareaid, m.custaccountasync) = (o.dataareaid, o.custaccountasync)
        WHERE NOT EXISTS (
            SELECT FROM ax.custtable AS c
            WHERE c.dataareaid = o.dataareaid AND c.accountnum = coalesce(m.accountnum, o.custaccount))""",
    ),
    Check(
        "address_versions_overlap",
        "one version of a postal address ends before the next one begins",
        """
        SELECT DISTINCT 'location ' || location AS id
        FROM (SELECT location, validfrom,
                     lag(coalesce(validto, 'infinity')) OVER (
                         PARTITION BY location ORDER BY validfrom, validto) AS ended
              FROM ax.logisticspostaladdress) AS version
        WHERE ended > validfrom""",
    ),
    Check(
        "primary_address_ended",
        "a party's primary address is valid",
        """
        SELECT 'party ' || l.party AS id FROM ax.dirpartylocation AS l
        WHERE l.ispostaladdress = 1 AND l.isprimary = 1 AND NOT EXISTS (
            SELECT FROM ax.logisticspostaladdress AS a WHERE a.location = l.location AND a.validto IS NULL)""",
    ),
    Check(
        "tombstone_of_living_row",
        "what the channels are told to delete does not exist in headquarters",
        " UNION ALL ".join(
            f"SELECT d.tablename || ' ' || d.recid AS id FROM cdx.tombstone AS d"
            f" JOIN ax.{table} AS r ON r.recid = d.recid WHERE d.tablename = '{table}'"
            for table in _DELETED
        ),
    ),
)
