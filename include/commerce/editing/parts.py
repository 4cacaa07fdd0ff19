"""The tables of a transaction by the words that people use for them, and which of their columns can be edited."""

from __future__ import annotations

from commerce.schema.uploaded import (
    ACCOUNT_DEPOSIT,
    BANKED_TENDER,
    CHARGE,
    DELIVERY_ADDRESS,
    DISCOUNT,
    INCOME_EXPENSE,
    PAYMENT,
    SAFE_TENDER,
    SALES_LINE,
    TAX,
    TENDER_DECLARATION,
    TRANSACTION,
    UploadedTable,
)

PARTS: dict[str, UploadedTable] = {
    "header": TRANSACTION,
    "lines": SALES_LINE,
    "payments": PAYMENT,
    "taxes": TAX,
    "discounts": DISCOUNT,
    "charges": CHARGE,
    "addresses": DELIVERY_ADDRESS,
    "deposits": ACCOUNT_DEPOSIT,
    "income_expense": INCOME_EXPENSE,
    "declarations": TENDER_DECLARATION,
    "bank_drops": BANKED_TENDER,
    "safe_drops": SAFE_TENDER,
}

FIXED = frozenset({"channel", "dataareaid", "type", "entrystatus", "createddatetime", "salesorderid", "invoiceid"})
"""What a transaction is and where it comes from is not a person's to change, nor what headquarters gives it. Whether it
counts neither: a transaction is held, not voided."""


def row_key(table: UploadedTable) -> tuple[str, ...]:
    """The columns that tell the rows of one transaction apart; none for the header."""
    return tuple(name for name in table.natural_key if name not in (table.transaction_key or ()))


def editable(table: UploadedTable) -> tuple[str, ...]:
    return tuple(name for name in table.column_names if name not in FIXED and name not in table.natural_key)


def cells_sql(table: UploadedTable, row: str = "s") -> str:
    """SQL: all columns of the row as a jsonb object of texts."""
    pairs = ", ".join(f"'{name}', CAST({row}.{name} AS text)" for name in table.column_names)
    return f"jsonb_build_object({pairs})"


def version_sql(table: UploadedTable, row: str = "s") -> str:
    """SQL: what changes whenever somebody changes the row."""
    return f"md5(CAST({cells_sql(table, row)} AS text))"


def row_sql(table: UploadedTable, row: str = "s") -> str:
    """SQL: the row as people name it, such as "linenum=2"; '' for the header."""
    fields = {field.name: field for field in table.fields}
    parts = ", ".join(
        f"'{name}=' || " + (f"trim_scale({row}.{name})" if fields[name].kind == "decimal" else f"{row}.{name}")
        for name in row_key(table)
    )
    return f"concat_ws(' ', {parts})" if parts else "''"
