"""Hold and release of a single transaction: one hopeless receipt does not block its store, and nobody forgets it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import quality, statements
from commerce.cli.queries.orders import list_orders
from commerce.errors import UsageError
from commerce.orders import repair, synchronize_orders
from commerce.run import close_run, status
from commerce.scope import Scope
from commerce.transactions import (
    held_transactions,
    hold_transactions,
    release_transactions,
    revalidate_transactions,
    validate_transactions,
)
from commerce.verify import verify
from support.cli import Called, call
from support.company import add_company, add_store
from support.runs import opened, stand_in, work
from support.transactions import DAY, Key, add_order, add_sale, change

HEADER = "retailtransactiontable"
NOBODY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
STORES = ("S1", "S2")
SCOPE = Scope(STORES, DAY)
AMOUNT = Decimal("12.50")


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Two stores with a good sale each."""
    add_company(hq)
    for store in STORES:
        add_store(hq, store)
        add_sale(hq, store, 1)
    return hq


@pytest.fixture
def commerce(
    shop: Engine, hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Called]:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, *arguments)


def hopeless(hq: Engine, number: int = 2, store: str = "S1") -> Key:
    """A sale of a customer that nobody knows: its store is blocked."""
    return add_sale(hq, store, number, guid=NOBODY)


def hold(hq: Engine, *keys: Key, reason: str = "The register was stolen") -> None:
    hold_transactions(hq, transactions=[key[2] for key in keys], reason=reason, by="ann")


def end_of_day(hq: Engine) -> tuple[quality.GateResult, int]:
    """Validate, judge and calculate; returns the gate's result and how many transactions statements took."""
    with hq.begin() as connection:
        statement = sa.text(
            "INSERT INTO cdx.run (key, kind, businessdate)"
            " VALUES ('r' || (SELECT count(*) FROM cdx.run), 'end_of_day', :day) RETURNING run"
        )
        run = connection.execute(statement, {"day": DAY}).scalar_one()
    validate_transactions(hq, scope=SCOPE)
    judged = quality.check(hq, run=run, scope=SCOPE)
    return judged, statements.calculate_statements(hq, run=run, scope=SCOPE).counts["transactions"]


def value(hq: Engine, column: str, key: Key) -> object:
    with hq.connect() as connection:
        found = sa.text(f"SELECT {column} FROM ax.{HEADER} WHERE transactionid = :id")
        return connection.execute(found, {"id": key[2]}).scalar_one()


def test_a_held_transaction_does_not_block_its_store_and_is_judged_again_when_released(shop: Engine) -> None:
    key = hopeless(shop)
    judged, taken = end_of_day(shop)
    assert (judged.blocked_stores, taken) == (("S1",), 1)
    hold(shop, key)
    judged, taken = end_of_day(shop)
    assert (judged.blocked_stores, taken) == ((), 1)
    assert (value(shop, "gaterun", key), value(shop, "held", key)) == (None, 1)
    release_transactions(shop, transactions=[key[2]], by="bob", reason="found")
    assert value(shop, "validationstatus", key) == 0
    judged, taken = end_of_day(shop)
    assert (judged.blocked_stores, taken) == (("S1",), 0)
    change(shop, HEADER, key, custaccountasync="")
    change(shop, "retailtransactionsalestrans", key, custaccountasync="")
    judged, taken = end_of_day(shop)
    assert (judged.blocked_stores, taken) == ((), 1)
    assert not {"held_transaction_posted", "hold_differs"} & {finding.check for finding in verify(shop)}


def test_another_wrong_transaction_still_blocks(shop: Engine) -> None:
    held, other = hopeless(shop), hopeless(shop, 3)
    hold(shop, held)
    judged, _ = end_of_day(shop)
    critical = [verdict for verdict in judged.verdicts if verdict.severity == "critical"]
    assert {(verdict.store, verdict.count, verdict.sample) for verdict in critical} == {
        ("S1", 1, (f"{other[2]} (7c9e6679…)",))
    }
    assert judged.blocked_stores == ("S1",)


def test_a_held_order_gets_no_sales_order(shop: Engine) -> None:
    order = add_order(shop, "S1", 5)
    hold(shop, order)
    assert synchronize_orders(shop, scope=SCOPE).counts["synchronized"] == 0
    tried = repair.retry(shop, [order], by="ann", reason="found")
    assert (tried.orders, [one.why for one in tried.passed_over]) == (
        (),
        ["it is on hold: `commerce transactions release`"],
    )
    assert [row["state"] for row in list_orders(shop, state="held", store=None, limit=9)] == ["held"]
    release_transactions(shop, transactions=[order[2]], by="ann", reason="found")
    assert synchronize_orders(shop, scope=SCOPE).counts["synchronized"] == 1
    with pytest.raises(UsageError, match="is sales order SO00000001"):
        hold(shop, order)


def test_what_cannot_be_held(shop: Engine) -> None:
    key = hopeless(shop)
    voided = add_sale(shop, "S1", 3, header={"entrystatus": 1})
    twin = ("S2", "T1", key[2])
    with pytest.raises(UsageError, match="There is no transaction X9"):
        hold_transactions(shop, transactions=[key[2], "X9"], reason="x", by="ann")
    with pytest.raises(UsageError, match="Say why"):
        hold(shop, key, reason=" ")
    with pytest.raises(UsageError, match="at most 60 characters who"):
        hold_transactions(shop, transactions=[key[2]], reason="x", by="a" * 61)
    with pytest.raises(UsageError, match="Say why"):
        release_transactions(shop, transactions=[key[2]], by="ann", reason="")
    with pytest.raises(UsageError, match="does not post: it is voided"):
        hold(shop, voided)
    with pytest.raises(UsageError, match="is not on hold"):
        release_transactions(shop, transactions=[key[2]], by="ann", reason="found")
    assert value(shop, "held", key) == 0, "nothing of a refused command is done"
    hold(shop, key)
    with pytest.raises(UsageError, match="is on hold already"):
        hold(shop, key)
    end_of_day(shop)
    with pytest.raises(UsageError, match=r"S1-T1-000001 is in statement ST\d+; a statement that is not posted"):
        hold(shop, ("S1", "T1", "S1-T1-000001"))
    with shop.begin() as connection:
        connection.execute(
            sa.text(
                f"INSERT INTO ax.{HEADER} SELECT (r).* FROM (SELECT jsonb_populate_record(t, jsonb_build_object("
                "'store', 'S2', 'held', 0, 'replicationcounterfromorigin', -1)) AS r"
                f" FROM ax.{HEADER} AS t WHERE transactionid = :id) AS copied"
            ),
            {"id": twin[2]},
        )
    with pytest.raises(UsageError, match=r"Several transactions have the id .*: of S1 T1, S2 T1\. Name the store"):
        release_transactions(shop, transactions=[key[2]], by="ann", reason="found")
    hold_transactions(shop, transactions=[key[2]], reason="x", by="ann", store="S2")


def test_a_hold_that_comes_while_statements_are_calculated_waits_and_is_refused(shop: Engine) -> None:
    """The calculation has locked the header: the hold sees the statement when it gets its turn."""
    key = ("S1", "T1", "S1-T1-000001")
    refused: list[str] = []

    def try_to_hold() -> None:
        try:
            hold(shop, key)
        except UsageError as error:
            refused.append(str(error))

    waiting = threading.Thread(target=try_to_hold)
    with shop.connect() as calculation:
        calculation.execute(sa.text(f"SELECT FROM ax.{HEADER} WHERE transactionid = :id FOR SHARE"), {"id": key[2]})
        waiting.start()
        wait_for_lock(shop)
        add_mark(calculation, key)
        calculation.commit()
    waiting.join()
    assert refused == [
        "Cannot hold: S1-T1-000001 is in statement ST9; a statement that is not posted yet can be cleared first."
        " Nothing was changed."
    ]


def test_a_calculation_that_waits_for_a_hold_leaves_the_transaction_out(shop: Engine) -> None:
    """The stamp is gone when PostgreSQL looks at the header again."""
    with shop.begin() as connection:
        insert = sa.text("INSERT INTO cdx.run (key, kind, businessdate) VALUES ('r', 'end_of_day', :day) RETURNING run")
        run = connection.execute(insert, {"day": DAY}).scalar_one()
    validate_transactions(shop, scope=SCOPE)
    quality.check(shop, run=run, scope=SCOPE)
    taken: list[int] = []
    waiting = threading.Thread(
        target=lambda: taken.append(statements.calculate_statements(shop, run=run, scope=SCOPE).counts["transactions"])
    )
    with shop.connect() as holding:
        holding.execute(sa.text(f"UPDATE ax.{HEADER} SET held = 1, gaterun = NULL WHERE store = 'S1'"))
        waiting.start()
        wait_for_lock(shop)
        holding.commit()
    waiting.join()
    assert taken == [1]


def wait_for_lock(hq: Engine) -> None:
    """Until somebody waits for a lock in this database."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with hq.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(1000):
            if connection.execute(query).scalar_one():
                return
            connection.execute(sa.text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")


def add_mark(connection: sa.Connection, key: Key) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO ax.retailstatementtable (dataareaid, statementid, storeid, statementtype, businessdate,"
            " currency, postingstatus) VALUES ('USMF', 'ST9', :s, 1, :day, 'USD', 3)"
        ),
        {"s": key[0], "day": DAY},
    )
    connection.execute(
        sa.text(
            "INSERT INTO ax.retaileodtransactiontable (store, terminal, transactionid, dataareaid, statementid,"
            " type, businessdate, custaccount) VALUES (:s, :t, :i, 'USMF', 'ST9', 2, :day, 'DEFAULT')"
        ),
        {**dict(zip("sti", key, strict=True)), "day": DAY},
    )


def test_holds_are_reported_every_day(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    key = hopeless(shop)
    hold(shop, key)
    with shop.begin() as connection:
        connection.execute(sa.text("UPDATE ax.retailtransactionhold SET helddatetime = now() - interval '50 hours'"))
    stand_in(monkeypatch)
    run = opened(shop)
    work(shop, run)
    summary = close_run(shop, run=run)
    (first, second) = summary.stores
    assert "S1-T1-000002 on hold for 2 days: 12.50 USD, The register was stolen" in first.notes
    (held,) = first.as_dict()["held"]
    assert {name: held[name] for name in ("transaction", "amount", "days", "by", "reason")} == {
        "transaction": key[2],
        "amount": "12.50",
        "days": 2,
        "by": "ann",
        "reason": "The register was stolen",
    }
    assert (second.held, first.exceptions) == ((), (1, AMOUNT)), "not among what was left out as wrong"
    standing = status(shop)
    assert standing["transactions"]["held"] == 1
    assert [(one["transaction"], one["days"]) for one in standing["held"]] == [(key[2], 2)]


def test_the_history_of_holds_stays(shop: Engine) -> None:
    key = hopeless(shop)
    for reason in ("first", "second"):
        hold(shop, key, reason=reason)
        release_transactions(shop, transactions=[key[2]], by="bob", reason=f"after {reason}")
    hold(shop, key, reason="third")
    with shop.connect() as connection:
        query = "SELECT reason, heldby, releasedby, releasereason FROM ax.retailtransactionhold ORDER BY helddatetime"
        assert [tuple(row) for row in connection.execute(sa.text(query))] == [
            ("first", "ann", "bob", "after first"),
            ("second", "ann", "bob", "after second"),
            ("third", "ann", None, ""),
        ]
        assert [one.reason for one in held_transactions(connection)] == ["third"]


def test_verify_finds_a_hold_that_does_not_hold(shop: Engine) -> None:
    end_of_day(shop)
    with shop.begin() as connection:
        connection.execute(sa.text(f"UPDATE ax.{HEADER} SET held = 1 WHERE store = 'S1'"))
    assert {"held_transaction_posted", "hold_differs"} <= {finding.check for finding in verify(shop)}


def test_commands(shop: Engine, commerce: Callable[..., Called]) -> None:
    key = hopeless(shop)
    assert commerce("transactions", "hold", key[2]).exit_code == 2, "a hold without a reason"
    assert commerce("transactions", "hold", key[2], "--reason", "Stolen", "--by", "ann", "--json").json == {
        "held": [key[2]]
    }
    (held,) = commerce("transactions", "list", "--held", "--json").json
    assert (held["transaction"], held["amount"], held["by"], held["reason"]) == (key[2], "12.50", "ann", "Stolen")
    assert "Stolen" in commerce("transactions", "list", "--held").stdout
    assert commerce("transactions", "list", "--held", "--channel", "S2").stdout == "No transaction is on hold.\n"
    assert [row["transaction"] for row in commerce("transactions", "list", "--state", "held", "--json").json] == [
        key[2]
    ]
    assert "on hold" in commerce("status").stdout.lower()
    assert commerce("transactions", "release", key[2], "--by", "bob", "--reason", "found").exit_code == 0
    shown = commerce("transactions", "show", key[2], "--json").json
    assert (shown["held"], shown["holds"][0]["released_by"], shown["holds"][0]["release_reason"]) == (
        False,
        "bob",
        "found",
    )
    assert commerce("transactions", "revalidate", key[2]).exit_code == 1


class TestRevalidation:
    def test_named_transactions_whatever_their_status(self, shop: Engine) -> None:
        good, bad, other = (add_sale(shop, "S1", number) for number in (2, 3, 4))
        validate_transactions(shop, scope=SCOPE)
        change(shop, HEADER, bad, netamount=1, gaterun=7)
        change(shop, HEADER, other, netamount=1)
        result = revalidate_transactions(shop, transactions=[good[2], bad[2]])
        assert result.stores["S1"].counts == {"valid": 1, "invalid": 1}
        assert [value(shop, "validationstatus", key) for key in (good, bad, other)] == [1, 2, 1]
        assert value(shop, "gaterun", bad) is None
        change(shop, HEADER, bad, netamount=10)
        assert revalidate_transactions(shop, transactions=[bad[2]]).counts == {"valid": 1, "invalid": 0}

    def test_what_is_refused(self, shop: Engine) -> None:
        held, order = hopeless(shop), add_order(shop, "S1", 5)
        voided = add_sale(shop, "S1", 6, header={"entrystatus": 1})
        hold(shop, held)
        end_of_day(shop)
        for id_, why in (
            (held[2], "is on hold; release it"),
            (order[2], "is of a type without validation"),
            (voided[2], "does not post: it is voided"),
            ("S1-T1-000001", "is in statement"),
        ):
            with pytest.raises(UsageError, match=why):
                revalidate_transactions(shop, transactions=[id_])
