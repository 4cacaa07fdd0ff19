"""Create operations of asynchronous customers: which are wanted, what defaults they take, what is wrong with them.

The temporary table `candidate` holds a row for each pending create operation of the chunk's GUIDs, complete with
defaults (domain A2, F13), and `reason`: empty, or why this row cannot become a customer.
"""

from __future__ import annotations

from sqlalchemy import text

from commerce.schema.enums import CustomerAsyncOperation, RelationType, SyncStatus

GUID_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""36 characters, lower case: the same GUID in two spellings would be two customers."""
BLANKS = r"E' \t\r\n\u00a0'"
"""What `btrim` takes off before a text counts as blank."""

PENDING_CREATE = f"s.operation = {CustomerAsyncOperation.CREATE} AND s.syncstatus = {SyncStatus.PENDING}"

CHANNEL_DEFAULTS = """
    SELECT d.databaseprofile, d.channel, c.custgroup, c.currency, p.languageid,
           coalesce(r.receiptoption, 0) AS receiptoption,
           row_number() OVER (PARTITION BY d.databaseprofile ORDER BY ch.retailchannelid) AS place
    FROM cdx.retailcdxdatastorechannel AS d
    JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
    JOIN ax.custtable AS c ON (c.dataareaid, c.accountnum) = (ch.defaultcustdataareaid, ch.defaultcustaccount)
    JOIN ax.dirpartytable AS p ON p.recid = c.party
    LEFT JOIN ax.retailcusttable AS r ON (r.dataareaid, r.accountnum) = (c.dataareaid, c.accountnum)
"""
"""What each channel's default customer (of whatever company) gives to new customers. A row that names none of
its database's channels takes the first channel of that database."""

PERSON_NAME = f"""concat_ws(' ', nullif(btrim(s.firstname, {BLANKS}), ''), nullif(btrim(s.middlename, {BLANKS}), ''),
                             nullif(btrim(s.lastname, {BLANKS}), ''))"""

CANDIDATES = text(
    f"""
    CREATE TEMP TABLE candidate ON COMMIT DROP AS
    WITH channel AS ({CHANNEL_DEFAULTS}), filled AS (
        SELECT s.recid AS staged, s.custaccountasync, s.origin, s.incarnation, s.replicationcounterfromorigin,
               s.createddatetime, s.relationshiptype, s.firstname, s.middlename, s.lastname,
               CASE WHEN btrim(s.custname, {BLANKS}) <> '' THEN s.custname
                    WHEN s.relationshiptype = {RelationType.PERSON} THEN {PERSON_NAME} ELSE '' END AS name,
               coalesce(nullif(s.custgroup, ''), own.custgroup, first.custgroup, '') AS custgroup,
               coalesce(nullif(s.currency, ''), own.currency, first.currency, '') AS currency,
               coalesce(nullif(s.languageid, ''), nullif(own.languageid, ''), nullif(first.languageid, ''),
                        company.languageid, '') AS languageid,
               coalesce(nullif(s.receiptoption, 0), own.receiptoption, first.receiptoption, 0) AS receiptoption,
               s.receiptemail, s.phone, s.phoneextension, s.cellularphone, s.email, s.url, s.taxgroup, s.vatnum,
               s.pricegroup, s.linedisc, s.multilinedisc, s.enddisc, s.creditmax, s.mandatorycreditlimit, s.blocked,
               s.invoiceaccount, s.identificationnumber, s.organizationid, s.usepurchrequest, s.contactpersonid,
               s.titlerecordid, s.isb2badmin, coalesce(own.channel, first.channel) AS channel,
               company.dataareaid AS company
        FROM unnest(CAST(:guids AS text[])) AS k (guid)
        JOIN ax.retailasynccustomerv2 AS s
          ON s.dataareaid = :company AND s.custaccountasync = k.guid AND {PENDING_CREATE}
        LEFT JOIN channel AS own ON own.databaseprofile = s.origin AND own.channel = s.originatingchannel
        LEFT JOIN channel AS first ON first.databaseprofile = s.origin AND first.place = 1
        LEFT JOIN ax.dataarea AS company ON company.dataareaid = s.dataareaid)
    SELECT f.*, g.taxgroupid AS grouptax, g.paymtermid, g.defaultdimension, g.custaccountnumseq,
           CASE WHEN f.company IS NULL THEN 'dataareaid: this company is not set up'
                WHEN f.custaccountasync !~ '{GUID_PATTERN}'
                THEN 'custaccountasync: not a GUID of 36 lower-case characters'
                WHEN f.relationshiptype NOT IN ({RelationType.PERSON}, {RelationType.ORGANIZATION})
                THEN 'relationshiptype: ' || f.relationshiptype || ' is neither 1 (person) nor 2 (organization)'
                WHEN f.name = '' THEN 'custname: no name is given'
                WHEN f.custgroup = ''
                THEN 'custgroup: neither the row nor the default customer of its channel has a customer group'
                WHEN f.currency = ''
                THEN 'currency: neither the row nor the default customer of its channel has a currency'
                WHEN g.custgroup IS NULL
                THEN 'custgroup: customer group ' || f.custgroup || ' does not exist in this company'
                WHEN f.titlerecordid <> 0
                     AND NOT EXISTS (SELECT FROM ax.dirnameaffix AS a WHERE a.recid = f.titlerecordid)
                THEN 'titlerecordid: title ' || f.titlerecordid || ' is not set up'
                ELSE '' END AS reason
    FROM filled AS f
    LEFT JOIN ax.custgroup AS g ON g.dataareaid = f.company AND g.custgroup = f.custgroup
    """
)

CHOSEN = """
    SELECT DISTINCT ON (custaccountasync) * FROM candidate WHERE reason = ''
    ORDER BY custaccountasync, createddatetime, origin, incarnation, replicationcounterfromorigin
"""
"""The earliest good row of each GUID: its customer. Later creates of the GUID make no second one."""

NEXT_GUIDS = text(
    f"""
    WITH next AS MATERIALIZED (
        SELECT s.recid, s.custaccountasync FROM ax.retailasynccustomerv2 AS s
        WHERE s.dataareaid = :company AND {PENDING_CREATE} AND s.recid > :after
        ORDER BY s.recid LIMIT :size
    )
    SELECT n.recid, n.custaccountasync, EXISTS (
               SELECT FROM ax.retailasynccustomerv2 AS e
               WHERE e.dataareaid = :company AND e.custaccountasync = n.custaccountasync
                 AND e.operation = {CustomerAsyncOperation.CREATE} AND e.syncstatus + 0 = {SyncStatus.PENDING}
                 AND e.recid + 0 <= :after) AS again
    FROM next AS n ORDER BY n.recid
    """
)
"""The next pending create operations of a company, as they arrived. GUIDs are random: in their order, each chunk would
touch every page of a large table; as they arrived, the rows of a chunk lie together. `again`: an earlier chunk has had
the GUID, and it waits still. Added to zero, so that only the index by GUID fits: without statistics the planner would
read all rows before, for each."""

MARK_DONE = text(
    f"""
    UPDATE ax.retailasynccustomerv2 AS s
    SET syncstatus = {SyncStatus.DONE}, onlineoperationcompleted = 1, errorclass = '', lasterror = '',
        syncdatetime = now()
    FROM unnest(CAST(:guids AS text[])) AS k (guid)
    JOIN ax.custaccountasyncmap AS m ON m.dataareaid = :company AND m.custaccountasync = k.guid
    WHERE s.dataareaid = :company AND s.custaccountasync = k.guid AND s.operation = {CustomerAsyncOperation.CREATE}
      AND s.syncstatus IN ({SyncStatus.PENDING}, {SyncStatus.FAILED})
    """
)
"""Every create operation of a GUID that has its account now, also a later one of another channel, and a failed one."""

MARK_FAILED = text(
    f"""
    WITH failed AS (
        UPDATE ax.retailasynccustomerv2 AS s
        SET syncstatus = {SyncStatus.FAILED}, errorclass = 'permanent', lasterror = c.reason,
            retrycount = s.retrycount + 1, syncdatetime = now()
        FROM candidate AS c
        WHERE s.recid = c.staged AND c.reason <> '' AND s.syncstatus = {SyncStatus.PENDING}
          AND NOT EXISTS (SELECT FROM ax.custaccountasyncmap AS m
                          WHERE m.dataareaid = :company AND m.custaccountasync = c.custaccountasync)
        RETURNING s.origin)
    SELECT origin, count(*) AS rows FROM failed GROUP BY origin
    """
)

FAIL_CHOSEN = text(
    f"""
    WITH chosen AS ({CHOSEN}), failed AS (
        UPDATE ax.retailasynccustomerv2 AS s
        SET syncstatus = {SyncStatus.FAILED}, errorclass = 'permanent', lasterror = :reason,
            retrycount = s.retrycount + 1, syncdatetime = now()
        FROM chosen AS c WHERE s.recid = c.staged AND s.syncstatus = {SyncStatus.PENDING}
        RETURNING s.origin)
    SELECT origin, count(*) AS rows FROM failed GROUP BY origin
    """
)
"""The row that the database refused although all checks passed."""
