"""Commerce Data Exchange: what was taken lies below the watermark and belongs to a session; packages fit their outbox
(design rules 2 and 15)."""

from commerce.schema.enums import DownloadSessionStatus, UploadSessionStatus
from commerce.schema.uploaded import UPLOADED_TABLES
from commerce.verify.rules import Check

_TAKEN = " UNION ALL ".join(
    f"SELECT origin, incarnation, '{table.name}' AS tablename, max(replicationcounterfromorigin) AS counter"
    f" FROM ax.{table.name} GROUP BY origin, incarnation"
    for table in UPLOADED_TABLES
)
_SESSIONS = " UNION ALL ".join(
    f"SELECT DISTINCT '{table.name}' AS tablename, origin, uploadsession FROM ax.{table.name}"
    for table in UPLOADED_TABLES
)
_SETTLED = ", ".join(
    str(int(status))
    for status in (DownloadSessionStatus.APPLIED, DownloadSessionStatus.CANCELED, DownloadSessionStatus.NO_DATA)
)

CHECKS = (
    Check(
        "watermark_behind",
        "a table's watermark is at or above the highest counter that was taken",
        f"""
        SELECT coalesce(p.name, 'origin ' || t.origin) || ' ' || t.tablename || ' ' || t.counter AS id
        FROM ({_TAKEN}) AS t
        LEFT JOIN cdx.retailconndatabaseprofile AS p ON p.recid = t.origin
        LEFT JOIN (SELECT datastore, incarnation, tablename, max(replicationcounter) AS counter FROM cdx.uploadwatermark
                   GROUP BY datastore, incarnation, tablename) AS w
             ON (w.datastore, w.incarnation, w.tablename) = (t.origin, t.incarnation, t.tablename)
        WHERE coalesce(w.counter, 0) < t.counter""",
    ),
    Check(
        "row_without_session",
        "every uploaded row belongs to a session of its database that was applied",
        f"""
        SELECT r.tablename || ' session ' || r.uploadsession AS id FROM ({_SESSIONS}) AS r
        LEFT JOIN cdx.retailcdxuploadsession AS s
             ON s.uploadsessionid = r.uploadsession AND s.datastore = r.origin
            AND s.status = {int(UploadSessionStatus.APPLIED)}
        WHERE s.uploadsessionid IS NULL""",
    ),
    Check(
        "outbox_claimed_by_other_group",
        "a customer's change travels in a session of the data group that it waits for",
        """
        SELECT o.outboxid::text AS id FROM cdx.outbox AS o
        JOIN cdx.retailcdxdownloadsession AS s ON s.session = o.session WHERE s.datagroup <> o.datagroup""",
    ),
    Check(
        "package_missing",
        "a session that a channel has not applied has its package",
        f"""
        SELECT p.name || ' session ' || d.session AS id FROM cdx.retailcdxdownloadsessiondatastore AS d
        JOIN cdx.retailcdxdownloadsession AS s USING (session)
        JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore
        WHERE d.status NOT IN ({_SETTLED}) AND s.rowsaffected > 0
          AND NOT EXISTS (SELECT FROM cdx.packagepart AS k WHERE k.session = d.session)""",
    ),
    Check(
        "change_not_packaged",
        "a converted customer was put into the outbox of its company's data groups that existed then (unless what was"
        " sent at that time is forgotten)",
        """
        SELECT m.dataareaid || ' ' || m.accountnum AS id FROM ax.custaccountasyncmap AS m
        WHERE m.mappedhow = 'created' AND m.accountnum IS NOT NULL
          AND EXISTS (SELECT FROM cdx.outbox AS o WHERE o.dataareaid = m.dataareaid)
          AND NOT EXISTS (
            SELECT FROM cdx.outbox AS o WHERE (o.dataareaid, o.accountnum) = (m.dataareaid, m.accountnum))
          AND NOT EXISTS (
            SELECT FROM cdx.retailcdxdatagroup AS g
            WHERE g.dataareaid = m.dataareaid AND g.forgottenuntil >= m.createddatetime)""",
    ),
)
