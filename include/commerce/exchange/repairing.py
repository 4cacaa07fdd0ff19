"""Repair of rows in quarantine by a person: fix, retry, ignore (design rule 6).

A mended row takes the way of uploaded rows: the same check, the same care for late rows, the same table. It keeps its
place (origin, incarnation, counter), its session and the hash of what the *channel* has: whoever reads the channel's
row again, in this incarnation or after a restore, finds it taken. Nothing is written of a row that is refused.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import Engine, text

from commerce.database import retry_transient
from commerce.errors import UsageError
from commerce.exchange.channels import ChannelDatabase, databases_of
from commerce.exchange.checking import literal
from commerce.exchange.content import raw_hash_sql
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import BAD, Landing, landing_name
from commerce.exchange.moving import Move
from commerce.schema.enums import QuarantineStatus
from commerce.schema.uploaded import BY_NAME, UploadedTable

Outcome = Literal["taken", "here_already", "refused", "settled", "ignored"]
"""What became of a row: taken into headquarters (or would be, in a dry run); found there already; refused, with the
reason; settled meanwhile by its channel or by somebody else; given up."""

_PLACES = text("""
SELECT q.quarantineid, q.datastore, q.incarnation, q.tablename,
       (SELECT min(ch.retailchannelid) FROM cdx.retailcdxdatastorechannel AS d
        JOIN ax.retailchanneltable AS ch ON ch.recid = d.channel WHERE d.databaseprofile = q.datastore) AS store
FROM cdx.quarantine AS q WHERE q.quarantineid = ANY(:ids) ORDER BY q.quarantineid
""")
_IGNORE = text("""
WITH chosen AS (
    SELECT quarantineid FROM cdx.quarantine WHERE quarantineid = ANY(:ids) AND status = :open
    ORDER BY quarantineid FOR UPDATE
), ignored AS (
    UPDATE cdx.quarantine AS q SET status = :ignored, resolveddatetime = now()
    FROM chosen AS c WHERE q.quarantineid = c.quarantineid RETURNING q.quarantineid
)
INSERT INTO cdx.quarantineaudit (quarantineid, kind, changedby, reason)
SELECT quarantineid, 'ignored', :by, :reason FROM ignored ORDER BY quarantineid RETURNING quarantineid
""")
_UNREADABLE = "no text (a blob, a NUL character or invalid UTF-8)"
_PURGED = "its personal data was purged; only its channel can send it again"
_GIVEN = pa.schema([("quarantineid", pa.int64()), ("changes", pa.string())])


@dataclass(frozen=True)
class Repair:
    """What a person wants done to a row: columns with new values (None: no value), or none to try it as it is."""

    quarantineid: int
    changes: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Repaired:
    """`table` and `reason` name columns, never values."""

    quarantineid: int
    table: str
    outcome: Outcome
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.quarantineid, "table": self.table, "outcome": self.outcome, "reason": self.reason}


def repair(
    hq: Engine, repairs: Sequence[Repair], *, by: str, reason: str = "", dry_run: bool = False
) -> list[Repaired]:
    """Take rows out of quarantine into headquarters, with changes or, after setup has changed, as they are. Ignored
    rows can be repaired too. Rows of one channel database and table are one transaction.

    Args:
        by: who asks; kept with old and new values in the audit.
        dry_run: do the same and undo it.

    Returns:
        An outcome for each row, in the order of their numbers.

    Raises:
        UsageError: a number is unknown or given twice, or a column is not one of the row's table. Nothing is done.
    """
    _check_words(by, reason)
    wanted = {one.quarantineid: one for one in repairs}
    if len(wanted) < len(repairs):
        raise UsageError("A row in quarantine is named twice. Name it once, with all its changes.")
    groups, databases = _groups(hq, wanted)
    outcomes: list[Repaired] = []
    with Landing(hq) as landing:
        for (datastore, incarnation, name), numbers in groups.items():
            database = replace(databases[datastore], incarnation=incarnation)
            mend = _Mend(landing, BY_NAME[name], database, [wanted[number] for number in numbers])
            outcomes += retry_transient(lambda mend=mend: mend.mend(by, reason, dry_run))  # type: ignore[misc]
    return sorted(outcomes, key=lambda one: one.quarantineid)


def ignore(hq: Engine, numbers: Sequence[int], *, by: str, reason: str) -> list[Repaired]:
    """Give rows up, for a reason that others can read. A row that is not open any more is left as it is.

    Raises:
        UsageError: a number is unknown, or no reason is given.
    """
    _check_words(by, reason)
    if not reason.strip():
        raise UsageError("Say why the row is given up: --reason TEXT. Others read it, so name no person in it.")
    tables = {row.quarantineid: row.tablename for row in _places(hq, numbers)}
    values = {"ids": list(numbers), "by": by, "reason": reason.strip()}
    states = {"open": QuarantineStatus.OPEN, "ignored": QuarantineStatus.IGNORED}
    with hq.begin() as connection:
        ignored = set(connection.scalars(_IGNORE, {**values, **states}))
    return [
        Repaired(number, table, "ignored") if number in ignored else Repaired(number, table, "settled", _SETTLED)
        for number, table in tables.items()
    ]


def _check_words(by: str, reason: str) -> None:
    if not by.strip() or len(by) > 60 or "\0" in by + reason:
        raise UsageError("Say in at most 60 characters who repairs: --by NAME.")


_SETTLED = "it is not open any more: its channel has sent it again, or somebody has settled it"


def _places(hq: Engine, numbers: Sequence[int]) -> Sequence[Any]:
    with hq.connect() as connection:
        rows = connection.execute(_PLACES, {"ids": list(numbers)}).all()
    unknown = sorted(set(numbers) - {row.quarantineid for row in rows})
    if unknown:
        raise UsageError(
            f"No row in quarantine has the number {', '.join(map(str, unknown))}. "
            "`commerce quarantine list` shows them."
        )
    return rows


def _groups(
    hq: Engine, wanted: Mapping[int, Repair]
) -> tuple[dict[tuple[int, int, str], list[int]], dict[int, ChannelDatabase]]:
    """The rows by database, incarnation and table, headers before lines; and the databases."""
    rows = _places(hq, list(wanted))
    groups: defaultdict[tuple[int, int, str], list[int]] = defaultdict(list)
    for row in rows:
        columns = BY_NAME[row.tablename].column_names
        strange = sorted(set(wanted[row.quarantineid].changes) - set(columns))
        if strange:
            raise UsageError(
                f"Row {row.quarantineid} is of {row.tablename}, which has no column {', '.join(strange)}. "
                f"Its columns: {', '.join(columns)}."
            )
        groups[row.datastore, row.incarnation, row.tablename].append(row.quarantineid)
    order = list(BY_NAME)
    found = databases_of(hq, sorted({row.store for row in rows}))
    return (
        dict(sorted(groups.items(), key=lambda group: (group[0][0], group[0][1], order.index(group[0][2])))),
        {database.recid: database for database in found},
    )


class _Mend(Move):
    """Rows of one database and table on their way out of quarantine."""

    def __init__(
        self, landing: Landing, table: UploadedTable, database: ChannelDatabase, repairs: Sequence[Repair]
    ) -> None:
        super().__init__(landing, table, database, 0)
        mended = f"FROM mended AS m WHERE m.{COUNTER} = l.{COUNTER}"
        self._session_sql = f"(SELECT m.uploadsession {mended})"
        self._content = f"(SELECT m.contenthash {mended})"
        self._repairs = repairs

    def mend(self, by: str, reason: str, dry_run: bool) -> list[Repaired]:
        landing = self._landing
        landing.clear()
        landing.ensure(self._table)
        for name, columns in (
            ("given", "quarantineid bigint, changes text"),
            (
                "mended",
                f"quarantineid bigint, {COUNTER} bigint, rawdata jsonb, changes jsonb, contenthash uuid,"
                " uploadsession bigint",
            ),
            ("refused", f"{COUNTER} bigint, reason text"),
        ):
            landing.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns})")
            landing.execute(f"TRUNCATE {name}")
        landing.execute(f"CREATE INDEX IF NOT EXISTS mended_counter ON mended ({COUNTER})")
        given = [(one.quarantineid, json.dumps(one.changes)) for one in self._repairs]
        landing.append("given", pa.table(list(zip(*given, strict=True)), schema=_GIVEN).to_batches())
        landing.execute("BEGIN")
        try:
            self._land()
            self._skip_here_already()
            self._check()
            self.take(True)
            outcomes = self._outcomes()
            self._record(by, reason)
        except BaseException:
            landing.execute("ROLLBACK")
            raise
        landing.execute("ROLLBACK" if dry_run else "COMMIT")
        return outcomes

    def _land(self) -> None:
        """Lock the rows (an upload may be settling one of them) and put them, changed, into the landing table."""
        names = self._table.column_names
        self._landing.execute(
            f"INSERT INTO mended SELECT q.quarantineid, q.{COUNTER}, q.rawdata, g.changes::jsonb,"
            f" coalesce(q.rawhash, {raw_hash_sql(self._table)}), q.uploadsession"
            " FROM cdx.quarantine AS q JOIN given AS g USING (quarantineid)"
            f" WHERE q.status <> {int(QuarantineStatus.RESOLVED)}"
            " ORDER BY q.quarantineid FOR UPDATE OF q"
        )
        values = ", ".join(f"w.cells ->> {literal(name)}" for name in names)
        whole = "(SELECT quarantineid, " + f"{COUNTER}, rawdata || changes AS cells FROM mended)"
        self._left = self._landing.execute(
            f"INSERT INTO {self._name} ({COUNTER}, {', '.join(names)}) SELECT w.{COUNTER}, {values} FROM {whole} AS w"
        )
        self._landing.execute(
            f"INSERT INTO {BAD} SELECT {literal(self._table.name)}, w.{COUNTER},"
            f" {literal(_UNREADABLE + ': ')} || string_agg(c.key, ', ' ORDER BY c.key)"
            f" FROM {whole} AS w CROSS JOIN LATERAL jsonb_each(w.cells) AS c WHERE jsonb_typeof(c.value) = 'object'"
            f" GROUP BY w.{COUNTER}"
        )
        self._landing.execute(
            f"INSERT INTO {BAD} SELECT {literal(self._table.name)}, m.{COUNTER}, {literal(_PURGED)} FROM mended AS m"
            " JOIN cdx.quarantine AS q USING (quarantineid) WHERE q.rawhash IS NOT NULL"
        )

    def _skip_here_already(self) -> None:
        """Rows whose place in headquarters is taken by their own content: somebody has read the channel again."""
        self._landing.execute(
            f"DELETE FROM {self._name} AS l USING ax.{self._table.name} AS t, mended AS m"
            f" WHERE m.{COUNTER} = l.{COUNTER} AND t.origin = {self._database.recid}"
            f" AND t.incarnation = {self._database.incarnation} AND t.{COUNTER} = l.{COUNTER}"
            " AND t.contenthash = m.contenthash"
        )
        self._left = self._count()

    def _quarantine_bad(self) -> None:
        """Refused rows stay where they are."""
        of_table = f"WHERE tablename = {literal(self._table.name)}"
        self._landing.execute(
            f"INSERT INTO refused SELECT {COUNTER}, string_agg(DISTINCT reason, '; ') FROM {BAD} {of_table}"
            f" GROUP BY {COUNTER}"
        )
        self._landing.execute(f"DELETE FROM {self._name} AS l USING refused AS r WHERE r.{COUNTER} = l.{COUNTER}")
        self._landing.execute(f"DELETE FROM {BAD} {of_table}")
        self._left = self._count()

    def _outcomes(self) -> list[Repaired]:
        rows = self._landing.rows(
            "SELECT g.quarantineid, CASE WHEN m.quarantineid IS NULL THEN 'settled' WHEN r.reason IS NOT NULL THEN"
            f" 'refused' WHEN l.{COUNTER} IS NULL THEN 'here_already' ELSE 'taken' END, coalesce(r.reason, '')"
            f" FROM given AS g LEFT JOIN mended AS m USING (quarantineid) LEFT JOIN refused AS r USING ({COUNTER})"
            f" LEFT JOIN {landing_name(self._table)} AS l USING ({COUNTER}) ORDER BY 1"
        )
        return [
            Repaired(number, self._table.name, outcome, _SETTLED if outcome == "settled" else reason)
            for number, outcome, reason in rows
        ]

    def _record(self, by: str, reason: str) -> None:
        """Settle the rows that got through, with old and new values; a retry that failed again has a new reason."""
        said = f"{literal(by)}, {literal(reason)}"
        done = f"FROM mended AS m LEFT JOIN refused AS r USING ({COUNTER}) WHERE r.{COUNTER} IS NULL"
        self._landing.execute(
            "INSERT INTO cdx.quarantineaudit (quarantineid, kind, field, oldvalue, newvalue, changedby, reason)"
            f" SELECT m.quarantineid, CASE WHEN m.changes = '{{}}' THEN 'retried' ELSE 'fixed' END,"
            f" coalesce(c.key, ''), CASE jsonb_typeof(m.rawdata -> c.key) WHEN 'object' THEN"
            " 'hex:' || (m.rawdata -> c.key ->> 'hex') ELSE m.rawdata ->> c.key END, c.value,"
            f" {said} FROM mended AS m LEFT JOIN refused AS r USING ({COUNTER})"
            " LEFT JOIN LATERAL jsonb_each_text(m.changes) AS c ON true"
            f" WHERE r.{COUNTER} IS NULL ORDER BY m.quarantineid, c.key"
        )
        self._landing.execute(
            f"UPDATE cdx.quarantine AS q SET status = {int(QuarantineStatus.RESOLVED)}, resolveddatetime = now()"
            f" WHERE q.quarantineid IN (SELECT m.quarantineid {done})"
        )
        self._landing.execute(
            f"UPDATE cdx.quarantine AS q SET reason = r.reason FROM mended AS m JOIN refused AS r USING ({COUNTER})"
            " WHERE q.quarantineid = m.quarantineid AND m.changes = '{}' AND q.reason <> r.reason"
        )
