"""Take transactions out of a statement, so that the next run judges them again (domain B4: Clear, Recalculate).

The statement keeps its number: an emptied one is posted without documents, so that no number is missing.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.errors import UsageError
from commerce.named_statement import find
from commerce.schema.enums import PostingErrorStatus, StatementStatus, ValidationStatus
from commerce.scope import amount_sql, key_sql
from commerce.statements.changes import CREATE_CHANGED
from commerce.statements.events import log_sql
from commerce.statements.totals import add_up

FREE = text(f"""
UPDATE ax.retailtransactiontable AS t
SET validationstatus = {int(ValidationStatus.NONE)}, validationdatetime = NULL, gaterun = NULL
FROM changed AS c WHERE {key_sql("t")} = {key_sql("c")}""")

UNMARK = text(f"DELETE FROM ax.retaileodtransactiontable AS e USING changed AS c WHERE {key_sql('e')} = {key_sql('c')}")

LOG = log_sql("""
SELECT s.dataareaid, s.statementid, s.postingstatus AS status,
       'Taken out: ' || c.codes || '; transactions left: ' || s.transactioncount AS message
FROM (SELECT dataareaid, statementid, string_agg(code || ' ' || count, ', ' ORDER BY code) AS codes
      FROM (SELECT dataareaid, statementid, code, count(*) AS count FROM changed GROUP BY 1, 2, 3) AS by_code
      GROUP BY dataareaid, statementid) AS c
JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)""")

CHANGE_ALL = text("""
INSERT INTO changed
SELECT store, terminal, transactionid, dataareaid, statementid, 'Cleared'
FROM ax.retaileodtransactiontable WHERE (dataareaid, statementid) = (:company, :statement)""")

AMOUNT = text(f"""
SELECT count(*) AS transactions, coalesce(sum({amount_sql("t")}), 0) AS amount
FROM changed AS c JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("c")}""")

KEEP_LATE_SHIFTS = """
INSERT INTO ax.retailstatementlateshift (storeid, terminalid, batchid)
SELECT m.storeid, m.terminalid, m.batchid FROM ax.retailstatementshift AS m
WHERE (m.dataareaid, m.statementid) = (:company, :statement) AND EXISTS (
    SELECT FROM ax.retailstatementshift AS other
    WHERE (other.storeid, other.terminalid, other.batchid) = (m.storeid, m.terminalid, m.batchid)
      AND (other.dataareaid, other.statementid) <> (m.dataareaid, m.statementid))
ON CONFLICT DO NOTHING"""
"""A shift that is in no other statement is found without being remembered."""

EMPTY = (
    text(KEEP_LATE_SHIFTS),
    text("DELETE FROM ax.retailstatementshiftline WHERE (dataareaid, statementid) = (:company, :statement)"),
    text("DELETE FROM ax.retailstatementshift WHERE (dataareaid, statementid) = (:company, :statement)"),
    text("DELETE FROM ax.retaileodstatementaggregation WHERE (dataareaid, statementid) = (:company, :statement)"),
    text("DELETE FROM ax.retailstatementline WHERE (dataareaid, statementid) = (:company, :statement)"),
    log_sql("""
SELECT dataareaid, statementid, postingstatus AS status, 'Cleared' AS message FROM ax.retailstatementtable
WHERE (dataareaid, statementid) = (:company, :statement)"""),
    text(f"""
UPDATE ax.retailstatementtable
SET postingstatus = {int(StatementStatus.CALCULATED)}, postingerrorstatus = {int(PostingErrorStatus.NONE)},
    postingerrorcode = '', postingerrormessage = '', transactioncount = 0, salesamount = 0, taxamount = 0,
    paymentamount = 0
WHERE (dataareaid, statementid) = (:company, :statement)"""),
)


@dataclass(frozen=True)
class Cleared:
    """A cleared statement: how many transactions, worth how much, the next run judges again."""

    company: str
    statement: str
    store: str
    transactions: int
    amount: Decimal


def take_out(connection: Connection, run: int | None) -> None:
    """Take the transactions of the temp table `changed` out of their statements, whose totals and lines are calculated
    again. The caller holds the statements locked. `run`: who does it, None for a person."""
    connection.execute(FREE)
    connection.execute(UNMARK)
    add_up(connection, "SELECT DISTINCT dataareaid, statementid FROM changed")
    connection.execute(LOG, {"run": run})


def clear_statement(hq: Engine, *, statement: str, company: str | None = None) -> Cleared:
    """Take every transaction and shift out of a statement that has no sales orders yet (Calculated, Checked or
    Aggregated). The next posting of its date passes it through as an empty one; the next run takes what is right.

    Raises:
        UsageError: there is no such statement, several companies have one, or it has sales orders or is posted.
    """
    return retry_transient(lambda: _clear(hq, statement, company))


def _clear(hq: Engine, statement: str, company: str | None) -> Cleared:
    with hq.begin() as connection:
        found = find(connection, statement, company)
        if found.state == StatementStatus.POSTED:
            raise UsageError(f"Statement {statement} is posted. What is posted is never touched.")
        if found.state >= StatementStatus.CUSTOMER_ORDER_INVOICED:
            raise UsageError(
                f"Statement {statement} has invoices, it can only be posted: mend what its error names and run the "
                "day again."
            )
        if found.state == StatementStatus.CUSTOMER_ORDER_CREATED:
            raise UsageError(
                f"Statement {statement} has sales orders. Mend what its error names and run the day again, or take"
                f" them back: `commerce statements delete-orders {statement}`."
            )
        connection.execute(CREATE_CHANGED)
        connection.execute(CHANGE_ALL, found.key)
        freed = connection.execute(AMOUNT).one()
        take_out(connection, None)
        for emptying in EMPTY:
            connection.execute(emptying, {**found.key, "run": None})
    return Cleared(found.company, statement, found.store, freed.transactions, freed.amount)
