"""The stores a run is for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

from sqlalchemy import Connection, text

from commerce.errors import UsageError

STORES = text("""
    SELECT ch.retailchannelid AS store, ch.dataareaid AS company, ch.channeltimezoneinfoid AS time_zone,
           st.stmtcalcbatchendtime AS closing_time, ch.cutoverdate AS cut_over, ch.currency,
           p.pausedatasync = 1 AS paused
    FROM ax.retailchanneltable AS ch
    JOIN ax.retailstoretable AS st ON st.recid = ch.recid
    JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid
    JOIN cdx.retailconndatabaseprofile AS p ON p.recid = d.databaseprofile
    ORDER BY ch.retailchannelid
""")


@dataclass(frozen=True)
class Store:
    """A registered store. `closing_time` is local; dates before `cut_over` are history."""

    store: str
    company: str
    time_zone: str
    closing_time: time
    cut_over: date | None
    currency: str
    paused: bool


def registered(connection: Connection) -> list[Store]:
    """All stores with a channel database, by name."""
    return [Store(**row) for row in connection.execute(STORES).mappings()]


def choose(connection: Connection, names: Sequence[str] | None) -> list[Store]:
    """The stores called `names`, or all that are not paused; by name.

    Raises:
        UsageError: there is no such store, it is paused, or there is none at all.
    """
    known = {store.store: store for store in registered(connection)}
    if not known:
        raise UsageError(
            "There are no channels yet. Register them with `commerce channel add` or `commerce channel apply`."
        )
    if names is None:
        active = [store for store in known.values() if not store.paused]
        if not active:
            raise UsageError("All channels are paused. `commerce channel resume NAME` starts one again.")
        return active
    if unknown := sorted(set(names) - set(known)):
        raise UsageError(_unknown(unknown, sorted(known)))
    chosen = [known[name] for name in sorted(set(names))]
    if paused := [store.store for store in chosen if store.paused]:
        raise UsageError(f"Paused: {', '.join(paused)}. `commerce channel resume NAME` starts a channel again.")
    if not chosen:
        raise UsageError("No store is named. Name one or more, or leave the choice out for all of them.")
    return chosen


def refuse_without_history(stores: Sequence[Store], business_date: date) -> None:
    """A historical run is for stores with a cut-over date, and for a day before it.

    Raises:
        UsageError: a store has none, or the day belongs to the daily run.
    """
    if without := [store.store for store in stores if store.cut_over is None]:
        raise UsageError(
            f"Without a cut-over date a store has no history: {', '.join(without)}. Set `cut_over` with "
            "`commerce channel apply FILE`, or post the day with `commerce end-of-day`."
        )
    late = [
        f"{store.store} ({store.cut_over})" for store in stores if store.cut_over and business_date >= store.cut_over
    ]
    if late:
        raise UsageError(
            f"{business_date} is not before the cut-over date of {', '.join(late)}; `commerce end-of-day` posts it."
        )


def _unknown(unknown: Sequence[str], known: Sequence[str]) -> str:
    near = difflib.get_close_matches(unknown[0], known, n=3)
    shown = near or known[:20]
    more = "" if len(shown) == len(known) else f" and {len(known) - len(shown)} more (`commerce channel list`)"
    return f"Unknown store: {', '.join(unknown)}. Known: {', '.join(shown)}{more}."
