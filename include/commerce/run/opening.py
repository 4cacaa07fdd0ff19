"""Open a run: which stores, which of them have ended their business day, cut into shards."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from commerce.errors import UsageError
from commerce.run import records, steps, stores
from commerce.run.closing_time import business_day_end, has_begun
from commerce.run.stores import Store

NEW_RUN = text("""
    INSERT INTO cdx.run (key, kind, businessdate, businessdatefrom) VALUES (:key, :kind, :business_date, :first_date)
    ON CONFLICT (key) DO NOTHING RETURNING run
""")
SAME_RUN = text("SELECT run, kind, businessdate, businessdatefrom, closed FROM cdx.run WHERE key = :key FOR UPDATE")
NEW_STORES = text("INSERT INTO cdx.runstore (run, store, shard, closed) VALUES (:run, :store, :shard, :closed)")
STORES_OF_RUN = text("SELECT store, shard FROM cdx.runstore WHERE run = :run ORDER BY shard, store")
JOIN_RUN = text("""
    INSERT INTO cdx.runstore (run, store, shard, closed)
    SELECT :run, :store, coalesce(max(shard), 0), :closed FROM cdx.runstore WHERE run = :run
    ON CONFLICT (run, store) DO UPDATE SET closed = greatest(runstore.closed, excluded.closed)
""")
LEFT_OUT_BEFORE = text("DELETE FROM cdx.runstep WHERE run = :run AND store = '*' AND state = 'skipped'")
REOPEN = (
    text("DELETE FROM cdx.runstep WHERE run = :run"),
    text("UPDATE cdx.run SET closed = NULL, summary = NULL WHERE run = :run"),
)


@dataclass(frozen=True)
class Shard:
    """Stores that one task works. A shard of one store has the store's name."""

    name: str
    index: int
    stores: tuple[str, ...]


@dataclass(frozen=True)
class RunPlan:
    """An opened run and its shards; `business_date` is None for a run that posts nothing."""

    run: int
    business_date: date | None
    shards: tuple[Shard, ...]

    @property
    def stores(self) -> tuple[str, ...]:
        return tuple(store for shard in self.shards for store in shard.stores)


def open_run(
    hq: Engine,
    *,
    kind: steps.Kind,
    business_date: date | None = None,
    first_date: date | None = None,
    stores: Sequence[str] | None = None,
    key: str,
    max_shards: int = 32,
    skip: Iterable[str] = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> RunPlan:
    """Open the run named `key`, or return the one that was opened with it.

    Opening a run again goes on with it: stores and shards stay (a store that was not in it joins the last shard), steps
    that a store got through stay done. If it was closed in the meantime, all its steps are due again (each does just
    what is missing). In both cases a store whose business day has ended since then is no longer "not closed".

    Args:
        business_date: the business date; only a run that posts nothing has none.
        first_date: a historical run works all days from this one to `business_date`, or to the last that is history of
            one of the stores; None: this day only.
        stores: keys of the stores to work on; None: all that are not paused.
        max_shards: how many shards there may be; up to that many stores get a shard each.
        skip: names of steps to leave out.
        now: the clock, for tests.

    Raises:
        UsageError: an unknown or paused store, no or a wrong business date, a step that cannot be left out.
    """
    left_out = steps.to_skip(kind, skip)
    moment = now()
    with hq.begin() as connection:
        business_date = last_date(connection, first_date, business_date, stores)
        chosen = resolve(connection, kind, business_date, stores, moment, first_date)
        if first_date is not None and (kind != "historical" or business_date is None or first_date > business_date):
            raise UsageError("Only a historical run takes a range of business dates, the earlier one first.")
        ended = {
            store.store: kind in steps.THROUGH_THE_DAY or has_ended(store, business_date, moment) for store in chosen
        }
        values = {"key": key, "kind": kind, "business_date": business_date, "first_date": first_date}
        run = connection.execute(NEW_RUN, values).scalar_one_or_none()
        if run is None:
            run = _reopen(connection, values, ended)
        else:
            shards = cut(list(ended), max_shards)
            connection.execute(
                NEW_STORES,
                [
                    {"run": run, "store": store, "shard": shard.index, "closed": int(ended[store])}
                    for shard in shards
                    for store in shard.stores
                ],
            )
        records.mark_skipped(connection, run, left_out)
        return RunPlan(run, business_date, _shards(connection, run))


def resolve(
    connection: Connection,
    kind: steps.Kind,
    business_date: date | None,
    names: Sequence[str] | None,
    now: datetime,
    first_date: date | None = None,
) -> list[Store]:
    """The stores of a run, after checking that its kind, stores and business date (of a range: the first) go together.

    Raises:
        UsageError: they do not.
    """
    if kind in steps.OF_HISTORY and names is None:
        raise UsageError(
            "A historical run needs its stores named: history belongs to stores that joined with a cut-over date."
        )
    chosen = stores.choose(connection, names)
    if kind in steps.WITHOUT_DATE:
        if business_date is not None:
            raise UsageError("A run that posts nothing has no business date.")
        return chosen
    if business_date is None:
        raise UsageError("The business date is missing (YYYY-MM-DD).")
    if kind == "historical":
        stores.refuse_without_history(chosen, first_date or business_date)
    if kind not in steps.THROUGH_THE_DAY and not any(
        has_begun(business_date, store.time_zone, now) for store in chosen
    ):
        raise UsageError(f"Business date {business_date} has not begun in any of these stores.")
    return chosen


def last_date(
    connection: Connection, first_date: date | None, business_date: date | None, names: Sequence[str] | None
) -> date | None:
    """The last day of a range that is history of one of the stores: a month may end after their cut-over date. A run
    without a range, or one that begins after them, keeps its date."""
    if first_date is None or business_date is None:
        return business_date
    ends = [store.cut_over - timedelta(days=1) for store in stores.choose(connection, names) if store.cut_over]
    return min(business_date, max(ends)) if ends and first_date <= max(ends) else business_date


def has_ended(store: Store, business_date: date | None, now: datetime) -> bool:
    """Whether the store's business day has ended; a run without a date asks for none."""
    return business_date is None or now >= business_day_end(business_date, store.time_zone, store.closing_time)


def cut(names: Sequence[str], max_shards: int) -> list[Shard]:
    """Cut sorted store names into at most `max_shards` shards of about the same size."""
    if max_shards < 1:
        raise UsageError("A run needs at least one shard.")
    count = min(len(names), max_shards)
    bounds = [len(names) * index // count for index in range(count + 1)] if count else [0]
    parts = [tuple(names[start:end]) for start, end in itertools.pairwise(bounds)]
    return [_shard(index, part) for index, part in enumerate(parts)]


def _shard(index: int, part: tuple[str, ...]) -> Shard:
    name = part[0] if len(part) == 1 else f"{part[0]} to {part[-1]} ({len(part)} stores)"
    return Shard(name, index, part)


def _reopen(connection: Connection, values: Mapping[str, object], ended: dict[str, bool]) -> int:
    found = connection.execute(SAME_RUN, values).one()
    asked = tuple(values[name] for name in ("kind", "business_date", "first_date"))
    if (found.kind, found.businessdate, found.businessdatefrom) != asked:
        raise UsageError(
            f"Run '{values['key']}' was opened as {found.kind} for {found.businessdate or 'no date'}. "
            "Use another key for another run."
        )
    for store, day_has_ended in ended.items():
        connection.execute(JOIN_RUN, {"run": found.run, "store": store, "closed": int(day_has_ended)})
    connection.execute(LEFT_OUT_BEFORE, {"run": found.run})
    if found.closed is not None:
        for statement in REOPEN:
            connection.execute(statement, {"run": found.run})
    return int(found.run)


def _shards(connection: Connection, run: int) -> tuple[Shard, ...]:
    parts: dict[int, list[str]] = {}
    for row in connection.execute(STORES_OF_RUN, {"run": run}):
        parts.setdefault(row.shard, []).append(row.store)
    return tuple(_shard(index, tuple(part)) for index, part in sorted(parts.items()))
