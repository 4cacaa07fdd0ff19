"""Runs whose jobs are stand-ins: what they were called with, and rows that a job would have written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.outcomes import JobResult, StoreOutcome
from commerce.progress import Progress
from commerce.run import close_run, jobs, open_run, run_step, steps
from commerce.run.records import RunRecord
from commerce.schema.headquarters import customers, exchange, orders, runs, sales, statements
from support.company import DEFAULT_CUSTOMER, add_company, add_customer, add_store
from support.staging import guid, person
from support.transactions import DAY, add_order

STORES = ("BERGEN", "HOUSTON", "OSLO")
LATER = datetime(2026, 3, 5, tzinfo=UTC)

Calls = list[tuple[str, tuple[str, ...]]]


def add_stores(hq: Engine) -> None:
    """A company with the stores of `STORES`."""
    add_company(hq)
    for store in STORES:
        add_store(hq, store)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """All jobs succeed for every store; returns what they are called with."""
    made: Calls = []
    for step in steps.names("end_of_day"):
        monkeypatch.setitem(jobs.JOBS, step, job(step, made))
    return made


def job(step: str, made: Calls, failing: dict[str, str] | None = None) -> jobs.Job:
    def work_off(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
        made.append((step, stores))
        outcomes = {store: StoreOutcome(store) for store in stores}
        for store, message in (failing or {}).items():
            if store in outcomes:
                outcomes[store] = StoreOutcome(store, "failed", message)
        return JobResult(step, outcomes)

    return work_off


def opened(hq: Engine, *, key: str = "test", now: datetime = LATER, **options: object) -> int:
    arguments = {"kind": "end_of_day", "business_date": DAY, "key": key, "now": lambda: now, **options}
    return open_run(hq, **arguments).run  # type: ignore[arg-type]


def work(hq: Engine, run: int, *, kind: str = "end_of_day", until: str | None = None) -> None:
    for step in steps.names(kind):
        run_step(hq, run=run, step=step)
        if step == until:
            return


def states(hq: Engine, run: int) -> dict[str, str]:
    return {store.store: store.state for store in close_run(hq, run=run).stores}


def customer_of(hq: Engine, number: int, store: str = "OSLO") -> None:
    """A customer of `store` is converted now."""
    person(hq, guid(number), store=store)
    add_customer(hq, f"C{number}", guid=guid(number))
    with hq.begin() as connection:
        profile = sa.select(exchange.DATABASE_PROFILE.c.recid).where(exchange.DATABASE_PROFILE.c.name == store)
        connection.execute(
            customers.GUID_MAP.update()
            .where(customers.GUID_MAP.c.custaccountasync == guid(number))
            .values(origin=profile.scalar_subquery())
        )


def order_of(hq: Engine, number: int, store: str = "OSLO") -> None:
    """An order of `store` gets its sales order now."""
    key = dict(zip(("store", "terminal", "transactionid"), add_order(hq, store, number), strict=True))
    order = {"dataareaid": "USMF", "salesid": f"SO{number}", "custaccount": DEFAULT_CUSTOMER, "salesorigin": "channel"}
    amounts = dict.fromkeys(("netamount", "taxamount", "chargeamount", "grossamount"), 0)
    with hq.begin() as connection:
        connection.execute(
            sales.SALES_ORDER.insert(), {**order, **amounts, "store": store, "businessdate": DAY, "currency": "USD"}
        )
        connection.execute(
            orders.ORDER_STATUS.insert().values(modifieddatetime=sa.func.now()),
            {**key, "dataareaid": "USMF", "status": 2, "salesid": f"SO{number}"},
        )


def gate(*blocked: str) -> jobs.Job:
    def work_off(hq: Engine, run: RunRecord, stores: tuple[str, ...], progress: Progress) -> JobResult:
        outcomes = {store: StoreOutcome(store, "blocked" if store in blocked else "done") for store in stores}
        return JobResult("check", outcomes)

    return work_off


def row_of(hq: Engine, run: int, step: str, store: str) -> sa.Row[tuple[object, ...]]:
    table = runs.RUN_STEP
    with hq.connect() as connection:
        return connection.execute(
            sa.select(table).where(table.c.run == run, table.c.step == step, table.c.store == store)
        ).one()


def add_verdict(hq: Engine, run: int, store: str, rule: str, severity: str, count: int, amount: str) -> None:
    values = {"run": run, "store": store, "rule": rule, "severity": severity, "count": count, "amount": Decimal(amount)}
    with hq.begin() as connection:
        connection.execute(runs.GATE_VERDICT.insert(), {**values, "sample": ["T1-****1"]})


def add_statement(hq: Engine, store: str, number: str, run: int, status: int, amount: str) -> None:
    with hq.begin() as connection:
        connection.execute(
            statements.STATEMENT.insert(),
            {
                "dataareaid": "USMF",
                "statementid": number,
                "storeid": store,
                "statementtype": 1,
                "businessdate": DAY,
                "currency": "USD",
                "postingstatus": status,
                "run": run,
                "transactioncount": 3,
                "salesamount": Decimal(amount),
            },
        )
