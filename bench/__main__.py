"""`make bench`: run the benchmarks, print them as a table and write build/bench.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import conversion, distribution, million, upload
from bench.comparing import ROLES, Entry
from bench.installation import Installation, installed

TARGET = Path("build/bench.json")
MILLION_TARGET = Path("build/million.json")
Measure = Callable[[Installation, int, int, Callable[[str], None]], Entry]


@dataclass(frozen=True)
class Benchmark:
    """`full` and `quick`: how many customers it works on. `least`: what it has to reach, times floor and times peer."""

    measure: Measure
    stores: int
    full: int
    quick: int
    least: tuple[float, float]


BENCHMARKS: dict[str, Benchmark] = {
    "upload": Benchmark(upload.measure, 1, 60_000, 6_000, (0.5, 4)),
    "conversion": Benchmark(conversion.measure, 1, 100_000, 10_000, (0.5, 20)),
    "distribution": Benchmark(distribution.measure, distribution.STORES, 10_000, 1_000, (0.5, 5)),
}


def main() -> int:
    options = _options()
    console = Console(stderr=True, highlight=False)
    if options.names == ["million"]:
        MILLION_TARGET.parent.mkdir(exist_ok=True)
        return 0 if million.measure(MILLION_TARGET, quick=options.quick, say=console.print) else 1
    entries = []
    for name in options.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        with installed(benchmark.stores) as installation:
            size = benchmark.quick if options.quick else benchmark.full
            repeats = options.repeats or (1 if options.quick else 3)
            entries.append(benchmark.measure(installation, size, repeats, console.print))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps([entry.as_dict() for entry in entries], indent=1) + "\n", encoding="utf-8")
    Console().print(_table(entries))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *BENCHMARKS, "million"], help="none: all but million, which goes alone"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, once: a look, not a result")
    parser.add_argument("--repeats", type=int, help="how often each contestant runs")
    return parser.parse_args()


def _table(entries: list[Entry]) -> Table:
    table = Table(title="Units a second of wall time; in brackets: of CPU time, client and server together")
    for column in ("benchmark", "unit", "value", "floor", "peer", "of floor", "times peer", "client MB", "server MB"):
        table.add_column(column, justify="left" if column in ("benchmark", "unit") else "right")
    for entry in entries:
        rates = [f"{entry.rate(role):,.0f} ({entry.cpu_rate(role):,.0f})" for role in ROLES]
        to_floor, to_peer = (
            f"{entry.rate('product') / entry.rate(other):.2f} ({entry.cpu_rate('product') / entry.cpu_rate(other):.2f})"
            for other in ROLES[1:]
        )
        client, server = entry.peaks("product")
        table.add_row(entry.name, entry.unit, *rates, to_floor, to_peer, f"{client:,.0f}", f"{server:,.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
