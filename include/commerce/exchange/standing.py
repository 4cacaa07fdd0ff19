"""How a channel database stands in headquarters: what waits for it, and what it should have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, text

from commerce.database import autocommit
from commerce.exchange import heartbeat
from commerce.exchange.book import Page
from commerce.exchange.channels import ChannelDatabase
from commerce.schema.enums import DownloadSessionStatus as Status

_READ = """
SELECT p.fullsyncreason, p.comparedownloads, w.* FROM cdx.retailconndatabaseprofile AS p LEFT JOIN (
    SELECT d.session, d.status, d.message, s.kind, s.status AS made, s.rowsaffected, d.rowsaffected AS applied
    FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
    WHERE d.datastore = :datastore AND d.status NOT IN (4, 5, 9)
    UNION ALL
    SELECT d.session, d.status, '', '', d.status, 0, d.rowsaffected
    FROM cdx.retailcdxdownloadsessiondatastore AS d WHERE d.datastore = :datastore AND d.session IN (
        (SELECT n.session FROM cdx.retailcdxdownloadsessiondatastore AS n
         WHERE n.datastore = :datastore AND n.status = :applied ORDER BY n.session DESC LIMIT 1),
        (SELECT max(n.session) FROM cdx.retailcdxdownloadsession AS s
         JOIN cdx.retailcdxdownloadsessiondatastore AS n ON n.session = s.session AND n.datastore = :datastore
         WHERE s.datagroup = :group AND s.kind = 'full' AND n.status = :applied))
) AS w ON TRUE
WHERE p.recid = :datastore ORDER BY w.session
"""
READ = text(_READ)
REACHED = text(f"""
WITH contact AS ({heartbeat.RECORD}) {_READ}
""")


@dataclass(frozen=True)
class Standing:
    """Of one database. `full_sync_reason`: why it needs a full resynchronization ('': it does not); `compare`: what it
    has is to be compared with all that headquarters has sent; `expected`: rows by session of the newest session that it
    has applied and of the newest full one; `pending`: what waits, in order (session, status, message, kind, made: the
    session's own status, rowsaffected)."""

    full_sync_reason: str
    compare: bool
    expected: Mapping[int, int]
    pending: Sequence[Row[Any]]

    def waiting(self, kind: str) -> list[Row[Any]]:
        """Sessions of a kind that wait."""
        return [row for row in self.pending if row.kind == kind]


def read(page: Page, database: ChannelDatabase, *, reached: bool = False) -> Standing:
    """Read how `database` stands; `reached`: and record that it was reached just now."""
    return _standing(page.execute(REACHED if reached else READ, _values(database)))


def peek(hq: Engine, database: ChannelDatabase) -> Standing:
    """Read how `database` stands without its lock."""
    with autocommit(hq) as connection:
        return _standing(connection.execute(READ, _values(database)).all())


def _values(database: ChannelDatabase) -> dict[str, int]:
    return {"datastore": database.recid, "group": database.data_group, "applied": Status.APPLIED}


def _standing(found: Sequence[Row[Any]]) -> Standing:
    rows = [row for row in found if row.session is not None]
    return Standing(
        full_sync_reason=str(found[0].fullsyncreason),
        compare=bool(found[0].comparedownloads),
        expected={int(row.session): int(row.applied) for row in rows if row.status == Status.APPLIED},
        pending=[row for row in rows if row.status != Status.APPLIED],
    )
