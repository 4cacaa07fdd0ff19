"""Shifts that no financial statement has, though their store has one of a later date, and cash management that none
has: what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from commerce.schema.enums import (
    CASH_MANAGEMENT_TYPES,
    ClosingMethod,
    ShiftStatus,
    StatementStatus,
    StatementType,
)
from commerce.scope import key_sql, live_payment_sql, real_sql, shift_terminal_sql

_CASH = ", ".join(str(int(type_)) for type_ in CASH_MANAGEMENT_TYPES)
_WAITS = f"t.type IN ({_CASH}) AND e.statementid IS NULL"

_LATEST = f"""(SELECT storeid, max(businessdate) AS businessdate, max(createddatetime) AS createddatetime
      FROM ax.retailstatementtable WHERE statementtype = {int(StatementType.FINANCIAL)} GROUP BY storeid)"""

SUSPECTS = text(f"""
SELECT b.storeid FROM ax.retailposbatchtable AS b JOIN {_LATEST} AS latest USING (storeid)
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = b.storeid
JOIN ax.retailstoretable AS st ON st.recid = ch.recid
LEFT JOIN cdx.retailcdxuploadsession AS u ON u.uploadsessionid = b.uploadsession
WHERE b.status = {int(ShiftStatus.CLOSED)} AND coalesce(u.datecreated < latest.createddatetime, TRUE)
  AND coalesce(CAST(u.datecreated AS date), b.closedate, latest.businessdate)
      >= coalesce(st.financialstatementsfrom, date '-infinity')
  AND NOT EXISTS (SELECT FROM ax.retailstatementshift AS m
                  WHERE (m.storeid, m.terminalid, m.batchid) = (b.storeid, b.terminalid, b.batchid))
UNION
SELECT t.store FROM ax.retailtransactiontable AS t JOIN {_LATEST} AS latest ON latest.storeid = t.store
WHERE t.type IN ({_CASH}) AND t.businessdate < latest.businessdate
  AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE {key_sql("e")} = {key_sql("t")})""")
"""Stores with a shift that was there when the last financial statement was made and is in none, or with cash management
of before that is in none: mostly there is no such store, and no transaction has to be read."""

UNSTATED = text(f"""
SELECT t.store, {shift_terminal_sql("t")} AS terminal, t.batchid, b.status, b.startdate, b.closedate,
       m.batchid IS NOT NULL AS stated, min(t.businessdate) AS first, max(t.businessdate) AS last,
       count(*) FILTER (WHERE {_WAITS}) AS cash
FROM ax.retailtransactiontable AS t
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
JOIN ax.retailstoretable AS st ON st.recid = ch.recid
JOIN {_LATEST} AS latest ON latest.storeid = t.store
LEFT JOIN ax.retaileodtransactiontable AS e ON {key_sql("e")} = {key_sql("t")}
LEFT JOIN ax.retailstatementtable AS s ON (s.dataareaid, s.statementid) = (e.dataareaid, e.statementid)
LEFT JOIN ax.retailposbatchtable AS b
     ON (b.storeid, b.terminalid, b.batchid) = (t.store, {shift_terminal_sql("t")}, t.batchid)
LEFT JOIN (SELECT DISTINCT storeid, terminalid, batchid FROM ax.retailstatementshift) AS m
     ON (m.storeid, m.terminalid, m.batchid) = (t.store, {shift_terminal_sql("t")}, t.batchid)
WHERE t.store = ANY(:stores) AND {real_sql("t")} AND st.closingmethod = {int(ClosingMethod.SHIFT)}
  AND t.businessdate >= coalesce(st.financialstatementsfrom, t.businessdate)
  AND (m.batchid IS NULL OR ({_WAITS}))
GROUP BY 1, 2, 3, 4, 5, 6, 7, ch.cutoverdate, latest.businessdate
HAVING max(t.businessdate) < latest.businessdate
   AND ((count(*) FILTER (WHERE {_WAITS}) > 0 AND max(t.businessdate) >= coalesce(ch.cutoverdate, max(t.businessdate)))
        OR (b.status = {int(ShiftStatus.CLOSED)}
            AND count(*) FILTER (WHERE s.postingstatus = {int(StatementStatus.POSTED)}) > 0
            AND bool_or(EXISTS (SELECT FROM ax.retailtransactionpaymenttrans AS p
                                WHERE {key_sql("p")} = {key_sql("t")} AND {live_payment_sql("p")}))))
ORDER BY 1, 2, 3""")


@dataclass(frozen=True)
class UnstatedShift:
    """A shift, the last business date of what is not stated of it, and what to do."""

    store: str
    shift: str
    business_date: date
    message: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": self.store,
            "shift": self.shift,
            "business_date": self.business_date.isoformat(),
            "message": self.message,
        }


def unstated_shifts(connection: Connection) -> list[UnstatedShift]:
    """The shifts of all stores that financial statements have passed over, by store, register and number."""
    stores = list(connection.execute(SUSPECTS).scalars())
    rows = connection.execute(UNSTATED, {"stores": stores}) if stores else ()
    return [UnstatedShift(row.store, f"{row.terminal}:{row.batchid}", row.last, _message(row)) for row in rows]


def _message(row: Any) -> str:
    cash = f"{row.cash} transaction{'' if row.cash == 1 else 's'} of cash management"
    if row.batchid == 0:
        return f"{cash} name no shift: book by hand what they moved."
    if row.status is None:
        return f"The shift has not come, and {cash} wait for it: close it at its register, which then sends it."
    own = f"{row.startdate or '?'} to {row.closedate or '?'}"
    if row.cash and (_within(row) or not row.stated):
        return f"Run an end of day for {row.last} or later: {cash} wait for a statement."
    if row.stated:
        return (
            f"{cash}, dated up to {row.last}, outside of the shift ({own}), which is stated: change the business date"
            " to one of the shift (`commerce transactions edit`)."
        )
    if _within(row):
        return f"Run an end of day for {row.last} or later: the shift waits for a statement."
    return (
        f"The shift is dated {own}, its transactions {row.first} to {row.last}: its register had a wrong clock, and"
        " nothing was counted in it. Declare its tenders at the register, and the next end of day states it."
    )


def _within(row: Any) -> bool:
    """Whether the transactions lie where the calculation looks for those of the shift: it takes them the next time."""
    first, last = row.startdate or date.min, row.closedate or date.max
    return bool((first - row.first).days <= 1 and (row.last - last).days <= 1)
