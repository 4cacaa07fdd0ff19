"""Very many shifts on one date: what is read for each of them does not grow with their number, though the planner has
no statistics of their first statement."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, text

from commerce.statements.shifts import stated_shifts
from commerce.verify import financial
from support.statements import add_retailer

SHIFTS = 300
EACH = 7
"""Transactions of a shift: a declaration and sales."""
MANY = """
CREATE TEMP TABLE many AS
SELECT 'S1' AS storeid, 'T' || n AS terminalid, 1::bigint AS batchid FROM generate_series(1, :shifts) AS n"""
CLOSED = """
INSERT INTO ax.retailposbatchtable (storeid, terminalid, batchid, status, startdate, closedate, dataareaid, origin,
    incarnation, replicationcounterfromorigin, contenthash, uploadsession)
SELECT storeid, terminalid, batchid, 2, '2026-03-02', '2026-03-02', 'USMF', 1, 1,
       1000 * batchid + row_number() OVER (), gen_random_uuid(), 1
FROM many"""
STATEMENT = """
INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate, currency,
    postingstatus)
VALUES ('USMF', 'ST1', 'S1', 2, '2026-03-02', 'USD', 3)"""
STATED = "INSERT INTO ax.retailstatementshift SELECT 'USMF', 'ST1', storeid, terminalid, batchid, 1, 0, 0 FROM many"
SAID = """
INSERT INTO ax.retailstatementshiftline (dataareaid, statementid, storeid, terminalid, batchid, tendertypeid, currency,
    transcount, countedhow)
SELECT 'USMF', 'ST1', storeid, terminalid, batchid, '1', 'USD', 1, 'declared' FROM many"""
SOLD = f"""
INSERT INTO ax.retailtransactiontable (store, terminal, transactionid, type, entrystatus, businessdate, batchid,
    currency, grossamount, netamount, paymentamount, createddatetime, dataareaid, origin, incarnation,
    replicationcounterfromorigin, contenthash, uploadsession)
SELECT storeid, terminalid, terminalid || '-' || n, CASE n WHEN 1 THEN 7 ELSE 2 END, 0, '2026-03-02', batchid, 'USD',
       0, 0, 0, '2026-03-02 18:00Z', 'USMF', 1, 1, row_number() OVER (), gen_random_uuid(), 1
FROM many CROSS JOIN generate_series(1, {EACH}) AS n"""
MARKED = """
INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid, type, businessdate)
SELECT storeid, terminalid, terminalid || '-1', 'USMF', 'ST1', 7, '2026-03-02' FROM many"""
WRONG_CLOCK = "UPDATE ax.retailposbatchtable SET startdate = '2019-01-01', closedate = '2019-01-01'"
READ = "SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = :table"


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_retailer(hq)
    return hq


def state_many(connection: Connection) -> None:
    """A financial statement that has `SHIFTS` shifts, and nothing to say of them."""
    connection.execute(text(MANY), {"shifts": SHIFTS})
    for statement in (CLOSED, STATEMENT, STATED):
        connection.execute(text(statement))


def read_of(connection: Connection, table: str) -> int:
    """Rows of `table` that this transaction has read."""
    return int(connection.execute(text(READ), {"table": table}).scalar_one())


def test_the_line_of_a_shift_finds_just_its_shift(shop: Engine) -> None:
    with shop.begin() as connection:
        state_many(connection)
        before = read_of(connection, "retailstatementshift")
        connection.execute(text(SAID))
        assert read_of(connection, "retailstatementshift") - before == SHIFTS


def test_a_shift_that_leaves_its_statement_finds_just_its_lines(shop: Engine) -> None:
    with shop.begin() as connection:
        state_many(connection)
        connection.execute(text(SAID))
        connection.execute(text("DELETE FROM ax.retailstatementshiftline WHERE terminalid = 'T1'"))
        before = read_of(connection, "retailstatementshiftline")
        connection.execute(text("DELETE FROM ax.retailstatementshift WHERE terminalid = 'T1'"))
        assert read_of(connection, "retailstatementshiftline") == before


@pytest.mark.parametrize("clocks", ["right", "wrong"])
def test_a_shift_looks_for_its_cash_management_among_its_own(shop: Engine, clocks: str) -> None:
    with shop.begin() as connection:
        state_many(connection)
        for statement in (SOLD, MARKED, *([WRONG_CLOCK] if clocks == "wrong" else [])):
            connection.execute(text(statement))
        before = read_of(connection, "retaileodtransactiontable")
        assert stated_shifts(connection, [("USMF", "ST1")]) == SHIFTS
        assert read_of(connection, "retaileodtransactiontable") - before == SHIFTS
        assert connection.scalar(text("SELECT count(*) FROM shift_header")) == SHIFTS * EACH


def test_the_check_of_what_is_stated_reads_each_transaction_once(shop: Engine) -> None:
    (check,) = (check for check in financial.CHECKS if check.name == "shift_not_stated_fully")
    with shop.begin() as connection:
        state_many(connection)
        for statement in (SOLD, MARKED, "UPDATE ax.retailstatementtable SET postingstatus = 20"):
            connection.execute(text(statement))
        connection.execute(text("ANALYZE ax.retailtransactiontable, ax.retailposbatchtable"))  # as an upload does it
        before = read_of(connection, "retailtransactiontable")
        assert connection.execute(text(check.sql)).all() == []
        assert read_of(connection, "retailtransactiontable") - before <= SHIFTS * EACH
