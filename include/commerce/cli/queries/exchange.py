"""Sessions of Commerce Data Exchange."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from commerce.cli.queries.reading import Row, fetch
from commerce.errors import UsageError
from commerce.schema.enums import DownloadSessionStatus, UploadSessionStatus

STATES = sorted({state.name.lower() for states in (UploadSessionStatus, DownloadSessionStatus) for state in states})


def _names(column: str, states: type[UploadSessionStatus] | type[DownloadSessionStatus]) -> str:
    cases = " ".join(f"WHEN {int(state)} THEN '{state.name.lower().replace('_', ' ')}'" for state in states)
    return f"CASE {column} {cases} END"


UPLOADS = f"""
    SELECT 'U' || s.uploadsessionid AS session, 'upload' AS direction, s.jobid AS job, p.name AS channel, s.stream,
           {_names("s.status", UploadSessionStatus)} AS state, s.rowsaffected AS rows, s.filesize AS bytes,
           s.trycount AS tries, s.message, s.datecreated AS created_at, s.dateapplied AS applied_at
    FROM cdx.retailcdxuploadsession AS s JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.datastore
"""
DOWNLOADS = f"""
    SELECT 'D' || s.session AS session, 'download' AS direction, s.jobid AS job, coalesce(p.name, '') AS channel,
           s.kind AS stream, {_names("coalesce(ds.status, s.status)", DownloadSessionStatus)} AS state,
           coalesce(ds.rowsaffected, s.rowsaffected) AS rows, s.filesize AS bytes,
           coalesce(ds.trycount, s.trycount) AS tries,
           coalesce(nullif(ds.message, ''), s.message) AS message, s.datecreated AS created_at,
           ds.dateapplied AS applied_at
    FROM cdx.retailcdxdownloadsession AS s
    LEFT JOIN cdx.retailcdxdownloadsessiondatastore AS ds ON ds.session = s.session
    LEFT JOIN cdx.retailconndatabaseprofile AS p ON p.recid = ds.datastore
"""
OF_CHANNEL = """
(p.name = :channel OR p.recid IN (
    SELECT c.databaseprofile FROM cdx.retailcdxdatastorechannel AS c
    JOIN ax.retailchanneltable AS ch ON ch.recid = c.channel WHERE ch.retailchannelid = :channel))
"""
UPLOAD = f"""
    SELECT 'U' || s.uploadsessionid AS session, 'upload' AS direction, s.jobid AS job, p.name AS channel, s.incarnation,
           s.stream, {_names("s.status", UploadSessionStatus)} AS state, s.rowsaffected AS rows, s.filesize AS bytes,
           s.checksum, s.trycount AS tries, s.message, 'U' || s.rerunfor AS rerun_for, s.datecreated AS created_at,
           s.dateavailable AS available_at, s.dateuploaded AS uploaded_at, s.dateapplied AS applied_at
    FROM cdx.retailcdxuploadsession AS s JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.datastore
    WHERE s.uploadsessionid = :session
"""
UPLOAD_TABLES = """
    SELECT tablename AS "table", lowcounter AS after_counter, highcounter AS to_counter, rowsread AS read,
           rowsaffected AS taken, quarantined FROM cdx.uploadsessiontable
    WHERE uploadsessionid = :session ORDER BY tablename
"""
DOWNLOAD = f"""
    SELECT 'D' || s.session AS session, 'download' AS direction, s.jobid AS job, g.name AS data_group, s.kind,
           {_names("s.status", DownloadSessionStatus)} AS state, s.customers, s.rowsaffected AS rows,
           s.filesize AS bytes, s.checksum, s.trycount AS tries, s.message, s.datecreated AS created_at,
           s.dateavailable AS available_at
    FROM cdx.retailcdxdownloadsession AS s JOIN cdx.retailcdxdatagroup AS g ON g.recid = s.datagroup
    WHERE s.session = :session
"""
DOWNLOAD_TABLES = """
    SELECT tablename AS "table", count(*) AS parts, sum(rows)::bigint AS rows FROM cdx.packagepart
    WHERE session = :session GROUP BY tablename ORDER BY min(part)
"""
DOWNLOAD_CHANNELS = f"""
    SELECT p.name AS channel, {_names("d.status", DownloadSessionStatus)} AS state, d.trycount AS tries,
           d.rowsaffected AS rows, d.message, d.daterequested AS requested_at, d.datedownloaded AS downloaded_at,
           d.dateapplied AS applied_at
    FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.datastore
    WHERE d.session = :session ORDER BY p.name
"""


def list_sessions(
    hq: Engine, *, direction: str | None, channel: str | None, state: str | None, limit: int
) -> list[Row]:
    """Upload and download sessions, the newest first; downloads with a row for each channel database.

    Args:
        channel: of the channel database of this name, or of this store.
        state: a state's name, with spaces or underscores.
    """
    values: dict[str, Any] = {"limit": limit}
    found: list[Row] = []
    for name, query, states, status, order in (
        ("upload", UPLOADS, UploadSessionStatus, "s.status", "s.uploadsessionid"),
        ("download", DOWNLOADS, DownloadSessionStatus, "coalesce(ds.status, s.status)", "s.session"),
    ):
        wanted = (state or "").upper().replace(" ", "_")
        if direction not in (None, name) or (state and wanted not in states.__members__):
            continue
        conditions = []
        if channel is not None:
            conditions.append(OF_CHANNEL)
            values["channel"] = channel
        if state:
            conditions.append(f"{status} = {int(states[wanted])}")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        found += fetch(hq, f"{query}{where} ORDER BY {order} DESC, p.name LIMIT :limit", values)
    return sorted(found, key=lambda row: row["created_at"], reverse=True)[:limit]


def show_session(hq: Engine, session: str) -> Row:
    """Everything of a session: U17 is an upload with its tables, D4 a download with its tables and its channel
    databases. Tables of a download are told as long as its package is kept.

    Raises:
        UsageError: there is none.
    """
    direction, number = parse(session)
    values = {"session": number}
    if direction == "upload":
        found, parts = fetch(hq, UPLOAD, values), {"tables": fetch(hq, UPLOAD_TABLES, values)}
    else:
        found = fetch(hq, DOWNLOAD, values)
        parts = {"tables": fetch(hq, DOWNLOAD_TABLES, values), "channels": fetch(hq, DOWNLOAD_CHANNELS, values)}
    if not found:
        raise UsageError(
            "There is no such session. `commerce sessions list` shows them; U17 is an upload, D4 a download."
        )
    return {**found[0], **parts}


def parse(session: str) -> tuple[str, int]:
    """Direction and number of a session named U17 or D4.

    Raises:
        UsageError: it is no such name.
    """
    letter, number = session[:1].upper(), session[1:]
    if letter not in ("U", "D") or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise UsageError(
            f"'{session}' is no session. `commerce sessions list` shows them; U17 is an upload, D4 a download."
        )
    return ("upload" if letter == "U" else "download"), int(number)
