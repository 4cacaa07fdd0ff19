"""Retention (domain F24): staging rows lose their personal data some days after their conversion.

Keys, statuses, the GUID map and content hashes stay, so that a row that its channel sends again is still the same row.
Rows that wait or have failed keep their data: somebody has still to convert or mend them. A company without
`personal_data_days` keeps everything.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

from commerce.database import retry_transient
from commerce.exchange.checking import literal
from commerce.exchange.content import raw_hash_sql
from commerce.outcomes import JobResult
from commerce.progress import Progress, silent
from commerce.schema.enums import QuarantineStatus, SyncStatus
from commerce.schema.personal import PERSONAL, personal_columns
from commerce.schema.uploaded import BY_NAME, CUSTOMER_TABLES

JOB = "purge-personal-data"
CHUNK = 10_000
"""Rows a transaction."""

_SETTLED = f"{int(SyncStatus.DONE)}, {int(SyncStatus.IGNORED)}"
_WANTED = text("SELECT EXISTS (SELECT FROM ax.custparameters WHERE personaldatadays IS NOT NULL)")


def _staged(table: str) -> str:
    columns = personal_columns(BY_NAME[table].column_names)
    blanks = ", ".join(f"{column} = ''" for column in columns)
    filled = " OR ".join(f"s.{column} <> ''" for column in columns)
    return f"""
        WITH old AS (
            SELECT s.recid FROM ax.{table} AS s
            JOIN ax.custparameters AS p ON p.dataareaid = s.dataareaid AND p.personaldatadays IS NOT NULL
            LEFT JOIN cdx.retailcdxuploadsession AS u ON u.uploadsessionid = s.uploadsession
            WHERE s.recid > :after AND s.syncstatus IN ({_SETTLED}) AND ({filled})
              AND coalesce(s.syncdatetime, u.datecreated) < now() - make_interval(days => p.personaldatadays)
            ORDER BY s.recid LIMIT :chunk FOR UPDATE OF s SKIP LOCKED
        ), blanked AS (UPDATE ax.{table} AS t SET {blanks} FROM old WHERE t.recid = old.recid RETURNING t.recid)
        SELECT count(*), max(recid) FROM blanked"""


_QUARANTINED_TABLES = text(
    f"""
    SELECT DISTINCT tablename FROM cdx.quarantine
    WHERE status <> {int(QuarantineStatus.OPEN)} AND rawhash IS NULL ORDER BY tablename
    """
)


def _quarantined(table: str) -> str:
    """The hash of the content stays, so that the row is known when it is sent again."""
    return f"""
        WITH old AS (
            SELECT q.quarantineid FROM cdx.quarantine AS q
            JOIN ax.custparameters AS p ON p.personaldatadays IS NOT NULL AND p.dataareaid = q.rawdata ->> 'dataareaid'
            WHERE q.quarantineid > :after AND q.tablename = {literal(table)} AND q.rawhash IS NULL
              AND q.status <> {int(QuarantineStatus.OPEN)}
              AND coalesce(q.resolveddatetime, q.createddatetime) < now() - make_interval(days => p.personaldatadays)
            ORDER BY q.quarantineid LIMIT :chunk FOR UPDATE OF q SKIP LOCKED
        ), blanked AS (
            UPDATE cdx.quarantine AS q SET rawhash = {raw_hash_sql(BY_NAME[table])},
                   rawdata = q.rawdata - CAST(:personal AS text[])
            FROM old WHERE q.quarantineid = old.quarantineid RETURNING q.quarantineid
        ), audited AS (
            UPDATE cdx.quarantineaudit AS a SET oldvalue = NULL, newvalue = NULL FROM blanked AS b
            WHERE a.quarantineid = b.quarantineid AND a.field = ANY(:personal))
        SELECT count(*), max(quarantineid) FROM blanked"""


def purge_personal_data(hq: Engine, *, progress: Progress = silent) -> JobResult:
    """Blank the personal data of settled staging and quarantine rows that are older than their company keeps it.

    In short transactions; rows that somebody works on are left to the next call, and so is the rest when it is killed.

    Returns:
        Counts: rows blanked by table.
    """
    with hq.connect() as connection:
        if not connection.scalar(_WANTED):
            return JobResult(JOB)
        quarantined = list(connection.scalars(_QUARANTINED_TABLES))
    counts: dict[str, int] = {}
    for table in CUSTOMER_TABLES:
        if personal_columns(table.column_names):
            counts[table.name] = _purge(hq, _staged(table.name))
            progress("purge", sum(counts.values()))
    counts["quarantine"] = sum(_purge(hq, _quarantined(table)) for table in quarantined)
    return JobResult(JOB, {}, counts)


def _purge(hq: Engine, statement: str) -> int:
    """Chunk by chunk; returns the number of rows blanked."""
    total, after = 0, 0

    def work() -> tuple[int, int | None]:
        with hq.begin() as connection:
            values = {"after": after, "chunk": CHUNK, "personal": sorted(PERSONAL)}
            blanked, last = connection.execute(text(statement), values).one()
            return blanked, last

    while True:
        blanked, last = retry_transient(work)
        if last is None:
            return total
        total += blanked
        after = last
