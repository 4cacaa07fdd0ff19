"""Killed anywhere and run again, calculation and posting leave the ledger of an undisturbed twin (design rules 1, 2,
8)."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce import server
from commerce.schema.enums import StatementStatus
from commerce.scope import Scope
from commerce.statements import calculate_statements, calculating, post_statements, posting, transitions
from support.digest import differing_tables
from support.offers import GIFT_CARD, GIFT_CARD_LINE, add_gift_card_tender, add_posting, offer
from support.shifts import add_counted_shift, set_store
from support.statements import SCOPE, STORES, TOMORROW, add_day, add_retailer, pass_gate
from support.transactions import DAY, add_sale
from support.twins import twin

BOTH_DAYS = Scope(STORES, TOMORROW)
TYPES = {"TRANSITIONS": 1, "FINANCIAL_TRANSITIONS": 2}
"""Chain of states -> type of the statements that pass through it."""


def _prepare(hq: Engine) -> int:
    """Two stores with a day of everything, a sale on the next one, and a shift in which a dollar is missing."""
    add_retailer(hq)
    add_gift_card_tender(hq)
    for posting_type in ("PeriodicDiscount", "GiftCard"):
        add_posting(hq, posting_type)
    for store in STORES:
        add_day(hq, store)
        offer(hq, (store, "T1", f"{store}-T1-000002"), line=2)
        add_sale(hq, store, 40, lines=[GIFT_CARD_LINE])
        add_sale(hq, store, 41, paid={GIFT_CARD: Decimal("12.50")}, header={"skipaggregation": 1})
        add_sale(hq, store, 50, day=TOMORROW)
        set_store(hq, store, maximumpostingdifference=1, maxshiftdifferenceamount=1, maxtransactiondifferenceamount=1)
        add_counted_shift(hq, store, 1, first=60, difference=Decimal(-1))
    return pass_gate(hq, days=(DAY, TOMORROW))


def _close(hq: Engine, run: int, scope: Scope = BOTH_DAYS) -> None:
    calculate_statements(hq, run=run, scope=scope)
    assert post_statements(hq, run=run, scope=scope).ok


@pytest.mark.parametrize("chain", ["TRANSITIONS", "FINANCIAL_TRANSITIONS"])
def test_an_error_inside_every_transition(
    hq: Engine, hq_server: server.Server, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    """Before and after the work of each transition, one after the other, on the same statements."""
    run = _prepare(hq)
    with twin(hq, hq_server) as undisturbed:
        _close(undisturbed, run)
        calculate_statements(hq, run=run, scope=BOTH_DAYS)
        transitions_ = getattr(posting, chain)
        states = f"SELECT DISTINCT postingstatus FROM ax.retailstatementtable WHERE statementtype = {TYPES[chain]}"
        for position, transition in enumerate(transitions_):
            for work in (_nothing, transition.apply):
                failing = replace(transition, apply=_failing_after(work))
                with monkeypatch.context() as patch:
                    patch.setattr(posting, chain, (*transitions_[:position], failing, *transitions_[position + 1 :]))
                    with pytest.raises(RuntimeError, match="planted"):
                        post_statements(hq, run=run, scope=BOTH_DAYS)
                with hq.connect() as connection:
                    assert connection.scalars(sa.text(states)).all() == [transition.source]
        _close(hq, run)
        assert differing_tables(hq, undisturbed) == []


def _nothing(connection: Connection) -> None:
    pass


def _failing_after(work: Callable[[Connection], None]) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        work(connection)
        raise RuntimeError("planted")

    return apply


Place = tuple[str, str, int]
"""Where a process dies: in the calculation, or in the posting of a chain's state; before or after its commit."""

PLACES: list[Place] = [
    ("calculating", "before", 0),
    ("calculating", "after", 0),
    *(
        (chain, when, int(transition.target))
        for chain in TYPES
        for transition in getattr(posting, chain)
        for when in ("before", "after")
    ),
]


@pytest.mark.parametrize("chain", TYPES)
def test_every_state_is_a_place_to_die_at(chain: str) -> None:
    """Started, Marked and Calculated are one commit, the calculation's; each other state is one of its own."""
    calculated = {StatementStatus.STARTED, StatementStatus.MARKED, StatementStatus.CALCULATED}
    of_chain = [target for of, when, target in PLACES if of == chain and when == "before"]
    assert of_chain == [target for of, when, target in PLACES if of == chain and when == "after"]
    assert of_chain == sorted(set(StatementStatus) - calculated)
    assert {when for of, when, _ in PLACES if of == "calculating"} == {"before", "after"}


def test_kill_9_before_and_after_the_commit_of_every_state_of_both_types(hq: Engine, hq_server: server.Server) -> None:
    """One place after the other: each process goes on from where the one before it has died."""
    run = _prepare(hq)
    with twin(hq, hq_server) as undisturbed:
        _close(undisturbed, run)
        committed = _states(hq)
        for place in PLACES:
            _killed_at(place, hq, run)
            states = _states(hq)
            assert (states == committed) == (place[1] == "before"), place
            committed = states
        _close(hq, run)
        assert differing_tables(hq, undisturbed) == []


def _states(hq: Engine) -> list[tuple[int, int, int]]:
    """Statements by type and state; nothing stays connected, so that the next process can be forked."""
    query = "SELECT statementtype, postingstatus, count(*) FROM ax.retailstatementtable GROUP BY 1, 2 ORDER BY 1, 2"
    with hq.connect() as connection:
        found = [(row[0], row[1], row[2]) for row in connection.execute(sa.text(query))]
    hq.dispose()
    return found


def _killed_at(place: Place, hq: Engine, run: int) -> None:
    """An end of day in a process of its own, which kills itself at `place`; a fork has nothing to load."""
    process = os.fork()
    if process == 0:
        with contextlib.suppress(BaseException):
            _end_of_day_that_dies(place, hq, run)
        os._exit(1)  # it has not died where it should: no clean-up of what is the parent's
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status), place
    assert os.WTERMSIG(status) == signal.SIGKILL


def _end_of_day_that_dies(place: Place, hq: Engine, run: int) -> None:
    chain, when, target = place
    finish, move = posting.finish, posting._move

    def dying_finish(connection: Connection, state: StatementStatus, run: int) -> None:
        finish(connection, state, run)
        of_chain = (
            "SELECT DISTINCT statementtype FROM batch JOIN ax.retailstatementtable USING (dataareaid, statementid)"
        )
        if when == "before" and state == target and connection.scalar(sa.text(of_chain)) == TYPES[chain]:
            _die()

    def dying_move(hq: Engine, keys: list[transitions.Key], transition: transitions.Transition, run: int) -> object:
        taken_out = move(hq, keys, transition, run)
        if when == "after" and transition in getattr(posting, chain) and transition.target == target:
            _die()
        return taken_out

    if chain == "calculating":
        if when == "before":
            sa.event.listen(hq, "after_execute", lambda _, clause, *__: clause is calculating.INSERT_EVENTS and _die())
        calculate_statements(hq, run=run, scope=BOTH_DAYS)
        _die()
    posting.finish, posting._move = dying_finish, dying_move  # type: ignore[assignment]
    calculate_statements(hq, run=run, scope=BOTH_DAYS)
    post_statements(hq, run=run, scope=BOTH_DAYS)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_later_run_for_the_next_day_finishes_what_was_left(hq: Engine, hq_server: server.Server) -> None:
    add_retailer(hq)
    for store in STORES:
        add_day(hq, store)
    run = pass_gate(hq)
    with twin(hq, hq_server) as undisturbed:
        _close(undisturbed, run, SCOPE)
        calculate_statements(hq, run=run, scope=SCOPE)  # and never posted
        _close(hq, pass_gate(hq, "next day", [TOMORROW]), BOTH_DAYS)
        assert differing_tables(hq, undisturbed) == []


def test_two_posters_at_once_post_everything_once(hq: Engine, hq_server: server.Server) -> None:
    run = _prepare(hq)
    with twin(hq, hq_server) as undisturbed:
        _close(undisturbed, run)
        calculate_statements(hq, run=run, scope=BOTH_DAYS)
        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda _: post_statements(hq, run=run, scope=BOTH_DAYS), range(3)))
        assert all(result.ok for result in results)
        assert differing_tables(hq, undisturbed, numbers=False) == []
        with hq.connect() as connection:
            taken = sa.text("SELECT nextrec - 1 FROM ax.numbersequencetable WHERE numbersequence = 'LedgerVoucher'")
            vouchers = connection.scalar(taken)
            assert connection.scalar(sa.text("SELECT count(*) FROM ax.generaljournalentry")) == vouchers


def test_a_killed_transaction_holds_nobody_up(hq: Engine) -> None:
    """The claim is a row lock of the transaction: it goes with its session."""
    run = _prepare(hq)
    calculate_statements(hq, run=run, scope=BOTH_DAYS)
    with hq.connect() as holder:
        transaction = holder.begin()
        keys = [("USMF", "ST00000001")]
        assert transitions.claim(holder, keys, posting.TRANSITIONS[0].source, run) == 1
        transaction.rollback()
    assert post_statements(hq, run=run, scope=BOTH_DAYS).ok
