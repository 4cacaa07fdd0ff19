"""A job beside its floor (the least that anything could do for the same result) and its peer (what one would write or
take instead): interleaved repeats, medians, ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench import apart
from bench.measuring import Cost

Role = Literal["product", "floor", "peer"]
ROLES: tuple[Role, ...] = ("product", "floor", "peer")
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Contestant:
    """`prepare` makes what `work` needs and returns its arguments; `clean` takes the same arguments away again."""

    role: Role
    work: apart.Work
    prepare: Callable[[], tuple[Any, ...]]
    clean: Callable[[tuple[Any, ...]], None]


@dataclass(frozen=True)
class Entry:
    """One benchmark: costs by role, one for each repeat."""

    name: str
    unit: str
    costs: dict[Role, list[Cost]]

    def rate(self, role: Role) -> float:
        """Median, units a second."""
        return statistics.median(cost.rate for cost in self.costs[role])

    def cpu_rate(self, role: Role) -> float:
        """Median, units a CPU second of client and server together."""
        return statistics.median(cost.units / cost.cpu for cost in self.costs[role])

    def peaks(self, role: Role) -> tuple[float, float]:
        """Highest memory of client and server, MB."""
        costs = self.costs[role]
        client, server = max(cost.client_peak for cost in costs), max(cost.server_peak for cost in costs)
        return client / MEGABYTE, server / MEGABYTE

    def as_dict(self) -> dict[str, Any]:
        """The entry of build/bench.json."""
        value, floor, peer = (self.rate(role) for role in ROLES)
        return {
            "name": self.name,
            "value": round(value, 1),
            "unit": f"{self.unit}/s",
            "floor": round(floor, 1),
            "peer": round(peer, 1),
            "ratio_to_floor": round(value / floor, 3),
            "ratio_to_peer": round(value / peer, 2),
            "peak_mb": round(sum(self.peaks("product")), 1),
        }


def compare(
    name: str, unit: str, postmaster: int, contestants: Sequence[Contestant], repeats: int, say: Callable[[str], None]
) -> Entry:
    """Run the contestants one after the other, `repeats` times over."""
    costs: dict[Role, list[Cost]] = {contestant.role: [] for contestant in contestants}
    for repeat in range(repeats):
        for contestant in contestants:
            arguments = contestant.prepare()
            try:
                cost = apart.run(postmaster, contestant.work, *arguments)
            finally:
                contestant.clean(arguments)
            costs[contestant.role].append(cost)
            say(
                f"{name} {repeat + 1}/{repeats} {contestant.role:<7} {cost.units:>9,} {unit} {cost.wall:7.2f} s"
                f"  CPU {cost.client_cpu:6.2f} + {cost.server_cpu:6.2f} s"
            )
    return Entry(name, unit, costs)
