"""Counts of a conversion by the database that the rows came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = (
    "converted",
    "linked",
    "held",
    "failed",
    "pending",
    "addresses",
    "contacts",
    "affiliations",
    "attributes",
    "identities",
    "edited",
)
"""`converted`: customers created; `linked`: customers that took an existing account; `held`: customers that wait for a
decision whether they are an existing one; `failed`: rows (of any kind) that failed now; `pending`: rows that wait
afterwards; `edited`: updates and deactivations applied; the others: rows of that kind created."""


class Tally:
    """Counts by origin (database profile record id) and kind."""

    def __init__(self) -> None:
        self._counts: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, kind: str, rows: Iterable[Sequence[Any]]) -> int:
        """Add rows of (origin, rows); returns their sum."""
        total = 0
        for row in rows:
            origin, count = row
            self._counts[origin][kind] += count
            total += count
        return total

    def merge(self, other: Tally) -> None:
        for origin, counts in other._counts.items():
            for kind, count in counts.items():
                self._counts[origin][kind] += count

    def total(self, kind: str) -> int:
        return sum(counts.get(kind, 0) for counts in self._counts.values())

    def by_origin(self) -> Mapping[int, Mapping[str, int]]:
        return {origin: {kind: counts.get(kind, 0) for kind in KINDS} for origin, counts in self._counts.items()}


@dataclass(frozen=True)
class ConversionCounts:
    """What late binding converted: customers and addresses created, rows that failed."""

    customers: int = 0
    addresses: int = 0
    failed: int = 0
