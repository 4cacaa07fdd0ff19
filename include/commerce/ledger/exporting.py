"""Vouchers as a CSV file for the general ledger, each of them once when so asked.

PostgreSQL writes the file (COPY), so memory does not grow with it. It is written beside its place and moved there when
it is complete. Vouchers are never changed, so an export that is written again has the same bytes; its checksum proves
it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text

from commerce.errors import CommerceError, UsageError
from commerce.ledger.choice import CHOSEN, Choice
from commerce.ledger.files import Part, writing
from commerce.outcomes import money

COLUMNS = (
    "company",
    "voucher",
    "line",
    "date",
    "account",
    "posting_type",
    "store",
    "currency",
    "debit",
    "credit",
    "tax_code",
    "tender",
    "statement",
    "dimension",
    "transaction_currency",
    "transaction_amount",
)
"""The file's columns, in their order: who reads it may count on them. New ones come at the end."""

COLUMNS_OF = {1: COLUMNS[: COLUMNS.index("dimension")], 2: COLUMNS}
"""Of each format that there ever was: an export that is written again has the columns that it had."""

FORMAT = max(COLUMNS_OF)

BIND = re.compile(r"(?<!:):(\w+)")

RANGE = f"FROM ax.generaljournalentry AS v WHERE {CHOSEN} AND v.accountingdate >= coalesce(:first, date '-infinity')"
OF_RANGE = f"SELECT v.dataareaid, v.voucher {RANGE}"
OF_EXPORT = "SELECT dataareaid, voucher FROM cdx.ledgerexportvoucher WHERE export = :export"


def _amount(column: str) -> str:
    """Two decimals, more only where they are not zero."""
    return f"CASE WHEN scale(trim_scale({column})) > 2 THEN trim_scale({column}) ELSE round({column}, 2) END"


_OF_LINE = {
    "company": "v.dataareaid",
    "voucher": "v.voucher",
    "line": "l.linenum",
    "date": "v.accountingdate",
    "account": "l.mainaccount",
    "posting_type": "l.postingtype",
    "store": "v.store",
    "currency": "v.currency",
    "debit": _amount("l.debitamount"),
    "credit": _amount("l.creditamount"),
    "tax_code": "l.taxcode",
    "tender": "l.tendertypeid",
    "statement": "s.statementid",
    "dimension": "nullif(v.defaultdimension, 0)",
    "transaction_currency": "coalesce(l.transactioncurrency, v.currency)",
    "transaction_amount": _amount(
        "(CASE WHEN l.transactioncurrency IS NULL THEN l.debitamount - l.creditamount"
        " ELSE l.transactioncurrencyamount END)"
    ),
}


def _rows(chosen: str, columns: tuple[str, ...]) -> str:
    return f"""
SELECT {", ".join(_OF_LINE[column] for column in columns)}
FROM ({chosen}) AS chosen
JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
LEFT JOIN ax.retailstatementvoucher AS s USING (dataareaid, voucher)
ORDER BY v.dataareaid COLLATE "C", v.voucher COLLATE "C", l.linenum"""


def _totals(chosen: str) -> str:
    return f"""
SELECT v.currency, count(DISTINCT (v.dataareaid, v.voucher)) AS vouchers, count(*) AS rows,
       sum(l.debitamount) AS debit, sum(l.creditamount) AS credit
FROM ({chosen}) AS chosen
JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
GROUP BY v.currency ORDER BY v.currency"""


ONE_AFTER_THE_OTHER = text("SELECT pg_advisory_xact_lock(hashtextextended('commerce ledger export', 0))")
"""Two exports at once would want the same vouchers; the later one finds what the first has left."""

NEW_EXPORT = text(f"""
INSERT INTO cdx.ledgerexport (datefrom, dateto, dataareaid, store, format)
VALUES (:first, :last, :company, :store, {FORMAT}) RETURNING export""")

TAKE_VOUCHERS = text(f"""
INSERT INTO cdx.ledgerexportvoucher (dataareaid, voucher, export)
SELECT v.dataareaid, v.voucher, :export {RANGE}
AND NOT EXISTS (SELECT FROM cdx.ledgerexportvoucher AS x
                WHERE (x.dataareaid, x.voucher) = (v.dataareaid, v.voucher))""")

KEEP = text("""
UPDATE cdx.ledgerexport SET vouchers = :vouchers, rows = :rows, checksum = :checksum WHERE export = :export""")

EXPORTS = """
SELECT export, format, datefrom AS first, dateto AS last, dataareaid AS company, store, vouchers, rows, checksum,
       createddatetime AS created
FROM cdx.ledgerexport"""


@dataclass(frozen=True)
class LedgerExport:
    """An export that took its vouchers once; `first`, `last`, `company` and `store` say from which ones it took,
    `format` which columns its file has."""

    export: int
    format: int
    first: date | None
    last: date | None
    company: str | None
    store: str | None
    vouchers: int
    rows: int
    checksum: str
    created: datetime

    def as_dict(self) -> dict[str, Any]:
        return {
            "export": self.export,
            "format": self.format,
            "from": self.first,
            "to": self.last,
            "company": self.company,
            "store": self.store,
            "vouchers": self.vouchers,
            "rows": self.rows,
            "checksum": self.checksum,
            "created_at": self.created,
        }


@dataclass(frozen=True)
class Exported:
    """What a file holds. `file` is None where there was nothing new to export; `export` is the number under which the
    vouchers are remembered, None for a plain export; `totals`: currency -> (debit, credit)."""

    file: Path | None
    export: int | None
    vouchers: int
    rows: int
    totals: dict[str, tuple[Decimal, Decimal]]
    checksum: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": None if self.file is None else str(self.file),
            "export": self.export,
            "vouchers": self.vouchers,
            "rows": self.rows,
            "totals": {
                currency: {"debit": money(debit), "credit": money(credit)}
                for currency, (debit, credit) in self.totals.items()
            },
            "checksum": self.checksum,
        }


def export_ledger(
    hq: Engine,
    file: Path,
    *,
    first: date | None = None,
    last: date | None = None,
    company: str | None = None,
    store: str | None = None,
    once: bool = False,
) -> Exported:
    """Write the vouchers from `first` to `last` (both included; None: no limit) to `file`, by company and number.

    Args:
        once: leave out the vouchers of earlier such exports and remember these. Without a new voucher nothing is
            remembered and no file is written.

    Raises:
        UsageError: the dates are the wrong way round, company or store is unknown, or `file` exists or cannot be
            written.
        CommerceError: the vouchers are remembered, but the complete file could not be moved to its place;
            `repeat_export` writes it again.
    """
    choice = Choice(first, last, company, store)
    if once:
        return _export_once(hq, file, choice)
    with (
        writing(file) as part,
        hq.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection,
    ):
        choice.check(connection)
        exported = _copy(connection, OF_RANGE, choice.parameters, part, file, None)
        part.place()
    return exported


def _export_once(hq: Engine, file: Path, choice: Choice) -> Exported:
    with writing(file) as part:
        with hq.begin() as connection:
            choice.check(connection)
            connection.execute(ONE_AFTER_THE_OTHER)
            export = connection.execute(NEW_EXPORT, choice.parameters).scalar_one()
            taken = connection.execute(TAKE_VOUCHERS, {**choice.parameters, "export": export}).rowcount
            if not taken:
                connection.rollback()
                return Exported(None, None, 0, 0, {}, "")
            exported = _copy(connection, OF_EXPORT, {"export": export}, part, file, export)
            kept = {"vouchers": exported.vouchers, "rows": exported.rows, "checksum": exported.checksum}
            connection.execute(KEEP, {**kept, "export": export})
        try:
            part.place()
        except UsageError as error:
            raise CommerceError(
                f"{error} The vouchers are remembered as export {export}: `commerce ledger export FILE --export "
                f"{export}` writes them again."
            ) from None
    return exported


def repeat_export(hq: Engine, file: Path, *, export: int) -> Exported:
    """Write the file of an earlier export again, byte by byte.

    Raises:
        UsageError: there is no such export, or `file` exists or cannot be written.
        CommerceError: its vouchers are not what they were.
    """
    with (
        writing(file) as part,
        hq.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection,
    ):
        found = connection.execute(text(f"{EXPORTS} WHERE export = :export"), {"export": export}).mappings().first()
        if found is None:
            raise UsageError(f"There is no export {export}. `commerce ledger exports` shows them.")
        columns = COLUMNS_OF[found["format"]]
        exported = _copy(connection, OF_EXPORT, {"export": export}, part, file, export, columns)
        if exported.checksum != found["checksum"]:
            raise CommerceError(
                f"The vouchers of export {export} are not what they were: its file had the SHA-256 checksum "
                f"{found['checksum']}, and would have {exported.checksum} now. Nothing is written; `commerce hq "
                "verify` may find the vouchers."
            )
        part.place()
    return exported


def list_exports(hq: Engine, *, limit: int) -> list[LedgerExport]:
    """The exports that took their vouchers once, the newest first."""
    with hq.connect() as connection:
        rows = connection.execute(text(f"{EXPORTS} ORDER BY export DESC LIMIT :limit"), {"limit": limit}).mappings()
        return [LedgerExport(**row) for row in rows]


def _copy(
    connection: Connection,
    chosen: str,
    parameters: dict[str, Any],
    part: Part,
    file: Path,
    export: int | None,
    columns: tuple[str, ...] = COLUMNS,
) -> Exported:
    """Copy the rows of the vouchers that `chosen` selects into `part`, in one snapshot with their totals."""
    totals = connection.execute(text(_totals(chosen)), parameters).all()
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    part.write(",".join(columns).encode() + b"\n")
    query = BIND.sub(
        r"%(\1)s", f"COPY ({_rows(chosen, columns)}) TO STDOUT (FORMAT csv)"
    )  # as psycopg itself wants them
    with driver.cursor() as cursor, cursor.copy(query, parameters) as copy:
        for data in copy:
            part.write(data)
    return Exported(
        file,
        export,
        sum(row.vouchers for row in totals),
        sum(row.rows for row in totals),
        {row.currency: (row.debit, row.credit) for row in totals},
        part.checksum,
    )
