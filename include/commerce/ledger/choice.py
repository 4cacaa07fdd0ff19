"""Which vouchers: a range of accounting dates, of one company or store, or of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from commerce.errors import UsageError

COMPANIES = text("SELECT dataareaid FROM ax.dataarea ORDER BY dataareaid")
STORES = text("SELECT retailchannelid FROM ax.retailchanneltable ORDER BY retailchannelid")

CHOSEN = """
    (CAST(:company AS text) IS NULL OR v.dataareaid = :company)
    AND (CAST(:store AS text) IS NULL OR v.store = :store)
    AND v.accountingdate <= coalesce(:last, date 'infinity')"""
"""Condition on a voucher `v`; `first` is left to the query."""


@dataclass(frozen=True)
class Choice:
    """Vouchers from `first` to `last` (both included; None: no limit) of `company` and `store` (None: all)."""

    first: date | None = None
    last: date | None = None
    company: str | None = None
    store: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Bind values of `CHOSEN` and of a query's own `first`."""
        return {"first": self.first, "last": self.last, "company": self.company, "store": self.store}

    def check(self, connection: Connection) -> None:
        """Refuse what can only be a mistake.

        Raises:
            UsageError: the dates are the wrong way round, or company or store is unknown.
        """
        if self.first is not None and self.last is not None and self.first > self.last:
            raise UsageError(f"The first date, {self.first}, lies after the last, {self.last}.")
        companies, stores = list(connection.scalars(COMPANIES)), list(connection.scalars(STORES))
        if self.company is not None and self.company not in companies:
            raise UsageError(f"Unknown company: {self.company}. There are: {', '.join(companies) or 'none'}.")
        if self.store is not None and self.store not in stores:
            raise UsageError(f"Unknown store: {self.store}. `commerce channel list` shows the stores.")
