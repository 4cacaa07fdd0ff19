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
           p.incarnation, p.pausedatasync AS paused, p.stopreason AS stop_reason,
           p.lastupload AS last_upload_at, p.lastdownload AS last_download_at
    FROM ax.retailchanneltable AS ch
    JOIN ax.retailstoretable AS s ON s.recid = ch.recid
    JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.databaseprofile
    JOIN cdx.retailcdxdatagroup AS g ON g.recid = p.datagroup
    WHERE CAST(:name AS text) IS NULL OR ch.retailchannelid = :name
    ORDER BY ch.retailchannelid COLLATE "C"
    """
)
COMPANY = text("SELECT currency FROM ax.dataarea WHERE dataareaid = :company")
CUSTOMER_EXISTS = text(
    "SELECT 1 FROM ax.custtable WHERE dataareaid = :default_customer_company AND accountnum = :default_customer"
)
DATA_GROUP = text(
    """
    INSERT INTO cdx.retailcdxdatagroup (name, dataareaid) VALUES (:data_group, :company)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING recid, dataareaid
    """
)
PROFILE_OF_URL = text("SELECT recid, name, datagroup FROM cdx.retailconndatabaseprofile WHERE connectionstring = :url")
PUT_CHANNEL = text(
    """
    INSERT INTO ax.retailchanneltable (retailchannelid, dataareaid, name, currency, channeltimezoneinfoid,
                                       defaultcustaccount, defaultcustdataareaid, cutoverdate)
    VALUES (:name, :company, :title, :currency, :time_zone, :default_customer, :default_customer_company, :cut_over)
    ON CONFLICT (retailchannelid) DO UPDATE
    SET name = excluded.name, currency = excluded.currency, channeltimezoneinfoid = excluded.channeltimezoneinfoid,
        defaultcustaccount = excluded.defaultcustaccount, defaultcustdataareaid = excluded.defaultcustdataareaid,
        cutoverdate = excluded.cutoverdate
    RETURNING recid
    """
)
PUT_STORE = text(
    """
    INSERT INTO ax.retailstoretable (recid, storenumber, taxgroup, stmtcalcbatchendtime,
                                     maxroundingamount, roundingunit)
    VALUES (:channel, :name, :tax_group, :closing_time, :max_rounding, :rounding_unit)
    ON CONFLICT (recid) DO UPDATE
    SET taxgroup = excluded.taxgroup, stmtcalcbatchendtime = excluded.stmtcalcbatchendtime,
        maxroundingamount = excluded.maxroundingamount, roundingunit = excluded.roundingunit
    """
)
NEW_PROFILE = text(
    """
    INSERT INTO cdx.retailconndatabaseprofile (name, connectionstring, datagroup) VALUES (:name, :url, :group)
    RETURNING recid
    """
)
MOVE_PROFILE = text(
    """
    UPDATE cdx.retailconndatabaseprofile AS p SET connectionstring = :url
    FROM cdx.retailcdxdatastorechannel AS d WHERE d.databaseprofile = p.recid AND d.channel = :channel
    """
)
LINK = text("INSERT INTO cdx.retailcdxdatastorechannel (channel, databaseprofile) VALUES (:channel, :profile)")
SET_PAUSED = text(
    """
    UPDATE cdx.retailconndatabaseprofile AS p SET pausedatasync = :paused
    FROM cdx.retailcdxdatastorechannel AS d
    JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel
    WHERE d.databaseprofile = p.recid AND ch.retailchannelid = :name
    """
)
HOLDS_TRANSACTIONS = text("SELECT EXISTS (SELECT FROM ax.retailtransactiontable WHERE store = :name)")
HOLDS_UPLOADS = text(
    "SELECT EXISTS (SELECT FROM cdx.quarantine WHERE datastore = :profile)"
    + "".join(f" OR EXISTS (SELECT FROM ax.{name} WHERE origin = :profile)" for name in UPLOADS)
)
"""Anything at all that came from a channel database."""
PLACE = text(
    """
    SELECT ch.recid AS channel, d.databaseprofile AS profile,
           (SELECT count(*) FROM cdx.retailcdxdatastorechannel AS o
            WHERE o.databaseprofile = d.databaseprofile) AS channels
    FROM ax.retailchanneltable AS ch JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    WHERE ch.retailchannelid = :name
    FOR UPDATE OF ch
    """
)
DELETE_CHANNEL = (
    text("DELETE FROM cdx.retailcdxdatastorechannel WHERE channel = :channel"),
    text("DELETE FROM ax.retailstoretable WHERE recid = :channel"),
    text("DELETE FROM ax.retailchanneltable WHERE recid = :channel"),
)
DELETE_PROFILE = (
    text("DELETE FROM cdx.retailcdxdownloadsessiondatastore WHERE datastore = :profile"),
    text("DELETE FROM cdx.retailcdxuploadsession WHERE datastore = :profile"),
    text("DELETE FROM cdx.uploadwatermark WHERE datastore = :profile"),
    text("DELETE FROM cdx.retailconndatabaseprofile WHERE recid = :profile"),
)
