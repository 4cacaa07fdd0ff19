"""Work through keys in short transactions, and find the one key that the database refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from commerce.customers.counts import Tally
from commerce.database import analyze_growing, describe_error, retry_transient, sqlstate

CHUNK = 10_000
"""Keys a transaction: enough for set-based statements, few enough that a number sequence is not held for long."""

CUSTOMER_TABLES = (
    "custaccountasyncmap",
    "custtable",
    "retailcusttable",
    "dirpartytable",
    "dirperson",
    "dirpersonname",
    "dirpartylocation",
    "logisticslocation",
    "logisticselectronicaddress",
    "logisticspostaladdress",
    "asyncaddressmap",
    "asynccontactmap",
)
"""What a conversion joins with and writes to."""

_LOCK = "SELECT pg_advisory_xact_lock{mode}(hashtextextended('operations ' || CAST(:company AS text), 0))"
_SHARE = text(_LOCK.format(mode="_shared"))
_ALONE = text(_LOCK.format(mode=""))

Work = Callable[[Sequence[str]], Tally]
Refuse = Callable[[str, str], Tally]


def share_operations(connection: Connection, company: str) -> None:
    """A chunk reads operations, and marks them later: until its transaction ends nobody edits them. Chunks do not wait
    for one another."""
    connection.execute(_SHARE, {"company": company})


def own_operations(connection: Connection, companies: Iterable[str]) -> None:
    """A person changes operations: wait for the chunks that have read them, and keep new ones out until this
    transaction ends. Else a row could be marked done with values that its customer did not get."""
    for company in sorted(set(companies)):
        connection.execute(_ALONE, {"company": company})


def convert(keys: Sequence[str], work: Work, refuse: Refuse) -> Tally:
    """Run `work` (one whole transaction) for `keys`. If the data of some key makes it fail, halve the keys until that
    key stands alone, give it to `refuse` with the reason, and do all the others (rule 6).

    Deadlocks and serialization failures are tried again; an unreachable server, and an account number that exists
    already, are no key's fault and raised.
    """
    try:
        return retry_transient(lambda: work(keys))
    except DBAPIError as error:
        if not _is_about_data(error):
            raise
        if len(keys) == 1:
            reason = f"the database refused it ({describe_error(error)})"
            return retry_transient(lambda: refuse(keys[0], reason))
    middle = len(keys) // 2
    tally = convert(keys[:middle], work, refuse)
    tally.merge(convert(keys[middle:], work, refuse))
    return tally


def _is_about_data(error: DBAPIError) -> bool:
    """Integrity and data errors. Anything else (connection, memory, missing table) is no key's fault."""
    return (sqlstate(error) or "")[:2] in ("22", "23") and not account_exists(error)


def refresh_statistics(hq: Engine, chunks_done: int) -> None:
    """Statistics of the tables that a conversion fills, of few samples."""
    analyze_growing(hq, [f"ax.{table}" for table in CUSTOMER_TABLES], chunks_done, target=10)


def account_exists(error: DBAPIError) -> bool:
    """A number sequence gave an account number that a customer has."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) == "pk_custtable"
