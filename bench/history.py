"""What a day of history costs: `commerce backfill` of a store with all 1,801 dates of TPC-DS, from its channel file to
the ledger; beside it a run for each of some days, as a DAG run of history works, and a range that is done already."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import apart
from bench.comparing import MEGABYTE
from bench.installation import COMPANY_TEMPLATE, Installation, engine, installed
from bench.measuring import Cost
from commerce import run as runs
from commerce import setup
from commerce.demo import plan, setup_document, tpcds, write
from commerce.demo.plan import FIRST_DATE, HISTORY_STORE, DemoStore, Parameters

DATES = 1_801
FIRST = FIRST_DATE - timedelta(days=DATES - 1)
"""One of TPC-DS's dates is the store's first day under the daily run."""
LAST = FIRST_DATE - timedelta(days=1)
SCALE = 0.1
QUICK_SCALE = 0.01
SINGLE_DAYS = 20

# Its jobs import these when they are called; a process that works a day after the other pays for them once.
IMPORTED = ("commerce.customers", "commerce.orders", "commerce.quality", "commerce.statements", "commerce.transactions")


@dataclass(frozen=True)
class _Parameters(Parameters):
    """A demo whose history store was open on all dates of TPC-DS."""

    @property
    def history_store(self) -> DemoStore:
        return DemoStore(self.stores, HISTORY_STORE, plan.PLACES[0], first_day=1 - DATES, cut_over=FIRST_DATE)


@dataclass(frozen=True)
class Measured:
    """One contestant: what it did, and what it cost for each of its days."""

    name: str
    days: int
    cost: Cost

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "days": self.days,
            "transactions": self.cost.units,
            "wall_milliseconds_per_day": round(self.cost.wall / self.days * 1000, 2),
            "cpu_milliseconds_per_day": round(self.cost.cpu / self.days * 1000, 2),
            "client_cpu_seconds": round(self.cost.client_cpu, 2),
            "server_cpu_seconds": round(self.cost.server_cpu, 2),
            "wall_seconds": round(self.cost.wall, 2),
            "client_peak_mb": round(self.cost.client_peak / MEGABYTE),
            "server_peak_mb": round(self.cost.server_peak / MEGABYTE),
        }


def measure(target: Path, *, quick: bool, say: Callable[[str], None]) -> bool:
    """Measure and write the result to `target` as JSON; False if something was not posted."""
    with installed(0) as installation:
        store = make_store(installation, QUICK_SCALE if quick else SCALE)
        url = installation.clone(COMPANY_TEMPLATE)
        with engine(url) as hq:
            setup.channels.apply(hq, setup_document.channels((store,), installation.channels))
        days = SINGLE_DAYS // 4 if quick else SINGLE_DAYS
        single = LAST - timedelta(days=days - 1)
        contestants = [
            ("a run a day", days, day_by_day, (url, single, LAST)),
            ("backfill", DATES - 1 - days, backfill, (url, FIRST, single - timedelta(days=1))),
            ("backfill of what is done", DATES - 1, backfill, (url, FIRST, LAST)),
        ]
        found = []
        # The first contestant would pay for the upload of everything.
        say(f"upload: {apart.run(installation.postmaster, upload, url).wall:.1f} s")
        for name, number, work, arguments in contestants:
            cost = apart.run(installation.postmaster, work, *arguments)
            found.append(Measured(name, number, cost))
            say(json.dumps(found[-1].as_dict()))
    target.write_text(json.dumps([one.as_dict() for one in found], indent=1) + "\n")
    return True


def make_store(installation: Installation, scale: float) -> DemoStore:
    """The store's channel file, filled from TPC-DS data of `scale`, all of whose tickets and orders it sells."""
    build = importlib.import_module("commerce.demo.build")  # the package has a function of that name
    parameters = _Parameters(1, scale, 1, 1, frozenset([HISTORY_STORE]))
    store = parameters.history_store
    work = installation.home / "tpcds"
    work.mkdir()
    with tpcds.generated(parameters, work) as connection:
        build.compose(connection, parameters)
        template = installation.home / "channel.db"
        target = installation.channel(store.name)
        write.write_store(connection, build.channel_queries(), store.number, template, target, lambda _: None)
    return store


def upload(url: str) -> int:
    from commerce import exchange

    with engine(url) as hq:
        result = exchange.upload(hq, stores=[HISTORY_STORE], history=True)
    return result.counts["transactions"]


def backfill(url: str, first: date, last: date) -> int:
    """Returns the transactions posted."""
    for name in IMPORTED:
        importlib.import_module(name)
    with engine(url) as hq:
        result = runs.backfill(hq, stores=[HISTORY_STORE], first=first, last=last)
    if not result.ok:
        raise RuntimeError(json.dumps(result.as_dict())[:2000])
    return sum(store.transactions for summary in result.runs for store in summary.stores)


def day_by_day(url: str, first: date, last: date) -> int:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return sum(backfill(url, day, day) for day in days)
