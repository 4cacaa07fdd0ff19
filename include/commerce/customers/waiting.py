"""What unposted transactions wait for: references to asynchronous customers and addresses that lead nowhere yet.

Late binding remembers them, with why and since when (domain F 7): what has not arrived for hours is an alarm, what
stands in quarantine is named. A reference that leads somewhere is forgotten.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import CustomerAsyncOperation, QuarantineStatus, SyncStatus, WaitingReason
from commerce.scope import Scope, key_sql, open_sql

_KEY = "store, terminal, transactionid, kind, reference"

# Relation `unbound` (see `references.unbound_sql`) has what was unknown before the conversion.
_WAITING = """
    CREATE TEMP TABLE waiting ON COMMIT DROP AS
    SELECT DISTINCT u.store, u.terminal, u.transactionid, 'customer' AS kind, u.custaccountasync AS reference,
           u.dataareaid, CAST('' AS text) AS reason, CAST(NULL AS bigint) AS quarantineid
    FROM unbound AS u
    WHERE NOT u.customer_known AND NOT EXISTS (
        SELECT FROM ax.custaccountasyncmap AS m
        WHERE (m.dataareaid, m.custaccountasync) = (u.dataareaid, u.custaccountasync) AND m.accountnum IS NOT NULL)
    UNION
    SELECT DISTINCT u.store, u.terminal, u.transactionid, 'address', u.addressidasync, u.dataareaid, '',
           CAST(NULL AS bigint)
    FROM unbound AS u
    WHERE NOT u.address_known AND NOT EXISTS (
        SELECT FROM ax.asyncaddressmap AS m WHERE (m.dataareaid, m.addressid) = (u.dataareaid, u.addressidasync))
"""


def _staged(kind: str, table: str, column: str) -> str:
    """The rows of `kind` that headquarters has of what is referred to: reason by reference."""
    return f"""
        SELECT '{kind}' AS kind, s.dataareaid, s.{column} AS reference,
               CASE WHEN bool_or(s.syncstatus = {SyncStatus.FAILED}) THEN '{WaitingReason.FAILED}'
                    WHEN bool_and(s.syncstatus = {SyncStatus.IGNORED}) THEN '{WaitingReason.IGNORED}'
                    ELSE '{WaitingReason.UNCONVERTED}' END AS reason
        FROM (SELECT DISTINCT dataareaid, reference FROM waiting WHERE kind = '{kind}') AS w
        JOIN ax.{table} AS s ON s.dataareaid = w.dataareaid AND s.{column} = w.reference
        GROUP BY s.dataareaid, s.{column}"""


def _quarantined(kind: str, table: str, column: str) -> str:
    """What would create them and stands in quarantine."""
    edits = ", ".join(f"'{int(one)}'" for one in (CustomerAsyncOperation.UPDATE, CustomerAsyncOperation.DEACTIVATE))
    return f"""
        SELECT '{kind}' AS kind, w.reference, min(q.quarantineid) AS quarantineid
        FROM (SELECT DISTINCT reference FROM waiting WHERE kind = '{kind}') AS w
        JOIN cdx.quarantine AS q ON q.rawdata ->> '{column}' = w.reference
        WHERE q.status = {int(QuarantineStatus.OPEN)} AND q.tablename = '{table}'
          AND coalesce(q.rawdata ->> 'operation', '') NOT IN ({edits})
        GROUP BY w.reference"""


_PLACES = (
    ("customer", "retailasynccustomerv2", "custaccountasync"),
    ("address", "retailasyncaddressv2", "addressid"),
)
_REASONS = f"""
    UPDATE waiting AS w
    SET reason = CASE WHEN q.quarantineid IS NOT NULL THEN '{WaitingReason.QUARANTINED}'
                      ELSE coalesce(s.reason, '{WaitingReason.MISSING}') END,
        quarantineid = q.quarantineid
    FROM waiting AS o
    LEFT JOIN ({" UNION ALL ".join(_staged(*place) for place in _PLACES)}) AS s
        ON (s.kind, s.dataareaid, s.reference) = (o.kind, o.dataareaid, o.reference)
    LEFT JOIN ({" UNION ALL ".join(_quarantined(*place) for place in _PLACES)}) AS q
        ON (q.kind, q.reference) = (o.kind, o.reference)
    WHERE (o.store, o.terminal, o.transactionid, o.kind, o.reference)
        = (w.store, w.terminal, w.transactionid, w.kind, w.reference)
"""
# An open order that was not looked at, as a person edits it or has to, waits on, and as long as before.
_FORGET = f"""
    DELETE FROM ax.retailtransactionwaitingreference AS w
    USING ax.retailtransactiontable AS t, ax.retailchanneltable AS ch
    WHERE {key_sql("t")} = {key_sql("w")} AND ch.retailchannelid = t.store AND t.type = ANY(:types) AND {{dated}}
      AND (w.store, w.terminal, w.transactionid, w.kind, w.reference) NOT IN (SELECT {_KEY} FROM waiting)
      AND ({key_sql("w")} IN (SELECT store, terminal, transactionid FROM selected) OR NOT {open_sql("t")}
           OR CASE w.kind WHEN 'customer' THEN EXISTS (
               SELECT FROM ax.custaccountasyncmap AS m
               WHERE (m.dataareaid, m.custaccountasync) = (w.dataareaid, w.reference) AND m.accountnum IS NOT NULL)
           ELSE EXISTS (SELECT FROM ax.asyncaddressmap AS m
                        WHERE (m.dataareaid, m.addressid) = (w.dataareaid, w.reference)) END)
"""
_REMEMBER = f"""
    INSERT INTO ax.retailtransactionwaitingreference AS w ({_KEY}, dataareaid, reason, quarantineid)
    SELECT {_KEY}, dataareaid, reason, quarantineid FROM waiting ORDER BY {_KEY}
    ON CONFLICT ({_KEY}) DO UPDATE SET reason = excluded.reason, quarantineid = excluded.quarantineid
    WHERE (w.reason, w.quarantineid) IS DISTINCT FROM (excluded.reason, excluded.quarantineid)
"""


def remember(connection: Connection, scope: Scope, types: list[int]) -> None:
    """Write what the transactions of `types` in `scope` wait for, from the temporary tables `selected` (those that were
    looked at) and `unbound` and the maps as they are now; forget what they waited for before."""
    for statement in (_WAITING, "ANALYZE waiting", _REASONS):
        connection.execute(text(statement))
    connection.execute(text(_FORGET.format(dated=scope.dated_sql())), {**scope.parameters, "types": types})
    connection.execute(text(_REMEMBER))


def sentence_sql(waiting: str = "w", quarantine: str = "q") -> str:
    """SQL: what one row says to people; without personal data. `quarantine` is left-joined by its quarantineid."""
    reasons = " ".join(
        f"WHEN '{reason}' THEN {words}"
        for reason, words in {
            WaitingReason.QUARANTINED: (
                f"'its row stands in quarantine as number ' || {quarantine}.quarantineid || ' (' ||"
                f" {quarantine}.tablename || ', upload session ' || {quarantine}.uploadsession || ', counter ' ||"
                f" {quarantine}.replicationcounterfromorigin || ').'"
            ),
            WaitingReason.FAILED: "'its row could not be converted.'",
            WaitingReason.IGNORED: "'a person has given its row up.'",
            WaitingReason.UNCONVERTED: "'its row waits for conversion.'",
            WaitingReason.MISSING: "'its row has not arrived.'",
        }.items()
    )
    return (
        f"initcap({waiting}.kind) || ' ' || {waiting}.reference || ' is not known at headquarters: '"
        f" || CASE {waiting}.reason {reasons} END"
    )
