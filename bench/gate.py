"""The quality gate beside its own SQL without Great Expectations, and beside Great Expectations over data frames.

All receipts are valid and stamped anew by each contestant; nothing is wrong, so every rule reads all it has to read.
Starting Python with Great Expectations is left out for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg

from bench import day
from bench.comparing import Contestant, Entry, compare
from bench.installation import Installation, conninfo
from commerce.schema.enums import ValidationStatus

VALID = "template_valid"
RUN = 1


def measure(name: str, installation: Installation, world: day.World, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on the receipts of `world`; the peer works on the first store."""
    from bench import gate_work  # loads Great Expectations, in the processes that work on this alone

    stores = list(installation.stores)
    url = installation.clone(world.template)
    _validate(url, world.last_date)
    installation.keep_as_template(url, VALID)

    def prepare(*arguments: Any) -> Callable[[], tuple[Any, ...]]:
        return lambda: (installation.clone(VALID), *arguments)

    def clean(arguments: tuple[Any, ...]) -> None:
        installation.drop(arguments[0])

    contestants = [
        Contestant("product", gate_work.check, prepare(RUN, stores, world.last_date, world.lines), clean),
        Contestant("floor", gate_work.check_straight, prepare(RUN, stores, world.last_date, world.lines), clean),
        Contestant("peer", gate_work.check_frames, prepare(stores[:1]), clean),
    ]
    try:
        return compare(name, "sales lines", installation.postmaster, contestants, repeats, say)
    finally:
        installation.drop(installation.server.url(VALID))


def _validate(url: str, last_date: date) -> None:
    """A run, and all receipts valid: validation is a benchmark of its own."""
    with psycopg.connect(conninfo(url), autocommit=True) as hq:
        hq.execute(
            "INSERT INTO cdx.run (run, key, kind, businessdate) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, 'bench', 'end_of_day', %s)",
            [RUN, last_date],
        )
        hq.execute(f"UPDATE ax.retailtransactiontable SET validationstatus = {int(ValidationStatus.SUCCESSFUL)}")
        for table in day.TABLES[:2]:  # addresses are in no map here
            hq.execute(f"UPDATE ax.{table} SET addressidasync = '' WHERE addressidasync <> ''")
        hq.execute("VACUUM FULL ax.retailtransactiontable")
        hq.execute("VACUUM ANALYZE")
