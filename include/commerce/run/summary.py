"""Close a run: what became of each store, from what headquarters holds and nothing else.

A step that left no row did not happen: the store counts as failed, whatever became of the worker. So the summary is
right after a crash, and the same for every way of running the steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Engine, text

from commerce.outcomes import money
from commerce.run import data_docs, records, summary_queries
from commerce.run.records import RunRecord
from commerce.run.steps import EVERY_STORE, OF_KIND, WITHOUT_DATE
from commerce.run.summary_queries import Facts
from commerce.schema.enums import StatementType
from commerce.transactions.holding import HeldTransaction

StoreState = Literal["posted", "blocked", "nothing_to_post", "not_closed", "failed", "done"]

KEEP = text("UPDATE cdx.run SET closed = now(), summary = CAST(:summary AS jsonb) WHERE run = :run")

ZERO = Decimal(0)


@dataclass(frozen=True)
class Reason:
    """Why a store is blocked or failed. `rule`: the gate's rule or the step; `sample`: some keys, masked.

    `count`, `amount`: the transactions that break the rule; where a step failed, those that wait in headquarters.
    """

    rule: str
    count: int
    amount: Decimal
    sample: tuple[Any, ...] = ()
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "count": self.count,
            "amount": money(self.amount),
            "sample": list(self.sample),
            "message": self.message,
        }


@dataclass(frozen=True)
class StoreSummary:
    """What a run did for one store.

    `exceptions`: real transactions of the run's dates that a posted store left out (invalid, or not there yet when the
    gate looked); `waiting`: those of a store that was not posted; `held`: those that a person holds, whatever their
    date, which are in neither. `posted_amount`: sales including tax, of this run's statements. "done" is the state of a
    store in a run that posts nothing.
    """

    store: str
    state: StoreState
    currency: str
    reasons: tuple[Reason, ...] = ()
    exceptions: tuple[int, Decimal] = (0, ZERO)
    waiting: tuple[int, Decimal] = (0, ZERO)
    held: tuple[HeldTransaction, ...] = ()
    statements: tuple[str, ...] = ()
    posted_amount: Decimal = ZERO
    customers_converted: int = 0
    orders: int = 0
    transactions: int = 0
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "state": self.state,
            "currency": self.currency,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "exceptions": _count_and_amount(self.exceptions),
            "waiting": _count_and_amount(self.waiting),
            "held": [held.as_dict() for held in self.held],
            "statements": list(self.statements),
            "posted_amount": money(self.posted_amount),
            "customers_converted": self.customers_converted,
            "orders": self.orders,
            "transactions": self.transactions,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class RunSummary:
    """A closed run. `ok`: no store is failed or blocked, and no step of the whole run failed (`problems`).

    `notes`: steps of the whole run that did not get through and hold nobody up; the next run takes their work up.
    `first_date`: the first of the business dates of a historical run that works several, up to `business_date`.
    """

    run: int
    kind: str
    business_date: date | None
    stores: tuple[StoreSummary, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    first_date: date | None = None

    @property
    def ok(self) -> bool:
        return not self.problems and not any(store.state in ("failed", "blocked") for store in self.stores)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "run": self.run,
            "kind": self.kind,
            "business_date": None if self.business_date is None else self.business_date.isoformat(),
            "first_date": None if self.first_date is None else self.first_date.isoformat(),
            "problems": list(self.problems),
            "notes": list(self.notes),
            "stores": [store.as_dict() for store in self.stores],
        }


def close_run(hq: Engine, *, run: int) -> RunSummary:
    """Write the summary of `run` into headquarters and return it. Closing again only tells what has changed since.

    Removes the Data Docs of old runs, too.

    Raises:
        UsageError: there is no such run.
    """
    with hq.begin() as connection:
        record = records.load(connection, run)
        facts = summary_queries.read(connection, record)
        stores = tuple(_store(record, facts, store) for store in sorted(record.closed))
        whole = _of_whole_steps(record)
        summary = RunSummary(run, record.kind, record.business_date, stores, *whole, record.first_date)
        connection.execute(KEEP, {"run": run, "summary": json.dumps(summary.as_dict())})
    data_docs.remove_old()
    return summary


def _count_and_amount(pair: tuple[int, Decimal]) -> dict[str, Any]:
    return {"count": pair[0], "amount": money(pair[1])}


def _store(run: RunRecord, facts: Facts, store: str) -> StoreSummary:
    posted = [row for row in facts.statements.get(store, ()) if row.posted]
    state, reasons = _state(run, facts, store, any(_has_posted(row) for row in posted))
    waiting = facts.waiting.get(store, (0, ZERO))
    nothing = (0, ZERO)
    judged = state in ("posted", "nothing_to_post") and not _put_off(run, store)
    return StoreSummary(
        store=store,
        state=state,
        currency=facts.currencies[store],
        reasons=reasons,
        exceptions=waiting if judged else nothing,
        waiting=nothing if judged else waiting,
        held=tuple(facts.held.get(store, ())),
        statements=tuple(row.statementid for row in facts.statements.get(store, ())),
        posted_amount=sum((row.salesamount for row in posted), ZERO),
        customers_converted=facts.customers_converted.get(store, 0),
        orders=facts.orders.get(store, 0),
        transactions=sum(row.transactioncount for row in posted),
        notes=_notes(run, facts, store, state),
    )


def _state(run: RunRecord, facts: Facts, store: str, posted: bool) -> tuple[StoreState, tuple[Reason, ...]]:
    concerned = facts.waiting.get(store, (0, ZERO))
    for step in OF_KIND[run.kind]:
        if not step.gates or not run.concerns(step, store):
            continue
        row = run.steps.get((step.name, store))
        if row is None:
            return "failed", (
                Reason(step.name, *concerned, (), f"{step.name} did not finish for this store. Run it again."),
            )
        if row.state == "blocked":
            return "blocked", _verdicts(facts, store, row.message)
        if row.state == "failed":
            return "failed", (Reason(step.name, *concerned, (), row.message),)
    if run.kind in WITHOUT_DATE:
        return "done", ()
    if not run.closed[store]:
        return "not_closed", ()
    unfinished = tuple(
        Reason(
            "post_statements",
            row.transactioncount,
            row.salesamount,
            (row.statementid,),
            row.message or "not posted yet",
        )
        for row in facts.statements.get(store, ())
        if not row.posted
    )
    if unfinished:
        return "failed", unfinished
    closed = facts.closed_periods.get(store)
    if closed is not None and closed.of_the_day:
        reason = Reason("closed_fiscal_period", closed.of_the_day, closed.amount, (), f"{closed.message}.")
        return "blocked", (reason,)
    return ("posted" if posted else "nothing_to_post"), ()


def _put_off(run: RunRecord, store: str) -> str:
    """Why the calculation left a store out that nothing holds back: it has one statement per day, and the day goes
    on."""
    calculated = run.steps.get(("calculate_statements", store))
    return calculated.message if calculated is not None and calculated.state == "skipped" else ""


def _has_posted(statement: Any) -> bool:
    """Whether a posted statement says anything: one that all transactions were taken out of does not."""
    return bool(statement.statementtype == StatementType.FINANCIAL or statement.transactioncount)


def _verdicts(facts: Facts, store: str, message: str) -> tuple[Reason, ...]:
    rows = facts.verdicts.get(store, ())
    if not rows:
        return (Reason("quality_gate", *facts.waiting.get(store, (0, ZERO)), (), message),)
    return tuple(Reason(row.rule, row[2], row.amount, tuple(row.sample)) for row in rows)


def _notes(run: RunRecord, facts: Facts, store: str, state: StoreState) -> tuple[str, ...]:
    notes: list[str] = []
    if state == "not_closed":
        notes.append("business day not yet closed")
    before = facts.posted_before.get(store)
    if state == "nothing_to_post" and before is not None:
        amount = money(before.amount)
        notes.append(f"already posted: {before.transactions} transactions, {amount} {facts.currencies[store]}")
    if state in ("posted", "nothing_to_post") and (unjudged := facts.unjudged.get(store)):
        notes.append(f"{_plural(unjudged, 'transaction')} came or changed meanwhile, left to the next run")
    closed = facts.closed_periods.get(store)
    if closed is not None and closed.earlier:
        amount = f"{money(closed.earlier_amount)} {facts.currencies[store]}"
        notes.append(f"{_plural(closed.earlier, 'transaction')} of earlier days, {amount}, in closed fiscal periods")
    notes.extend(_orders(run, store))
    notes.extend(_statements(run, store))
    if store in facts.overdue:
        overdue, hours = facts.overdue[store]
        wait = "has waited" if overdue == 1 else "have waited"
        notes.append(
            f"{_plural(overdue, 'transaction')} {wait} more than {_plural(hours, 'hour')} for a customer or address"
            ": `commerce transactions list --waiting`"
        )
    if off := facts.rules_off.get(store):
        notes.append(f"switched off in {off[0].company}: {', '.join(rule.words for rule in off)}")
    notes.extend(_of_held(facts.held.get(store, ())))
    behind = _behind(run, store)
    notes.extend(
        f"{row.rule.replace('_', ' ')}: {row[2]}" + (f", such as {row.sample}" if row.sample else "")
        for row in facts.other_findings.get(store, ())
        if not (behind and row.rule == "distribution_behind")
    )
    if rows := facts.quarantined.get(store):
        notes.append(f"{_plural(rows, 'row')} in quarantine")
    notes.extend(_customers(facts, store))
    notes.extend(facts.short_of_numbers.get(store, ()))
    return (*notes, *behind)


def _customers(facts: Facts, store: str) -> Iterator[str]:
    """New customers of the store that have no account after the run, and changes of customers that failed."""
    found = facts.customers_open.get(store)
    if found is None:
        return
    if found.failed:
        yield f"{_plural(found.failed, 'customer')} not converted: `commerce customers list --state failed` says why"
    if found.waiting:
        wait = "waits" if found.waiting == 1 else "wait"
        listed = "`commerce customers list --state pending` says for what"
        yield f"{_plural(found.waiting, 'customer')} still {wait} for an account: {listed}"
    if found.changes:
        yield (
            f"{_plural(found.changes, 'change')} of customers failed: `commerce customers list --state failed` says why"
        )


def _statements(run: RunRecord, store: str) -> Iterator[str]:
    """What the store's statements wait for, and what other calculations were faster with."""
    calculated = run.steps.get(("calculate_statements", store))
    if calculated is None:
        return
    if still_open := calculated.counts.get("open_shifts", 0):
        yield f"{_plural(still_open, 'shift')} still open, the financial statement waits"
    if calculated.state in ("skipped", "done") and calculated.message:
        yield calculated.message


def _orders(run: RunRecord, store: str) -> Iterator[str]:
    """Orders of the store that have no sales order after the run, though nothing has still to arrive for them."""
    row = run.steps.get(("synchronize_orders", store))
    told = {
        "waiting": "changed while being synchronized, left to the next run",
        "retrying": "tried again by itself",
        "failed": "failed: `commerce orders list --state failed` says why",
        "editing": "being edited",
    }
    for state, words in told.items():
        if orders := row.counts.get(state, 0) if row else 0:
            yield f"{_plural(orders, 'order')} {words}"
    if requests := row.counts.get("not_canceled", 0) if row else 0:
        yield f"{_plural(requests, 'cancellation')} not done: `commerce orders cancellations list` says why"


def _of_held(held: Sequence[HeldTransaction]) -> list[str]:
    """Every day anew, so that nobody forgets a transaction that was put on hold."""
    return [
        f"{one.transaction} on hold for {_plural(one.days, 'day')}: {money(one.amount)} {one.currency}, {one.reason}"
        for one in held
    ]


def _behind(run: RunRecord, store: str) -> list[str]:
    """The last step that brings accounts to the store's channel, if it did not get through."""
    distributing = [step for step in OF_KIND[run.kind] if not step.gates and run.concerns(step, store)]
    rows = [run.steps[step.name, store] for step in distributing if (step.name, store) in run.steps]
    if rows and (rows[-1].state == "failed" or rows[-1].message):  # a bounded distribution has left sessions waiting
        return [f"distribution behind: {rows[-1].message}"]
    return []


def _of_whole_steps(run: RunRecord) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems: what stopped a step of the whole run that others build on; its stores may be posted all the same, if
    nothing of them depends on it. Notes: what stopped the others."""
    problems: list[str] = []
    notes: list[str] = []
    for step in OF_KIND[run.kind]:
        if step.whole and not run.is_left_out(step.name):
            row = run.steps.get((step.name, EVERY_STORE))
            told = problems if step.gates else notes
            if row is None:
                told.append(f"{step.name} did not finish. Run it again.")
            elif row.state != "done":
                told.append(f"{step.name}: {row.message}")
    return tuple(problems), tuple(notes)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
