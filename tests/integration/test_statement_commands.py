"""`commerce statements`: what a person types to look at a statement, mend it and post it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from commerce.statements import calculate_statements, post_statements
from support.cli import Called, call
from support.orders import execute
from support.shifts import add_counted_shift, set_store
from support.staging import rows
from support.statements import SCOPE, add_retailer, pass_gate
from support.transactions import add_sale

Commerce = Callable[..., Called]
FINANCIAL = "ST00000002"


@pytest.fixture
def commerce(hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commerce:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, "statements", *arguments)


@pytest.fixture
def blocked(hq: Engine) -> Engine:
    """A day whose sales are posted, and whose shift misses five dollars."""
    add_retailer(hq)
    add_counted_shift(hq, "S1", 1, first=10, difference=Decimal(-5))
    run = pass_gate(hq)
    calculate_statements(hq, run=run, scope=SCOPE)
    post_statements(hq, run=run, scope=SCOPE)
    return hq


def test_a_statement_of_no_run_is_posted_by_none(blocked: Engine, commerce: Commerce) -> None:
    execute(blocked, "UPDATE ax.retailstatementtable SET run = NULL WHERE statementtype = 2")
    latest = f"""
        SELECT s.run, l.run, s.postingstatus FROM ax.retaileodstatementcontrollerlog AS l
        JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        WHERE statementid = '{FINANCIAL}' ORDER BY l.recid DESC LIMIT 1"""
    assert commerce("post", FINANCIAL).exit_code == 1
    assert rows(blocked, latest) == [(None, None, 3)]
    set_store(blocked, "S1", maximumpostingdifference=5, maxshiftdifferenceamount=5, maxtransactiondifferenceamount=5)

    assert commerce("post", FINANCIAL).exit_code == 0

    assert rows(blocked, latest) == [(None, None, 20)]
    events = commerce("events", FINANCIAL, "--json").json
    assert {event["run"] for event in events} == {1, None}


def test_a_statement_that_a_person_posts_stays_of_its_run(blocked: Engine, commerce: Commerce) -> None:
    assert commerce("post", FINANCIAL).exit_code == 1
    assert rows(blocked, "SELECT DISTINCT run FROM ax.retailstatementtable") == [(1,)]


def test_a_blocked_statement_is_found_counted_and_posted(blocked: Engine, commerce: Commerce) -> None:
    (found,) = commerce("list", "--state", "failed", "--json").json
    assert (found["statement"], found["type"], found["posting_status"]) == (FINANCIAL, "financial", "calculated")
    shown = commerce("show", FINANCIAL, "--json").json
    (line,) = shown["counted"]
    assert (line["shift"], line["how"], Decimal(line["difference"])) == ("T1:1", "declared", Decimal(-5))
    refused = commerce("post", FINANCIAL, "--json")
    assert (refused.exit_code, refused.json["stores"][0]["state"]) == (1, "failed")

    place = ("--shift", "T1:1", "--tender", "1", "--reason", "found under the mat")
    counted = commerce("count", FINANCIAL, *place, "--amount", "60.00", "--by", "kim", "--json")

    assert (counted.exit_code, Decimal(counted.json["difference"])) == (0, Decimal(0))
    posted = commerce("post", FINANCIAL)
    assert posted.exit_code == 0
    after = commerce("show", FINANCIAL, "--json").json
    assert (after["state"], after["entered"][0]["by"]) == ("posted", "kim")
    events = commerce("events", FINANCIAL, "--json").json
    assert [event["posting_status"] for event in events][-1] == "posted"
    assert all(event["started_at"] <= event["ended_at"] for event in events)
    assert any("a difference of -5.00" in event["message"] for event in events)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("count", FINANCIAL, "--shift", "T1:1", "--tender", "1", "--amount", "much", "--reason", "r"), 2, "no amount"),
        (
            ("count", FINANCIAL, "--shift", "T9:9", "--tender", "1", "--amount", "1", "--reason", "r"),
            2,
            "no shift T9:9",
        ),
        (("delete-orders", FINANCIAL), 2, "no sales orders yet"),
        (("revalidate", FINANCIAL), 2, "cash management has no validation"),
        (("clear", "ST00000001"), 2, "is posted"),
        (("recalculate", "ST9"), 2, "There is no statement ST9"),
        (("events", "ST9"), 2, "commerce statements list"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_what_to_do(
    blocked: Engine, commerce: Commerce, arguments: tuple[str, ...], code: int, says: str
) -> None:
    called = commerce(*arguments)
    assert (called.exit_code, says in called.stderr) == (code, True), called.stderr


def test_a_statement_is_calculated_through_the_day_by_hand(
    hq: Engine, commerce: Commerce, capsys: pytest.CaptureFixture[str]
) -> None:
    add_retailer(hq)
    add_sale(hq, "S1", 1)
    day = ("--business-date", "2026-03-02", "--trickle-feed", "--json")
    for step in ("validate-transactions", "check"):
        assert call(capsys, step, *day).exit_code == 0
    assert commerce("calculate", *day).json["counts"]["statements"] == 1
    assert call(capsys, "post-statements", *day).json["counts"]["transactions"] == 1
    assert [row["state"] for row in commerce("list", "--json").json] == ["posted"]
