"""Killed anywhere and run again, calculation and posting leave the ledger of an undisturbed twin (design rules 1, 2,
8)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce import server
from commerce.scope import Scope
from commerce.statements import calculate_statements, post_statements, posting, transitions
from support.digest import differing_tables
from support.statements import SCOPE, STORES, TOMORROW, add_day, add_retailer, pass_gate
from support.transactions import DAY, add_sale
from support.twins import twin

BOTH_DAYS = Scope(STORES, TOMORROW)

WORKER = """
import os, signal, sys
from datetime import date
import sqlalchemy as sa
from commerce import database
from commerce.scope import Scope
from commerce.statements import calculate_statements, calculating, post_statements, posting

url, run, place = sys.argv[1], int(sys.argv[2]), sys.argv[3]
hq = database.hq_engine(url)
finish = posting.finish

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@sa.event.listens_for(hq, "after_execute")
def kill_in_calculation(connection, clause, *_):
    if place == "calculating" and clause is calculating.INSERT_EVENTS:
        die()

def kill_in_posting(connection, target, run):
    finish(connection, target, run)
    if place == str(int(target)):
        die()

posting.finish = kill_in_posting
scope = Scope(("S1", "S2"), date(2026, 3, 3))
calculate_statements(hq, run=run, scope=scope)
post_statements(hq, run=run, scope=scope)
"""
"""An end of day that dies with everything written and nothing committed of a step: `place` is a state, or the
calculation."""


def _prepare(hq: Engine) -> int:
    add_retailer(hq)
    for store in STORES:
        add_day(hq, store)
        add_sale(hq, store, 50, day=TOMORROW)
    return pass_gate(hq, days=(DAY, TOMORROW))


def _close(hq: Engine, run: int, scope: Scope = BOTH_DAYS) -> None:
    calculate_statements(hq, run=run, scope=scope)
    assert post_statements(hq, run=run, scope=scope).ok


def test_an_error_inside_every_transition(
    hq: Engine, hq_server: server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after the work of each transition, one after the other, on the same statements."""
    run = _prepare(hq)
    with twin(hq, hq_server) as undisturbed:
        _close(undisturbed, run)
        calculate_statements(hq, run=run, scope=BOTH_DAYS)
        chain = posting.TRANSITIONS
        for position, transition in enumerate(chain):
            for work in (_nothing, transition.apply):
                failing = replace(transition, apply=_failing_after(work))
                with monkeypatch.context() as patch:
                    patch.setattr(posting, "TRANSITIONS", (*chain[:position], failing, *chain[position + 1 :]))
                    with pytest.raises(RuntimeError, match="planted"):
                        post_statements(hq, run=run, scope=BOTH_DAYS)
                with hq.connect() as connection:
                    states = connection.execute(sa.text("SELECT DISTINCT postingstatus FROM ax.retailstatementtable"))
                    assert states.scalars().all() == [transition.source]
        _close(hq, run)
        assert differing_tables(hq, undisturbed) == []


def _nothing(connection: Connection) -> None:
    pass


def _failing_after(work: Callable[[Connection], None]) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        work(connection)
        raise RuntimeError("planted")

    return apply


def test_kill_9_in_one_place_after_the_other(hq: Engine, hq_server: server.Server) -> None:
    run = _prepare(hq)
    include = Path(posting.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{include}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with twin(hq, hq_server) as undisturbed:
        _close(undisturbed, run)
        for place in ("calculating", "13", "18"):
            killed = subprocess.run(
                [sys.executable, "-c", WORKER, hq.url.render_as_string(hide_password=False), str(run), place],
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            assert differing_tables(hq, undisturbed) != []
        _close(hq, run)
        assert differing_tables(hq, undisturbed) == []


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
