"""What a reconciliation says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


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
class ReconcileResult:
    """`unreadable`: store -> why its channel could not be compared. `transactions` and `amount`: what was found posted
    in channels and headquarters alike (orders included; amounts as in `Unposted`)."""

    stores: tuple[str, ...]
    differences: tuple[Difference, ...]
    unposted: tuple[Unposted, ...]
    edited: tuple[Edited, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    transactions: int = 0
    amount: Decimal = Decimal(0)

    @property
    def ok(self) -> bool:
        """Every number agrees or is explained, and every channel could be read."""
        return not self.differences and not self.unreadable

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "stores": list(self.stores),
            "transactions": self.transactions,
            "amount": str(self.amount),
            "differences": [difference.as_dict() for difference in self.differences],
            "unposted": [unposted.as_dict() for unposted in self.unposted],
            "edited": [edited.as_dict() for edited in self.edited],
            "unreadable": dict(self.unreadable),
        }


def key_text(keys: Sequence[str]) -> str:
    """A transaction as people name it."""
    return " ".join(keys)
