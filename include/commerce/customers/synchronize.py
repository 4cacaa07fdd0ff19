"""The batch job *Synchronize customers and business partners from async mode* (domain section 0, A2-A4, F)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, text

from commerce.customers import conversion, dependents, operations
from commerce.customers.addresses import ADDRESSES
from commerce.customers.affiliations import AFFILIATIONS, IDENTITIES
from commerce.customers.attributes import ATTRIBUTES
from commerce.customers.candidates import PENDING_CREATE
from commerce.customers.chunks import refresh_statistics
from commerce.customers.contacts import CONTACTS
from commerce.customers.counts import KINDS, Tally
from commerce.customers.duplicates import known
from commerce.errors import CommerceError, ConfigurationError
from commerce.outcomes import JobResult, StoreOutcome, StoreState, totals
from commerce.progress import Progress, silent
from commerce.schema.enums import CustomerAsyncOperation, SyncStatus

JOB = "synchronize-customers"
DEPENDENTS = (ADDRESSES, CONTACTS, AFFILIATIONS, ATTRIBUTES, IDENTITIES)
EDITS = {
    edits.table: edits
    for edits in (
        operations.CUSTOMERS,
        operations.ADDRESSES,
        operations.CONTACTS,
        operations.AFFILIATIONS,
        operations.ATTRIBUTES,
    )
}
NOT_CREATED = f"s.operation <> {CustomerAsyncOperation.CREATE}"
TABLES = ("retailasynccustomerv2", *(kind.table for kind in DEPENDENTS))

_COMPANIES = text(
    "SELECT DISTINCT dataareaid FROM ("
    + " UNION ALL ".join(
        f"SELECT dataareaid FROM ax.{table} WHERE syncstatus = {SyncStatus.PENDING}" for table in TABLES
    )
    + ") AS waiting WHERE CAST(:companies AS text[]) IS NULL OR dataareaid = ANY(:companies) ORDER BY 1"
)
_TRY_AGAIN = tuple(
    text(
        f"UPDATE ax.{table} SET syncstatus = {SyncStatus.PENDING} WHERE syncstatus = {SyncStatus.FAILED}"
        " AND errorclass = 'transient' AND (CAST(:companies AS text[]) IS NULL OR dataareaid = ANY(:companies))"
    )
    for table in TABLES
)
_TO_CREATE = text(
    f"""
    SELECT count(*) FROM (
        SELECT DISTINCT s.dataareaid, s.custaccountasync FROM ax.retailasynccustomerv2 AS s
        WHERE {PENDING_CREATE} AND s.dataareaid = ANY(:companies)) AS waiting
    """
)
_WAITING_ORIGINS = text(
    f"SELECT s.origin, count(*) FROM ax.retailasynccustomerv2 AS s WHERE {PENDING_CREATE} AND s.dataareaid = :company"
    " GROUP BY s.origin"
)
_PENDING = text(
    "SELECT origin, count(*) FROM ("
    + " UNION ALL ".join(
        f"SELECT origin FROM ax.{table} WHERE syncstatus = {SyncStatus.PENDING}"
        " AND (CAST(:companies AS text[]) IS NULL OR dataareaid = ANY(:companies))"
        for table in TABLES
    )
    + ") AS waiting GROUP BY origin"
)
_ORIGINS = text("SELECT recid, name FROM cdx.retailconndatabaseprofile")
_STORES = text(
    "SELECT retailchannelid FROM ax.retailchanneltable"
    " WHERE CAST(:companies AS text[]) IS NULL OR dataareaid = ANY(:companies)"
)


def synchronize_customers(
    hq: Engine, *, companies: Sequence[str] | None = None, progress: Progress = silent
) -> JobResult:
    """Create a customer for every pending create operation, then the addresses, contacts, affiliations, attributes and
    external identities whose customer has its account (also if it got it elsewhere or earlier). Of each kind apply the
    updates and deactivations after the creations, also to customers that were never asynchronous.

    Each row is marked by itself: done, failed with the reason, or pending with what it waits for. Running it again does
    what is missing.

    Args:
        companies: only rows of these companies; None: of all.

    Returns:
        Outcomes by channel database, with the counts of `counts.KINDS`. A company whose account numbers are not set up
        or exhausted, or whose match keys cannot be made, fails the stores that have customers waiting there; its
        customers stay pending.

    Raises:
        CommerceError: that happened in every company that had something to create. The rest is done.
    """
    scope = {"companies": None if companies is None else list(companies)}
    with hq.begin() as connection:
        for statement in _TRY_AGAIN:
            connection.execute(statement, scope)
    with hq.connect() as connection:
        waiting = list(connection.scalars(_COMPANIES, scope))
        total: int = connection.execute(_TO_CREATE, {"companies": waiting}).scalar_one()
    tally = Tally()
    errors: dict[str, CommerceError] = {}
    created_for = 0
    done = 0
    for company in waiting:
        try:
            for number, guids in enumerate(conversion.pending_guids(hq, company), 1):
                if number == 1:
                    known.prepare(hq, company, progress)
                tally.merge(conversion.convert_customers(hq, company, guids, JOB))
                done += len(guids)
                progress("customers", done, total)
                refresh_statistics(hq, number)
                created_for += 1
        except (ConfigurationError, known.KeysNotMadeError) as error:
            errors[company] = error
        tally.merge(operations.synchronize_edits(hq, company, operations.CUSTOMERS, JOB, progress))
        tally.merge(dependents.note_waiting(hq, company, operations.CUSTOMERS.kind, NOT_CREATED))
        for kind in DEPENDENTS:
            tally.merge(dependents.synchronize(hq, company, kind, JOB, progress))
            if kind.table in EDITS:
                tally.merge(operations.synchronize_edits(hq, company, EDITS[kind.table], JOB, progress))
    if errors and not created_for:
        raise next(iter(errors.values()))
    return _result(hq, scope, tally, errors)


def _result(hq: Engine, scope: Mapping[str, object], tally: Tally, errors: Mapping[str, CommerceError]) -> JobResult:
    failed: dict[int, str] = {}
    with hq.connect() as connection:
        tally.add("pending", connection.execute(_PENDING, scope))
        for company, error in errors.items():
            failed |= {origin: str(error) for origin, _ in connection.execute(_WAITING_ORIGINS, {"company": company})}
        names: dict[int, str] = {row.recid: row.name for row in connection.execute(_ORIGINS)}
        stores = {store: StoreOutcome(store) for store in connection.scalars(_STORES, scope)}
    for origin, counts in tally.by_origin().items():
        store = names.get(origin, f"origin {origin}")
        state: StoreState = "failed" if origin in failed else "done"
        stores[store] = StoreOutcome(store, state, failed.get(origin, ""), counts)
    return JobResult(JOB, stores, dict.fromkeys(KINDS, 0) | totals(stores))
