"""Rows of channels that headquarters could not take: with their raw data, the reason and the class of error (design
rule 6).

A row that is sent again by its channel, mended and under a new counter, settles the one that waits here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import BAD, UNREADABLE, Landing, landing_name
from commerce.schema.enums import CustomerAsyncOperation, ErrorClass, QuarantineStatus
from commerce.schema.uploaded import (
    ASYNC_ADDRESS,
    ASYNC_AFFILIATION,
    ASYNC_ATTRIBUTE,
    ASYNC_CONTACT,
    ASYNC_CUSTOMER,
    EXTERNAL_IDENTITY,
    UploadedTable,
)

LISTED = text("""
SELECT q.quarantineid, p.name AS database, q.tablename, q.replicationcounterfromorigin, q.reason, q.errorclass,
       q.status, q.createddatetime
FROM cdx.quarantine AS q
JOIN cdx.retailconndatabaseprofile AS p ON p.recid = q.datastore
WHERE q.status = :open OR :settled
ORDER BY q.quarantineid
""")
COUNT = text("SELECT count(*) FROM cdx.quarantine WHERE status = :open")

_OWNER = ("dataareaid", "custaccountasync", "custaccount", "operation")
_IDENTITIES: dict[str, tuple[str, ...]] = {
    ASYNC_CUSTOMER.name: _OWNER,
    ASYNC_ADDRESS.name: (*_OWNER, "addressid"),
    ASYNC_CONTACT.name: (*_OWNER, "contactid"),
    ASYNC_AFFILIATION.name: (*_OWNER, "retailaffiliationid"),
    ASYNC_ATTRIBUTE.name: (*_OWNER, "attributerecid"),
    EXTERNAL_IDENTITY.name: ("externalidentityid", "providerid"),
}
"""What makes a row of an operation log "the same again" when its channel sends it a second time."""


@dataclass(frozen=True)
class QuarantinedRow:
    """A row in quarantine, without its data. `database`: name of the channel database; `status`: QuarantineStatus."""

    quarantineid: int
    database: str
    table: str
    counter: int
    reason: str
    error_class: ErrorClass
    status: QuarantineStatus
    created: datetime


def listed(hq: Engine, *, settled: bool = False) -> list[QuarantinedRow]:
    """Rows that wait, oldest first; with `settled` the resolved and the ignored ones too."""
    with hq.connect() as connection:
        rows = connection.execute(LISTED, {"open": QuarantineStatus.OPEN, "settled": settled}).all()
    return [
        QuarantinedRow(
            row.quarantineid,
            row.database,
            row.tablename,
            row.replicationcounterfromorigin,
            row.reason,
            ErrorClass(row.errorclass),
            QuarantineStatus(row.status),
            row.createddatetime,
        )
        for row in rows
    ]


def count(hq: Engine) -> int:
    """How many rows wait."""
    with hq.connect() as connection:
        return int(connection.execute(COUNT, {"open": QuarantineStatus.OPEN}).scalar_one())


def take_bad(landing: Landing, table: UploadedTable, database: ChannelDatabase, session: int) -> int:
    """Move the landed rows of `table` that stand in the `bad` table to quarantine; returns how many are new there."""
    gone = f"""
        WITH bad AS (
            SELECT {COUNTER}, string_agg(DISTINCT reason, '; ') AS reason FROM {BAD}
            WHERE tablename = {literal(table.name)} GROUP BY {COUNTER}
        ), gone AS (
            DELETE FROM {landing_name(table)} AS l USING bad AS b WHERE l.{COUNTER} = b.{COUNTER}
            RETURNING l.{COUNTER}, to_jsonb(l) - '{COUNTER}' AS rawdata, b.reason
        )
        """
    taken = landing.execute(gone + _insert(table, database, session, "gone"))
    landing.execute(f"DELETE FROM {BAD} WHERE tablename = {literal(table.name)}")
    return taken


def take_unreadable(landing: Landing, table: UploadedTable, database: ChannelDatabase, session: int) -> int:
    """Move the rows of `table` that could not land to quarantine; returns how many are new there."""
    gone = f"""
        WITH gone AS (
            SELECT {COUNTER}, rawdata::jsonb AS rawdata, reason FROM {UNREADABLE}
            WHERE tablename = {literal(table.name)}
        )
        """
    return landing.execute(gone + _insert(table, database, session, "gone"))


def _insert(table: UploadedTable, database: ChannelDatabase, session: int, source: str) -> str:
    """A row that an earlier incarnation of the database has put here with the same data is not put here again."""
    return f"""
        INSERT INTO cdx.quarantine
            (datastore, incarnation, tablename, {COUNTER}, rawdata, reason, errorclass, uploadsession)
        SELECT {database.recid}, {database.incarnation}, {literal(table.name)}, s.{COUNTER}, s.rawdata, s.reason,
               {literal(ErrorClass.PERMANENT)}, {session}
        FROM {source} AS s
        WHERE NOT EXISTS (
            SELECT FROM cdx.quarantine AS q
            WHERE q.datastore = {database.recid} AND q.incarnation < {database.incarnation}
              AND q.tablename = {literal(table.name)} AND q.rawdata = s.rawdata)
        ORDER BY s.{COUNTER}
        ON CONFLICT DO NOTHING
        """


def settle_resent(landing: Landing, table: UploadedTable, database: ChannelDatabase, session: int) -> None:
    """Resolve waiting rows of earlier sessions whose identity stands among the rows just taken (the landing table)."""
    waiting = (
        f"q.datastore = {database.recid} AND q.tablename = {literal(table.name)}"
        f" AND q.status = {int(QuarantineStatus.OPEN)} AND q.uploadsession < {session}"
    )
    if not landing.rows(f"SELECT 1 FROM cdx.quarantine AS q WHERE {waiting} LIMIT 1"):
        return
    same = " AND ".join(_same(name) for name in table.natural_key or _IDENTITIES[table.name])
    if "operation" in table.column_names:  # a customer is created once, but edited often: an edit has its own time
        same += f" AND (l.operation = '{int(CustomerAsyncOperation.CREATE)}' OR {_same('createddatetime')})"
    landing.execute(
        f"UPDATE cdx.quarantine AS q SET status = {int(QuarantineStatus.RESOLVED)}, resolveddatetime = now()"
        f" FROM {landing_name(table)} AS l WHERE {waiting} AND {same}"
    )


def _same(column: str) -> str:
    return f"l.{column} IS NOT DISTINCT FROM (q.rawdata ->> {literal(column)})"
