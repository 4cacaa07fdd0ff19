"""One statement of a thousand that the database refuses, in every state of both types: found by halving inside one
transaction."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.schema.enums import StatementMethod, StatementStatus
from commerce.schema.enums import StatementType as Type
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements, posting
from commerce.statements.transitions import Transition
from support.shifts import add_counted_shift, set_store
from support.statements import SCOPE, add_day, add_retailer, broken, pass_gate
from support.transactions import DAY

S = StatementStatus
MANY = 1_000

REFUSE = """
CREATE FUNCTION pg_temp_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'planted' USING ERRCODE = '23514';
END $$;
CREATE TRIGGER planted BEFORE UPDATE ON ax.retailstatementtable FOR EACH ROW
WHEN (old.postingstatus < new.postingstatus AND new.statementid || ' ' || new.postingstatus = ANY('{{{places}}}'))
EXECUTE FUNCTION pg_temp_refuse()"""
MEND = "DROP TRIGGER planted ON ax.retailstatementtable; DROP FUNCTION pg_temp_refuse()"


def _do(hq: Engine, statement: str) -> None:
    with hq.begin() as connection:
        connection.execute(sa.text(statement))


def _refuse(hq: Engine, bad: Mapping[str, StatementStatus]) -> None:
    """The database refuses these statements in these states."""
    _do(hq, REFUSE.format(places=",".join(f'"{statement} {int(target)}"' for statement, target in bad.items())))


def _rows(hq: Engine, query: str) -> list[tuple[object, ...]]:
    with hq.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


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
    _refuse(hq, {"ST00000002": transition.target})

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


OF_SHIFT = (
    "retailposbatchtable",
    "retailtransactiontable",
    "retailtransactionsalestrans",
    "retailtransactiontaxtrans",
    "retailtransactionpaymenttrans",
    "retailtransactionsafetendertrans",
    "retailtransactionbankedtendertrans",
    "retailtransactiontenderdeclarationtrans",
)
CHAINS = {Type.TRANSACTIONAL: "TRANSITIONS", Type.FINANCIAL: "FINANCIAL_TRANSITIONS"}


def _at_many_terminals(hq: Engine) -> None:
    """The shift of terminal T1 and all that belongs to it, at terminals M1, M2, ..., too: `MANY` in all."""
    copied = {
        **dict.fromkeys(("terminal", "terminalid", "batchterminalid"), "'M' || n"),
        "transactionid": "transactionid || '-' || n",
        "replicationcounterfromorigin": "-(1000 * replicationcounterfromorigin + n)",
    }
    with hq.begin() as connection:
        for table in OF_SHIFT:
            names = UPLOADS[table].columns.keys()
            values = ", ".join(copied.get(name, name) for name in names)
            connection.execute(
                sa.text(
                    f"INSERT INTO ax.{table} ({', '.join(names)})"
                    f" SELECT {values} FROM ax.{table}, generate_series(1, {MANY - 1}) AS n"
                )
            )


@contextmanager
def _counted_tries() -> Iterator[Counter[tuple[Type, StatementStatus]]]:
    """How often each transition of both types is tried."""
    tries: Counter[tuple[Type, StatementStatus]] = Counter()

    def counting(kind: Type, transition: Transition) -> Transition:
        def apply(connection: Connection) -> object:
            tries[kind, transition.target] += 1
            return transition.apply(connection)

        return replace(transition, apply=apply)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        for kind, chain in CHAINS.items():
            patch.setattr(posting, chain, tuple(counting(kind, one) for one in getattr(posting, chain)))
        yield tries


@pytest.mark.slow
def test_of_a_thousand_of_each_type_one_in_each_state(hq: Engine) -> None:
    """A thousand sales and a thousand counted shifts, each with a statement of its own, to the ledger in one call: in
    each state of each type another statement is refused. It stays there, and all others are posted."""
    add_retailer(hq)
    of_terminals = {"statementmethod": int(StatementMethod.TERMINAL), "separatestmtperstaffterminal": 1}
    allowed = dict.fromkeys(
        ("maximumpostingdifference", "maxshiftdifferenceamount", "maxtransactiondifferenceamount"), 1
    )
    set_store(hq, "S1", **of_terminals, **allowed)
    add_counted_shift(hq, "S1", 1, first=10, difference=Decimal(-1))
    _at_many_terminals(hq)
    run = pass_gate(hq)
    assert calculate_statements(hq, run=run, scope=SCOPE).counts["statements"] == 2 * MANY
    bad = {
        (kind, transition.target): (f"ST{(kind - 1) * MANY + 97 * position + 53:08d}", transition.source)
        for kind, chain in CHAINS.items()
        for position, transition in enumerate(getattr(posting, chain))
    }
    _refuse(hq, {name: target for (_, target), (name, _) in bad.items()})

    with _counted_tries() as tries:
        result = post_statements(hq, run=run, scope=SCOPE)

    assert set(tries) == set(bad)
    assert max(tries.values()) <= 2 * math.ceil(math.log2(MANY)) + 1, tries
    assert result.stores["S1"].counts["statements"] == 2 * MANY - len(bad)
    assert result.stores["S1"].counts["financial"] == MANY - len(posting.FINANCIAL_TRANSITIONS)
    stuck = "SELECT statementtype, statementid, postingstatus, postingerrorcode FROM ax.retailstatementtable"
    assert _rows(hq, f"{stuck} WHERE postingstatus < {int(S.POSTED)} ORDER BY 2") == sorted(
        ((kind, name, source, "DatabaseError") for (kind, _), (name, source) in bad.items()), key=lambda row: row[1]
    )
    refused = """
        SELECT DISTINCT e.statementid FROM ax.retaileodstatementcontrollerlog AS e
        JOIN ax.retaileodstatementcontrollerlog AS s ON s.recid = e.starteventid AND s.isendevent = 0
        WHERE e.isendevent = 1 AND e.postingstatemessage LIKE 'The database refused the posting%' ORDER BY 1"""
    assert _rows(hq, refused) == sorted((name,) for name, _ in bad.values())

    _do(hq, MEND)
    with _counted_tries() as tries:
        again = post_statements(hq, run=run, scope=SCOPE)
    assert (again.ok, again.counts["statements"], again.counts["financial"]) == (True, len(bad), len(bad) // 2)
    assert set(tries.values()) == {1}
    assert _rows(hq, "SELECT DISTINCT postingstatus FROM ax.retailstatementtable") == [(S.POSTED,)]
    assert broken(hq) == []
    of_each = "SELECT statementtype, statementid, count(voucher) AS vouchers FROM ax.retailstatementtable"
    of_each += " LEFT JOIN ax.retailstatementvoucher USING (dataareaid, statementid) GROUP BY 1, 2"
    ((_, one), (_, other)) = _rows(hq, f"SELECT statementtype, vouchers FROM ({of_each}) AS s GROUP BY 1, 2 ORDER BY 1")
    ((vouchers, balance),) = _rows(hq, "SELECT count(*), sum(debitamount - creditamount) FROM ax.generaljournalentry")
    assert (vouchers, balance) == (MANY * (one + other), 0)  # type: ignore[operator]
