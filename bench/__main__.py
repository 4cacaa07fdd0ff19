"""`make bench`: run the benchmarks, print them as a table and write build/bench.json."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    channels,
    conversion,
    day,
    distribution,
    duplicates,
    gate,
    history,
    million,
    posting,
    register_wait,
    upload,
    validation,
)
from bench.comparing import ROLES, Entry, Role
from bench.installation import Installation, installed

TARGET = Path("build/bench.json")
ALONE: dict[str, Callable[..., bool]] = {
    "million": million.measure,
    "channels": channels.measure,
    "history": history.measure,
}
"""Benchmarks that take long and have a file of their own, build/NAME.json."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Benchmark:
    """`full` and `quick`: how many customers it works on. `least`: what it has to reach, times floor and times peer."""

    measure: Callable[[Installation, int, int, Say], Entry]
    stores: int
    full: int
    quick: int
    least: tuple[float, float]


@dataclass(frozen=True)
class OfDays:
    """A benchmark on receipts of TPC-DS on `dates` business dates; those that stand together share the world."""

    measure: Callable[[str, Installation, day.World, int, Say], Entry]
    dates: int
    full: int = 1_000
    quick: int = 100
    """Thousandths of TPC-DS's scale 1."""
    least: tuple[float, float] = (0.5, 5)


WAITS = "register_wait"
WAITING_CUSTOMERS = 40_000
"""Customers that are distributed and resynchronized while a register sells; a tenth with --quick."""

BENCHMARKS: dict[str, Benchmark | OfDays] = {
    "upload": Benchmark(upload.measure, 1, 60_000, 6_000, (0.5, 4)),
    "conversion": Benchmark(conversion.measure, 1, 100_000, 10_000, (0.5, 20)),
    "distribution": Benchmark(distribution.measure, distribution.STORES, 10_000, 1_000, (0.5, 5)),
    "duplicates": Benchmark(duplicates.measure, 1, 100_000, 10_000, (0.1, 0)),
    "validation": OfDays(validation.measure, 1),
    "gate": OfDays(gate.measure, 1),
    "posting": OfDays(posting.measure, 1),
    "validation_dates": OfDays(validation.measure, day.DATES),
    "gate_dates": OfDays(gate.measure, day.DATES),
    "posting_dates": OfDays(posting.measure, day.DATES),
}


def main() -> int:
    options = _options()
    console = Console(stderr=True, highlight=False)
    TARGET.parent.mkdir(exist_ok=True)
    if options.names and options.names[0] in ALONE:
        (name,) = options.names
        return 0 if ALONE[name](TARGET.with_name(f"{name}.json"), quick=options.quick, say=console.print) else 1
    entries: list[Entry] = []
    waits: list[register_wait.Measured] = []
    names = options.names or [*BENCHMARKS, WAITS]
    for dates, group in itertools.groupby(names, key=_dates):
        if dates:
            entries += _of_days(list(group), dates, options, console.print)
            continue
        for name in group:
            if name == WAITS:
                customers = options.size or (WAITING_CUSTOMERS // 10 if options.quick else WAITING_CUSTOMERS)
                waits = register_wait.measure_all(customers, options.repeats or 1, console.print)
            else:
                entries.append(_alone(name, options, console.print))
    results = [*(entry.as_dict() for entry in entries), *(one.as_dict() for one in waits)]
    TARGET.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if entries:
        Console().print(_table(entries))
    if waits:
        Console().print(_table_of_waits(waits))
    return 0


def _dates(name: str) -> int:
    """The business dates of the world that the benchmark works in; 0 if it has none."""
    return benchmark.dates if isinstance(benchmark := BENCHMARKS.get(name), OfDays) else 0


def _of_days(names: Sequence[str], dates: int, options: argparse.Namespace, say: Say) -> list[Entry]:
    benchmarks = {name: benchmark for name in names if isinstance(benchmark := BENCHMARKS[name], OfDays)}
    sizes = [_size(benchmark, options) for benchmark in benchmarks.values()]
    with installed(day.STORES) as installation:
        world = day.make_template(installation, scale=max(sizes) / 1000, dates=dates)
        return [
            benchmark.measure(name, installation, world, _repeats(options), say)
            for name, benchmark in benchmarks.items()
        ]


def _alone(name: str, options: argparse.Namespace, say: Say) -> Entry:
    benchmark = BENCHMARKS[name]
    assert isinstance(benchmark, Benchmark)
    with installed(benchmark.stores) as installation:
        return benchmark.measure(installation, _size(benchmark, options), _repeats(options), say)


def _size(benchmark: Benchmark | OfDays, options: argparse.Namespace) -> int:
    return options.size or (benchmark.quick if options.quick else benchmark.full)


def _repeats(options: argparse.Namespace) -> int:
    return options.repeats or (1 if options.quick else 3)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make bench", description=__doc__)
    names = [*BENCHMARKS, WAITS, *ALONE]
    parser.add_argument(
        "names", nargs="*", choices=[[], *names], help="none: all but million, channels and history, which go alone"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, once: a look, not a result")
    parser.add_argument("--size", type=int, help="how many customers (upload: sales; posting: thousandths of TPC-DS)")
    parser.add_argument("--repeats", type=int, help="how often each contestant runs")
    return parser.parse_args()


def _table(entries: list[Entry]) -> Table:
    table = Table(title="Units a second of wall time; in brackets: of CPU time, client and server together")
    for column in ("benchmark", "unit", "value", "floor", "peer", "of floor", "times peer", "client MB", "server MB"):
        table.add_column(column, justify="left" if column in ("benchmark", "unit") else "right")
    for entry in entries:
        rates = [f"{entry.rate(role):,.0f} ({entry.cpu_rate(role):,.0f})" for role in ROLES]
        to_floor, to_peer = (
            _ratio(entry, other, least) for other, least in zip(ROLES[1:], BENCHMARKS[entry.name].least, strict=True)
        )
        client, server = entry.peaks("product")
        table.add_row(entry.name, entry.unit, *rates, to_floor, to_peer, f"{client:,.0f}", f"{server:,.0f}")
    return table


def _table_of_waits(waits: list[register_wait.Measured]) -> Table:
    limit = register_wait.LIMIT_MS
    table = Table(title=f"Milliseconds that a register waits for a sale; at most {limit:.0f} while the jobs run")
    for column in ("channel", "sales", "median", "99 %", "longest", "at rest: median", "99 %", "longest", "jobs took"):
        table.add_column(column, justify="left" if column == "channel" else "right")
    for one in waits:
        busy, rest = one.during_jobs, one.at_rest
        longest = f"{busy.longest:.1f}" + (", too long" if busy.longest > limit else "")
        times = [f"{busy.median:.1f}", f"{busy.p99:.1f}", longest]
        times += [f"{value:.1f}" for value in (rest.median, rest.p99, rest.longest)]
        table.add_row(one.dialect, str(busy.sales), *times, f"{one.job_seconds:.1f} s")
    return table


def _ratio(entry: Entry, other: Role, least: float) -> str:
    """Of wall time and of CPU time, and what it has to reach where it does not."""
    ratio = entry.rate("product") / entry.rate(other)
    text = f"{ratio:.2f} ({entry.cpu_rate('product') / entry.cpu_rate(other):.2f})"
    return text if ratio >= least else f"{text}, least {least}"


if __name__ == "__main__":
    sys.exit(main())
