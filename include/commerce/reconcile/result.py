"""What a reconciliation says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from commerce.outcomes import money


@dataclass(frozen=True)
class Difference:
    """A number that is not what it must be. `expected` is the channel's, `found` headquarters'; `sample` names
    transactions where they can be named. `businessdate` is ISO text, '' where the check knows no dates."""

    store: str
    businessdate: str
    check: str
    key: str
    expected: Decimal
    found: Decimal
    sample: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "businessdate": self.businessdate,
            "check": self.check,
            "key": self.key,
            "expected": str(self.expected),
            "found": str(self.found),
            "difference": str(self.found - self.expected),
            "sample": list(self.sample),
        }


@dataclass(frozen=True)
class Unposted:
    """Real transactions that are not posted, and why: explained, so no difference. `amount` is what they are
    worth: sales and orders including tax, deposits, income and expense as paid."""

    store: str
    businessdate: str
    reason: str
    transactions: int
    amount: Decimal
    sample: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "businessdate": self.businessdate,
            "reason": self.reason,
            "transactions": self.transactions,
            "amount": str(self.amount),
            "sample": list(self.sample),
        }


@dataclass(frozen=True)
class Edited:
    """Transactions that people edited in headquarters: not what the channel has, so not compared with it, but with what
    was posted. `fields`: columns that were changed; the audit of each transaction has the values (`commerce
    transactions show`)."""

    store: str
    businessdate: str
    transactions: int
    fields: Sequence[str]
    changed_by: Sequence[str]
    last_changed: datetime
    sample: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            **vars(self),
            "fields": list(self.fields),
            "changed_by": list(self.changed_by),
            "last_changed": self.last_changed.isoformat(),
            "sample": list(self.sample),
        }


@dataclass(frozen=True)
class Figure:
    """A number of a store's day. `channel`: what the channel's own rows say; `posted`: what the documents say;
    `explained`: of the channel's, what is not posted for a reason (`Unposted`), and what people changed by editing;
    `key`: tax code, or tender and its currency; `name`: of a tender, '' for what is none; amounts are in `currency`."""

    store: str
    businessdate: str
    figure: str
    key: str
    currency: str
    channel: Decimal
    posted: Decimal
    explained: Decimal
    name: str = ""

    @property
    def difference(self) -> Decimal:
        return self.channel - self.posted - self.explained

    def as_dict(self) -> dict[str, Any]:
        names = ("channel", "posted", "explained", "difference")
        return {
            "store": self.store,
            "businessdate": self.businessdate,
            "figure": self.figure,
            "key": self.key,
            "name": self.name,
            "currency": self.currency,
            **{one: money(getattr(self, one)) for one in names},
        }


@dataclass(frozen=True)
class ReconcileResult:
    """`figures`: what each store sold and took on each day, and how much of it is posted. `unreadable`: store
    -> why its channel could not be compared. `transactions` and `amount`: what was found posted in channels and
    headquarters alike (orders included; amounts as in `Unposted`)."""

    stores: tuple[str, ...]
    differences: tuple[Difference, ...]
    unposted: tuple[Unposted, ...]
    edited: tuple[Edited, ...] = ()
    figures: tuple[Figure, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    transactions: int = 0
    amount: Decimal = Decimal(0)

    @property
    def ok(self) -> bool:
        """Every number agrees or is explained, and every channel could be read."""
        return not self.differences and not self.unreadable

    def as_dict(self, *, figures: bool = False) -> dict[str, Any]:
        """JSON-able; `figures`: with those of every store and day."""
        more = {"figures": [figure.as_dict() for figure in self.figures]} if figures else {}
        return {
            "ok": self.ok,
            "stores": list(self.stores),
            "transactions": self.transactions,
            "amount": str(self.amount),
            "differences": [difference.as_dict() for difference in self.differences],
            "unposted": [unposted.as_dict() for unposted in self.unposted],
            "edited": [edited.as_dict() for edited in self.edited],
            "unreadable": dict(self.unreadable),
            **more,
        }


def key_text(keys: Sequence[str]) -> str:
    """A transaction as people name it."""
    return " ".join(keys)
