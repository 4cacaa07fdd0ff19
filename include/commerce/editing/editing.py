"""Edit transactions: everything is checked before anything changes, and every field is audited (domain.md B5).

All rows are worked set-based in one transaction. If one of them is refused, nothing is written at all. Only what is not
valid yet can be edited, and never what is posted (design rule 10): an edited transaction has to be validated, or an
order to be synchronized, again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.editing import audit, masters
from commerce.editing.parts import PARTS, cells_sql, editable, row_key, row_sql, version_sql
from commerce.errors import UsageError
from commerce.exchange.checking import literal, value_faults_sql
from commerce.schema.enums import ORDER_TYPES, DocumentOperationStatus, OrderStatus, RepairAction, ValidationStatus
from commerce.schema.fields import Field
from commerce.schema.uploaded import UploadedTable
from commerce.scope import Key, key_sql

Family = Literal["orders", "transactions"]
"""Orders, or everything else: a command edits one or the other."""
Outcome = Literal["changed", "unchanged", "refused"]

_ORDERS = ", ".join(str(int(kind)) for kind in ORDER_TYPES)


@dataclass(frozen=True)
class Edit:
    """A row of a transaction. `part`: one of `PARTS`; `row`: its key columns, empty for the header; `changes`: columns
    with new values, None for no value; `version`: what the row was when the person saw it; None: whatever it is."""

    transaction: Key
    part: str
    row: Mapping[str, str]
    changes: Mapping[str, str | None]
    version: str | None = None


@dataclass(frozen=True)
class Edited:
    """`reason` names columns, never values; `changes`: field, old and new value (may be personal data)."""

    transaction: Key
    part: str
    row: str
    outcome: Outcome
    reason: str = ""
    changes: tuple[Mapping[str, Any], ...] = field(default=())


@dataclass(frozen=True)
class Edition:
    """What `edit` did, or would do: `written` says whether it did."""

    rows: tuple[Edited, ...]
    written: bool

    @property
    def refused(self) -> bool:
        return any(row.outcome == "refused" for row in self.rows)

    @property
    def counts(self) -> dict[str, int]:
        names: tuple[Outcome, ...] = ("changed", "unchanged", "refused")
        return {name: sum(row.outcome == name for row in self.rows) for name in names}


def edit(hq: Engine, edits: Sequence[Edit], family: Family, *, by: str, reason: str, dry_run: bool = False) -> Edition:
    """Change transactions of one family. A row that is refused keeps all the others from being written.

    Args:
        dry_run: do the same and undo it.

    Raises:
        UsageError: a part or column is unknown or cannot be edited, a row is named twice. Nothing is done.
    """
    audit.check_words(by, reason)
    given = _given(edits)

    def work() -> Edition:
        with hq.connect() as connection:
            _give(connection, given)
            connection.execute(text(_TOUCHED), {"family": family})
            done: list[Edited] = _refused_transactions(connection)
            for name, table in PARTS.items():
                if any(one["part"] == name for one in given):
                    done += _edit(connection, name, table, by, reason)
            edition = Edition(tuple(sorted(done, key=lambda one: (one.transaction, one.part, one.row))), False)
            if dry_run or edition.refused:
                connection.rollback()
                return edition
            connection.execute(text(_VALIDATE_AGAIN))
            connection.execute(text(_SYNCHRONIZE_AGAIN), {"by": by})
            connection.execute(text(_CANCEL_AGAIN))
            connection.commit()
            return Edition(edition.rows, True)

    return retry_transient(work)


def _given(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """The edits as rows of JSON, with normal forms of their keys."""
    rows: list[dict[str, Any]] = []
    seen = set()
    for place, one in enumerate(edits):
        if one.part not in PARTS:
            raise UsageError(f"There is no part {one.part} of a transaction. The parts: {', '.join(PARTS)}.")
        table = PARTS[one.part]
        if strange := sorted(set(one.changes) - set(editable(table))):
            raise UsageError(
                f"{', '.join(strange)} of {one.part} cannot be edited. Its columns: {', '.join(editable(table))}."
            )
        row = _row(one, table)
        if any("\0" in value for value in (*row.values(), *(value or "" for value in one.changes.values()))):
            raise UsageError("A value has a NUL character, which no column can hold.")
        key = (one.transaction, one.part, tuple(row.items()))
        if key in seen:
            raise UsageError(f"{_words(one)} is named twice. Name it once, with all its changes.")
        seen.add(key)
        store, terminal, transaction = one.transaction
        rows.append(
            {
                "place": place,
                "part": one.part,
                "store": store,
                "terminal": terminal,
                "transactionid": transaction,
                "refkey": " ".join(f"{name}={value}" for name, value in row.items()),
                "changes": dict(one.changes),
                "version": one.version,
            }
        )
    return rows


def _row(one: Edit, table: UploadedTable) -> dict[str, str]:
    """The key columns of a row, numbers without superfluous zeros."""
    if set(one.row) != set(row_key(table)):
        raise UsageError(
            f"Say which row of {one.part} is meant: {', '.join(row_key(table)) or 'the header has no key'}."
        )
    decimals = {column.name for column in table.fields if column.kind == "decimal"}
    row = {}
    for name in row_key(table):
        value = one.row[name].strip()
        if name in decimals:
            try:
                number = Decimal(value)
                value = f"{number.normalize():f}" if number.is_finite() else value
            except InvalidOperation:
                raise UsageError(f"{_words(one)}: {name} is no number.") from None
        row[name] = value
    return row


def _words(one: Edit) -> str:
    return f"Transaction {one.transaction[2]}, {' '.join((one.part, *one.row.values()))}"


def _give(connection: Connection, given: Sequence[Mapping[str, Any]]) -> None:
    """Temporary table `given`, and the transactions in `touched`, whose headers are locked from here on."""
    connection.execute(
        text("""
        CREATE TEMP TABLE given ON COMMIT DROP AS
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
            place integer, part text, store text, terminal text, transactionid text, refkey text, changes jsonb,
            version text)
        """),
        {"rows": json.dumps(list(given))},
    )
    connection.execute(
        text(f"""
        SELECT count(*) FROM (
            SELECT t.store FROM ax.retailtransactiontable AS t
            WHERE {key_sql("t")} IN (SELECT store, terminal, transactionid FROM given)
            ORDER BY t.store, t.terminal, t.transactionid FOR UPDATE OF t) AS locked
        """)
    )


# Behind the lock: whoever posts, validates or synchronizes the transaction waits, and then finds another version.
_TOUCHED = f"""
    CREATE TEMP TABLE touched ON COMMIT DROP AS
    SELECT g.store, g.terminal, g.transactionid, t.dataareaid, CASE
        WHEN t.store IS NULL THEN 'there is no such transaction'
        WHEN :family = 'orders' AND t.type NOT IN ({_ORDERS}) THEN 'is no order: `commerce transactions edit`'
        WHEN :family = 'transactions' AND t.type IN ({_ORDERS}) THEN 'is an order: `commerce orders edit`'
        WHEN os.salesid IS NOT NULL THEN 'has sales order ' || os.salesid || ', nothing of it changes any more'
        WHEN d.status = {int(DocumentOperationStatus.SUCCEEDED)}
            THEN 'has canceled sales order ' || d.salesid || ', nothing of it changes any more'
        WHEN eod.statementid IS NOT NULL THEN 'stands in statement ' || eod.statementid
        WHEN t.validationstatus = {int(ValidationStatus.SUCCESSFUL)}
            THEN 'is valid: only what has errors, or is not validated yet, can be edited'
        ELSE '' END AS refused, FALSE AS changed
    FROM (SELECT DISTINCT store, terminal, transactionid FROM given) AS g
    LEFT JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("g")}
    LEFT JOIN ax.retaileodtransactiontable AS eod ON {key_sql("eod")} = {key_sql("t")}
    LEFT JOIN ax.retailtransactionorderstatus AS os ON {key_sql("os")} = {key_sql("t")}
    LEFT JOIN ax.retaildocumentoperation AS d ON {key_sql("d")} = {key_sql("t")}
"""
_VALIDATE_AGAIN = f"""
    UPDATE ax.retailtransactiontable AS t
    SET validationstatus = {int(ValidationStatus.NONE)}, validationdatetime = NULL, gaterun = NULL
    FROM touched AS c WHERE {key_sql("t")} = {key_sql("c")} AND c.changed
"""
_SYNCHRONIZE_AGAIN = f"""
    INSERT INTO ax.retailtransactionorderstatus AS os
        (store, terminal, transactionid, dataareaid, status, manuallymodified, lastedituser, modifieddatetime)
    SELECT c.store, c.terminal, c.transactionid, c.dataareaid, {int(OrderStatus.NONE)}, 1, :by, now()
    FROM touched AS c JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("c")}
    WHERE c.changed AND t.type IN ({_ORDERS}) ORDER BY 1, 2, 3
    ON CONFLICT (store, terminal, transactionid) DO UPDATE
    SET status = CASE os.status WHEN {int(OrderStatus.EDITING)} THEN os.status ELSE excluded.status END,
        manuallymodified = 1, lastedituser = excluded.lastedituser, errorclass = '', errordetail = '', retrycount = 0,
        nextattempt = NULL, failingsince = NULL, modifieddatetime = now()
"""
_CANCEL_AGAIN = f"""
    UPDATE ax.retaildocumentoperation AS d
    SET channelreferenceid = t.channelreferenceid, status = CASE d.status WHEN {
    int(DocumentOperationStatus.IGNORED)
} THEN d.status ELSE {int(DocumentOperationStatus.PENDING)} END,
        errorclass = '', errordetail = '', retrycount = 0, nextattempt = NULL, modifieddatetime = now()
    FROM touched AS c JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("c")}
    WHERE c.changed AND {key_sql("d")} = {key_sql("c")}
"""


def _refused_transactions(connection: Connection) -> list[Edited]:
    rows = connection.execute(
        text(f"""
        SELECT g.store, g.terminal, g.transactionid, g.part, g.refkey, c.refused
        FROM given AS g JOIN touched AS c ON {key_sql("c")} = {key_sql("g")} WHERE c.refused <> ''
        """)
    )
    return [
        Edited((row.store, row.terminal, row.transactionid), row.part, row.refkey, "refused", row.refused)
        for row in rows
    ]


def _edit(connection: Connection, part: str, table: UploadedTable, by: str, reason: str) -> list[Edited]:
    # Regular expressions and casts hold colons: plain SQL, in which the driver looks for no bind values.
    for statement in _statements(part, table):
        connection.exec_driver_sql(statement)
    changed = f"""
        SELECT e.store, e.terminal, e.transactionid, e.company AS dataareaid, {literal(table.name)} AS reftable,
               e.refkey, c.key AS fieldname, e.before ->> c.key AS oldvalue, c.value AS newvalue
        FROM edited AS e CROSS JOIN LATERAL jsonb_each_text(e.after) AS c
        WHERE e.refused = '' AND e.before ->> c.key IS DISTINCT FROM c.value"""
    audit.record(connection, RepairAction.EDITED, f"{changed} ORDER BY 1, 2, 3, 6, 7", by, reason)
    rows = connection.execute(
        text(f"""
        SELECT e.store, e.terminal, e.transactionid, e.refkey, e.refused,
               coalesce(jsonb_agg(jsonb_build_object('field', c.fieldname, 'old', c.oldvalue, 'new', c.newvalue)
                                  ORDER BY c.fieldname) FILTER (WHERE c.fieldname IS NOT NULL), '[]') AS changes
        FROM edited AS e
        LEFT JOIN ({changed}) AS c ON {key_sql("c")} = {key_sql("e")} AND c.refkey = e.refkey
        GROUP BY 1, 2, 3, 4, 5
        """)
    ).all()
    connection.execute(text("DROP TABLE edited"))
    return [
        Edited(
            (row.store, row.terminal, row.transactionid),
            part,
            row.refkey,
            "refused" if row.refused else "changed" if row.changes else "unchanged",
            row.refused,
            tuple(row.changes),
        )
        for row in rows
    ]


def _statements(part: str, table: UploadedTable) -> tuple[str, ...]:
    """Find and lock the rows with their values before; find what is wrong; compute the values after; write them.

    Temporary table `edited`: transaction, its company, refkey, changes, before and after (jsonb of texts), refused."""
    names = editable(table)
    fields = {one.name: one for one in table.fields}
    assert table.transaction_key is not None
    in_row = key_sql("s", table.transaction_key)
    wanted = ", ".join(
        f"CASE WHEN e.changes ? '{name}' THEN e.changes ->> '{name}' ELSE e.before ->> '{name}' END AS {name}"
        for name in table.column_names
    )
    new = f"(SELECT e.place, e.company, e.changes, {wanted} FROM edited AS e WHERE e.refused = '')"
    after = ", ".join(f"'{name}', CAST({_value(fields[name])} AS text)" for name in names)
    assignments = ", ".join(f"{name} = CAST(e.after ->> '{name}' AS {fields[name].postgresql_type})" for name in names)
    same_row = f"{in_row} = {key_sql('e')} AND {row_sql(table)} = e.refkey"
    return (
        f"""
        CREATE TEMP TABLE edited ON COMMIT DROP AS
        SELECT g.place, g.store, g.terminal, g.transactionid, c.dataareaid AS company, g.refkey, g.changes,
               {cells_sql(table)} AS before, CAST(NULL AS jsonb) AS after,
               CASE WHEN s.{table.transaction_key[0]} IS NULL THEN 'there is no such row'
                    WHEN g.version <> {version_sql(table)} THEN 'has changed since the export'
                    ELSE '' END AS refused
        FROM given AS g
        JOIN touched AS c ON {key_sql("c")} = {key_sql("g")} AND c.refused = ''
        LEFT JOIN ax.{table.name} AS s ON {in_row} = {key_sql("g")} AND {row_sql(table)} = g.refkey
        WHERE g.part = {literal(part)} ORDER BY g.place
        """,
        f"""
        UPDATE edited AS t SET refused = c.reason
        FROM (SELECT l.place, {value_faults_sql(table)} AS reason FROM {new} AS l) AS c
        WHERE c.place = t.place AND c.reason <> ''
        """,
        f"""
        UPDATE edited AS t SET refused = c.reason
        FROM (SELECT n.place, {masters.faults_sql(names)} AS reason FROM {new} AS n) AS c
        WHERE c.place = t.place AND c.reason <> ''
        """,
        f"""
        UPDATE edited AS t SET after = c.after
        FROM (SELECT l.place, jsonb_build_object({after}) AS after FROM {new} AS l) AS c
        WHERE c.place = t.place
        """,
        f"""
        UPDATE ax.{table.name} AS s SET {assignments}
        FROM edited AS e
        WHERE {same_row} AND e.refused = '' AND EXISTS (
            SELECT FROM jsonb_each_text(e.after) AS c WHERE e.before ->> c.key IS DISTINCT FROM c.value)
        """,
        f"""
        UPDATE touched AS c SET changed = TRUE FROM edited AS e
        WHERE {key_sql("c")} = {key_sql("e")} AND e.refused = '' AND EXISTS (
            SELECT FROM jsonb_each_text(e.after) AS v WHERE e.before ->> v.key IS DISTINCT FROM v.value)
        """,
    )


def _value(one: Field) -> str:
    """The value as its column keeps it: a missing one is the product's blank."""
    value = f"l.{one.name}" if one.blank is None else f"coalesce(l.{one.name}, '{one.blank}')"
    return f"CAST({value} AS {one.postgresql_type})"
