"""A million customers on a store's file, one of them bad: uploaded, 999,999 converted, the bad one repaired from the
command line and converted; and what a customer costs, beside a tenth of the number.

Autovacuum is on, as it is where the product runs.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import apart, conversion, people, upload
from bench.comparing import MEGABYTE
from bench.installation import COMPANY_TEMPLATE, Installation, installed
from bench.measuring import Cost

FULL = 1_000_000
QUICK = 50_000
MOST_MEMORY = 1024
"""MB, of the job's process."""
MOST_GROWTH = 1.3
"""CPU time a customer, times that of a tenth of the customers."""


@dataclass(frozen=True)
class Passage:
    """A file of customers on its way: what upload and conversion cost, and what became of the bad row."""

    customers: int
    upload: Cost
    conversion: Cost
    quarantined: int
    repaired: int

    @property
    def is_complete(self) -> bool:
        return (self.conversion.units, self.quarantined, self.repaired) == (self.customers - 1, 1, 1)

    def as_dict(self) -> dict[str, Any]:
        cost = self.conversion
        return {
            "customers": self.customers,
            "converted": cost.units,
            "quarantined": self.quarantined,
            "converted_after_repair": self.repaired,
            "upload_rows_per_cpu_second": round(self.upload.units / self.upload.cpu),
            "cpu_seconds": round(cost.cpu, 1),
            "wall_seconds": round(cost.wall, 1),
            "cpu_microseconds_per_customer": round(cost.cpu / cost.units * 1e6, 1),
            "upload_client_peak_mb": round(self.upload.client_peak / MEGABYTE),
            "client_peak_mb": round(cost.client_peak / MEGABYTE),
            "server_peak_mb": round(cost.server_peak / MEGABYTE),
        }


def measure(target: Path, *, quick: bool, say: Callable[[str], None]) -> bool:
    """Run a tenth and the whole, write both to `target` as JSON; False if a limit is exceeded or a row is lost."""
    most = QUICK if quick else FULL
    with installed(1, autovacuum=True) as installation:
        passages = [_pass(installation, customers, say) for customers in (most // 10, most)]
    small, large = (one.conversion.cpu / one.conversion.units for one in passages)
    growth = large / small
    whole = passages[-1]
    say(f"CPU time a customer at {most:,}: {growth:.2f} times that at {most // 10:,} (at most {MOST_GROWTH})")
    say(f"memory of the process: {whole.conversion.client_peak / MEGABYTE:,.0f} MB (at most {MOST_MEMORY})")
    target.write_text(json.dumps([*(one.as_dict() for one in passages), {"growth": round(growth, 3)}], indent=1) + "\n")
    complete = all(one.is_complete for one in passages)
    return complete and growth <= MOST_GROWTH and whole.conversion.client_peak <= MOST_MEMORY * MEGABYTE


def _pass(installation: Installation, customers: int, say: Callable[[str], None]) -> Passage:
    store = installation.stores[0]
    channel = installation.empty_channel(store)
    people.fill_channel(channel, customers)
    with closing(sqlite3.connect(channel)) as file, file:
        bad = "UPDATE retailasynccustomerv2 SET firstname = ? WHERE replicationcounterfromorigin = ?"
        file.execute(bad, ("x" * 26, customers // 2))
    url = installation.clone(COMPANY_TEMPLATE)
    uploaded = apart.run(installation.postmaster, upload.run, url, store)
    say(
        f"{customers:,} customers: {uploaded.units:,} rows uploaded in {uploaded.wall:.0f} s (CPU {uploaded.cpu:.0f} s)"
    )
    converted = apart.run(installation.postmaster, conversion.convert, url)
    say(f"{customers:,} customers: {converted.units:,} converted; {converted.wall:.0f} s, CPU {converted.cpu:.0f} s")
    waiting = [row["id"] for row in _commerce(url, "quarantine", "list", "--json")]
    for number in waiting:
        _commerce(url, "quarantine", "fix", str(number), "--set", "firstname=Anna", "--by", "bench", "--json")
    repaired = _commerce(url, "synchronize-customers", "--json")["counts"]["converted"]
    say(f"{customers:,} customers: {len(waiting)} in quarantine, {repaired} converted after its repair")
    installation.drop(url)
    return Passage(customers, uploaded, converted, len(waiting), int(repaired))


def _commerce(url: str, *arguments: str) -> Any:
    """The output of a `commerce` command that works on the database at `url`."""
    command = [sys.executable, "-m", "commerce.cli", *arguments]
    done = subprocess.run(
        command, env={**os.environ, "COMMERCE_HQ_URL": url}, stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(done.stdout)
