"""Which shifts a financial statement takes (domain B4): closed ones, on the last business date of their transactions,
if that is not before the date from which the store has financial statements.

The dates of a shift say where to look for them. Those of a register whose clock was wrong may be far from its sales:
where no transaction lies within the dates of a shift, those of its cash management say it.

A shift is known by store, terminal and batch; a transaction names its own by `batchterminalid` (or the terminal it was
made on) and `batchid`. Registers send a shift once it is closed: one that transactions name and that has not come is
still open. What comes late for a shift whose statement is on its way to the ledger makes a further statement, which has
just what is new: in whichever calculation takes it, through the day, too, and whatever dates that works on.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, TextClause, text

from commerce.schema.enums import (
    CASH_MANAGEMENT_TYPES,
    ClosingMethod,
    ShiftStatus,
    StatementMethod,
    StatementStatus,
    StatementType,
)
from commerce.scope import Scope, key_sql, real_sql, shift_terminal_sql
from commerce.statements.transitions import Key

CASH_MANAGEMENT = ", ".join(str(int(type_)) for type_ in CASH_MANAGEMENT_TYPES)

_OF_SHIFT = f"(t.store, {shift_terminal_sql('t')}, t.batchid)"

CREATE_SHIFT = text("""
CREATE TEMP TABLE shift (
    shiftno integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, dataareaid varchar(4), storeid varchar(10),
    terminalid varchar(10), batchid bigint, staffid varchar(25), startdate date, closedate date, currency varchar(3),
    businessdate date, stafforterminal varchar(35) DEFAULT '', statementid varchar(20) DEFAULT ''
) ON COMMIT DROP""")

_INSERT = """
INSERT INTO shift (dataareaid, storeid, terminalid, batchid, staffid, startdate, closedate, currency, stafforterminal,
    statementid)
SELECT ch.dataareaid, b.storeid, b.terminalid, b.batchid, b.staffid, b.startdate, b.closedate, ch.currency"""

_SPLIT = f"""
CASE WHEN st.separatestmtperstaffterminal = 0 THEN ''
     WHEN st.statementmethod = {int(StatementMethod.STAFF)} THEN b.staffid
     WHEN st.statementmethod = {int(StatementMethod.TERMINAL)} THEN b.terminalid
     WHEN st.statementmethod = {int(StatementMethod.SHIFT)} THEN b.terminalid || ':' || b.batchid
     ELSE '' END"""

_CLOSED = f"""
FROM ax.retailposbatchtable AS b
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = b.storeid
JOIN ax.retailstoretable AS st ON st.recid = ch.recid
WHERE b.storeid = ANY(:stores) AND NOT b.storeid = ANY(:left_out) AND b.status = {int(ShiftStatus.CLOSED)}
  AND st.closingmethod = {int(ClosingMethod.SHIFT)}"""

_STATED = """SELECT FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
WHERE (m.storeid, m.terminalid, m.batchid) = (b.storeid, b.terminalid, b.batchid)"""


def _begun(dated: str) -> str:
    """Condition: the store `st` has financial statements on the business date of `dated`."""
    return f"{dated}.businessdate >= coalesce(st.financialstatementsfrom, {dated}.businessdate)"


def _first(shift: str) -> str:
    """The first date on which the transactions of `shift` are looked for."""
    return f"coalesce({shift}.startdate, date '-infinity') - 1"


def _last(shift: str) -> str:
    return f"coalesce({shift}.closedate, date 'infinity') + 1"


CREATE_UNMARKED = text(f"""
CREATE TEMP TABLE unmarked_cash ON COMMIT DROP AS
SELECT t.store, {shift_terminal_sql("t")} AS shiftterminal, t.batchid, max(t.businessdate) AS businessdate
FROM ax.retailtransactiontable AS t
WHERE t.store = ANY(:stores) AND t.type IN ({CASH_MANAGEMENT}) AND t.batchid <> 0 AND {real_sql("t")}
  AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE {key_sql("e")} = {key_sql("t")})
GROUP BY 1, 2, 3""")
"""Shifts with cash management that is in no statement, and the last business date of it."""


def _new_shifts(scope: Scope) -> TextClause:
    """Those that may have a transaction of the scope's dates: the headers of the others are not read. By their own
    dates, or by those of their cash management."""
    first, last = _first("b"), _last("b")
    if scope.historical:
        dates = f"{first} < ch.cutoverdate AND {last} >= :first_date"
    else:
        dates = f"(ch.cutoverdate IS NULL OR {last} >= ch.cutoverdate)"
    return text(f"""{_INSERT}, {_SPLIT}, ''
{_CLOSED} AND NOT EXISTS ({_STATED})
  AND (({first} <= :business_date AND {dates} AND {last} >= coalesce(st.financialstatementsfrom, date '-infinity'))
       OR (b.storeid, b.terminalid, b.batchid) IN (
           SELECT u.store, u.shiftterminal, u.batchid
           FROM unmarked_cash AS u JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = u.store
           JOIN ax.retailstoretable AS st ON st.recid = ch.recid
           WHERE {scope.dated_sql("u", "ch")} AND {_begun("u")}))
ORDER BY b.storeid COLLATE "C", b.terminalid COLLATE "C", b.batchid""")


LOCK_CALCULATED = text(f"""
SELECT FROM ax.retailstatementtable AS s
WHERE s.storeid = ANY(:stores) AND s.statementtype = {int(StatementType.FINANCIAL)}
  AND s.postingstatus = {int(StatementStatus.CALCULATED)}
ORDER BY s.dataareaid, s.statementid FOR SHARE""")
"""A statement that is not Checked yet counts its shifts again in the transaction that checks it. So this calculation
waits for one that is being checked, and then finds that it is; or that one waits, and finds what this one took."""

LATE_SHIFTS = text(f"""{_INSERT}, {_SPLIT}, ''
{_CLOSED}
  AND (b.storeid, b.terminalid, b.batchid) IN (
      SELECT store, shiftterminal, batchid FROM candidate
      UNION
      SELECT storeid, terminalid, batchid FROM ax.retailstatementlateshift WHERE storeid = ANY(:stores)
      UNION
      SELECT t.store, {shift_terminal_sql("t")}, t.batchid
      FROM ax.mcrcustpaymtable AS p
      JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
      JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("p")}
      WHERE p.store = ANY(:stores) AND NOT EXISTS (
          SELECT FROM ax.retailstatementshift AS m JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
          WHERE (m.storeid, m.terminalid, m.batchid) = {_OF_SHIFT} AND s.createddatetime >= v.createddatetime)
      UNION
      SELECT store, shiftterminal, batchid FROM unmarked_cash)
  AND EXISTS ({_STATED})
  AND NOT EXISTS ({_STATED} AND s.postingstatus <= {int(StatementStatus.CALCULATED)})
ORDER BY b.storeid COLLATE "C", b.terminalid COLLATE "C", b.batchid""")
"""For what this calculation takes, for what a cleared statement had, for orders that were paid for and posted after the
shift was stated, and for cash management that is in no statement."""

FORGET_LATE = text("""
DELETE FROM ax.retailstatementlateshift AS l USING shift AS s
WHERE (l.storeid, l.terminalid, l.batchid) = (s.storeid, s.terminalid, s.batchid)""")

STATED_SHIFTS = text(f"""{_INSERT}, s.stafforterminal, s.statementid
FROM unnest(CAST(:companies AS text[]), CAST(:statements AS text[])) AS wanted (dataareaid, statementid)
JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
JOIN ax.retailstatementshift AS m USING (dataareaid, statementid)
JOIN ax.retailposbatchtable AS b ON (b.storeid, b.terminalid, b.batchid) = (m.storeid, m.terminalid, m.batchid)
JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = b.storeid
WHERE s.statementtype = {int(StatementType.FINANCIAL)} AND s.postingstatus = {int(StatementStatus.CALCULATED)}
ORDER BY b.storeid COLLATE "C", b.terminalid COLLATE "C", b.batchid""")

_OWN_DAYS = f"BETWEEN {_first('s')} AND {_last('s')}"

_HEADER = """
SELECT s.shiftno, t.store, t.terminal, t.transactionid, t.dataareaid, t.type, s.currency, t.businessdate,
       t.createddatetime, t.netamount, t.grossamount, t.paymentamount"""

CREATE_HEADERS = text(f"""
CREATE TEMP TABLE shift_header ON COMMIT DROP AS
{_HEADER}
FROM shift AS s
JOIN ax.retailtransactiontable AS t ON {_OF_SHIFT} = (s.storeid, s.terminalid, s.batchid)
WHERE t.store = ANY(:stores) AND {real_sql("t")} AND t.businessdate {_OWN_DAYS}""")
"""Every real transaction of the shifts: what was paid lies in the drawer, whether it can be posted yet or not."""

WITHOUT_HEADER = text("""
SELECT DISTINCT storeid FROM shift AS s WHERE NOT EXISTS (SELECT FROM shift_header AS h WHERE h.shiftno = s.shiftno)""")

_CASH_DAYS = "min(t.businessdate) - 1 AS first, max(t.businessdate) + 1 AS last"

CREATE_STATED_CASH = text(f"""
CREATE TEMP TABLE stated_cash ON COMMIT DROP AS
SELECT t.store, {shift_terminal_sql("t")} AS shiftterminal, t.batchid, t.businessdate, e.businessdate AS marked
FROM (SELECT m.dataareaid, m.statementid, max({_first("s")}) AS first, min({_last("s")}) AS last
      FROM shift AS s
      JOIN ax.retailstatementshift AS m ON (m.storeid, m.terminalid, m.batchid) = (s.storeid, s.terminalid, s.batchid)
      GROUP BY m.dataareaid, m.statementid) AS stated
JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid)
JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("e")}
WHERE NOT e.businessdate BETWEEN stated.first AND stated.last AND EXISTS (
    SELECT FROM ax.retailstatementshift AS m
    WHERE (m.dataareaid, m.statementid, m.storeid, m.terminalid, m.batchid)
        = (e.dataareaid, e.statementid, t.store, {shift_terminal_sql("t")}, t.batchid) OFFSET 0)""")
"""Cash management that is stated outside the days of any of its statement's shifts. By itself and analyzed: where the
planner knows nothing of the marks yet, it would look through those of the whole statement for each shift."""

CREATE_CASH_DAYS = text(f"""
CREATE TEMP TABLE shift_cash ON COMMIT DROP AS
SELECT s.shiftno, {_CASH_DAYS}
FROM shift AS s
JOIN stated_cash AS t ON (t.store, t.shiftterminal, t.batchid) = (s.storeid, s.terminalid, s.batchid)
WHERE NOT t.marked {_OWN_DAYS}
GROUP BY s.shiftno""")
"""Shifts that are stated with cash management outside their own dates: what was stated once is looked for again."""

ADD_CASH_DAYS = text(f"""
INSERT INTO shift_cash
SELECT s.shiftno, {_CASH_DAYS}
FROM shift AS s
JOIN ax.retailtransactiontable AS t ON {_OF_SHIFT} = (s.storeid, s.terminalid, s.batchid)
WHERE t.store = ANY(:stores) AND t.type IN ({CASH_MANAGEMENT}) AND {real_sql("t")}
  AND NOT EXISTS (SELECT FROM shift_header AS h WHERE h.shiftno = s.shiftno)
  AND NOT EXISTS (SELECT FROM shift_cash AS c WHERE c.shiftno = s.shiftno)
GROUP BY s.shiftno""")

ADD_HEADERS = text(f"""
INSERT INTO shift_header
{_HEADER}
FROM shift_cash AS c JOIN shift AS s USING (shiftno)
JOIN ax.retailtransactiontable AS t ON {_OF_SHIFT} = (s.storeid, s.terminalid, s.batchid)
WHERE t.store = ANY(:stores) AND {real_sql("t")} AND t.businessdate BETWEEN c.first AND c.last
  AND NOT EXISTS (SELECT FROM shift_header AS h WHERE h.shiftno = s.shiftno AND {key_sql("h")} = {key_sql("t")})""")

DATE_SHIFTS = text("""
UPDATE shift AS s SET businessdate = h.businessdate
FROM (SELECT shiftno, max(businessdate) AS businessdate FROM shift_header GROUP BY shiftno) AS h
WHERE h.shiftno = s.shiftno""")

OPEN_SHIFTS = text(f"""
SELECT store, count(*) AS shifts FROM (
    SELECT DISTINCT t.store, {shift_terminal_sql("t")} AS terminal, t.batchid
    FROM ax.retailtransactiontable AS t
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    JOIN ax.retailstoretable AS st ON st.recid = ch.recid
    WHERE t.store = ANY(:stores) AND t.businessdate = :business_date AND t.batchid <> 0 AND {real_sql("t")}
      AND {_begun("t")}
      AND st.closingmethod = {int(ClosingMethod.SHIFT)}) AS named
WHERE NOT EXISTS (
    SELECT FROM ax.retailposbatchtable AS b
    WHERE (b.storeid, b.terminalid, b.batchid) = (named.store, named.terminal, named.batchid)
      AND b.status = {int(ShiftStatus.CLOSED)})
GROUP BY store""")


def take_shifts(connection: Connection, scope: Scope, left_out: Sequence[str], *, only_late: bool = False) -> None:
    """Temp tables `shift` and `shift_header`: the closed shifts of the scope's stores and dates that are in no
    statement yet (without these with `only_late`), and those of any date that something came late for. Reads
    `candidate`."""
    parameters = scope.parameters | {"left_out": list(left_out)}
    connection.execute(CREATE_SHIFT)
    connection.execute(LOCK_CALCULATED, {"stores": list(scope.stores)})
    connection.execute(CREATE_UNMARKED, {"stores": list(scope.stores)})
    connection.execute(text("ANALYZE unmarked_cash"))
    if not only_late:
        connection.execute(_new_shifts(scope), parameters)
    connection.execute(LATE_SHIFTS, parameters)
    connection.execute(FORGET_LATE)
    _read_headers(connection)
    # Without a transaction a shift has no business date, and nothing to state.
    outside = f"DELETE FROM shift AS b WHERE {_out_of(scope)} AND NOT EXISTS ({_STATED})"
    connection.execute(text(outside), scope.parameters)
    connection.execute(text("DELETE FROM shift_header WHERE shiftno NOT IN (SELECT shiftno FROM shift)"))


def stated_shifts(connection: Connection, keys: Sequence[Key]) -> int:
    """Temp tables `shift` and `shift_header`: the shifts of those financial statements of `keys` that are Calculated;
    returns how many."""
    connection.execute(CREATE_SHIFT)
    found = connection.execute(
        STATED_SHIFTS,
        {"companies": [company for company, _ in keys], "statements": [statement for _, statement in keys]},
    ).rowcount
    if found:
        _read_headers(connection)
    return found


def open_shifts(connection: Connection, scope: Scope) -> dict[str, int]:
    """How many shifts with transactions of the business date are still open, by store."""
    return {row.store: row.shifts for row in connection.execute(OPEN_SHIFTS, scope.parameters)}


def _read_headers(connection: Connection) -> None:
    connection.execute(text("ANALYZE shift"))
    stores = list(connection.scalars(text("SELECT DISTINCT storeid FROM shift")))
    connection.execute(CREATE_HEADERS, {"stores": stores})
    connection.execute(CREATE_STATED_CASH)
    connection.execute(text("ANALYZE stated_cash"))
    found = connection.execute(CREATE_CASH_DAYS).rowcount
    if empty := list(connection.scalars(WITHOUT_HEADER)):
        found += connection.execute(ADD_CASH_DAYS, {"stores": empty}).rowcount
    if found:
        connection.execute(ADD_HEADERS, {"stores": stores})
    connection.execute(text("ANALYZE shift_header"))
    connection.execute(DATE_SHIFTS)


def _out_of(scope: Scope) -> str:
    return f"""NOT EXISTS (
    SELECT FROM (SELECT b.storeid AS store, b.businessdate) AS dated
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = dated.store
    JOIN ax.retailstoretable AS st ON st.recid = ch.recid
    WHERE {scope.dated_sql("dated", "ch")} AND {_begun("dated")})"""
