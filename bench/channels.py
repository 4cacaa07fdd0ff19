"""What one channel costs a round of distribution and of upload beside 10, 100 and 1,000 others of its group.

Every channel has its file on SQLite, a few sales that are uploaded, and a history of download sessions; a package
carries a few customers. Autovacuum is on, as it is where the product runs.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import apart, conversion, distribution, people, sales, upload
from bench.comparing import MEGABYTE
from bench.installation import COMPANY_TEMPLATE, Installation, conninfo, engine, installed
from bench.measuring import Cost
from commerce.exchange import outbox
from commerce.schema.enums import DownloadSessionStatus

NUMBERS = (10, 100, 1_000)
QUICK = (10, 100)
CUSTOMERS = 1_000
IN_A_PACKAGE = 20
SALES = 10
EARLIER_SESSIONS = 200
ROUNDS = 3
MOST_GROWTH = 1.3
"""CPU time a channel among the most, times that among the fewest."""

HISTORY = f"""
WITH session AS (
    INSERT INTO cdx.retailcdxdownloadsession (datagroup, status, customers, rowsaffected, dateavailable)
    SELECT g.recid, {DownloadSessionStatus.CANCELED}, 20, 300, now() - interval '1 hour'
    FROM cdx.retailcdxdatagroup AS g, generate_series(1, %s) RETURNING session, datagroup)
INSERT INTO cdx.retailcdxdownloadsessiondatastore (session, datastore, status)
SELECT s.session, p.recid, {DownloadSessionStatus.CANCELED}
FROM session AS s JOIN cdx.retailconndatabaseprofile AS p USING (datagroup)
"""


@dataclass(frozen=True)
class Round:
    """One call for all channels."""

    channels: int
    job: str
    cost: Cost

    @property
    def milliseconds(self) -> float:
        """CPU time a channel, of client and server."""
        return self.cost.cpu / self.channels * 1000

    def as_dict(self) -> dict[str, Any]:
        return {
            "channels": self.channels,
            "round": self.job,
            "cpu_milliseconds_per_channel": round(self.milliseconds, 2),
            "client_cpu_seconds": round(self.cost.client_cpu, 2),
            "server_cpu_seconds": round(self.cost.server_cpu, 2),
            "wall_seconds": round(self.cost.wall, 2),
            "client_peak_mb": round(self.cost.client_peak / MEGABYTE),
            "server_peak_mb": round(self.cost.server_peak / MEGABYTE),
        }


def measure(target: Path, *, quick: bool, say: Callable[[str], None]) -> bool:
    """Measure each number of channels and write the rounds to `target` as JSON; False if a channel among many costs
    more than it may."""
    rounds: list[Round] = []
    for number in QUICK if quick else NUMBERS:
        for one in _rounds(number):
            say(
                f"{one.channels:>5} channels {one.job:<24} CPU {one.milliseconds:6.2f} ms a channel"
                f" ({one.cost.client_cpu:.2f} + {one.cost.server_cpu:.2f} s), {one.cost.wall:.2f} s"
            )
            rounds.append(one)
    growths = {job: _growth([one for one in rounds if one.job == job]) for job in dict.fromkeys(r.job for r in rounds)}
    for job, growth in growths.items():
        say(f"{job}: a channel among the most costs {growth:.2f} times what it costs among the fewest")
    target.write_text(json.dumps([*(one.as_dict() for one in rounds), {"growth": growths}], indent=1) + "\n")
    return max(growths.values()) <= MOST_GROWTH


def _growth(rounds: list[Round]) -> float:
    return round(rounds[-1].milliseconds / rounds[0].milliseconds, 3)


def _rounds(number: int) -> Iterator[Round]:
    with installed(number, autovacuum=True) as installation, _in_use(installation) as url:
        stores = installation.stores

        def run(job: str, work: apart.Work, *arguments: Any) -> Round:
            return Round(number, job, apart.run(installation.postmaster, work, url, *arguments))

        yield run("distribute 1,000 customers", distribution.run, stores)
        rounds = []
        for _ in range(ROUNDS):
            _change_customers(url)
            rounds.append(run(f"distribute {IN_A_PACKAGE} customers", distribution.run, stores))
        yield sorted(rounds, key=lambda one: one.milliseconds)[ROUNDS // 2]
        yield run("distribute nothing", distribution.run, stores)
        yield run(f"upload {SALES} sales", upload.run_all, stores)
        yield run("upload nothing", upload.run_all, stores)


@contextmanager
def _in_use(installation: Installation) -> Iterator[str]:
    """A headquarters with converted customers that wait for their distribution, and the channels' files."""
    first, *others = installation.stores
    seed = installation.empty_channel(first)
    sales.fill_channel(seed, first, SALES)
    with closing(sqlite3.connect(seed)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for store in others:
        shutil.copyfile(seed, installation.channel(store))
        with closing(sqlite3.connect(installation.channel(store))) as file, file:
            for table in upload.SALES_TABLES:
                column = "storeid" if table == "retailtransactiontaxtrans" else "store"
                file.execute(f"UPDATE {table} SET {column} = ?", (store,))
    url = installation.clone(COMPANY_TEMPLATE)
    with psycopg.connect(conninfo(url)) as hq:
        hq.execute(HISTORY, (EARLIER_SESSIONS,))
        hq.execute("UPDATE cdx.retailconndatabaseprofile SET fullsyncreason = ''")
    people.stage(url, installation.home, CUSTOMERS)
    conversion.convert(url)
    with psycopg.connect(conninfo(url), autocommit=True) as hq:
        hq.execute("VACUUM ANALYZE")
    yield url
    installation.drop(url)


def _change_customers(url: str) -> None:
    with engine(url) as hq, hq.begin() as connection:
        outbox.enqueue(
            connection,
            "SELECT dataareaid, accountnum FROM ax.custtable WHERE accountnum <> 'DEFAULT'"
            f" ORDER BY accountnum DESC LIMIT {IN_A_PACKAGE}",
        )
