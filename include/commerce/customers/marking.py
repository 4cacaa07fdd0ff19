"""How rows of the log are marked when they have been worked on: done, or failed with the reason (domain A5)."""

from __future__ import annotations

from commerce.schema.enums import ErrorClass, SyncStatus

_FAILED = f"""syncstatus = {SyncStatus.FAILED}, errorclass = '{ErrorClass.PERMANENT}', lasterror = {{reason}},
                retrycount = s.retrycount + 1, syncdatetime = now()"""


def settle_sql(table: str, worked: str, condition: str = "TRUE") -> str:
    """Mark the rows of `table` that the temporary table `worked` (alias w: staged, reason) has, as far as they still
    wait and `condition` holds: failed with its reason, done without one.

    Returns:
        SQL of a query with origin, syncstatus and the number of rows.
    """
    return f"""
        WITH marked AS (
            UPDATE ax.{table} AS s
            SET syncstatus = CASE WHEN w.reason = '' THEN {SyncStatus.DONE} ELSE {SyncStatus.FAILED} END,
                onlineoperationcompleted = CASE WHEN w.reason = '' THEN 1 ELSE 0 END,
                errorclass = CASE WHEN w.reason = '' THEN '' ELSE '{ErrorClass.PERMANENT}' END,
                lasterror = w.reason, syncdatetime = now(),
                retrycount = s.retrycount + CASE WHEN w.reason = '' THEN 0 ELSE 1 END
            FROM {worked} AS w
            WHERE s.recid = w.staged AND s.syncstatus = {SyncStatus.PENDING} AND {condition}
            RETURNING s.origin, s.syncstatus)
        SELECT origin, syncstatus, count(*) AS rows FROM marked GROUP BY origin, syncstatus"""


def fail_sql(table: str, condition: str, reason: str) -> str:
    """Let the rows of `table` (alias s) that still wait and fulfil `condition` fail.

    Args:
        reason: SQL text.

    Returns:
        SQL of a query with origin and the number of rows.
    """
    return f"""
        WITH failed AS (
            UPDATE ax.{table} AS s SET {_FAILED.format(reason=reason)}
            WHERE s.syncstatus = {SyncStatus.PENDING} AND {condition}
            RETURNING s.origin)
        SELECT origin, count(*) AS rows FROM failed GROUP BY origin"""
