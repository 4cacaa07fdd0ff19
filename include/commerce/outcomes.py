"""What every job returns: counts, amounts and an outcome per store. Only what stops a whole job is raised."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

StoreState = Literal["done", "failed", "skipped", "blocked"]
"""Blocked: the quality gate's verdict; money of that store stays unposted until the references are right."""


@dataclass(frozen=True)
class StoreOutcome:
    """One store in one job. `message` says what to do when `state` is "failed"; amounts are in the store's currency."""

    store: str
    state: StoreState = "done"
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, Decimal] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "state": self.state,
            "message": self.message,
            "counts": dict(self.counts),
            "amounts": {name: str(amount) for name, amount in self.amounts.items()},
        }


@dataclass(frozen=True)
class JobResult:
    """A job's outcome. `counts` and `amounts` are totals over all stores, plus what belongs to no store; `notes` are
    worth knowing and hold nobody up."""

    job: str
    stores: Mapping[str, StoreOutcome] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def failed_stores(self) -> tuple[str, ...]:
        return self._in_state("failed")

    @property
    def blocked_stores(self) -> tuple[str, ...]:
        return self._in_state("blocked")

    @property
    def ok(self) -> bool:
        return not self.failed_stores and not self.blocked_stores

    def _in_state(self, state: StoreState) -> tuple[str, ...]:
        return tuple(sorted(name for name, outcome in self.stores.items() if outcome.state == state))

    def as_dict(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "ok": self.ok,
            "counts": dict(self.counts),
            "amounts": {name: str(amount) for name, amount in self.amounts.items()},
            "notes": list(self.notes),
            "stores": [self.stores[name].as_dict() for name in sorted(self.stores)],
        }


def totals(outcomes: Mapping[str, StoreOutcome]) -> dict[str, int]:
    """Sum the counts of all stores."""
    summed: dict[str, int] = {}
    for outcome in outcomes.values():
        for name, count in outcome.counts.items():
            summed[name] = summed.get(name, 0) + count
    return summed


def money(amount: Decimal) -> str:
    """An amount as text: at least two decimals, more only where they are not zero."""
    rounded = amount.quantize(Decimal("0.01"))
    return str(rounded) if rounded == amount else str(amount.normalize())
