"""Building a demo: what is registered, what is built again and what is not, and what is refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import setup
from commerce.demo import DemoResult, build, deliver_unknown_customer, plan
from commerce.demo.plan import HISTORY_STORE, UNKNOWN_STORE, Parameters
from commerce.errors import UsageError
from support.demo_files import SMALL, TINY, digest, forget, opened, references


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `demo`, made once for all tests that only read them."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def demo(home: Path, hq: Engine) -> DemoResult:
    """A small demo with both extra stores. Tests must not change its files."""
    return build(home, hq, **SMALL, unknown_customer=True, history_store=True)


@pytest.fixture
def own_home(home: Path, demo: DemoResult, tmp_path: Path, hq: Engine) -> Path:
    """A copy of the files of `demo` that the test may change; its stores are not in headquarters."""
    forget(hq, demo)
    return shutil.copytree(home, tmp_path / "home")


def test_every_store_is_registered_and_set_up(demo: DemoResult, hq: Engine) -> None:
    channels = {channel.name: channel for channel in setup.channels.list_channels(hq)}
    assert set(channels) == set(demo.stores) == {"HOUSTON", "SEATTLE", "BOSTON", HISTORY_STORE, UNKNOWN_STORE}
    assert {channel.name: channel.url for channel in demo.channels} == {name: c.url for name, c in channels.items()}
    assert channels[HISTORY_STORE].cut_over == demo.business_dates[0]
    assert channels["SEATTLE"].time_zone == "America/Los_Angeles"
    assert setup.apply(hq, setup.read(demo.setup_file)).changes == ()
    with hq.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ax.custtable")).scalar_one() == 1


def test_the_history_store_sold_before_its_cut_over_date(demo: DemoResult) -> None:
    file = next(channel.file for channel in demo.channels if channel.name == HISTORY_STORE)
    expected = {day.isoformat() for day in (*demo.history_dates, *demo.business_dates)}
    with opened(file) as read:
        sold = dict(
            tuple(row)
            for row in read(
                "SELECT businessdate, count(*) FROM retailtransactiontable WHERE type = 2 GROUP BY businessdate"
            )
        )
    assert set(sold) == expected
    assert min(sold.values()) > 10
    assert [day.isoformat() for day in demo.history_dates] == ["2026-02-27", "2026-02-28", "2026-03-01"]


def test_a_longer_history_closes_its_shifts_every_day(
    tmp_path: Path, hq: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Benchmarks make years of history; a shift that nobody counted is not posted."""
    monkeypatch.setattr(plan, "HISTORY_DAYS", 40)
    made = build(tmp_path, hq, **TINY, history_store=True)
    assert len(made.history_dates) == 40
    for channel in made.channels:
        with opened(channel.file) as read:
            assert read("SELECT count(DISTINCT startdate) FROM retailposbatchtable")[0][0] == len(
                made.history_dates if channel.name == HISTORY_STORE else ()
            ) + len(made.business_dates)
            shifts = "SELECT storeid, terminalid, startdate FROM retailposbatchtable"
            counts = "SELECT store, terminal, businessdate FROM retailtransactiontable WHERE type = 7"
            assert read(f"{shifts} EXCEPT {counts}") == read(f"{counts} EXCEPT {shifts}") == []


def test_the_same_parameters_give_the_same_content_with_and_without_extra_stores(
    demo: DemoResult, tmp_path: Path, hq: Engine
) -> None:
    expected = {channel.name: digest(channel.file) for channel in demo.channels}
    forget(hq, demo)

    regular = build(tmp_path, hq, **SMALL)
    files = {channel.file: channel.file.stat().st_mtime_ns for channel in regular.channels}
    more = build(tmp_path, hq, **SMALL, unknown_customer=True)

    assert regular.written == regular.stores == demo.stores[:3]
    assert more.written == (UNKNOWN_STORE,)
    assert more.stores == (*regular.stores, UNKNOWN_STORE)
    assert files == {file: file.stat().st_mtime_ns for file in files}
    assert {channel.name: digest(channel.file) for channel in more.channels}.items() <= expected.items()


def test_another_seed_gives_other_content(demo: DemoResult, tmp_path: Path, hq: Engine) -> None:
    content = {digest(channel.file) for channel in demo.channels}
    forget(hq, demo)
    other = build(tmp_path, hq, **{**SMALL, "seed": 2})
    assert not content & {digest(channel.file) for channel in other.channels}


def test_a_second_build_leaves_files_and_headquarters_as_they_are(own_home: Path, hq: Engine) -> None:
    first = build(own_home, hq, **SMALL)
    file = first.channels[0].file
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("INSERT INTO downloadsession VALUES (1, 1, 5, '2026-03-02T00:00:00Z')")
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.numbersequencetable SET nextrec = 7, highest = 70 WHERE numbersequence = 'INVOICE'")
        )
    before = [(digest(c.file), c.file.stat().st_mtime_ns) for c in first.channels]

    again = build(own_home, hq, **SMALL)

    assert again == replace(first, written=())
    assert before == [(digest(c.file), c.file.stat().st_mtime_ns) for c in first.channels]
    with hq.connect() as connection:
        sequence = connection.execute(
            sa.text("SELECT nextrec, highest FROM ax.numbersequencetable WHERE numbersequence = 'INVOICE'")
        ).one()
    assert tuple(sequence) == (7, 70)


def test_half_a_build_is_built_again(tmp_path: Path, hq: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def cut_the_power(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("no power")
        os.replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_the_power)
        with pytest.raises(OSError, match="no power"):
            build(tmp_path, hq, **TINY, seed=1)
    assert setup.channels.list_channels(hq) == []
    again = build(tmp_path, hq, **TINY, seed=1)
    assert again.written == again.stores
    assert not list(again.folder.glob("work-*"))


def test_a_second_demo_in_one_headquarters_is_refused(own_home: Path, hq: Engine) -> None:
    build(own_home, hq, **SMALL)
    with pytest.raises(UsageError, match="HOUSTON of another demo"):
        build(own_home, hq, **{**SMALL, "seed": 2})


def test_the_unknown_customer_arrives_once(own_home: Path, hq: Engine) -> None:
    demo = build(own_home, hq, **SMALL, unknown_customer=True)
    file = next(channel.file for channel in demo.channels if channel.name == demo.unknown_store)

    guid = deliver_unknown_customer(demo.folder)
    assert deliver_unknown_customer(demo.folder) == guid

    with opened(file) as read:
        assert len(read(f"SELECT * FROM retailasynccustomerv2 WHERE custaccountasync = '{guid}'")) == 1
        address = read(f"SELECT addressid FROM retailasyncaddressv2 WHERE custaccountasync = '{guid}'")
        order = read(
            f"SELECT addressidasync FROM retailtransactiontable WHERE custaccountasync = '{guid}' AND type <> 2"
        )
        assert [row[0] for row in address] == [row[0] for row in order]
        known = {row[0] for row in read("SELECT custaccountasync FROM retailasynccustomerv2")}
        assert {row["guid"] for row in references(read)} <= known


def test_a_demo_without_an_unknown_customer_has_none_to_deliver(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--unknown-customer"):
        deliver_unknown_customer(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stores": 0}, "1 to 900 stores"),
        ({"scale": 0}, "scale is between"),
        ({"days": 4}, "1 to 3 business dates"),
        ({"seed": -1}, "whole number"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Parameters(**{**SMALL, **wrong})


def test_names_are_unique_and_fit_their_column() -> None:
    names = [store.name for store in Parameters(900, 1, 1, 3, frozenset({UNKNOWN_STORE, HISTORY_STORE})).all_stores]
    assert len(set(names)) == len(names) == 902
    assert max(map(len, names)) <= 10
