"""Backfill: the history of stores, in ranges of business dates, in one process.

History is uploaded first, by a run of its own that posts nothing. Then headquarters knows which days have anything to
post, and these are posted by historical runs of many days each: what a run costs, however little it posts, is paid for
some thousand transactions and not for every day. Every day has its own statements all the same. Whatever is killed goes
on with what is missing when it is started again; a range that is done opens no further run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Engine, text

from commerce.errors import UsageError
from commerce.progress import Progress, silent
from commerce.run import steps
from commerce.run.opening import resolve
from commerce.run.pipeline import Clock, clock, work_run
from commerce.run.summary import RunSummary
from commerce.run.unfinished import unfinished_sql
from commerce.schema.enums import ORDER_TYPES, STATEMENT_TYPES
from commerce.scope import Scope

TRANSACTIONS_OF_A_RUN = 20_000
"""How many transactions a run takes at least, if there are so many: its own cost is a hundredth of theirs then. What a
run holds in memory and in its longest transaction grows with them."""

UPLOADED_BEFORE = tuple(step.name for step in steps.OF_KIND["history_upload"])

Days = list[tuple[date, int]]
"""Business dates that have something to post, in order, and how many transactions."""


@dataclass(frozen=True)
class BackfillResult:
    """What a backfill did. `upload`: the run that brought the history in; `runs`: those that posted it, a store in one
    of them for each of its days that had something to post."""

    first: date
    last: date
    upload: RunSummary
    runs: tuple[RunSummary, ...]

    @property
    def ok(self) -> bool:
        """No store is blocked or failed, on any day."""
        return self.upload.ok and all(summary.ok for summary in self.runs)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "upload": self.upload.as_dict(),
            "runs": [summary.as_dict() for summary in self.runs],
        }


def backfill(
    hq: Engine,
    *,
    stores: Sequence[str],
    first: date,
    last: date,
    skip: Iterable[str] = (),
    progress: Progress = silent,
    now: Clock = clock,
) -> BackfillResult:
    """Post what is missing of the history of `stores` from `first` to `last`, both included.

    A store that the quality gate blocks in a run of several days is tried again with halves of them, so that a bad day
    holds back itself only. A store whose history cannot be uploaded is left out.

    Raises:
        UsageError: an unknown store, days in the wrong order, a day that is not before a store's cut-over date. All of
            it is checked before anything is done.
    """
    if last < first:
        raise UsageError(f"The range ends on {last}, before it begins on {first}.")
    left_out = steps.to_skip("historical", skip)
    with hq.connect() as connection:
        for day in (first, last):
            resolve(connection, "historical", day, stores, now())
    brought = left_out.intersection(UPLOADED_BEFORE)
    uploaded = work_run(hq, "history_upload", None, stores, brought, progress, now)
    able = [store.store for store in uploaded.stores if store.state == "done"]
    runs: list[RunSummary] = []
    waiting = deque((able, days) for days in _cut(_due(hq, able, first, last)) if able)
    while waiting:
        chosen, days = waiting.popleft()
        summary = work_run(
            hq,
            "historical",
            days[-1][0],
            chosen,
            left_out.union(UPLOADED_BEFORE),
            progress,
            now,
            first_date=days[0][0] if len(days) > 1 else None,
        )
        blocked = [store.store for store in summary.stores if store.state == "blocked"]
        if blocked and len(days) > 1:
            half = len(days) // 2
            waiting.extendleft([(blocked, days[half:]), (blocked, days[:half])])
            summary = replace(summary, stores=tuple(one for one in summary.stores if one.store not in blocked))
        if summary.stores:
            runs.append(summary)
    return BackfillResult(first, last, uploaded, tuple(runs))


def _due(hq: Engine, stores: Sequence[str], first: date, last: date) -> Days:
    """The days of a range on which something is not posted, a closed shift is not counted, or a statement is not
    finished."""
    scope = Scope(tuple(stores), last, historical=True, first_date=first)
    types = ", ".join(str(int(kind)) for kind in (*ORDER_TYPES, *STATEMENT_TYPES))
    query = f"""
        SELECT businessdate, sum(transactions)::integer AS transactions FROM (
            SELECT t.businessdate, count(*) AS transactions
            FROM ax.retailtransactiontable AS t JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
            WHERE t.type IN ({types}) AND {scope.unposted_sql("t", "ch")}
            GROUP BY t.businessdate
            UNION ALL
            SELECT businessdate, transactions FROM ({unfinished_sql(scope)}) AS unfinished) AS due
        GROUP BY businessdate ORDER BY businessdate"""
    with hq.connect() as connection:
        return [(row.businessdate, row.transactions) for row in connection.execute(text(query), scope.parameters)]


def _cut(days: Days) -> list[Days]:
    """The days of each run: in their order, until there are transactions enough."""
    runs: list[Days] = []
    held = TRANSACTIONS_OF_A_RUN
    for day in days:
        if held >= TRANSACTIONS_OF_A_RUN:
            runs.append([])
            held = 0
        runs[-1].append(day)
        held += day[1]
    return runs
