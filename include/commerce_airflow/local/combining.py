"""Summaries of several runs as one, for the demo's last screen. A summary is `RunSummary.as_dict()`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

COUNTS = ("customers_converted", "orders", "transactions")
WORST_FIRST = ("failed", "blocked", "not_closed", "posted", "nothing_to_post")


def of_day(day: str, summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The runs of one business date, in their order, as one: counts and amounts added, otherwise the latest run's word.

    A store that had nothing left to post in a later run is posted if it was before.
    """
    stores: dict[str, dict[str, Any]] = {}
    for summary in summaries:
        for store in summary["stores"]:
            known = stores.get(store["store"])
            if known is None:
                stores[store["store"]] = dict(store)
                continue
            latest = known if store["state"] == "nothing_to_post" and known["state"] == "posted" else store
            stores[store["store"]] = {**latest, **_added(known, store)}
    return {
        "kind": "end_of_day",
        "business_date": day,
        "problems": list(summaries[-1]["problems"]) if summaries else [],
        "stores": [stores[name] for name in sorted(stores)],
    }


def combined(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several business dates as one: counts and amounts added, each store in its worst state, every note once.

    What is left out or waits is the last day's word: a run tells everything up to its business date.
    """
    stores: dict[str, dict[str, Any]] = {}
    for day in days:
        for store in day["stores"]:
            known = stores.get(store["store"])
            if known is None:
                stores[store["store"]] = dict(store)
                continue
            stores[store["store"]] = {
                **store,
                **_added(known, store),
                "state": min(known["state"], store["state"], key=WORST_FIRST.index),
                "reasons": _each_once([*known["reasons"], *store["reasons"]]),
                "notes": _each_once([*known["notes"], *store["notes"]]),
            }
    dates = [day["business_date"] for day in days]
    return {
        "kind": "end_of_day",
        "business_date": dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        "problems": _each_once([problem for day in days for problem in day["problems"]]),
        "stores": [stores[name] for name in sorted(stores)],
    }


def all_posted(summary: Mapping[str, Any], stores: Iterable[str]) -> bool:
    """Whether each of `stores` is in the summary and posted, or had nothing to post."""
    states = {store["store"]: store["state"] for store in summary["stores"]}
    return all(states.get(store) in ("posted", "nothing_to_post") for store in stores)


def _added(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    amount = Decimal(first["posted_amount"]) + Decimal(second["posted_amount"])
    return {**{name: first[name] + second[name] for name in COUNTS}, "posted_amount": str(amount)}


def _each_once(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
