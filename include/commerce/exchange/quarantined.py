"""Rows in quarantine as people look at them: which wait, why, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, text

from commerce.errors import UsageError
from commerce.schema.enums import ErrorClass, QuarantineStatus
from commerce.schema.personal import PERSONAL, masked
from commerce.schema.uploaded import BY_NAME

QuarantineState = Literal["open", "resolved", "ignored"]

_STATE = "CASE q.status " + " ".join(f"WHEN {int(one)} THEN '{one.name.lower()}'" for one in QuarantineStatus) + " END"
_CHOSEN = f"""
    FROM cdx.quarantine AS q JOIN cdx.retailconndatabaseprofile AS p ON p.recid = q.datastore
    WHERE (CAST(:state AS text) IS NULL OR {_STATE} = :state)
      AND (CAST(:channel AS text) IS NULL OR p.name = :channel OR p.recid IN (
           SELECT d.databaseprofile FROM cdx.retailcdxdatastorechannel AS d
           JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel WHERE ch.retailchannelid = :channel))
      AND (CAST(:table AS text) IS NULL OR q.tablename = :table)
      AND (CAST(:error_class AS text) IS NULL OR q.errorclass = :error_class)
      AND (CAST(:reason AS text) IS NULL OR position(lower(:reason) IN lower(q.reason)) > 0)
      AND (CAST(:before AS timestamptz) IS NULL OR q.createddatetime < :before)
"""
LISTED = text(f"""
    SELECT q.quarantineid, p.name AS database, q.tablename, q.incarnation, q.replicationcounterfromorigin, q.reason,
           q.errorclass, q.status, q.createddatetime, q.resolveddatetime
    {_CHOSEN} ORDER BY q.quarantineid LIMIT :limit
""")
COUNTED = text(f"""
    SELECT {_STATE} AS state, q.tablename AS "table", q.errorclass AS error_class, q.reason, count(*) AS rows,
           count(DISTINCT q.datastore) AS channels, min(q.createddatetime) AS oldest_at
    {_CHOSEN} GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 2, 4 LIMIT :limit
""")
IDS = text(f"SELECT q.quarantineid {_CHOSEN} ORDER BY q.quarantineid LIMIT :limit")
RAW = text(f"""
    SELECT q.quarantineid AS id, p.name AS channel, q.tablename AS "table", q.incarnation,
           q.replicationcounterfromorigin AS counter, {_STATE} AS state, q.errorclass AS error_class, q.reason,
           q.createddatetime AS created_at, q.resolveddatetime AS resolved_at, q.rawdata
    FROM cdx.quarantine AS q JOIN cdx.retailconndatabaseprofile AS p ON p.recid = q.datastore
    WHERE q.quarantineid = ANY(:ids) ORDER BY q.quarantineid
""")
HISTORY = text("""
    SELECT quarantineid, kind, field, oldvalue AS old, newvalue AS new, changedby AS by, reason,
           createddatetime AS changed_at
    FROM cdx.quarantineaudit WHERE quarantineid = ANY(:ids) ORDER BY auditid
""")
COUNT = text("SELECT count(*) FROM cdx.quarantine WHERE status = :open")


@dataclass(frozen=True)
class QuarantineFilter:
    """Which rows; None means all. `channel`: a channel database or a store in it; `reason`: text in the reason;
    `before`: put there earlier than this."""

    state: QuarantineState | None = None
    channel: str | None = None
    table: str | None = None
    error_class: str | None = None
    reason: str | None = None
    before: datetime | None = None

    def parameters(self, limit: int) -> dict[str, Any]:
        return {**vars(self), "limit": limit}


ALL = QuarantineFilter()
OPEN = QuarantineFilter(state="open")


@dataclass(frozen=True)
class QuarantinedRow:
    """A row in quarantine, without its data. `database`: name of the channel database; `status`: QuarantineStatus."""

    quarantineid: int
    database: str
    table: str
    incarnation: int
    counter: int
    reason: str
    error_class: ErrorClass
    status: QuarantineStatus
    created: datetime
    resolved: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.quarantineid,
            "channel": self.database,
            "table": self.table,
            "counter": self.counter,
            "state": self.status.name.lower(),
            "error_class": str(self.error_class),
            "reason": self.reason,
            "created_at": self.created,
            "resolved_at": self.resolved,
        }


@dataclass(frozen=True)
class RawRow:
    """A row in quarantine with what the channel sent. `data`: by column, None for NULL; bytes that are no text as
    "hex:..."; personal data masked unless asked for. `history`: what people did to it."""

    about: Mapping[str, Any]
    data: Mapping[str, str | None]
    history: tuple[Mapping[str, Any], ...] = field(default=())


def listed(hq: Engine, chosen: QuarantineFilter = OPEN, *, limit: int = 1_000_000) -> list[QuarantinedRow]:
    """Rows in quarantine, the oldest first."""
    with hq.connect() as connection:
        rows = connection.execute(LISTED, chosen.parameters(limit)).all()
    return [
        QuarantinedRow(
            row.quarantineid,
            row.database,
            row.tablename,
            row.incarnation,
            row.replicationcounterfromorigin,
            row.reason,
            ErrorClass(row.errorclass),
            QuarantineStatus(row.status),
            row.createddatetime,
            row.resolveddatetime,
        )
        for row in rows
    ]


def counted(hq: Engine, chosen: QuarantineFilter = OPEN, *, limit: int = 1_000) -> list[dict[str, Any]]:
    """Rows by state, table, class and reason: rows, channels and the oldest, the most frequent reason first."""
    with hq.connect() as connection:
        return [dict(row) for row in connection.execute(COUNTED, chosen.parameters(limit)).mappings()]


def ids(hq: Engine, chosen: QuarantineFilter, *, limit: int = 1_000_000) -> list[int]:
    """Just the numbers of the chosen rows."""
    with hq.connect() as connection:
        return [int(row) for row in connection.scalars(IDS, chosen.parameters(limit))]


def count(hq: Engine) -> int:
    """How many rows wait."""
    with hq.connect() as connection:
        return int(connection.execute(COUNT, {"open": QuarantineStatus.OPEN}).scalar_one())


def raw(hq: Engine, wanted: list[int], *, personal: bool = False) -> list[RawRow]:
    """The rows with their data, in the order of their numbers.

    Raises:
        UsageError: one of them does not exist.
    """
    with hq.connect() as connection:
        rows = connection.execute(RAW, {"ids": wanted}).mappings().all()
        unknown = sorted(set(wanted) - {row["id"] for row in rows})
        if unknown:
            raise UsageError(
                f"No row in quarantine has the number {', '.join(map(str, unknown))}. "
                "`commerce quarantine list` shows them."
            )
        history: dict[int, list[Mapping[str, Any]]] = {}
        for change in connection.execute(HISTORY, {"ids": wanted}).mappings():
            shown = {side: _shown(change["field"], change[side], personal) for side in ("old", "new")}
            about = {name: value for name, value in change.items() if name != "quarantineid"}
            history.setdefault(change["quarantineid"], []).append({**about, **shown})
    return [
        RawRow(
            {name: value for name, value in row.items() if name != "rawdata"},
            {name: _shown(name, cell, personal) for name, cell in cells(row["table"], row["rawdata"]).items()},
            tuple(history.get(row["id"], ())),
        )
        for row in rows
    ]


def cells(table: str, rawdata: Mapping[str, Any]) -> dict[str, str | None]:
    """The raw data by column, in the table's order; bytes that are no text as "hex:..."."""
    found: dict[str, str | None] = {}
    for name in BY_NAME[table].column_names:
        value = rawdata.get(name)
        found[name] = f"hex:{value['hex']}" if isinstance(value, dict) else value
    return found


def _shown(column: str, value: str | None, personal: bool) -> str | None:
    return value if personal or column not in PERSONAL else masked(value)
