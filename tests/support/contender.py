"""Several processes that work on the same customers: `python -m support.contender URL JOB=CHUNK JOB=CHUNK ...`.

The library is imported once and a process is forked for each job. They wait until whoever holds the advisory lock
`START` lets all of them go at once, and run their jobs in small chunks so that they meet as often as they can. A store
that failed ends its process with an error, as does a deadlock that is not tried again.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine, text

from commerce import customers, database, orders, statements
from commerce.customers import conversion, dependents, late_binding
from commerce.orders import creating
from commerce.outcomes import JobResult
from commerce.scope import Scope
from support.transactions import DAY

START = 5_110_010
SCOPE = Scope(("S1", "S2"), DAY)

JOBS: dict[str, Callable[[Engine], JobResult]] = {
    "synchronize-customers": customers.synchronize_customers,
    "synchronize-orders": partial(orders.synchronize_orders, scope=SCOPE),
    "bind-cash-and-carry": partial(statements.bind_cash_and_carry, scope=SCOPE),
}


def main(url: str, contenders: list[str]) -> int:
    """The number of processes that failed."""
    forking = multiprocessing.get_context("fork")
    processes = []
    for contender in contenders:
        job, _, chunk = contender.partition("=")
        processes.append(forking.Process(target=contend, args=(url, job, int(chunk))))
        processes[-1].start()
    for process in processes:
        process.join()
    return sum(process.exitcode != 0 for process in processes)


def contend(url: str, job: str, chunk: int) -> None:
    for module in (conversion, dependents, late_binding, creating):
        assert chunk < module.CHUNK
        module.CHUNK = chunk
    hq = database.hq_engine(url)
    with hq.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:start)"), {"start": START})
    result = JOBS[job](hq)
    assert result.ok, result.as_dict()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
