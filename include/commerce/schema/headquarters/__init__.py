"""The headquarters database, PostgreSQL 15 or newer: schemas `ax` (business) and `cdx` (exchange, runs)."""

from commerce.schema.headquarters import (
    customers,
    duplicates,
    erasures,
    exchange,
    ledger,
    masters,
    orders,
    organization,
    runs,
    sales,
    statements,
    uploads,
    validation,
)
from commerce.schema.headquarters.base import SCHEMAS, metadata

__all__ = [
    "SCHEMAS",
    "customers",
    "duplicates",
    "erasures",
    "exchange",
    "ledger",
    "masters",
    "metadata",
    "orders",
    "organization",
    "runs",
    "sales",
    "statements",
    "uploads",
    "validation",
]
