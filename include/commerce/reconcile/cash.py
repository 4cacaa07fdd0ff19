"""Cash management: what channels say that shifts moved and declared, against what financial statements made of it.

A statement says sums of its shifts, so they are compared by shift: shifts that are wholly posted, and all of whose cash
management lies in the business dates that were asked for. Vouchers are compared store by store, over the statements
that have such shifts only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, text

from commerce.reconcile.documents import PLACE, PLACES
from commerce.reconcile.sources import (
    CASH_KINDS,
    CASH_SOURCES,
    CASH_TYPES,
    KIND_SQL,
    POSTED,
    SEPARATOR,
    SHIFT_SQL,
    SHIFT_TERMINAL_SQL,
)
from commerce.schema.enums import CountCalculation, StatementStatus, StatementType, TransactionType

T = TransactionType
_KIND = {kind: CASH_KINDS[kind] for kind in CASH_KINDS}
_PARTS = {
    _KIND[T.STARTING_AMOUNT]: "addedtodrawer - l.floatamount",
    _KIND[T.FLOAT_ENTRY]: "floatamount",
    _KIND[T.REMOVE_TENDER]: "removedfromdrawer",
    _KIND[T.CHANGE_TENDER]: "changetender",
    _KIND[T.BANK_DROP]: "bankedamount",
    _KIND[T.SAFE_DROP]: "safeamount",
    _KIND[T.TENDER_DECLARATION]: "countedamount",
}
"""Kind -> what a statement says of it, per shift and tender."""
_CALCULATED = {
    _KIND[T.STARTING_AMOUNT]: "startamountcalculation",
    _KIND[T.BANK_DROP]: "bankdropcalculation",
    _KIND[T.TENDER_DECLARATION]: "tenderdeclarationcalculation",
}
"""Kinds of which a statement may count the last one of a shift only."""
_LAST = " ".join(
    f"WHEN '{kind}' THEN m.{column} = {int(CountCalculation.LAST)}" for kind, column in _CALCULATED.items()
)
_SHIFT = ["store", "shift"]
_STATEMENT = ["store", "statementid"]
_TENDER = [*_SHIFT, "kind", "tender", "currency"]

_FINANCIAL = f"""s.statementtype = {int(StatementType.FINANCIAL)} AND s.storeid = ANY(:stores)
    AND s.businessdate >= coalesce(:date_from, date '-infinity')"""
_ON_SHIFT = "(m.storeid, m.terminalid || ':' || m.batchid)"

SHIFTS = text(f"""
SELECT m.storeid AS store, m.terminalid || ':' || m.batchid AS shift, m.statementid,
       s.postingstatus = {int(StatementStatus.POSTED)} AND s.businessdate >= coalesce(:date_from, date '-infinity')
           AS posted, s.businessdate::text AS businessdate
FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
WHERE (m.storeid, m.terminalid, m.batchid) IN (
    SELECT m.storeid, m.terminalid, m.batchid
    FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
    WHERE {_FINANCIAL})""")
"""All statements of the shifts that have one in the dates that were asked for. One of before says a part of what their
last drop or declaration was: it is as good as not posted."""

MARKED = text(f"""
SELECT h.store, {SHIFT_SQL} AS shift, h.businessdate::text AS businessdate,
       h.businessdate >= coalesce(:date_from, date '-infinity')
       AND h.businessdate <= coalesce(:date_to, date 'infinity') AS dated
FROM ax.retailstatementtable AS s
JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)
JOIN ax.retailtransactiontable AS h ON (h.store, h.terminal, h.transactionid) = (e.store, e.terminal, e.transactionid)
WHERE {_FINANCIAL} GROUP BY 1, 2, 3, 4""")

SAID = text(f"""
SELECT m.storeid AS store, m.shift, part.kind, m.tendertypeid AS tender, m.currency, sum(part.amount) AS amount
FROM (SELECT l.*, l.terminalid || ':' || l.batchid AS shift FROM ax.retailstatementshiftline AS l
      JOIN ax.retailstatementtable AS s USING (dataareaid, statementid) WHERE {_FINANCIAL}) AS m
CROSS JOIN LATERAL (VALUES {", ".join(f"('{kind}', m.{part.replace('l.', 'm.')})" for kind, part in _PARTS.items())})
     AS part (kind, amount)
GROUP BY 1, 2, 3, 4, 5""")

ENTERED = text(f"""
SELECT DISTINCT m.storeid AS store, m.terminalid || ':' || m.batchid AS shift, m.tendertypeid AS tender, m.currency
FROM ax.retailstatementcount AS m WHERE {_ON_SHIFT} IN (
    SELECT m.storeid, m.terminalid || ':' || m.batchid
    FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
    WHERE {_FINANCIAL})""")
"""What a person counted goes before what the register declared."""

SUPERSEDED = text(f"""
SELECT store, shift, kind, tender, currency, transactionid
FROM (
    SELECT h.store, {SHIFT_SQL} AS shift, {KIND_SQL} AS kind, r.tender, r.currency, h.transactionid,
           rank() OVER (PARTITION BY h.store, {SHIFT_SQL}, h.type, r.tender, r.currency
                        ORDER BY h.createddatetime DESC, h.transactionid COLLATE "C" DESC) AS place
    FROM ax.retailstatementtable AS s
    JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)
    JOIN ax.retailtransactiontable AS h
         ON (h.store, h.terminal, h.transactionid) = (e.store, e.terminal, e.transactionid)
    JOIN ax.retailstatementshift AS m
         ON (m.dataareaid, m.statementid, m.storeid, m.terminalid, m.batchid)
          = (e.dataareaid, e.statementid, h.store, {SHIFT_TERMINAL_SQL}, h.batchid)
    JOIN ({
    " UNION ALL ".join(
        f"SELECT r.store, r.terminal, r.transactionid, r.tendertype AS tender, r.currency FROM ax.{source.table} AS r"
        f" WHERE {source.live} = 1"
        for source in CASH_SOURCES
    )
}) AS r
         ON (r.store, r.terminal, r.transactionid) = (h.store, h.terminal, h.transactionid)
    WHERE {_FINANCIAL} AND h.type IN ({CASH_TYPES}) AND CASE {KIND_SQL} {_LAST} ELSE false END) AS ranked
WHERE place > 1""")
"""Where the last one of a shift and tender counts, those before it."""

VOUCHERS = text(f"""
SELECT s.storeid AS store, s.statementid, l.postingtype, l.tendertypeid AS tender,
       sum(l.debitamount - l.creditamount) AS amount
FROM ax.retailstatementtable AS s
JOIN ax.retailstatementvoucher AS x USING (dataareaid, statementid)
JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
WHERE {_FINANCIAL} AND v.journalcategory = 'cashmanagement' GROUP BY 1, 2, 3, 4""")


@dataclass(frozen=True)
class Stated:
    """What headquarters says of the shifts of some stores: rows of the queries above."""

    shifts: pd.DataFrame
    marked: pd.DataFrame
    said: pd.DataFrame
    entered: pd.DataFrame
    superseded: pd.DataFrame
    vouchers: pd.DataFrame


def stated(connection: Connection, stores: Sequence[str], date_from: date | None, date_to: date | None) -> Stated:
    """Read headquarters."""
    values = {"stores": list(stores), "date_from": date_from, "date_to": date_to}

    def read(query: Any) -> pd.DataFrame:
        result = connection.execute(query, values)
        return pd.DataFrame(result.all(), columns=list(result.keys()), dtype=object)

    return Stated(*(read(query) for query in (SHIFTS, MARKED, SAID, ENTERED, SUPERSEDED, VOUCHERS)))


def compared(sums: pd.DataFrame, found: Stated, left_out: Collection[tuple[str, str]]) -> tuple[pa.Table, pa.Table]:
    """What financial statements and their vouchers must say by the channels' `sums` of posted transactions, and what
    they say: two tables of `PLACES`. Days that are `left_out` cannot be compared, nor can a shift that has one."""
    shifts = _comparable(found, left_out)
    moved = _moved(sums, found, shifts)
    said = _of(found.said, shifts)
    left = said.merge(moved, on=_TENDER, how="outer")
    for name in ("amount", "moved", "movedmst"):
        left[name] = left[name].map(lambda amount: Decimal(0) if pd.isna(amount) else amount)
    declared = left["kind"] == CASH_KINDS[T.TENDER_DECLARATION]
    left = left[~declared | _declared(left, moved, found)]
    dates = shifts.groupby(_SHIFT)["businessdate"].max()
    what = "financial statements: " + left["kind"]
    key = "shift " + left["shift"] + ", tender " + left["tender"] + " " + left["currency"]
    days = [dates.get((store, shift), "") for store, shift in zip(left["store"], left["shift"], strict=True)]
    places = {"store": left["store"], "businessdate": days, "what": what, "key": key}
    must = [_places({**places, "amount": left["moved"]})]
    says = [_places({**places, "amount": left["amount"]})]
    must += [_places(part) for part in _expected_vouchers(moved)]
    says += [_places(part) for part in _found_vouchers(found.vouchers, shifts)]
    return _summed(must), _summed(says)


def _comparable(found: Stated, left_out: Collection[tuple[str, str]]) -> pd.DataFrame:
    """The rows of `found.shifts` of those that are wholly posted, dated and there, as are all that share a statement
    with them."""
    marked, shifts = found.marked, found.shifts
    away = _listed(marked, ["store", "businessdate"], left_out) | ~marked["dated"].astype(bool)
    bad = set(_keys(marked[away], _SHIFT)) | set(_keys(shifts[~shifts["posted"].astype(bool)], _SHIFT))
    while True:
        wrong = _listed(shifts, _SHIFT, bad)
        statements = set(_keys(shifts[wrong], _STATEMENT))
        more = set(_keys(shifts[_listed(shifts, _STATEMENT, statements)], _SHIFT)) - bad
        if not more:
            return shifts[~wrong]
        bad |= more


def _moved(sums: pd.DataFrame, found: Stated, shifts: pd.DataFrame) -> pd.DataFrame:
    """The channels' own sums by shift, kind and tender, of what counts: `moved` in the tender's currency, `movedmst` in
    the store's."""
    own = sums[
        sums["table"].isin([source.table for source in CASH_SOURCES])
        & sums["column"].isin(["moved", "movedmst"])
        & (sums["live"] == "1")
        & (sums["disposition"] == POSTED)
    ]
    parts = pd.DataFrame(
        [key.split(SEPARATOR, 3) for key in own["key"]],
        columns=["shift", "tender", "currency", "transactionid"],
        index=own.index,
        dtype=object,
    )
    frame = parts.assign(**{name: own[name].astype(object) for name in ("store", "kind", "column", "amount")})
    row_key = [*_TENDER, "transactionid"]
    superseded = set(_keys(found.superseded, row_key))
    frame = _of(frame[~_listed(frame, row_key, superseded)], shifts)
    amounts: dict[tuple[str, ...], dict[str, Decimal]] = {}
    for *key, column, amount in _keys(frame, [*_TENDER, "column", "amount"]):
        place = amounts.setdefault(tuple(key), {})
        place[column] = place.get(column, Decimal(0)) + amount
    removed = CASH_KINDS[T.REMOVE_TENDER]
    rows = [
        (*key, *(abs(sums_[name]) if key[2] == removed else sums_[name] for name in ("moved", "movedmst")))
        for key, sums_ in amounts.items()
    ]
    return pd.DataFrame(rows, columns=[*_TENDER, "moved", "movedmst"], dtype=object)


def _declared(left: pd.DataFrame, moved: pd.DataFrame, found: Stated) -> pd.Series:
    """Tenders that a register declared, and that nobody counted anew in headquarters."""
    declarations = moved[moved["kind"] == CASH_KINDS[T.TENDER_DECLARATION]]
    tender = [*_SHIFT, "tender", "currency"]
    return _listed(left, tender, set(_keys(declarations, tender)) - set(_keys(found.entered, tender)))


_IN = {T.FLOAT_ENTRY: 1, T.CHANGE_TENDER: 1, T.REMOVE_TENDER: -1, T.BANK_DROP: -1, T.SAFE_DROP: -1}
_SIDES = {
    "Bank": {T.BANK_DROP: 1},
    "Safe": {T.SAFE_DROP: 1, T.REMOVE_TENDER: 1, T.FLOAT_ENTRY: -1},
    "CountingDifference": {T.CHANGE_TENDER: -1},
}
"""What a kind of cash management adds to a tender, and to the other accounts of its voucher."""


def _expected_vouchers(moved: pd.DataFrame) -> list[dict[str, Any]]:
    parts = []
    for account, kinds in {"Tender": _IN, **_SIDES}.items():
        signs = {CASH_KINDS[kind]: sign for kind, sign in kinds.items()}
        rows = moved[moved["kind"].isin(list(signs))]
        amounts = [signs[kind] * amount for kind, amount in zip(rows["kind"], rows["movedmst"], strict=True)]
        parts.append(_voucher(rows, [account] * len(rows), amounts))
    return parts


def _found_vouchers(vouchers: pd.DataFrame, shifts: pd.DataFrame) -> list[dict[str, Any]]:
    rows = vouchers[_listed(vouchers, _STATEMENT, set(_keys(shifts, _STATEMENT)))]
    return [_voucher(rows, list(rows["postingtype"]), list(rows["amount"]))]


def _voucher(rows: pd.DataFrame, accounts: list[str], amounts: list[Decimal]) -> dict[str, Any]:
    tenders = [tender if account == "Tender" else "" for tender, account in zip(rows["tender"], accounts, strict=True)]
    what = [f"cash management vouchers: {account}" for account in accounts]
    return {
        "store": list(rows["store"]),
        "businessdate": [""] * len(rows),
        "what": what,
        "key": tenders,
        "amount": amounts,
    }


def _of(rows: pd.DataFrame, shifts: pd.DataFrame) -> pd.DataFrame:
    """The rows of `shifts`."""
    return rows[_listed(rows, _SHIFT, set(_keys(shifts, _SHIFT)))]


def _listed(frame: pd.DataFrame, columns: list[str], keys: Collection[tuple[Any, ...]]) -> pd.Series:
    """Which rows of `frame` have one of `keys` in `columns`."""
    return pd.Series([key in keys for key in _keys(frame, columns)], index=frame.index, dtype=bool)


def _keys(frame: pd.DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[column] for column in columns), strict=True))


def _places(columns: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array(list(columns[name]), PLACES.field(name).type) for name in PLACES.names})


def _summed(parts: list[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(parts).group_by(PLACE).aggregate([("amount", "sum")])
    return grouped.rename_columns({"amount_sum": "amount"}).select(PLACES.names).cast(PLACES)
