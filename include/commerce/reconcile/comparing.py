"""Compare channels with headquarters, store by store and business date by business date (domain B4; design section 4).

Comparisons by sums of exact decimals: every uploaded table against the channel's own, the posted documents against the
channel's transactions that headquarters says are posted, and financial statements against its cash management. What is
not posted, or not there, must have a reason.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pandas as pd
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from commerce.database import describe_error
from commerce.errors import CommerceError, UsageError
from commerce.progress import Progress, silent
from commerce.reconcile import cash, documents, figures, headquarters
from commerce.reconcile.channel import SUMS, Channel, header_condition
from commerce.reconcile.explaining import Explained, explain_counters, explain_headers, explain_purged
from commerce.reconcile.result import Difference, Edited, ReconcileResult
from commerce.reconcile.sources import ABSENT, AMOUNT_COLUMNS, EDITED, EDITED_POSTED, HEADERS, POSTED, SOURCES

log = logging.getLogger(__name__)


def reconcile(
    hq: Engine,
    *,
    stores: Sequence[str] | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    progress: Progress = silent,
) -> ReconcileResult:
    """Compare the channels of `stores` (None: of all) with headquarters for business dates from `date_from` to
    `date_to` (both included; None: no limit).

    Reads one snapshot of headquarters, then the channels, and changes nothing; what a register or a job writes
    meanwhile shows as "waits for the upload". A channel that cannot be read is in `unreadable`, the others are
    compared.

    Raises:
        UsageError: a store is unknown, or the dates are the wrong way round.
    """
    if date_from is not None and date_to is not None and date_from > date_to:
        raise UsageError(f"The first date, {date_from}, lies after the last, {date_to}.")
    with hq.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        names = _names(connection, stores)
        headquarters.remember(connection, names, date_from, date_to)
        channel, explained = _read_all(connection, names, date_from, date_to, progress)
        uploaded = pa.concat_tables([headquarters.uploaded(connection, source) for source in SOURCES])
        found = documents.found(connection, names, date_from, date_to)
        tenders = documents.tenders(connection, names)
        stated = cash.stated(connection, names, date_from, date_to)
        explained.unposted_in_headquarters(connection)
        stores_of = figures.stores_of(connection, names)
        tender_names = figures.tender_names(connection, names)
        edited = tuple(Edited(**row) for row in connection.execute(headquarters.EDITED_TRANSACTIONS).mappings())
        connection.rollback()
    frame = _frame(channel)
    sums = _with_edited(frame, _frame(uploaded), explained)
    expected = documents.expected(sums, tenders)
    differences = [
        *explained.differences,
        *_differences(_as_places(channel), _as_places(uploaded), explained),
        *_differences(expected, found, explained),
        *_differences(*cash.compared(sums, stated, explained.left_out), explained),
    ]
    transactions, amount = _posted(sums)
    return ReconcileResult(
        stores=tuple(names),
        differences=tuple(sorted(differences, key=lambda d: (d.store, d.businessdate, d.check, d.key))),
        unposted=tuple(sorted(explained.unposted, key=lambda u: (u.store, u.businessdate, u.reason))),
        edited=edited,
        figures=figures.figures(
            documents.expected(frame, tenders, posted=False),
            expected,
            found,
            stores_of,
            explained.left_out,
            tender_names,
        ),
        unreadable=dict(sorted(explained.unreadable.items())),
        transactions=transactions,
        amount=amount,
    )


def _names(connection: Connection, stores: Sequence[str] | None) -> list[str]:
    every = list(connection.scalars(headquarters.STORES))
    if stores is None:
        return every
    if unknown := sorted(set(stores) - set(every)):
        raise UsageError(f"Unknown store: {', '.join(unknown)}. `commerce channel list` shows the stores.")
    return sorted(set(stores))


def _read_all(
    connection: Connection, names: Sequence[str], date_from: date | None, date_to: date | None, progress: Progress
) -> tuple[pa.Table, Explained]:
    """The sums of every channel database of the stores. Whatever goes wrong with one is that one's: headquarters goes
    back to where it was before, and nothing of the half-read channel is told."""
    explained = Explained()
    sums: list[pa.Table] = [SUMS.empty_table()]
    databases = headquarters.databases(connection, names)
    for done, database in enumerate(databases):
        progress("reconcile channels", done, len(databases))
        own = Explained()
        try:
            with connection.begin_nested():
                sums.append(_read(connection, database, date_from, date_to, own))
        except Exception as error:
            log.debug("database %s: %s", database.name, type(error).__name__)  # the error's text may quote data
            own = Explained(unreadable=dict.fromkeys(database.stores, _why(error)))
        explained.add(own)
    without = set(names) - {store for database in databases for store in database.stores}
    explained.unreadable.update(dict.fromkeys(without, "The store has no channel database."))
    progress("reconcile channels", len(databases), len(databases))
    return pa.concat_tables(sums), explained


def _why(error: Exception) -> str:
    """Why a channel could not be compared, without any data."""
    if isinstance(error, CommerceError):
        return str(error)
    if isinstance(error, (adbc.Error, SQLAlchemyError)):
        return f"The channel cannot be read ({describe_error(error)})."
    return f"Comparing the channel failed ({type(error).__name__}). This is a mistake in the program: report it."


def _read(
    connection: Connection,
    database: headquarters.Database,
    date_from: date | None,
    date_to: date | None,
    explained: Explained,
) -> pa.Table:
    """The sums of one channel database; what is absent on one side is explained on the way."""
    where = header_condition(database.stores, date_from, date_to)
    with Channel(database.url) as channel:
        explain_purged(connection, channel, database, explained)
        channel.remember(headquarters.known(connection, list(database.stores)))
        explain_headers(connection, channel, database, where, explained)
        explain_counters(connection, channel, database, explained)
        return pa.concat_tables([channel.sums(source, where) for source in SOURCES])


def _with_edited(channel: pd.DataFrame, uploaded: pd.DataFrame, explained: Explained) -> pd.DataFrame:
    """The channel's sums, and those in headquarters of posted transactions that a person had edited: documents say what
    these were edited to."""
    edited = uploaded[(uploaded["disposition"] == EDITED_POSTED) & ~uploaded["store"].isin(list(explained.unreadable))]
    return pd.concat([channel, edited.assign(disposition=POSTED).astype(channel.dtypes)])


def _posted(sums: pd.DataFrame) -> tuple[int, Decimal]:
    """How many transactions of the channels are posted, and what they are worth."""
    headers = sums[
        (sums["disposition"] == POSTED) & (sums["table"] == HEADERS.table) & sums["kind"].isin(list(AMOUNT_COLUMNS))
    ]
    worth = headers[headers["column"] == headers["kind"].map(AMOUNT_COLUMNS)]
    return int(worth["rows"].sum()), sum(worth["amount"], start=Decimal(0))


def _as_places(sums: pa.Table) -> pa.Table:
    """Sums of what both sides have, as checks of the uploaded tables: rows and each amount column."""
    frame = _frame(sums)
    frame = frame[~frame["disposition"].isin([ABSENT, EDITED, EDITED_POSTED])]
    name = "uploaded " + frame["table"] + ": " + frame["column"]
    key = frame["kind"] + " " + frame["disposition"] + frame["live"].map({"1": "", "0": " voided"}) + " " + frame["key"]
    both = [(name, frame["amount"]), ("uploaded " + frame["table"] + ": rows", frame["rows"].astype(documents.AMOUNT))]
    parts = [
        pa.table(
            {
                "store": pa.array(frame["store"], pa.string()),
                "businessdate": pa.array(frame["businessdate"], pa.string()),
                "what": pa.array(check, pa.string()),
                "key": pa.array(key.str.strip(), pa.string()),
                "amount": pa.array(amount, documents.PLACES.field("amount").type),
            }
        )
        for check, amount in both
    ]
    # Each amount column of a table repeats the table's number of rows: one of them is enough.
    return (
        pa.concat_tables(parts)
        .group_by(documents.PLACE)
        .aggregate([("amount", "max")])
        .rename_columns({"amount_max": "amount"})
    )


def _differences(expected: pa.Table, found: pa.Table, explained: Explained) -> list[Difference]:
    """Where two tables of amounts differ; a missing amount is 0. Places that cannot be compared are left out."""
    if expected.num_rows == found.num_rows == 0:
        return []
    left, right = (table.to_pandas(types_mapper=pd.ArrowDtype) for table in (expected, found))
    merged = left.merge(right, on=documents.PLACE, how="outer", suffixes=("_expected", "_found"))
    for column in ("amount_expected", "amount_found"):
        merged[column] = merged[column].fillna(Decimal(0))
    differing = merged[merged["amount_expected"] != merged["amount_found"]]
    return [
        Difference(row.store, row.businessdate, row.what, row.key, row.amount_expected, row.amount_found)
        for row in differing.itertuples()
        if row.store not in explained.unreadable and (row.store, row.businessdate) not in explained.left_out
    ]


def _frame(sums: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = sums.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
