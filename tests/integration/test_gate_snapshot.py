"""The moment in which the gate judges: one view of headquarters for all rules, and pages for two connections."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
import pytest
from sqlalchemy import Engine, text

from commerce import quality
from commerce.quality import snapshot
from commerce.quality.snapshot import PAGE, Snapshot, pages
from commerce.schema.enums import ValidationStatus
from commerce.scope import Scope
from support.company import add_company, add_store
from support.transactions import DAY, add_sale, change

PAYMENT = "retailtransactionpaymenttrans"


@pytest.fixture
def run(hq: Engine) -> int:
    """A run over two stores with a valid sale each."""
    add_company(hq)
    for store in ("S1", "S2"):
        add_store(hq, store)
        add_sale(hq, store, 1, header={"validationstatus": int(ValidationStatus.SUCCESSFUL)})
    with hq.begin() as connection:
        statement = "INSERT INTO cdx.run (key, kind, businessdate) VALUES ('r', 'end_of_day', :day) RETURNING run"
        return int(connection.execute(text(statement), {"day": DAY}).scalar_one())


@pytest.mark.parametrize("many", [1, 1_000])
def test_what_changes_while_rules_are_evaluated_is_not_seen_half(
    hq: Engine, run: int, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """A payment changes behind the transactions that are judged and before payments are: its stamp is taken back."""
    make = Snapshot.make
    key = ("S1", "T1", "S1-T1-000001")

    def make_late(self: Snapshot, run: int, channels: Collection[int]) -> None:
        make(self, run, channels)
        change(hq, PAYMENT, key, amountcur=99)
        change(hq, "retailtransactiontable", key, gaterun=None, validationstatus=0)

    monkeypatch.setattr(snapshot, "MANY", many)
    monkeypatch.setattr(Snapshot, "make", make_late)
    result = quality.check(hq, run=run, scope=Scope(("S1", "S2"), DAY))
    assert (result.ok, result.verdicts) == (True, ())
    with hq.connect() as connection:
        stamped = connection.execute(text("SELECT store FROM ax.retailtransactiontable WHERE gaterun IS NOT NULL"))
        assert stamped.scalars().all() == ["S2"]


def test_a_snapshot_outlives_whoever_commits_or_closes_and_ends_with_its_block(hq: Engine, run: int) -> None:
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET gaterun = :run"), {"run": run})
        channels = list(connection.execute(text("SELECT recid FROM ax.retailchanneltable")).scalars())
    with Snapshot.of(hq) as one:
        one.make(run, channels)
        for end in (one.commit, one.rollback, one.close):
            end()
            assert one.execute("SELECT count(*) FROM stamped JOIN stamped_line USING (id)").fetchall() == [(2,)]
        one.make(run, channels[:1])
        assert one.execute("SELECT count(*) FROM stamped").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            one.execute("SELECT FROM nothing")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            one.execute("SELECT count(*) FROM stamped")
    assert one.closed


def test_pages_are_of_about_the_same_size_and_never_too_long() -> None:
    assert pages({}) == []
    assert pages({1: 10, 2: 10, 3: 10}) == [[1, 2, 3]]
    assert pages({1: 20_000, 2: 9_000, 3: 8_000, 4: 5_000}) == [[1], [2, 3, 4]]
    assert pages({7: 40_000}) == [[7]]
    assert pages({2: 1, 1: 40_000, 3: 1}) == [[2, 1], [3]]
    found = pages({channel: 1_000_000 if channel < 4 else 0 for channel in range(2 * PAGE + 1)})
    assert max(len(page) for page in found) == PAGE
    assert [channel for page in found for channel in page] == list(range(2 * PAGE + 1))
