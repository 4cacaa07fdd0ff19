"""The kinds of asynchronous rows, by the words that people use for them."""

from __future__ import annotations

from commerce.schema.enums import CustomerAsyncOperation, SyncStatus
from commerce.schema.uploaded import (
    ASYNC_ADDRESS,
    ASYNC_AFFILIATION,
    ASYNC_ATTRIBUTE,
    ASYNC_CONTACT,
    ASYNC_CUSTOMER,
    EXTERNAL_IDENTITY,
    UploadedTable,
)

KINDS: dict[str, UploadedTable] = {
    "customer": ASYNC_CUSTOMER,
    "address": ASYNC_ADDRESS,
    "contact": ASYNC_CONTACT,
    "affiliation": ASYNC_AFFILIATION,
    "attribute": ASYNC_ATTRIBUTE,
    "identity": EXTERNAL_IDENTITY,
}
KIND_OF = {table.name: kind for kind, table in KINDS.items()}

STATES = {
    SyncStatus.PENDING: "pending",
    SyncStatus.DONE: "converted",
    SyncStatus.FAILED: "failed",
    SyncStatus.IGNORED: "ignored",
}
STATUSES = {name: int(status) for status, name in STATES.items()}
OPERATIONS = {int(operation): operation.name.lower() for operation in CustomerAsyncOperation}

FIXED = ("operation", "createddatetime", "originatingchannel", "dataareaid")
"""What happened, when, where and to whose books is not a person's to change."""


def state_sql(column: str) -> str:
    return f"CASE {column} " + " ".join(f"WHEN {int(status)} THEN '{name}'" for status, name in STATES.items()) + " END"


def operation_sql(column: str) -> str:
    names = " ".join(f"WHEN {number} THEN '{name}'" for number, name in OPERATIONS.items())
    return f"CASE {column} {names} ELSE CAST({column} AS text) END"


def guid_column(table: UploadedTable) -> str:
    return "asynccustomeraccountnumber" if table is EXTERNAL_IDENTITY else "custaccountasync"


def account_sql(table: UploadedTable, row: str = "s") -> str:
    """The account that the row itself names: an operation on a customer that was synchronous already."""
    return "''" if table is EXTERNAL_IDENTITY else f"{row}.custaccount"


def editable(table: UploadedTable) -> tuple[str, ...]:
    return tuple(name for name in table.column_names if name not in FIXED)


def cells_sql(table: UploadedTable, row: str = "s") -> str:
    """SQL: all columns of the row as a jsonb object of texts."""
    pairs = ", ".join(f"'{name}', CAST({row}.{name} AS text)" for name in table.column_names)
    return f"jsonb_build_object({pairs})"


def version_sql(cells: str, status: str) -> str:
    """SQL: what changes whenever a person or a job changes the row."""
    return f"md5(CAST({cells} AS text) || CAST({status} AS text))"
