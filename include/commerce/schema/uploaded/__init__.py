"""The tables that the P-job uploads, defined once for channel, landing and headquarters.

Columns follow Microsoft's Common Data Model. Widths are headquarters' (street 250, county 10): a longer value from a
channel goes to quarantine, it is never cut.
"""

from commerce.schema.uploaded.customers import (
    ASYNC_ADDRESS,
    ASYNC_AFFILIATION,
    ASYNC_ATTRIBUTE,
    ASYNC_CONTACT,
    ASYNC_CUSTOMER,
    EXTERNAL_IDENTITY,
)
from commerce.schema.uploaded.definition import (
    ADDRESS_ID_WIDTH,
    GUID_WIDTH,
    UploadedTable,
)
from commerce.schema.uploaded.transactions import (
    ACCOUNT_DEPOSIT,
    BANKED_TENDER,
    CHARGE,
    DELIVERY_ADDRESS,
    DISCOUNT,
    INCOME_EXPENSE,
    PAYMENT,
    SAFE_TENDER,
    SALES_LINE,
    SHIFT,
    TAX,
    TENDER_DECLARATION,
    TRANSACTION,
)

CUSTOMER_TABLES = (
    ASYNC_CUSTOMER,
    ASYNC_ADDRESS,
    ASYNC_CONTACT,
    ASYNC_AFFILIATION,
    ASYNC_ATTRIBUTE,
    EXTERNAL_IDENTITY,
)
"""Operation logs of the customer side, uploaded before any transaction of the same run."""

TRANSACTION_LINES = (
    SALES_LINE,
    PAYMENT,
    TAX,
    DISCOUNT,
    CHARGE,
    DELIVERY_ADDRESS,
    ACCOUNT_DEPOSIT,
    INCOME_EXPENSE,
    TENDER_DECLARATION,
    BANKED_TENDER,
    SAFE_TENDER,
)
"""Rows that belong to a transaction and travel with its header."""

UPLOADED_TABLES = (*CUSTOMER_TABLES, TRANSACTION, *TRANSACTION_LINES, SHIFT)

BY_NAME = {table.name: table for table in UPLOADED_TABLES}

__all__ = [
    "ACCOUNT_DEPOSIT",
    "ADDRESS_ID_WIDTH",
    "ASYNC_ADDRESS",
    "ASYNC_AFFILIATION",
    "ASYNC_ATTRIBUTE",
    "ASYNC_CONTACT",
    "ASYNC_CUSTOMER",
    "BANKED_TENDER",
    "BY_NAME",
    "CHARGE",
    "CUSTOMER_TABLES",
    "DELIVERY_ADDRESS",
    "DISCOUNT",
    "EXTERNAL_IDENTITY",
    "GUID_WIDTH",
    "INCOME_EXPENSE",
    "PAYMENT",
    "SAFE_TENDER",
    "SALES_LINE",
    "SHIFT",
    "TAX",
    "TENDER_DECLARATION",
    "TRANSACTION",
    "TRANSACTION_LINES",
    "UPLOADED_TABLES",
    "UploadedTable",
]
