"""Rows of channels that headquarters could not take: with their raw data, the reason and the class of error (design
rule 6).

A row that is sent again by its channel, mended and under a new counter, settles the one that waits here.
"""

from __future__ import annotations

from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.content import hash_sql, raw_hash_sql
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
              AND q.tablename = {literal(table.name)}
              AND (q.rawdata = s.rawdata OR q.rawhash = {raw_hash_sql(table, "s.rawdata")}))
        ORDER BY s.{COUNTER}
        ON CONFLICT DO NOTHING
        """


def skip_settled(landing: Landing, table: UploadedTable, database: ChannelDatabase) -> int:
    """Remove landed rows that are read again, but whose quarantine a person or a resent row has settled meanwhile: the
    mended row is in headquarters, or somebody gave the row up. Returns how many.

    Known by place and content, or, in a database that was restored, by content alone.
    """
    of_table = f"q.datastore = {database.recid} AND q.tablename = {literal(table.name)}"
    settled = f"{of_table} AND q.status <> {int(QuarantineStatus.OPEN)}"
    if not landing.rows(f"SELECT 1 FROM cdx.quarantine AS q WHERE {settled} LIMIT 1"):
        return 0
    same_row = f"coalesce(q.rawhash, {raw_hash_sql(table)}) = {hash_sql(table)}"
    delete = f"DELETE FROM {landing_name(table)} AS l USING cdx.quarantine AS q WHERE {settled}"
    skipped = landing.execute(
        f"{delete} AND q.incarnation = {database.incarnation} AND q.{COUNTER} = l.{COUNTER} AND {same_row}"
    )
    if database.incarnation > 1:
        skipped += landing.execute(f"{delete} AND q.incarnation < {database.incarnation} AND {same_row}")
    return skipped


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
