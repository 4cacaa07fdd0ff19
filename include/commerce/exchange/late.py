"""Rows that appear for a transaction after its header was taken (design rules 4 and 10).

They are taken and the transaction is validated again; but a transaction that is in a statement, has become a sales
order or has canceled one is not touched: its late rows go to quarantine.
"""

from __future__ import annotations

from commerce.exchange.checking import literal
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import BAD, Landing, landing_name
from commerce.schema.enums import DocumentOperationStatus, OrderStatus, ValidationStatus
from commerce.schema.uploaded import TRANSACTION, UploadedTable

LATE = "late"
"""Transactions of the table at hand whose header was not taken just now: (store, terminal, transactionid)."""

_HEADERS = f"ax.{TRANSACTION.name}"
_KEY = "(h.store, h.terminal, h.transactionid) = (k.store, k.terminal, k.transactionid)"


def find(landing: Landing, table: UploadedTable) -> bool:
    """Collect the late transactions of a landed line table; True if there are any.

    Headers move first and only those taken just now are left in their landing table, so nearly every line finds its
    own there.
    """
    store, terminal, transaction = _key_columns(table)
    landing.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {LATE} (store text, terminal text, transactionid text)")
    landing.execute(f"TRUNCATE {LATE}")
    headers = landing_name(TRANSACTION)
    return bool(
        landing.execute(
            f"INSERT INTO {LATE} SELECT DISTINCT l.{store}, l.{terminal}, l.{transaction}"
            f" FROM {landing_name(table)} AS l WHERE NOT EXISTS (SELECT FROM {headers} AS h"
            f" WHERE (h.store, h.terminal, h.transactionid) = (l.{store}, l.{terminal}, l.{transaction}))"
        )
    )


def has_posted(landing: Landing) -> bool:
    """Keep of the late transactions only those that headquarters has, locked; True if one of them is posted."""
    # The lock also makes a statement wait that is about to take the transaction (its row refers to the header).
    landing.execute(
        f"WITH h AS (SELECT h.store, h.terminal, h.transactionid FROM {_HEADERS} AS h JOIN {LATE} AS k ON {_KEY}"
        f" ORDER BY 1, 2, 3 FOR UPDATE OF h)"
        f" DELETE FROM {LATE} AS k WHERE NOT EXISTS (SELECT FROM h WHERE {_KEY})"
    )
    return bool(landing.rows(f"SELECT 1 FROM {LATE} AS k WHERE {_posted()} LIMIT 1"))


def refuse_posted(landing: Landing, table: UploadedTable) -> None:
    """Put rows of posted transactions into the `bad` table, unless headquarters has a row with the same key already.

    The rows must have passed the check: their keys are cast.
    """
    line_key = _key_columns(table)
    of_line = f"(l.{line_key[0]}, l.{line_key[1]}, l.{line_key[2]}) = (k.store, k.terminal, k.transactionid)"
    landing.execute(
        f"INSERT INTO {BAD} SELECT {literal(table.name)}, l.{COUNTER}, 'belongs to a posted transaction'"
        f" FROM {landing_name(table)} AS l JOIN {LATE} AS k ON {of_line}"
        f" WHERE {_posted()} AND NOT EXISTS (SELECT FROM ax.{table.name} AS t WHERE {same_key(table)})"
    )


def validate_again(landing: Landing, table: UploadedTable) -> None:
    """Take back the validation of late transactions that rows were taken for (the landing table has just these), and
    the error that an order or a cancellation had without them."""
    line_key = _key_columns(table)
    taken = (
        f"EXISTS (SELECT FROM {landing_name(table)} AS l WHERE"
        f" (l.{line_key[0]}, l.{line_key[1]}, l.{line_key[2]}) = (k.store, k.terminal, k.transactionid))"
    )
    landing.execute(
        f"UPDATE {_HEADERS} AS h"
        f" SET validationstatus = {int(ValidationStatus.NONE)}, validationdatetime = NULL, gaterun = NULL"
        f" FROM {LATE} AS k WHERE {_KEY} AND NOT {_posted()} AND {taken}"
    )
    landing.execute(
        f"UPDATE ax.retailtransactionorderstatus AS h SET status = {int(OrderStatus.NONE)}, errorclass = '',"
        " errordetail = '', nextattempt = NULL, failingsince = NULL, modifieddatetime = now()"
        f" FROM {LATE} AS k WHERE {_KEY} AND h.status = {int(OrderStatus.FAILED)} AND {taken}"
    )
    landing.execute(
        f"UPDATE ax.retaildocumentoperation AS h SET status = {int(DocumentOperationStatus.PENDING)}, errorclass = '',"
        " errordetail = '', nextattempt = NULL, modifieddatetime = now()"
        f" FROM {LATE} AS k WHERE {_KEY} AND h.status = {int(DocumentOperationStatus.FAILED)} AND {taken}"
    )


def same_key(table: UploadedTable) -> str:
    """SQL condition: headquarters' row t has the natural key of the landed row l."""
    kinds = {field.name: field for field in table.fields}
    return " AND ".join(
        f"t.{name} = " + (f"l.{name}" if kinds[name].kind == "text" else f"l.{name}::{kinds[name].postgresql_type}")
        if kinds[name].blank is None
        else f"t.{name} = coalesce(l.{name}, '{kinds[name].blank}')::{kinds[name].postgresql_type}"
        for name in table.natural_key
    )


def _posted() -> str:
    key = "(k.store, k.terminal, k.transactionid)"
    return (
        "(EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE (e.store, e.terminal, e.transactionid) = "
        f"{key}) OR EXISTS (SELECT FROM ax.retailtransactionorderstatus AS o"
        f" WHERE (o.store, o.terminal, o.transactionid) = {key} AND o.status = {int(OrderStatus.SUCCEEDED)})"
        " OR EXISTS (SELECT FROM ax.retaildocumentoperation AS d WHERE (d.store, d.terminal, d.transactionid) = "
        f"{key} AND d.status = {int(DocumentOperationStatus.SUCCEEDED)}))"
    )


def _key_columns(table: UploadedTable) -> tuple[str, str, str]:
    assert table.transaction_key is not None
    return table.transaction_key
