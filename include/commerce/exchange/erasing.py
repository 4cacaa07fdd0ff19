"""Erasure of a person (domain F24) in the channel databases: registers' own rows, and what job 1010 has brought."""

from __future__ import annotations

import json

from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, text

from commerce.database import try_advisory_lock
from commerce.errors import StoreError
from commerce.exchange.channels import ChannelDatabase
from commerce.exchange.checking import literal
from commerce.exchange.content import content_hash
from commerce.exchange.dialects import COUNTER, ChannelConnection, describe_channel_error, open_channel
from commerce.exchange.packages import ROWS
from commerce.schema.channel import DOWNLOADED_TABLES
from commerce.schema.personal import DOCUMENTS, MASTER, blank, personal_columns
from commerce.schema.uploaded import BY_NAME, CUSTOMER_TABLES, UploadedTable

WAIT_SECONDS = 30

_PENDING = text(
    """
    SELECT c.erasureid, e.dataareaid, e.accountnum,
           ARRAY(SELECT customer FROM ax.erasedcustomer AS k WHERE k.erasureid = c.erasureid) AS customers
    FROM cdx.channelerasure AS c JOIN ax.customererasure AS e USING (erasureid)
    WHERE c.datastore = :datastore AND c.status = 'pending' ORDER BY c.erasureid
    """
)
_DONE = text(
    "UPDATE cdx.channelerasure SET status = 'applied', rowsaffected = :rows, message = '', dateapplied = now()"
    " WHERE erasureid = :erasure AND datastore = :datastore"
)
_MADE_BEFORE = text(
    """
    SELECT EXISTS (
        SELECT FROM cdx.retailcdxdownloadsessiondatastore AS d JOIN cdx.retailcdxdownloadsession AS s USING (session)
        JOIN ax.customererasure AS e ON e.erasureid = :erasure AND s.datecreated <= e.createddatetime
        WHERE d.datastore = :datastore AND d.status NOT IN (4, 5, 9) AND (s.kind = 'full' OR EXISTS (
            SELECT FROM cdx.outbox AS o
            WHERE o.session = s.session AND (o.dataareaid, o.accountnum) = (e.dataareaid, e.accountnum))))
    """
)
"""A distribution that runs may have read such a package before the erasure, and a full resynchronization may have put
it into its shadow tables: the erasure is repeated when the session is applied."""

WAIT_MESSAGE = "download sessions that were made before the erasure wait; the next distribution applies them."

_WAITS = text("UPDATE cdx.channelerasure SET message = :message WHERE datastore = :datastore AND status = 'pending'")
_FORGET_CONTENT = text(
    """
    UPDATE cdx.uploadwatermark SET contenthash = NULL
    WHERE datastore = :datastore AND incarnation = :incarnation AND tablename = :table
      AND replicationcounter = ANY(:counters)
    """
)
CLAIM = (
    text(
        "CREATE TEMP TABLE claimed ON COMMIT DROP AS SELECT dataareaid, accountnum FROM ax.custtable"
        " WHERE dataareaid = :company AND accountnum = :account"
    ),
    text(
        "CREATE TEMP TABLE claimed_party ON COMMIT DROP AS SELECT c.party AS recid FROM ax.custtable AS c"
        " JOIN claimed USING (dataareaid, accountnum)"
    ),
    text(
        "CREATE TEMP TABLE claimed_location ON COMMIT DROP AS SELECT l.location AS recid"
        " FROM ax.dirpartylocation AS l JOIN claimed_party AS p ON p.recid = l.party"
    ),
)
"""Temporary tables of what belongs to the account `:account` of `:company`."""

SETTLED = """
    SELECT t.store, t.terminal, t.transactionid FROM ax.retailtransactiontable AS t
    WHERE t.dataareaid = :company AND (t.store, t.terminal, t.transactionid) IN (
        SELECT store, terminal, transactionid FROM ax.retailtransactiontable
        WHERE custaccount = ANY(:customers) OR custaccountasync = ANY(:customers)
        UNION SELECT store, terminalid, transactionid FROM ax.retailtransactionsalestrans
        WHERE custaccount = ANY(:customers) OR custaccountasync = ANY(:customers)
        UNION SELECT store, terminal, transactionid FROM ax.retailtransactioncustomeraccountdeposittrans
        WHERE custaccount = ANY(:customers) OR custaccountasync = ANY(:customers))
      AND ({settled})
"""
IS_SETTLED = """
    t.entrystatus NOT IN (0, 2, 3)
    OR EXISTS (SELECT FROM ax.retaileodtransactiontable AS e
               WHERE (e.store, e.terminal, e.transactionid) = (t.store, t.terminal, t.transactionid))
    OR EXISTS (SELECT FROM ax.retailtransactionorderstatus AS o WHERE o.status = 2
               AND (o.store, o.terminal, o.transactionid) = (t.store, t.terminal, t.transactionid))
"""
"""Of the transactions of `:customers` those that are in a statement, have their sales order, or never will."""


def apply_erasures(hq: Engine, database: ChannelDatabase) -> int:
    """Erase in a channel database whoever was erased in headquarters meanwhile; returns the number of erasures.

    Registers' own rows are blanked and keep their keys; what headquarters knows of their content follows, so that a row
    that is read again is the same row. Not while an upload runs, which compares contents, nor while sessions are
    applied: a package that was read before may still hold the person.

    Raises:
        StoreError: the database is paused or out of reach, or its upload runs; the erasures stay pending.
    """
    key = {"datastore": database.recid}
    with hq.connect() as connection:
        pending = connection.execute(_PENDING, key).all()
    if not pending:
        return 0
    try:
        if database.paused:
            raise StoreError(f"Channel database {database.name} is paused; resume it with `commerce channel resume`.")
        with (
            try_advisory_lock(hq, f"1010 apply {database.recid}", WAIT_SECONDS) as alone,
            try_advisory_lock(hq, f"P-0001 {database.recid}", WAIT_SECONDS) as still,
        ):
            if not (alone and still):
                raise StoreError(f"An exchange with channel database {database.name} is running; distribute again.")
            with open_channel(database.url, write=True) as channel:
                for one in pending:
                    rows = _erase_in(hq, channel, database, one.dataareaid, one.accountnum, one.customers)
                    values = {**key, "erasure": one.erasureid, "rows": rows, "message": WAIT_MESSAGE}
                    with hq.begin() as connection:
                        waits = connection.scalar(_MADE_BEFORE, values)
                        connection.execute(_WAITS if waits else _DONE, values)
    except (StoreError, adbc.Error) as error:
        message = str(error) if isinstance(error, StoreError) else describe_channel_error(error)
        with hq.begin() as connection:
            connection.execute(_WAITS, {**key, "message": message})
        raise StoreError(message) from None
    return len(pending)


def _erase_in(
    hq: Engine, channel: ChannelConnection, database: ChannelDatabase, company: str, account: str, customers: list[str]
) -> int:
    """Blank one person's rows; returns how many."""
    known = set(channel.tables())
    counters = _uploaded_rows(hq, channel, known, company, customers)
    statements = [
        _blanking(BY_NAME[table].name, _uploaded_columns(table), f"{COUNTER} IN ({_listed(found)})")
        for table, found in counters.items()
    ]
    statements += _downloaded_rows(hq, known, company, account)
    with hq.begin() as connection:
        for table, found in counters.items():  # before: a kill in between must not look like a restored backup
            values = {"datastore": database.recid, "incarnation": database.incarnation, "table": table}
            connection.execute(_FORGET_CONTENT, {**values, "counters": found})
    if statements:
        channel.change(statements)
    for table, found in counters.items():
        _keep_content(hq, channel, database, BY_NAME[table], found)
    return sum(map(len, counters.values()))


def _uploaded_columns(table: str) -> tuple[str, ...]:
    return DOCUMENTS[table] if table in DOCUMENTS else personal_columns(BY_NAME[table].column_names)


def _uploaded_rows(
    hq: Engine, channel: ChannelConnection, known: set[str], company: str, customers: list[str]
) -> dict[str, list[int]]:
    """Per table the counters of the person's rows: asynchronous ones, and of settled transactions."""
    owners = ", ".join(literal(one) for one in customers)
    found: dict[str, list[int]] = {}
    for table in CUSTOMER_TABLES:
        names = [name for name in _OWNERS if name in table.column_names]
        condition = " OR ".join(f"{name} IN ({owners})" for name in names)
        if table.name in known and personal_columns(table.column_names):
            where = f"dataareaid = {literal(company)} AND ({condition})"
            found[table.name] = [row[0] for row in channel.rows(f"SELECT {COUNTER} FROM {table.name} WHERE {where}")]
    with hq.connect() as connection:
        values = {"company": company, "customers": customers}
        transactions = connection.execute(text(SETTLED.format(settled=IS_SETTLED)), values).all()
    for name in DOCUMENTS:
        key = ", ".join(BY_NAME[name].transaction_key or ())
        for start in range(0, len(transactions), 200):
            some = ", ".join(
                f"({', '.join(literal(part) for part in one)})" for one in transactions[start : start + 200]
            )
            rows = (
                channel.rows(f"SELECT {COUNTER} FROM {name} WHERE ({key}) IN (VALUES {some})") if name in known else []
            )
            found.setdefault(name, []).extend(row[0] for row in rows)
    return {table: counters for table, counters in found.items() if counters}


_OWNERS = ("custaccountasync", "custaccount", "asynccustomeraccountnumber")


def _downloaded_rows(hq: Engine, known: set[str], company: str, account: str) -> list[str]:
    """Statements that blank the copies of the customer master that job 1010 has brought."""
    statements = []
    with hq.begin() as connection:
        for statement in CLAIM:
            connection.execute(statement, {"company": company, "account": account})
        for table in DOWNLOADED_TABLES:
            if table.name not in MASTER or table.name not in known:
                continue
            names = [column.name for column in table.primary_key.columns]
            columns = ", ".join(f"t.{name}" for name in names)
            keys = connection.execute(
                text(f"SELECT {columns} FROM ax.{table.name} AS t WHERE {ROWS[table.name]}")
            ).all()
            for key in keys:
                where = " AND ".join(f"{name} = {_value(part)}" for name, part in zip(names, key, strict=True))
                statements.append(_blanking(table.name, MASTER[table.name], where))
    return statements


def _value(part: object) -> str:
    return str(part) if isinstance(part, int) else literal(str(part))


def _blanking(table: str, columns: tuple[str, ...], where: str) -> str:
    blanks = ", ".join(f"{name} = CASE WHEN {name} IS NOT NULL THEN {literal(blank(name))} END" for name in columns)
    return f"UPDATE {table} SET {blanks} WHERE {where}"


def _listed(counters: list[int]) -> str:
    return ", ".join(str(int(counter)) for counter in counters)


def _keep_content(
    hq: Engine, channel: ChannelConnection, database: ChannelDatabase, table: UploadedTable, counters: list[int]
) -> None:
    """Let headquarters know the rows by the content that they have now."""
    hashes = {counter: str(content_hash(cells)) for counter, cells in channel.raw_rows(table, counters).items()}
    sql = f"""
        UPDATE ax.{table.name} AS t SET contenthash = h.value::uuid
        FROM jsonb_each_text(CAST(:hashes AS jsonb)) AS h
        WHERE t.origin = :origin AND t.incarnation = :incarnation AND t.{COUNTER} = h.key::bigint
    """
    with hq.begin() as connection:
        values = {"origin": database.recid, "incarnation": database.incarnation}
        connection.execute(text(sql), {**values, "hashes": json.dumps(hashes)})
