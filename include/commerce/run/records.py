"""What a run remembers in headquarters (`cdx.run`, `cdx.runstore`, `cdx.runstep`): the only memory that steps share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Connection, text

from commerce.errors import UsageError
from commerce.outcomes import StoreOutcome
from commerce.run.steps import EVERY_STORE, OF_KIND, Kind, Step
from commerce.scope import Scope

RUN = text("SELECT run, kind, businessdate, businessdatefrom, opened FROM cdx.run WHERE run = :run")
RUN_STORES = text("""
    SELECT rs.store, rs.closed = 1 AS closed, ch.dataareaid AS company
    FROM cdx.runstore AS rs JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = rs.store
    WHERE rs.run = :run ORDER BY rs.store
""")
STEP_ROWS = text("SELECT step, store, state, message, counts, amounts FROM cdx.runstep WHERE run = :run")
# A try that overlaps its successor must not take back what that one finished.
RECORD = text("""
    INSERT INTO cdx.runstep (run, step, store, state, message, counts, amounts)
    VALUES (:run, :step, :store, :state, :message, CAST(:counts AS jsonb), CAST(:amounts AS jsonb))
    ON CONFLICT (run, step, store) DO UPDATE
    SET state = excluded.state, message = excluded.message, counts = excluded.counts, amounts = excluded.amounts,
        finished = now()
    WHERE runstep.state <> 'done'
""")
# A store that was out of reach has brought its customers after the step was through with the others: no longer done.
FORGET_OUTDATED = text("""
    DELETE FROM cdx.runstep AS outdated
    WHERE outdated.run = :run AND outdated.step = :step AND outdated.state <> 'skipped' AND outdated.finished < (
        SELECT max(upload.finished) FROM cdx.runstep AS upload
        WHERE upload.run = :run AND upload.step = 'upload' AND upload.state = 'done')
""")


@dataclass(frozen=True)
class StepRow:
    """How a store got through a step; `state` is done, failed, skipped or blocked."""

    state: str
    message: str
    counts: Mapping[str, int]
    amounts: Mapping[str, str]


@dataclass(frozen=True)
class RunRecord:
    """A run as headquarters knows it. `closed`: store -> whether its business day had ended; `first_date`: the first of
    the business dates of a historical run that works several."""

    run: int
    kind: Kind
    business_date: date | None
    opened: datetime
    closed: Mapping[str, bool]
    companies: tuple[str, ...]
    steps: Mapping[tuple[str, str], StepRow]
    first_date: date | None = None

    def is_left_out(self, step: str) -> bool:
        row = self.steps.get((step, EVERY_STORE))
        return row is not None and row.state == "skipped"

    def concerns(self, step: Step, store: str) -> bool:
        """Whether `store` has to get through `step` at all."""
        return not (step.whole or self.is_left_out(step.name) or (step.day_must_have_ended and not self.closed[store]))

    def stopped_before(self, step: Step, store: str) -> bool:
        """Whether the store failed or was blocked in an earlier step that holds it back."""
        for earlier in OF_KIND[self.kind]:
            if earlier.name == step.name:
                return False
            row = self.steps.get((earlier.name, store)) if earlier.gates and self.concerns(earlier, store) else None
            if row is not None and row.state in ("failed", "blocked"):
                return True
        return False

    def scope(self, stores: Iterable[str]) -> Scope:
        """The run's transactions of `stores`."""
        assert self.business_date is not None
        return Scope(tuple(sorted(stores)), self.business_date, self.kind == "historical", self.first_date)


def load(connection: Connection, run: int) -> RunRecord:
    """Read a run.

    Raises:
        UsageError: there is none of that number.
    """
    row = connection.execute(RUN, {"run": run}).one_or_none()
    if row is None:
        raise UsageError(f"There is no run {run}.")
    stores = connection.execute(RUN_STORES, {"run": run}).all()
    rows = connection.execute(STEP_ROWS, {"run": run})
    return RunRecord(
        run=row.run,
        kind=cast(Kind, row.kind),
        business_date=row.businessdate,
        opened=row.opened,
        closed={store.store: store.closed for store in stores},
        companies=tuple(sorted({store.company for store in stores})),
        steps={(step.step, step.store): StepRow(step.state, step.message, step.counts, step.amounts) for step in rows},
        first_date=row.businessdatefrom,
    )


def record(connection: Connection, run: int, step: str, outcomes: Iterable[StoreOutcome]) -> None:
    """Keep the outcomes of a step; one that is done stays done."""
    rows = [_values(run, step, outcome) for outcome in outcomes]
    if rows:
        connection.execute(RECORD, rows)


def forget_outdated(connection: Connection, run: int, step: str) -> None:
    """Let a step that serves all stores be due again for those that got through it before another store's upload."""
    connection.execute(FORGET_OUTDATED, {"run": run, "step": step})


def mark_skipped(connection: Connection, run: int, left_out: Iterable[str]) -> None:
    """Remember that the whole run leaves these steps out."""
    for step in sorted(left_out):
        record(connection, run, step, [StoreOutcome(EVERY_STORE, "skipped", "left out, as asked")])


def _values(run: int, step: str, outcome: StoreOutcome) -> dict[str, Any]:
    return {
        "run": run,
        "step": step,
        "store": outcome.store,
        "state": outcome.state,
        "message": outcome.message,
        "counts": json.dumps(dict(outcome.counts)),
        "amounts": json.dumps({name: str(amount) for name, amount in outcome.amounts.items()}),
    }
