"""One statement of a thousand that the database refuses: found by halving inside one transaction, in every state."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.schema.enums import StatementStatus
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements, posting
from support.statements import SCOPE, add_day, add_retailer, pass_gate
from support.transactions import DAY

S = StatementStatus
MANY = 1_000
BAD = f"ST{437:08d}"

REFUSE = """
CREATE FUNCTION pg_temp_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'planted' USING ERRCODE = '23514';
END $$;
CREATE TRIGGER planted BEFORE UPDATE ON ax.retailstatementtable FOR EACH ROW
WHEN (new.statementid = '{bad}' AND new.postingstatus = {target} AND old.postingstatus < {target})
EXECUTE FUNCTION pg_temp_refuse()"""
MEND = "DROP TRIGGER planted ON ax.retailstatementtable; DROP FUNCTION pg_temp_refuse()"


def _do(hq: Engine, statement: str) -> None:
    with hq.begin() as connection:
        connection.execute(sa.text(statement))


def _rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def _add_statements(hq: Engine, state: StatementStatus) -> None:
    """Statements without transactions, all in `state`, and the sequence that gave their numbers."""
    _do(hq, "DELETE FROM ax.retaileodstatementcontrollerlog; DELETE FROM ax.retailstatementtable")
    _do(
        hq,
        "INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate, currency,"
        f" postingstatus) SELECT 'USMF', 'ST' || lpad(n::text, 8, '0'), 'S1', 1, date '{DAY}', 'USD', {int(state)}"
        f" FROM generate_series(1, {MANY}) AS n",
    )


def test_one_of_a_thousand_costs_about_log2_tries_in_every_state(hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_retailer(hq)
    run = pass_gate(hq)
    for position, transition in enumerate(posting.TRANSITIONS):
        _add_statements(hq, transition.source)
        _do(hq, REFUSE.format(bad=BAD, target=int(transition.target)))
        tries: list[int] = []

        def counted(connection: Connection, apply=transition.apply, tries=tries):  # type: ignore[no-untyped-def]
            tries.append(connection.scalar(sa.text("SELECT count(*) FROM batch")) or 0)
            return apply(connection)

        only = (replace(transition, apply=counted),)
        with monkeypatch.context() as patch:
            patch.setattr(posting, "TRANSITIONS", only)
            result = post_statements(hq, run=run, scope=SCOPE)
        _do(hq, MEND)

        assert result.failed_stores == ("S1",)
        assert len(tries) <= 2 * math.ceil(math.log2(MANY)) + 1
        state = "SELECT postingstatus, postingerrorcode, count(*) FROM ax.retailstatementtable GROUP BY 1, 2 ORDER BY 1"
        assert _rows(hq, state) == [
            (transition.source, "DatabaseError", 1),
            (transition.target, "", MANY - 1),
        ], f"state {position}"
        ((started, ended, message),) = _rows(
            hq,
            "SELECT s.isendevent, e.isendevent, e.postingstatemessage FROM ax.retaileodstatementcontrollerlog AS e"
            " JOIN ax.retaileodstatementcontrollerlog AS s ON s.recid = e.starteventid"
            f" WHERE e.statementid = '{BAD}' AND e.run = {run} AND s.run = {run}",
        )
        assert (started, ended) == (0, 1)
        assert "The database refused the posting" in str(message)
        with monkeypatch.context() as patch:
            patch.setattr(posting, "TRANSITIONS", only)
            post_statements(hq, run=run, scope=SCOPE)
        assert _rows(hq, state) == [(transition.target, "", MANY)]


@pytest.mark.parametrize("transition", posting.TRANSITIONS, ids=lambda transition: transition.target.name)
def test_a_statement_that_is_refused_between_two_that_post(hq: Engine, transition: posting.Transition) -> None:
    """With transactions: what the others post is what it would have been, and the one goes on where it stands."""
    add_retailer(hq)
    days = [DAY.replace(day=number) for number in (2, 3, 4)]
    for day in days:
        add_day(hq, "S1", day, first=day.day * 100)
    run = pass_gate(hq, days=days)
    scope = Scope(("S1",), days[-1])
    calculate_statements(hq, run=run, scope=scope)
    _do(hq, REFUSE.format(bad="ST00000002", target=int(transition.target)))

    result = post_statements(hq, run=run, scope=scope)

    assert result.stores["S1"].counts["statements"] == 2
    assert "Statement ST00000002 is not posted: The database refused the posting" in result.stores["S1"].message
    statements = "SELECT statementid, postingstatus FROM ax.retailstatementtable ORDER BY 1"
    assert _rows(hq, statements) == [
        ("ST00000001", S.POSTED),
        ("ST00000002", transition.source),
        ("ST00000003", S.POSTED),
    ]
    _do(hq, MEND)
    again = post_statements(hq, run=run, scope=scope)
    assert (again.ok, again.counts["statements"], again.counts["transactions"]) == (True, 1, 11)
    sums = "SELECT sum(debitamount), sum(creditamount), count(*) FROM ax.generaljournalentry"
    ((debit, credit, vouchers),) = _rows(hq, sums)
    assert debit == credit
    assert _rows(hq, "SELECT nextrec - 1 FROM ax.numbersequencetable WHERE numbersequence = 'LedgerVoucher'") == [
        (vouchers,)
    ]
