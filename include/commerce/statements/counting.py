"""What a shift's drawers should hold, per tender, and what was counted in them (domain B4: counting and differences).

Expected is what was paid (change taken off), plus starting amounts and float entries, plus or minus changed tenders,
less removed tenders, bank drops and safe drops. Of several declarations, starting amounts or bank drops of a shift the
sum counts or the last one that names the tender, as the store said when the shift was first stated: a further statement
says what is new, and a changed parameter is not. What a person in headquarters has entered goes before declarations. A
tender is counted in its own currency; what goes to the ledger is in the store's.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from commerce.schema.enums import CountCalculation, CountedHow, StatementMethod, TransactionType
from commerce.scope import key_sql, live_line_sql, live_payment_sql
from commerce.statements.events import log_sql
from commerce.statements.shifts import CASH_MANAGEMENT, stated_shifts
from commerce.statements.transitions import Key

T = TransactionType
OF_LINE = (
    "transamount",
    "addedtodrawer",
    "removedfromdrawer",
    "changetender",
    "bankedamount",
    "safeamount",
    "countedamount",
    "differenceamount",
    "transamountmst",
    "differenceamountmst",
)
OF_SHIFT = (
    *OF_LINE,
    "transcount",
    "floatamount",
    "floatamountmst",
    "changetendermst",
    "removedfromdrawermst",
    "bankedamountmst",
    "safeamountmst",
)
"""Columns of a tender that add up, over shifts and over the statements of a shift."""

CALCULATIONS = ("tenderdeclarationcalculation", "startamountcalculation", "bankdropcalculation")
"""Parameters of a store that its stated shifts keep: which of several declarations, starting amounts and bank drops
count (`CountCalculation`)."""

_LISTED = ", ".join(OF_SHIFT)


def _each(pattern: str, names: Sequence[str] = OF_SHIFT) -> str:
    return ", ".join(pattern.format(name) for name in names)


def _worth(row: str, own: str) -> str:
    """Two columns: what `row` is in its currency, and in the store's, into which the channel has converted it."""
    home = f"{row}.currency = h.currency"
    return (
        f"CASE WHEN {home} THEN {row}.{own} ELSE {row}.amountcur END AS amount,"
        f" CASE WHEN {home} THEN {row}.{own} ELSE {row}.amountmst END AS amountmst"
    )


CREATE_CALCULATION = text(f"""
CREATE TEMP TABLE shift_calculation ON COMMIT DROP AS
SELECT s.shiftno, {_each("coalesce(other.{0}, st.{0}) AS {0}", CALCULATIONS)}
FROM shift AS s
JOIN ax.retailstoretable AS st ON st.storenumber = s.storeid
LEFT JOIN LATERAL (
    SELECT m.* FROM ax.retailstatementshift AS m
    WHERE (m.storeid, m.terminalid, m.batchid) = (s.storeid, s.terminalid, s.batchid)
      AND (m.dataareaid, m.statementid) <> (s.dataareaid, s.statementid)
    LIMIT 1) AS other ON true""")
"""All statements of a shift count alike: one that is not its only one takes what the others have. Those have left
Calculated and do not change any more; nor can another one come meanwhile (`shifts.LOCK_CALCULATED`)."""

CREATE_PAID = text(f"""
CREATE TEMP TABLE shift_paid ON COMMIT DROP AS
SELECT shiftno, tendertypeid, currency, sum(amount) AS amount, sum(amountmst) AS amountmst, count(*)::integer AS count
FROM (
    SELECT h.shiftno, p.tendertype AS tendertypeid, p.currency, {_worth("p", "amountcur")}
    FROM shift_header AS h
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("h")} AND {live_payment_sql("p")}
    WHERE h.type NOT IN ({CASH_MANAGEMENT})) AS payment
GROUP BY shiftno, tendertypeid, currency""")


def _moved(table: str, own: str = "amounttendered", live: str = live_line_sql("r")) -> str:
    return f"""
SELECT h.shiftno, h.type, h.createddatetime, h.transactionid, r.tendertype AS tendertypeid, r.currency,
       {_worth("r", own)}
FROM shift_header AS h JOIN ax.{table} AS r ON {key_sql("r")} = {key_sql("h")} AND {live}
WHERE h.type IN ({CASH_MANAGEMENT})"""


CREATE_MOVED = text(f"""
CREATE TEMP TABLE shift_moved ON COMMIT DROP AS
SELECT shiftno, type, tendertypeid, currency, sum(amount) AS amount, sum(amountmst) AS amountmst,
       row_number() OVER (PARTITION BY shiftno, type, tendertypeid, currency
                          ORDER BY createddatetime DESC, transactionid COLLATE "C" DESC) = 1 AS islast
FROM (
    {_moved("retailtransactionpaymenttrans", "amountcur", live_payment_sql("r"))}
    UNION ALL {_moved("retailtransactionbankedtendertrans")}
    UNION ALL {_moved("retailtransactionsafetendertrans")}
    UNION ALL {_moved("retailtransactiontenderdeclarationtrans")}) AS row
GROUP BY shiftno, type, createddatetime, transactionid, tendertypeid, currency""")
"""A row per transaction of cash management and tender; `islast`: none of its kind came later in the shift."""


def _sum(type_: TransactionType, name: str, calculation: str = "") -> str:
    """Columns: the sum of a kind, or the last of it where the shift's `calculation` says so, in both currencies; NULL
    where there is none."""
    chosen = f"m.type = {int(type_)}"
    if calculation:
        chosen += f" AND (m.islast OR c.{calculation} = {int(CountCalculation.SUM)})"
    return f"sum(m.amount) FILTER (WHERE {chosen}) AS {name}, sum(m.amountmst) FILTER (WHERE {chosen}) AS {name}mst"


CREATE_DRAWER = text(f"""
CREATE TEMP TABLE drawer ON COMMIT DROP AS
SELECT d.*, d.transamount + d.addedtodrawer + d.changetender - d.removedfromdrawer - d.bankedamount - d.safeamount
            AS expected
FROM (
    SELECT shiftno, tendertypeid, currency, coalesce(p.amount, 0) AS transamount,
           coalesce(p.amountmst, 0) AS transamountmst, coalesce(p.count, 0) AS transcount,
           coalesce(m.started, 0) + coalesce(m.floated, 0) AS addedtodrawer, coalesce(m.floated, 0) AS floatamount,
           coalesce(m.floatedmst, 0) AS floatamountmst, coalesce(abs(m.removed), 0) AS removedfromdrawer,
           coalesce(abs(m.removedmst), 0) AS removedfromdrawermst, coalesce(m.changed, 0) AS changetender,
           coalesce(m.changedmst, 0) AS changetendermst,
           coalesce(m.banked, 0) AS bankedamount, coalesce(m.bankedmst, 0) AS bankedamountmst,
           coalesce(m.safe, 0) AS safeamount, coalesce(m.safemst, 0) AS safeamountmst, m.declared,
           coalesce((coalesce(abs(p.amountmst), 0) + coalesce(m.totalmst, 0))
                    / nullif(coalesce(abs(p.amount), 0) + coalesce(m.total, 0), 0), 1) AS rate
    FROM shift_paid AS p
    FULL JOIN (
        SELECT m.shiftno, m.tendertypeid, m.currency, sum(abs(m.amount)) AS total,
               sum(abs(m.amountmst)) AS totalmst,
               {_sum(T.STARTING_AMOUNT, "started", "startamountcalculation")}, {_sum(T.FLOAT_ENTRY, "floated")},
               {_sum(T.REMOVE_TENDER, "removed")}, {_sum(T.CHANGE_TENDER, "changed")},
               {_sum(T.BANK_DROP, "banked", "bankdropcalculation")}, {_sum(T.SAFE_DROP, "safe")},
               {_sum(T.TENDER_DECLARATION, "declared", "tenderdeclarationcalculation")}
        FROM shift_moved AS m JOIN shift_calculation AS c USING (shiftno)
        GROUP BY m.shiftno, m.tendertypeid, m.currency) AS m USING (shiftno, tendertypeid, currency)) AS d""")
"""Registers write a removed tender as a negative payment or as a positive one: out it goes in both cases. `rate`: what
a tender in another currency was worth on average."""

CREATE_COUNTED = text(f"""
CREATE TEMP TABLE counted ON COMMIT DROP AS
SELECT d.*, d.countedamount - d.expected AS differenceamount,
       CASE WHEN d.currency = s.currency THEN d.countedamount - d.expected
            ELSE round((d.countedamount - d.expected) * d.rate, 2) END AS differenceamountmst
FROM (
    SELECT d.*, coalesce(e.countedamount, d.declared, d.expected) AS countedamount,
           CASE WHEN e.countedamount IS NOT NULL THEN '{CountedHow.ENTERED}'
                WHEN d.declared IS NOT NULL THEN '{CountedHow.DECLARED}'
                WHEN p.disablecountingrequired = 0 AND coalesce(k.countingrequired, 1) = 1 AND d.expected <> 0
                THEN '{CountedHow.REQUIRED}' ELSE '{CountedHow.ASSUMED}' END AS countedhow
    FROM drawer AS d JOIN shift AS s USING (shiftno)
    JOIN ax.retailparameters AS p ON p.dataareaid = s.dataareaid
    LEFT JOIN ax.retailtendertypetable AS k ON (k.dataareaid, k.tendertypeid) = (s.dataareaid, d.tendertypeid)
    LEFT JOIN LATERAL (
        SELECT c.countedamount FROM ax.retailstatementcount AS c
        WHERE (c.storeid, c.terminalid, c.batchid) = (s.storeid, s.terminalid, s.batchid)
          AND (c.tendertypeid, c.currency) = (d.tendertypeid, d.currency)
        ORDER BY c.createddatetime DESC, c.recid DESC LIMIT 1) AS e ON true) AS d
JOIN shift AS s USING (shiftno)""")

CREATE_SHIFT_LINE = text(f"""
CREATE TEMP TABLE shift_line ON COMMIT DROP AS
SELECT * FROM (
    SELECT shiftno, tendertypeid, currency, coalesce(c.countedhow, '{CountedHow.ASSUMED}') AS countedhow,
           {_each("coalesce(c.{0}, 0) - coalesce(before.{0}, 0) AS {0}")}
    FROM counted AS c
    FULL JOIN (
        SELECT s.shiftno, l.tendertypeid, l.currency, {_each("sum(l.{0}) AS {0}")}
        FROM shift AS s
        JOIN ax.retailstatementshiftline AS l
             ON (l.storeid, l.terminalid, l.batchid) = (s.storeid, s.terminalid, s.batchid)
            AND (l.dataareaid, l.statementid) <> (s.dataareaid, s.statementid)
        GROUP BY s.shiftno, l.tendertypeid, l.currency) AS before USING (shiftno, tendertypeid, currency)) AS line
WHERE ({_LISTED}) <> ({_each("0")}) OR countedhow = '{CountedHow.REQUIRED}'""")
"""What earlier statements of a shift have said is taken off."""

_OF_STATEMENT = f"""
SELECT s.dataareaid, s.statementid, s.storeid, s.terminalid, s.batchid, l.tendertypeid, l.currency, l.countedhow,
       {_each("l.{0}")}
FROM shift_line AS l JOIN shift AS s USING (shiftno)"""

INSERT_SHIFTS = text(f"""
INSERT INTO ax.retailstatementshift (dataareaid, statementid, storeid, terminalid, batchid, {", ".join(CALCULATIONS)})
SELECT s.dataareaid, s.statementid, s.storeid, s.terminalid, s.batchid, {_each("c.{0}", CALCULATIONS)}
FROM shift AS s JOIN shift_calculation AS c USING (shiftno)""")

UPDATE_SHIFTS = text(f"""
UPDATE ax.retailstatementshift AS m SET {_each("{0} = c.{0}", CALCULATIONS)}
FROM shift AS s JOIN shift_calculation AS c USING (shiftno)
WHERE (m.dataareaid, m.statementid, m.storeid, m.terminalid, m.batchid)
    = (s.dataareaid, s.statementid, s.storeid, s.terminalid, s.batchid)
  AND ({_each("m.{0}", CALCULATIONS)}) <> ({_each("c.{0}", CALCULATIONS)})""")

INSERT_SHIFT_LINES = text(f"""
INSERT INTO ax.retailstatementshiftline (dataareaid, statementid, storeid, terminalid, batchid, tendertypeid, currency,
    countedhow, {_LISTED}) {_OF_STATEMENT}""")

DELETE_LINES = text("""
DELETE FROM ax.retailstatementline AS l USING shift AS s
WHERE (l.dataareaid, l.statementid) = (s.dataareaid, s.statementid)""")

INSERT_LINES = text(f"""
INSERT INTO ax.retailstatementline (dataareaid, statementid, staffid, terminalid, uniqueshiftid, tendertypeid, currency,
    transcount, {", ".join(OF_LINE)})
SELECT dataareaid, statementid, ofstaff, ofterminal, ofshift, tendertypeid, currency, sum(transcount),
       {_each("sum({0})", OF_LINE)}
FROM (
    SELECT l.*,
           CASE st.statementmethod WHEN {int(StatementMethod.STAFF)} THEN b.staffid ELSE '' END AS ofstaff,
           CASE st.statementmethod WHEN {int(StatementMethod.TERMINAL)} THEN l.terminalid ELSE '' END AS ofterminal,
           CASE st.statementmethod WHEN {int(StatementMethod.SHIFT)} THEN l.terminalid || ':' || l.batchid
                ELSE '' END AS ofshift
    FROM (SELECT DISTINCT dataareaid, statementid FROM shift) AS s
    JOIN ax.retailstatementshiftline AS l USING (dataareaid, statementid)
    JOIN ax.retailposbatchtable AS b USING (storeid, terminalid, batchid)
    JOIN ax.retailstoretable AS st ON st.storenumber = l.storeid) AS line
GROUP BY dataareaid, statementid, ofstaff, ofterminal, ofshift, tendertypeid, currency""")

INSERT_MARKS = text(f"""
INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid, type, businessdate,
    netamount, grossamount, paymentamount)
SELECT h.store, h.terminal, h.transactionid, s.dataareaid, s.statementid, h.type, h.businessdate, h.netamount,
       h.grossamount, h.paymentamount
FROM shift_header AS h JOIN shift AS s USING (shiftno)
WHERE h.type IN ({CASH_MANAGEMENT})
  AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE {key_sql("e")} = {key_sql("h")})""")

LOCK_STATEMENTS = text("""
SELECT FROM ax.retailstatementtable AS s
JOIN unnest(CAST(:companies AS text[]), CAST(:statements AS text[])) AS wanted (dataareaid, statementid)
     USING (dataareaid, statementid)
ORDER BY s.dataareaid, s.statementid FOR NO KEY UPDATE OF s""")

_STORED = f"""
SELECT l.dataareaid, l.statementid, l.storeid, l.terminalid, l.batchid, l.tendertypeid, l.currency, l.countedhow,
       {_each("l.{0}")}
FROM ax.retailstatementshiftline AS l
JOIN (SELECT DISTINCT dataareaid, statementid FROM shift) AS s USING (dataareaid, statementid)"""

CREATE_RECOUNTED = text(f"""
CREATE TEMP TABLE recounted ON COMMIT DROP AS
SELECT DISTINCT dataareaid, statementid
FROM ((({_STORED}) EXCEPT ({_OF_STATEMENT})) UNION ALL (({_OF_STATEMENT}) EXCEPT ({_STORED}))) AS different
UNION
SELECT s.dataareaid, s.statementid FROM shift_header AS h JOIN shift AS s USING (shiftno)
WHERE h.type IN ({CASH_MANAGEMENT})
  AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE {key_sql("e")} = {key_sql("h")})""")

FORGET_UNCHANGED = text("""
DELETE FROM shift AS s WHERE NOT EXISTS (
    SELECT FROM recounted AS r WHERE (r.dataareaid, r.statementid) = (s.dataareaid, s.statementid))""")

DELETE_SHIFT_LINES = text("""
DELETE FROM ax.retailstatementshiftline AS l USING recounted AS r
WHERE (l.dataareaid, l.statementid) = (r.dataareaid, r.statementid)""")

COUNT_MARKS = text("""
UPDATE ax.retailstatementtable AS s SET transactioncount = (
    SELECT count(*) FROM ax.retaileodtransactiontable AS e
    WHERE (e.dataareaid, e.statementid) = (s.dataareaid, s.statementid))
FROM (SELECT DISTINCT dataareaid, statementid FROM shift) AS c
WHERE (s.dataareaid, s.statementid) = (c.dataareaid, c.statementid)""")

FORGET_EMPTY = text(f"""
DELETE FROM shift AS s
WHERE NOT EXISTS (SELECT FROM shift_line AS l WHERE l.shiftno = s.shiftno)
  AND NOT EXISTS (
    SELECT FROM shift_header AS h WHERE h.shiftno = s.shiftno AND h.type IN ({CASH_MANAGEMENT})
      AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e WHERE {key_sql("e")} = {key_sql("h")}))""")

LOG_RECOUNTED = log_sql("""
SELECT s.dataareaid, s.statementid, s.postingstatus AS status, 'Counted again' AS message
FROM recounted AS r JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)""")


def count_tenders(connection: Connection) -> None:
    """Temp table `shift_line`: each tender of the shifts in `shift`, less what other statements say of the shift."""
    for table, statement in (
        ("shift_calculation", CREATE_CALCULATION),
        ("shift_paid", CREATE_PAID),
        ("shift_moved", CREATE_MOVED),
        ("drawer", CREATE_DRAWER),
        ("counted", CREATE_COUNTED),
        ("shift_line", CREATE_SHIFT_LINE),
    ):
        connection.execute(statement)
        connection.execute(text(f"ANALYZE {table}"))


def forget_empty_shifts(connection: Connection) -> None:
    """Take out of `shift` what has nothing to state."""
    connection.execute(FORGET_EMPTY)


def write_shifts(connection: Connection) -> None:
    """Write the shifts and what was counted in them into their new statements."""
    connection.execute(INSERT_SHIFTS)
    write_lines(connection)


def count_again(connection: Connection, keys: Sequence[Key], run: int | None) -> None:
    """Let the financial statements of `keys` that are only Calculated say what the rows of their shifts say now: a
    later declaration, an entered amount, a transaction that came late; and what the store's parameters say now, for a
    shift that is in no other statement. `run`: who does it, None for a person."""
    connection.execute(
        LOCK_STATEMENTS,
        {"companies": [company for company, _ in keys], "statements": [statement for _, statement in keys]},
    )
    if not stated_shifts(connection, keys):
        return
    count_tenders(connection)
    connection.execute(UPDATE_SHIFTS)
    if connection.execute(CREATE_RECOUNTED).rowcount == 0:
        return
    connection.execute(FORGET_UNCHANGED)
    connection.execute(DELETE_SHIFT_LINES)
    write_lines(connection)
    connection.execute(LOG_RECOUNTED, {"run": run})


def write_lines(connection: Connection) -> None:
    """Write `shift_line` and the transactions of cash management into the statements that `shift` names."""
    for statement in (INSERT_SHIFT_LINES, DELETE_LINES, INSERT_LINES, INSERT_MARKS, COUNT_MARKS):
        connection.execute(statement)
