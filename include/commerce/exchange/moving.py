"""Move landed rows of one table to headquarters' table, with casts and content hash, inside the slice's transaction.

All rows at once first. What headquarters refuses is found by the check, and what still fails by halving. A row whose
key is taken is looked at: the same row again, a channel restored from a backup, or another row with the same natural
key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from commerce.database import TRANSIENT_STATES, describe_error, sqlstate
from commerce.exchange import erased, late, quarantine
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import check_statement, literal
from commerce.exchange.content import hash_sql
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import BAD, Landing, landing_name
from commerce.exchange.restored import restored
from commerce.schema.fields import Field
from commerce.schema.uploaded import TRANSACTION, UploadedTable

_LEFT = "leftover"
_DATA_ERRORS = ("22", "23")
"""Classes of SQLSTATE that blame the data (data exception, integrity constraint violation)."""
_UNIQUE_VIOLATION = "23505"


@dataclass(frozen=True)
class Moved:
    """Rows of one table: taken now, and put to quarantine now. Rows that were here already count in neither."""

    rows: int = 0
    quarantined: int = 0


def move(
    landing: Landing, table: UploadedTable, database: ChannelDatabase, session: int, landed: int, *, doubtful: bool
) -> Moved:
    """Move the `landed` rows of `table`; afterwards its landing table has just the rows that were taken.

    Args:
        doubtful: the rows must be checked one by one before they move.

    Raises:
        RestoredBackupError: a counter comes again with other content.
    """
    return Move(landing, table, database, session).run(landed, doubtful)


class Move:
    """One table's way from its landing table into headquarters' table. A repair of quarantined rows goes it too
    (`repairing`), with sessions and content hashes of its own."""

    def __init__(self, landing: Landing, table: UploadedTable, database: ChannelDatabase, session: int) -> None:
        self._landing = landing
        self._table = table
        self._database = database
        self._session = session
        self._session_sql = str(session)
        self._content = hash_sql(table)
        self._name = landing_name(table)
        self._left = 0
        self._quarantined = 0

    def run(self, landed: int, doubtful: bool) -> Moved:
        self._left = landed
        quarantined = quarantine.take_unreadable(self._landing, self._table, self._database, self._session)
        self._left -= quarantine.skip_settled(self._landing, self._table, self._database)
        if doubtful:
            self._check()
        if self._database.incarnation > 1 and not self._table.natural_key:
            self._skip_earlier_operations()
        taken = self.take(doubtful)
        if taken:
            quarantine.settle_resent(self._landing, self._table, self._database, self._session)
        if taken or quarantined or self._quarantined:
            erased.blank_arrivals(self._landing, self._table, self._session)
        return Moved(taken, quarantined + self._quarantined)

    def take(self, doubtful: bool) -> int:
        """Insert what stands in the landing table, late rows with care; returns the number of rows taken."""
        late_rows = self._table.group == "line" and self._left > 0 and late.find(self._landing, self._table)
        if late_rows and late.has_posted(self._landing):
            if not doubtful:
                self._check()
                doubtful = True
            late.refuse_posted(self._landing, self._table)
            self._quarantine_bad()
        taken = self._insert(doubtful)
        if taken < self._left:
            self._settle_leftovers()
        if late_rows:
            late.validate_again(self._landing, self._table)
        return taken

    def _check(self) -> None:
        self._landing.execute(check_statement(self._table, self._database))
        self._quarantine_bad()

    def _quarantine_bad(self) -> None:
        self._quarantined += quarantine.take_bad(self._landing, self._table, self._database, self._session)
        self._left = self._count()

    def _count(self) -> int:
        return int(self._landing.rows(f"SELECT count(*) FROM {self._name}")[0][0])

    def _skip_earlier_operations(self) -> None:
        """Operations that an earlier incarnation of the database has sent: the same owner, the same content."""
        table = self._table
        guid = "custaccountasync" if "custaccountasync" in table.column_names else "asynccustomeraccountnumber"
        self._landing.execute(
            f"DELETE FROM {self._name} AS l USING ax.{table.name} AS t"
            f" WHERE t.dataareaid = l.dataareaid AND t.{guid} = coalesce(l.{guid}, '')"
            f" AND t.origin = {self._database.recid} AND t.incarnation < {self._database.incarnation}"
            f" AND t.contenthash = {hash_sql(table)}"
        )
        self._left = self._count()

    def _insert(self, checked: bool) -> int:
        """Insert what can be inserted; returns the number of rows taken."""
        if not self._left:
            return 0
        try:
            return self._try("", anew=True)
        except DBAPIError as error:
            _raise_unless_data(error)
            known = sqlstate(error) == _UNIQUE_VIOLATION
        if known:
            try:
                return self._try("")
            except DBAPIError as error:
                _raise_unless_data(error)
        if not checked:
            self._check()
            try:
                return self._try("")
            except DBAPIError as error:
                _raise_unless_data(error)
        counters = [row[0] for row in self._landing.rows(f"SELECT {COUNTER} FROM {self._name} ORDER BY 1")]
        taken = self._insert_by_halves(counters)
        self._quarantine_bad()
        return taken

    def _insert_by_halves(self, counters: Sequence[int]) -> int:
        if not counters:
            return 0
        try:
            return self._try(f"WHERE l.{COUNTER} BETWEEN {counters[0]} AND {counters[-1]}")
        except DBAPIError as error:
            _raise_unless_data(error)
            if len(counters) == 1:
                reason = literal(f"headquarters refused the row ({describe_error(error)})")
                self._landing.execute(
                    f"INSERT INTO {BAD} VALUES ({literal(self._table.name)}, {counters[0]}, {reason})"
                )
                return 0
        half = len(counters) // 2
        return self._insert_by_halves(counters[:half]) + self._insert_by_halves(counters[half:])

    def _try(self, where: str, *, anew: bool = False) -> int:
        """`anew`: nearly always no row is here yet, and then it is cheaper not to ask each index first."""
        statement = insert_statement(self._table, self._database, self._session_sql, self._content, where)
        with self._landing.transaction():
            return self._landing.execute(statement if anew else f"{statement} ON CONFLICT DO NOTHING")

    def _settle_leftovers(self) -> None:
        """Rows that a conflict has left out: sort them out and remove them from the landing table."""
        table, database = self._table, self._database
        key = f"t.origin = {database.recid} AND t.incarnation = {database.incarnation} AND t.{COUNTER} = l.{COUNTER}"
        self._landing.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {_LEFT} ({COUNTER} bigint, elsewhere boolean, hash uuid)"
        )
        self._landing.execute(f"TRUNCATE {_LEFT}")
        self._landing.execute(f"ANALYZE {self._name}")
        self._landing.execute(
            f"INSERT INTO {_LEFT} SELECT l.{COUNTER}, t.origin IS NULL,"
            f" CASE WHEN t.contenthash IS DISTINCT FROM {self._content} THEN t.contenthash END"
            f" FROM {self._name} AS l LEFT JOIN ax.{table.name} AS t ON {key}"
            f" WHERE t.uploadsession IS DISTINCT FROM {self._session_sql}"
        )
        changed = self._landing.rows(f"SELECT {COUNTER} FROM {_LEFT} WHERE hash IS NOT NULL ORDER BY 1 LIMIT 1")
        if changed:
            raise restored(database, f"table {table.name} has another row at counter {changed[0][0]}")
        if table.natural_key:
            self._landing.execute(
                f"INSERT INTO {BAD} SELECT {literal(table.name)}, l.{COUNTER},"
                f" 'another row with the same key ({', '.join(table.natural_key)}) is in headquarters already'"
                f" FROM {self._name} AS l JOIN {_LEFT} AS f USING ({COUNTER})"
                f" JOIN ax.{table.name} AS t ON {late.same_key(table)}"
                f" WHERE f.elsewhere AND NOT (t.origin = {database.recid} AND t.incarnation < {database.incarnation}"
                f" AND t.contenthash = {self._content})"
            )
            self._quarantine_bad()
        self._landing.execute(f"DELETE FROM {self._name} AS l USING {_LEFT} AS f WHERE f.{COUNTER} = l.{COUNTER}")


def insert_statement(
    table: UploadedTable, database: ChannelDatabase, session: str, content: str, where: str = ""
) -> str:
    """INSERT of landed rows into headquarters' table. Text is assigned, not cast: too long fails, it is not cut.

    `session` and `content`: SQL expressions over the landed row l, its upload session and its content hash.
    """
    columns = ", ".join([*table.column_names, "origin", "incarnation", COUNTER, "contenthash", "uploadsession"])
    values = ", ".join(_value(field) for field in table.fields)
    return (
        f"INSERT INTO ax.{table.name} ({columns}) SELECT {values}, {database.recid}, {database.incarnation},"
        f" l.{COUNTER}, {content}, {session} FROM {landing_name(table)} AS l {where}"
    )


def _value(field: Field) -> str:
    """Blank after the cast: a constant is cast once, a column that is left out not at all."""
    value = f"l.{field.name}" if field.kind == "text" else f"l.{field.name}::{field.postgresql_type}"
    if field.blank is None:
        return value
    blank = literal(field.blank) if field.kind == "text" else f"{literal(field.blank)}::{field.postgresql_type}"
    return f"coalesce({value}, {blank})"


def blames_data(error: DBAPIError) -> bool:
    """Whether headquarters refuses a row: not so a deadlock, a lost connection, a mistake of ours."""
    state = sqlstate(error) or ""
    return state not in TRANSIENT_STATES and state.startswith(_DATA_ERRORS)


def _raise_unless_data(error: DBAPIError) -> None:
    if not blames_data(error):
        raise error


def taken_by_store(landing: Landing) -> dict[str, int]:
    """Transactions just taken, by store."""
    return {
        str(store): int(number)
        for store, number in landing.rows(f"SELECT store, count(*) FROM {landing_name(TRANSACTION)} GROUP BY store")
    }
