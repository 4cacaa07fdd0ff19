"""SQL of the channel registry: channel, store, database profile, data group."""

from __future__ import annotations

from sqlalchemy import text

from commerce.schema.headquarters.uploads import UPLOADS

CHANNELS = text(
    """
    SELECT ch.retailchannelid AS name, ch.name AS title, p.connectionstring AS url, ch.dataareaid AS company,
           ch.currency, ch.channeltimezoneinfoid AS time_zone, s.stmtcalcbatchendtime AS closing_time,
           ch.cutoverdate AS cut_over, ch.defaultcustaccount AS default_customer,
           ch.defaultcustdataareaid AS default_customer_company, s.maxroundingamount AS max_rounding,
           s.roundingunit AS rounding_unit, s.taxgroup AS tax_group, g.name AS data_group, p.name AS database,
           p.incarnation, p.stopreason AS stop_reason, h.datelastheartbeatrecorded AS last_contact_at,
           p.lastupload AS last_upload_at, p.lastdownload AS last_download_at, w.sessions AS waiting_sessions,
           st.state,
           CASE WHEN st.state IN ('stopped', 'paused') THEN p.statesince
                WHEN st.state IN ('suspended', 'behind') THEN w.oldest
                WHEN st.state = 'away' THEN coalesce(h.datelastheartbeatrecorded, p.createddatetime) END AS state_since
    FROM ax.retailchanneltable AS ch
    JOIN ax.retailstoretable AS s ON s.recid = ch.recid
    JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.databaseprofile
    JOIN cdx.retailcdxdatagroup AS g ON g.recid = p.datagroup
    CROSS JOIN (
        SELECT coalesce(max(behindminutes), 60) AS behind, coalesce(max(awayhours), 24) AS away
        FROM cdx.retailconnparameters) AS k
    LEFT JOIN cdx.retailcdxdatastoreheartbeatlog AS h ON h.datastore = p.recid
    CROSS JOIN LATERAL (
        SELECT count(*) AS sessions, min(o.datecreated) AS oldest, coalesce(bool_or(ds.status = 10), false) AS suspended
        FROM cdx.retailcdxdownloadsessiondatastore AS ds JOIN cdx.retailcdxdownloadsession AS o USING (session)
        WHERE ds.datastore = p.recid AND ds.status NOT IN (4, 5, 9)) AS w
    CROSS JOIN LATERAL (SELECT CASE
        WHEN p.stopreason <> '' THEN 'stopped'
        WHEN p.pausedatasync = 1 THEN 'paused'
        WHEN w.suspended THEN 'suspended'
        WHEN coalesce(h.datelastheartbeatrecorded, p.createddatetime) < now() - make_interval(hours => k.away)
            THEN 'away'
        WHEN p.fullsyncreason <> '' OR p.incomplete = 1 OR w.oldest < now() - make_interval(mins => k.behind)
            THEN 'behind'
        ELSE 'active' END AS state) AS st
    WHERE CAST(:names AS text[]) IS NULL OR ch.retailchannelid = ANY(:names)
    ORDER BY ch.retailchannelid COLLATE "C"
    """
)
COMPANIES = text("SELECT dataareaid, currency FROM ax.dataarea")
CUSTOMERS_THAT_EXIST = text(
    """
    SELECT c.dataareaid, c.accountnum FROM ax.custtable AS c
    JOIN unnest(CAST(:companies AS text[]), CAST(:accounts AS text[])) AS k (company, account)
      ON k.company = c.dataareaid AND k.account = c.accountnum
    """
)
DATA_GROUPS = text("SELECT name, dataareaid FROM cdx.retailcdxdatagroup")
PROFILES = text(
    """
    SELECT p.recid, p.name, p.connectionstring, g.name AS datagroup
    FROM cdx.retailconndatabaseprofile AS p JOIN cdx.retailcdxdatagroup AS g ON g.recid = p.datagroup
    """
)
PROFILES_OF = text(
    """
    SELECT ch.retailchannelid AS name, d.databaseprofile AS profile
    FROM ax.retailchanneltable AS ch JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    WHERE ch.retailchannelid = ANY(:names)
    """
)
_STORES = """
    jsonb_to_recordset(CAST(:stores AS jsonb)) AS s (
        name text, company text, title text, currency text, time_zone text, default_customer text,
        default_customer_company text, cut_over date, tax_group text, closing_time time, max_rounding numeric,
        rounding_unit numeric)
"""
PUT_GROUPS = text(
    """
    INSERT INTO cdx.retailcdxdatagroup (name, dataareaid)
    SELECT name, company FROM unnest(CAST(:names AS text[]), CAST(:companies AS text[])) AS g (name, company)
    """
)
PUT_CHANNELS = text(
    f"""
    INSERT INTO ax.retailchanneltable (retailchannelid, dataareaid, name, currency, channeltimezoneinfoid,
                                       defaultcustaccount, defaultcustdataareaid, cutoverdate)
    SELECT name, company, title, currency, time_zone, default_customer, default_customer_company, cut_over
    FROM {_STORES}
    ON CONFLICT (retailchannelid) DO UPDATE
    SET name = excluded.name, currency = excluded.currency, channeltimezoneinfoid = excluded.channeltimezoneinfoid,
        defaultcustaccount = excluded.defaultcustaccount, defaultcustdataareaid = excluded.defaultcustdataareaid,
        cutoverdate = excluded.cutoverdate
    """
)
PUT_STORES = text(
    f"""
    INSERT INTO ax.retailstoretable (recid, storenumber, taxgroup, stmtcalcbatchendtime,
                                     maxroundingamount, roundingunit)
    SELECT ch.recid, s.name, s.tax_group, s.closing_time, s.max_rounding, s.rounding_unit
    FROM {_STORES} JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = s.name
    ON CONFLICT (recid) DO UPDATE
    SET taxgroup = excluded.taxgroup, stmtcalcbatchendtime = excluded.stmtcalcbatchendtime,
        maxroundingamount = excluded.maxroundingamount, roundingunit = excluded.roundingunit
    """
)
PUT_PROFILES = text(
    """
    INSERT INTO cdx.retailconndatabaseprofile (name, connectionstring, datagroup)
    SELECT p.name, p.url, g.recid
    FROM jsonb_to_recordset(CAST(:profiles AS jsonb)) AS p (name text, url text, data_group text)
    JOIN cdx.retailcdxdatagroup AS g ON g.name = p.data_group
    """
)
MOVE_PROFILES = text(
    """
    UPDATE cdx.retailconndatabaseprofile AS p SET connectionstring = m.url, comparedownloads = 1
    FROM jsonb_to_recordset(CAST(:moves AS jsonb)) AS m (name text, url text)
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = m.name
    JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    WHERE d.databaseprofile = p.recid
    """
)
RESYNCHRONIZE_NEW = text(
    """
    UPDATE cdx.retailconndatabaseprofile AS p SET fullsyncreason = 'new, and its data group has customers already'
    FROM jsonb_to_recordset(CAST(:profiles AS jsonb)) AS n (name text, url text, data_group text),
         cdx.retailcdxdatagroup AS g
    WHERE p.name = n.name AND g.recid = p.datagroup AND (
        EXISTS (SELECT FROM cdx.retailcdxdownloadsession AS s WHERE s.datagroup = g.recid)
        OR EXISTS (SELECT FROM ax.custtable AS c WHERE c.dataareaid = g.dataareaid AND NOT EXISTS (
            SELECT FROM cdx.outbox AS o
            WHERE (o.datagroup, o.dataareaid, o.accountnum) = (g.recid, c.dataareaid, c.accountnum))))
    """
)
"""A new database lacks what its data group was sent before, and customers that are older than the group."""
LINK = text(
    """
    INSERT INTO cdx.retailcdxdatastorechannel (channel, databaseprofile)
    SELECT ch.recid, p.recid FROM jsonb_to_recordset(CAST(:links AS jsonb)) AS l (name text, profile text)
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = l.name
    JOIN cdx.retailconndatabaseprofile AS p ON p.name = l.profile
    """
)
SET_PAUSED = text(
    """
    UPDATE cdx.retailconndatabaseprofile AS p SET pausedatasync = :paused, statesince = now()
    FROM cdx.retailcdxdatastorechannel AS d
    JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
    WHERE d.databaseprofile = p.recid AND ch.retailchannelid = :name
    """
)
REMOVALS = text(
    """
    SELECT ch.retailchannelid AS name, ch.recid AS channel, d.databaseprofile AS profile,
           NOT EXISTS (SELECT FROM cdx.retailcdxdatastorechannel AS o
                       JOIN ax.retailchanneltable AS oc ON oc.recid = o.channel
                       WHERE o.databaseprofile = d.databaseprofile AND oc.retailchannelid <> ALL(:names)) AS whole,
           EXISTS (SELECT FROM ax.retailtransactiontable AS t WHERE t.store = ch.retailchannelid)
             OR EXISTS (SELECT FROM ax.retailposbatchtable AS b WHERE b.storeid = ch.retailchannelid) AS has_sold
    FROM ax.retailchanneltable AS ch JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    WHERE ch.retailchannelid = ANY(:names)
    ORDER BY ch.retailchannelid COLLATE "C"
    FOR UPDATE OF ch
    """
)
"""The stores to remove. `whole`: every store of its database goes."""
HOLDS_UPLOADS = text(
    "SELECT p.recid FROM cdx.retailconndatabaseprofile AS p WHERE p.recid = ANY(:profiles) AND ("
    + " OR ".join(
        ["EXISTS (SELECT FROM cdx.quarantine WHERE datastore = p.recid)"]
        + [f"EXISTS (SELECT FROM ax.{name} WHERE origin = p.recid)" for name in UPLOADS]
    )
    + ")"
)
"""Channel databases of which headquarters holds anything at all."""
DELETE_CHANNELS = (
    text("DELETE FROM cdx.retailcdxdatastorechannel WHERE channel = ANY(:channels)"),
    text("DELETE FROM ax.retailstoretable WHERE recid = ANY(:channels)"),
    text("DELETE FROM ax.retailchanneltable WHERE recid = ANY(:channels)"),
)
DELETE_PROFILES = (
    text("DELETE FROM cdx.retailcdxdownloadsessiondatastore WHERE datastore = ANY(:profiles)"),
    text("DELETE FROM cdx.retailcdxuploadsession WHERE datastore = ANY(:profiles)"),
    text("DELETE FROM cdx.uploadwatermark WHERE datastore = ANY(:profiles)"),
    text("DELETE FROM cdx.uploadround WHERE datastore = ANY(:profiles)"),
    text("DELETE FROM cdx.channelerasure WHERE datastore = ANY(:profiles)"),
    text("DELETE FROM cdx.retailconndatabaseprofile WHERE recid = ANY(:profiles)"),
)
RENAME_PROFILES = text(
    """
    UPDATE cdx.retailconndatabaseprofile AS p SET name = s.name
    FROM (SELECT d.databaseprofile, min(ch.retailchannelid COLLATE "C") AS name
          FROM cdx.retailcdxdatastorechannel AS d JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
          GROUP BY d.databaseprofile) AS s
    WHERE s.databaseprofile = p.recid AND p.name = ANY(:names)
    """
)
"""A database that other stores still use takes the name of one of them: it must not be called like a store that is
gone and may come back elsewhere."""
