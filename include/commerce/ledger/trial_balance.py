"""The trial balance by day: what stood on each main account, what came, and what stands there then (domain B4).

A ledger is kept per company and currency; amounts of two currencies are never added up. The posting is balanced by
voucher, so on every day debits equal credits, and balances sum up to zero. A difference is a voucher that was changed
behind the posting's back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, text

from commerce.ledger.choice import CHOSEN, Choice
from commerce.outcomes import money

ZERO = Decimal(0)

BALANCES = text(f"""
WITH movement AS (
    SELECT v.dataareaid, v.currency, l.mainaccount,
           CASE WHEN v.accountingdate >= :first THEN v.accountingdate END AS day,
           sum(l.debitamount) AS debit, sum(l.creditamount) AS credit
    FROM ax.generaljournalentry AS v
    JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
    WHERE {CHOSEN}
    GROUP BY 1, 2, 3, 4
), day AS (
    SELECT DISTINCT dataareaid, currency, day FROM movement WHERE day IS NOT NULL
), account AS (
    SELECT DISTINCT dataareaid, currency, mainaccount FROM movement
), balance AS (
    SELECT dataareaid, currency, day.day, mainaccount, coalesce(m.debit, 0) AS debit, coalesce(m.credit, 0) AS credit,
           coalesce(before.debit - before.credit, 0) + sum(coalesce(m.debit - m.credit, 0))
               OVER (PARTITION BY dataareaid, currency, mainaccount ORDER BY day.day) AS closing,
           before.mainaccount IS NOT NULL OR count(m.mainaccount)
               OVER (PARTITION BY dataareaid, currency, mainaccount ORDER BY day.day) > 0 AS used
    FROM day JOIN account USING (dataareaid, currency)
    LEFT JOIN movement AS m USING (dataareaid, currency, day, mainaccount)
    LEFT JOIN (SELECT * FROM movement WHERE day IS NULL) AS before USING (dataareaid, currency, mainaccount)
)
SELECT b.dataareaid AS company, b.currency, b.day, b.mainaccount AS account, a.name,
       b.closing - b.debit + b.credit AS opening, b.debit, b.credit, b.closing
FROM balance AS b JOIN ax.mainaccount AS a ON (a.dataareaid, a.mainaccountid) = (b.dataareaid, b.mainaccount)
WHERE b.used
ORDER BY b.dataareaid, b.currency, b.day, b.mainaccount COLLATE "C" """)
"""Every account that was ever used, on every day on which something was posted: so each day sums up to zero."""


@dataclass(frozen=True)
class AccountDay:
    """One main account on one day. Balances are debit less credit."""

    company: str
    currency: str
    day: date
    account: str
    name: str
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {
            "company": self.company,
            "currency": self.currency,
            "date": self.day.isoformat(),
            "account": self.account,
            "name": self.name,
            **_amounts(self),
        }


@dataclass(frozen=True)
class DayTotal:
    """All main accounts of a company and currency on one day."""

    company: str
    currency: str
    day: date
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal

    @property
    def balanced(self) -> bool:
        return self.opening == self.closing == self.debit - self.credit == ZERO

    def as_dict(self) -> dict[str, Any]:
        return {
            "company": self.company,
            "currency": self.currency,
            "date": self.day.isoformat(),
            **_amounts(self),
            "balanced": self.balanced,
        }


@dataclass(frozen=True)
class TrialBalance:
    """`rows` by company, currency, day and account; days without a voucher are left out."""

    choice: Choice
    rows: tuple[AccountDay, ...]

    @property
    def totals(self) -> tuple[DayTotal, ...]:
        """The sums of each day, which must be zero."""
        return tuple(_total(key, rows) for key, rows in groupby(self.rows, lambda r: (r.company, r.currency, r.day)))

    @property
    def ok(self) -> bool:
        return all(total.balanced for total in self.totals)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "from": str(self.choice.first),
            "to": str(self.choice.last),
            "company": self.choice.company,
            "store": self.choice.store,
            "rows": [row.as_dict() for row in self.rows],
            "totals": [total.as_dict() for total in self.totals],
        }


def trial_balance(
    hq: Engine, *, first: date, last: date, company: str | None = None, store: str | None = None
) -> TrialBalance:
    """The trial balance of each day from `first` to `last` (both included), of one company or store or of all.

    Raises:
        UsageError: the dates are the wrong way round, or company or store is unknown.
    """
    choice = Choice(first, last, company, store)
    with hq.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        choice.check(connection)
        rows = connection.execute(BALANCES, choice.parameters).mappings()
        return TrialBalance(choice, tuple(AccountDay(**row) for row in rows))


def _total(key: tuple[str, str, date], rows: Iterator[AccountDay]) -> DayTotal:
    own = list(rows)
    return DayTotal(
        *key,
        sum((row.opening for row in own), ZERO),
        sum((row.debit for row in own), ZERO),
        sum((row.credit for row in own), ZERO),
        sum((row.closing for row in own), ZERO),
    )


def _amounts(row: AccountDay | DayTotal) -> dict[str, str]:
    return {name: money(getattr(row, name)) for name in ("opening", "debit", "credit", "closing")}
