"""Retention (domain F24): staging rows lose their personal data some days after their conversion, and so does the audit
of edited transactions some days after the edit.

Keys, statuses, the GUID map and content hashes stay, so that a row that its channel sends again is still the same row.
Rows that wait or have failed keep their data: somebody has still to convert or mend them. A company without
`personal_data_days` keeps everything.

Rows that still have something to lose have an index by company and age, which they leave when they are blanked: a call
that finds nothing reads nothing, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text

from commerce.database import retry_transient
from commerce.exchange.checking import literal
from commerce.exchange.content import raw_hash_sql
from commerce.outcomes import JobResult
from commerce.progress import Progress, silent
from commerce.schema.enums import QuarantineStatus
from commerce.schema.headquarters.uploads import SETTLED
from commerce.schema.personal import PERSONAL, UNPURGED_AUDIT, filled_sql, personal_columns
from commerce.schema.uploaded import BY_NAME, CUSTOMER_TABLES

JOB = "purge-personal-data"
AUDIT = "retailtransactionauditlogtable"
CHUNK = 10_000
"""Rows a transaction."""

_KEPT = text(
    """
    SELECT dataareaid AS company, now() - make_interval(days => personaldatadays) AS before
    FROM ax.custparameters WHERE personaldatadays IS NOT NULL ORDER BY dataareaid
    """
)


def staged_sql(table: str) -> str:
    """Blank a chunk of old rows of a staging table, and count them. A row that was settled without a time of its own
    is as old as its upload."""
    columns = BY_NAME[table].column_names
    blanks = ", ".join(f"{column} = ''" for column in personal_columns(columns))
    mine = f"s.dataareaid = :company AND {SETTLED} AND ({filled_sql(columns)})"
    return f"""
        WITH dated AS (
            SELECT s.recid FROM ax.{table} AS s WHERE {mine} AND s.syncdatetime < :before
            ORDER BY s.syncdatetime LIMIT :chunk FOR UPDATE OF s SKIP LOCKED
        ), undated AS (
            SELECT s.recid FROM ax.{table} AS s WHERE {mine} AND s.syncdatetime IS NULL
              AND EXISTS (SELECT FROM cdx.retailcdxuploadsession AS u
                          WHERE u.uploadsessionid = s.uploadsession AND u.datecreated < :before)
            LIMIT :chunk FOR UPDATE OF s SKIP LOCKED
        ), blanked AS (
            UPDATE ax.{table} AS t SET {blanks}
            FROM (SELECT recid FROM dated UNION ALL SELECT recid FROM undated) AS old WHERE t.recid = old.recid
            RETURNING t.recid)
        SELECT count(*) FROM blanked"""


_QUARANTINED = f"""
    q.rawdata ->> 'dataareaid' = :company AND q.status <> {int(QuarantineStatus.OPEN)} AND q.rawhash IS NULL
    AND coalesce(q.resolveddatetime, q.createddatetime) < :before"""
_QUARANTINED_TABLES = text(
    f"SELECT DISTINCT tablename FROM cdx.quarantine AS q WHERE {_QUARANTINED} ORDER BY tablename"
)


def _quarantined(table: str) -> str:
    """The hash of the content stays, so that the row is known when it is sent again."""
    return f"""
        WITH old AS (
            SELECT q.quarantineid FROM cdx.quarantine AS q WHERE {_QUARANTINED} AND q.tablename = {literal(table)}
            ORDER BY q.quarantineid LIMIT :chunk FOR UPDATE OF q SKIP LOCKED
        ), blanked AS (
            UPDATE cdx.quarantine AS q SET rawhash = {raw_hash_sql(BY_NAME[table])},
                   rawdata = q.rawdata - CAST(:personal AS text[])
            FROM old WHERE q.quarantineid = old.quarantineid RETURNING q.quarantineid
        ), audited AS (
            UPDATE cdx.quarantineaudit AS a SET oldvalue = NULL, newvalue = NULL FROM blanked AS b
            WHERE a.quarantineid = b.quarantineid AND a.field = ANY(:personal))
        SELECT count(*) FROM blanked"""


# What a transaction has stands in its own rows; who changed which field when and why stays.
AUDIT_SQL = f"""
    WITH old AS (
        SELECT auditid FROM ax.retailtransactionauditlogtable
        WHERE dataareaid = :company AND createddatetime < :before AND {UNPURGED_AUDIT}
        ORDER BY createddatetime LIMIT :chunk FOR UPDATE SKIP LOCKED
    ), blanked AS (
        UPDATE ax.retailtransactionauditlogtable AS a SET oldvalue = NULL, newvalue = NULL
        FROM old WHERE a.auditid = old.auditid RETURNING a.auditid)
    SELECT count(*) FROM blanked"""


def purge_personal_data(hq: Engine, *, progress: Progress = silent) -> JobResult:
    """Blank the personal data of settled staging and quarantine rows, and personal values in the audit of edited
    transactions, that are older than their company keeps it.

    In short transactions; rows that somebody works on are left to the next call, and so is the rest when it is killed.

    Returns:
        Counts: rows blanked by table.
    """
    with hq.connect() as connection:
        companies = [dict(row) for row in connection.execute(_KEPT).mappings()]
    if not companies:
        return JobResult(JOB)
    tables = [table.name for table in CUSTOMER_TABLES if personal_columns(table.column_names)]
    counts = dict.fromkeys([*tables, "quarantine", AUDIT], 0)
    for kept in companies:
        for table in tables:
            counts[table] += _purge(hq, staged_sql(table), kept)
            progress("purge", sum(counts.values()))
        with hq.connect() as connection:
            quarantined = list(connection.scalars(_QUARANTINED_TABLES, kept))
        counts["quarantine"] += sum(_purge(hq, _quarantined(table), kept) for table in quarantined)
        counts[AUDIT] += _purge(hq, AUDIT_SQL, kept)
    return JobResult(JOB, {}, counts)


def _purge(hq: Engine, statement: str, kept: Mapping[str, Any]) -> int:
    """Chunk by chunk; returns the number of rows blanked."""
    values = {**kept, "chunk": CHUNK, "personal": sorted(PERSONAL)}

    def work() -> int:
        with hq.begin() as connection:
            return int(connection.execute(text(statement), values).scalar_one())

    total = 0
    while blanked := retry_transient(work):
        total += blanked
    return total
