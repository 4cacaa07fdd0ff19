"""The headquarters database, PostgreSQL 15 or newer: schemas `ax` (business) and `cdx` (exchange, runs)."""

from commerce.schema.headquarters import (
    customers,
    duplicates,
    erasures,
    exchange,
    ledger,
    orders,
    organization,
    runs,
    sales,
    statements,
    uploads,
)
from commerce.schema.headquarters.base import SCHEMAS, metadata

__all__ = [
    "SCHEMAS",
    "customers",
    "duplicates",
    "erasures",
    "exchange",
    "ledger",
    "metadata",
    "orders",
    "organization",
    "runs",
    "sales",
    "statements",
    "uploads",
]
