"""Late binding: convert just the customers and addresses that transactions refer to, before anything is posted (domain
B1, B2, F7, F9). In transactions of its own (rule 9), by the same conversion as the batch job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Engine, TextClause, text

from commerce.customers import dependents, operations
from commerce.customers.addresses import ADDRESSES
from commerce.customers.chunks import CHUNK
from commerce.customers.conversion import convert_customers
from commerce.customers.counts import ConversionCounts, Tally
from commerce.customers.duplicates import known
from commerce.errors import CommerceError, ConfigurationError
from commerce.schema.enums import CustomerAsyncOperation, SyncStatus

_REFERENCES = """
    CREATE TEMP TABLE reference ON COMMIT DROP AS
    SELECT DISTINCT dataareaid, custaccountasync, addressidasync FROM ({references}) AS given
"""
_GUIDS = text(
    f"""
    SELECT r.dataareaid, r.custaccountasync FROM (
        SELECT dataareaid, custaccountasync FROM reference WHERE custaccountasync <> ''
        UNION
        SELECT r.dataareaid, a.custaccountasync FROM reference AS r
        JOIN ax.retailasyncaddressv2 AS a ON a.dataareaid = r.dataareaid AND a.addressid = r.addressidasync
        WHERE r.addressidasync <> '' AND a.custaccountasync <> ''
    ) AS r
    WHERE EXISTS (SELECT FROM ax.retailasynccustomerv2 AS s
                  WHERE (s.dataareaid, s.custaccountasync) = (r.dataareaid, r.custaccountasync)
                    AND s.syncstatus = {SyncStatus.PENDING})
    ORDER BY r.dataareaid, r.custaccountasync
    """
)
_ADDRESSES = text(
    f"""
    SELECT DISTINCT r.dataareaid, r.addressidasync FROM reference AS r
    JOIN ax.retailasyncaddressv2 AS s ON s.dataareaid = r.dataareaid AND s.addressid = r.addressidasync
    WHERE r.addressidasync <> '' AND s.syncstatus = {SyncStatus.PENDING}
    ORDER BY r.dataareaid, r.addressidasync
    """
)


_EDITED_CUSTOMERS = text(
    f"""
    SELECT DISTINCT m.accountnum FROM ax.custaccountasyncmap AS m
    JOIN ax.retailasynccustomerv2 AS s ON s.dataareaid = m.dataareaid AND s.custaccountasync = m.custaccountasync
    WHERE m.dataareaid = :company AND m.custaccountasync = ANY(:keys) AND m.accountnum IS NOT NULL
      AND s.syncstatus = {SyncStatus.PENDING} AND s.operation <> {CustomerAsyncOperation.CREATE} ORDER BY 1
    """
)
_EDITED_ADDRESSES = text(
    f"""
    SELECT DISTINCT m.accountnum FROM ax.asyncaddressmap AS m
    JOIN ax.retailasyncaddressv2 AS s ON s.dataareaid = m.dataareaid AND s.addressid = m.addressid
    WHERE m.dataareaid = :company AND m.addressid = ANY(:keys)
      AND s.syncstatus = {SyncStatus.PENDING} AND s.operation <> {CustomerAsyncOperation.CREATE} ORDER BY 1
    """
)
"""Customers of which something referred to has been edited: a document shows what the register showed last."""


def convert_referenced(
    hq: Engine, *, references_sql: str, parameters: Mapping[str, Any] | None = None, job: str
) -> ConversionCounts:
    """Convert the customers and addresses of `references_sql`, and the customers of those addresses, as far as their
    rows have been uploaded, with the updates and deactivations that wait there. References that are known already or to
    nobody are passed over.

    Args:
        references_sql: a query with the columns dataareaid, custaccountasync and addressidasync ('' for none).
        parameters: its bind values.
        job: who asks; kept in the maps as `mappedby`.

    Raises:
        ConfigurationError: a company's account numbers are exhausted or not set up. What others need is done.
        KeysNotMadeError: a company links who is known, and who is cannot be told. What others need is done.
    """
    with hq.begin() as connection:
        connection.execute(text(_REFERENCES.format(references=references_sql)), dict(parameters or {}))
        connection.execute(text("ANALYZE reference"))
        guids = _by_company(connection.execute(_GUIDS))
        addresses = _by_company(connection.execute(_ADDRESSES))
    tally = Tally()
    errors: list[CommerceError] = []
    for company, keys in guids.items():
        try:
            known.prepare(hq, company, needed=True)
            for chunk in _chunks(keys):
                tally.merge(convert_customers(hq, company, chunk, job, needed=True))
                _edit(hq, company, operations.CUSTOMERS, _EDITED_CUSTOMERS, chunk, job, tally)
        except (ConfigurationError, known.KeysNotMadeError) as error:
            errors.append(error)
    for company, keys in addresses.items():
        for chunk in _chunks(keys):
            tally.merge(dependents.convert_keys(hq, company, ADDRESSES, "address", chunk, job))
            _edit(hq, company, operations.ADDRESSES, _EDITED_ADDRESSES, chunk, job, tally)
    if errors:
        raise errors[0]
    return ConversionCounts(tally.total("converted"), tally.total("addresses"), tally.total("failed"))


def _edit(
    hq: Engine, company: str, edits: operations.Edits, query: TextClause, keys: Sequence[str], job: str, tally: Tally
) -> None:
    with hq.connect() as connection:
        accounts = list(connection.scalars(query, {"company": company, "keys": list(keys)}))
    for chunk in _chunks(accounts):
        tally.merge(operations.apply_edits(hq, company, edits, chunk, job))


def _by_company(rows: Iterable[Sequence[Any]]) -> dict[str, list[str]]:
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        company, key = row
        keys[company].append(key)
    return keys


def _chunks(keys: list[str]) -> Iterable[list[str]]:
    iterator = iter(keys)
    return iter(lambda: list(islice(iterator, CHUNK)), [])
