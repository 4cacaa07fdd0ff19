"""Sessions of Commerce Data Exchange."""

from __future__ import annotations

from sqlalchemy import Engine

from commerce.cli.queries.reading import Row, fetch, where
from commerce.errors import UsageError
from commerce.schema.enums import DownloadSessionStatus, UploadSessionStatus


def _names(states: type[UploadSessionStatus] | type[DownloadSessionStatus]) -> str:
    return " ".join(f"WHEN {int(state)} THEN '{state.name.lower().replace('_', ' ')}'" for state in states)


UPLOADS = f"""
    SELECT 'U' || s.uploadsessionid AS session, 'upload' AS direction, s.jobid AS job, p.name AS channel, s.stream,
           CASE s.status {_names(UploadSessionStatus)} END AS state, s.rowsaffected AS rows,
           s.trycount AS tries, s.message, s.datecreated AS created_at, s.dateapplied AS applied_at
    FROM cdx.retailcdxuploadsession AS s JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.datastore
"""
DOWNLOADS = f"""
    SELECT 'D' || s.session AS session, 'download' AS direction, s.jobid AS job, p.name AS channel, '' AS stream,
           CASE coalesce(ds.status, s.status) {_names(DownloadSessionStatus)} END AS state,
           coalesce(ds.rowsaffected, s.rowsaffected) AS rows, coalesce(ds.trycount, 0) AS tries,
           coalesce(nullif(ds.message, ''), s.message) AS message, s.datecreated AS created_at,
           ds.dateapplied AS applied_at
    FROM cdx.retailcdxdownloadsession AS s
    LEFT JOIN cdx.retailcdxdownloadsessiondatastore AS ds ON ds.session = s.session
    LEFT JOIN cdx.retailconndatabaseprofile AS p ON p.recid = ds.datastore
"""
BOTH = f"({UPLOADS} UNION ALL {DOWNLOADS}) AS listed"


def list_sessions(hq: Engine, *, direction: str | None, channel: str | None, limit: int) -> list[Row]:
    """Upload and download sessions, the newest first."""
    condition, values = where({"listed.direction = :direction": direction, "listed.channel = :channel": channel})
    query = f"SELECT * FROM {BOTH}{condition} ORDER BY created_at DESC, session DESC LIMIT :limit"
    return fetch(hq, query, {**values, "limit": limit})


def show_session(hq: Engine, session: str) -> list[Row]:
    """A session by its number: U17 for an upload, D4 for a download (a row for each channel).

    Raises:
        UsageError: there is none.
    """
    query = f"SELECT * FROM {BOTH} WHERE session = upper(:session) ORDER BY channel"
    found = fetch(hq, query, {"session": session})
    if not found:
        raise UsageError(
            "There is no such session. `commerce sessions list` shows them; U17 is an upload, D4 a download."
        )
    return found
