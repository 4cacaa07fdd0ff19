"""`commerce channel apply`: a thousand stores from a file, planned first, set-based, a mistake named by its line."""

from __future__ import annotations

import resource
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, event, text

from commerce import exchange, setup
from commerce.database import try_advisory_lock
from commerce.errors import CommerceError, UsageError
from commerce.setup import channel_files, channels
from support.cli import Called, call
from support.company import add_company, add_store
from support.registers import add_register, rows, scalar

SETUP = """
companies:
  - {id: USRT, name: Retail, currency: USD, country: USA, language: en-us}
customer_groups:
  - {company: USRT, id: 30, name: Retail}
default_customers:
  - {company: USRT, account: WALKIN, name: Walk-in, group: 30}
"""
Commerce = Callable[..., Called]


@pytest.fixture
def company(hq: Engine) -> Engine:
    setup.apply(hq, yaml.safe_load(SETUP))
    return hq


@pytest.fixture
def commerce(hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commerce:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, "channel", *arguments)


def thousand(number: int = 1000, title: str = "Store") -> list[dict[str, object]]:
    given = {"company": "USRT", "default_customer": "WALKIN", "time_zone": "Europe/Oslo", "closing_time": "22:30"}
    return [
        {"name": f"S{n:04d}", "url": f"sqlite:////data/S{n:04d}.db", "title": f"{title} {n}", **given}
        for n in range(number)
    ]


def test_a_thousand_stores_take_as_many_statements_as_ten(company: Engine) -> None:
    statements: list[str] = []
    event.listen(company, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    counts = []
    for number in (10, 1000):
        statements.clear()
        channels.apply(company, {"channels": thousand(number)}, dry_run=True)
        counts.append(len(statements))
    assert counts[0] == counts[1] < 25
    before = resource.getrusage(resource.RUSAGE_SELF)
    assert len(channels.apply(company, {"channels": thousand()}).changes) == 1000
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
    assert channels.apply(company, {"channels": thousand()}).changes == ()
    changed = channels.apply(company, {"channels": thousand(title="Shop")}).changes
    assert len(changed) == 1000
    assert changed[7].fields == {"title": ("Store 7", "Shop 7")}


def test_a_mistake_is_named_by_its_line_and_nothing_is_written(
    company: Engine, commerce: Commerce, tmp_path: Path
) -> None:
    file = tmp_path / "stores.csv"
    file.write_text(
        "Name;URL;Company;Default_customer;closing_time\n"
        "S1;sqlite:////data/s1.db;USRT;WALKIN;22:30\n"
        "\n"
        "S2;sqlite:////data/s2.db;USRT;NOBODY;\n"
        "S3;postgresql://u:secret@h/d;USRT;WALKIN;\n"
        "S1;sqlite:////data/s4.db;USRT;WALKIN;\n"
        "S5;sqlite:////data/s5.db;XX;WALKIN;25:00\n"
    )
    planned = commerce("apply", file, "--dry-run", "--json")
    assert planned.exit_code == 1
    assert [(change["key"], change["action"]) for change in planned.json["changes"]] == [("S1", "create")]
    starts = ["line 7: closing_time", "line 6 describes S1 again, as line 2", "line 4: customer NOBODY", "line 5: The"]
    for start in starts:
        assert any(reason.startswith(start) for reason in planned.json["refused"]), (start, planned.json["refused"])
    assert len(planned.json["refused"]) == len(starts)
    assert "Would be refused" in commerce("apply", file, "--dry-run").stdout
    applied = commerce("apply", file)
    assert (applied.exit_code, applied.stdout) == (2, "")
    assert "Nothing was changed" in applied.stderr
    assert "line 4: customer NOBODY does not exist in company USRT. Add it" in applied.stderr
    assert "secret" not in applied.stderr + planned.stdout
    assert channels.list_channels(company) == []


def test_yaml_has_lines_too(company: Engine, commerce: Commerce, tmp_path: Path) -> None:
    file = tmp_path / "stores.yaml"
    file.write_text(
        """channels:
  - {name: S1, url: "sqlite:////data/s1.db", company: USRT, default_customer: WALKIN, closing_time: 22:30}
  - name: S2
    url: sqlite:////data/s2.db
    company: USRT
  - {name: S3, url: "sqlite:////data/s1.db", company: USRT, default_customer: WALKIN, data_group: Other}
"""
    )
    refused = commerce("apply", file, "--dry-run", "--json").json["refused"]
    assert refused == [
        "line 3: default_customer: Field required",
        "line 6: its database is that of S1, which is in another data group.",
    ]
    file.write_text("channels:\n  - {name: S1\n")
    assert "line 3, column 1" in commerce("apply", file).stderr
    file.write_text("stores: []\n")
    assert "two lists" in commerce("apply", file).stderr
    file.write_text("- 1\n")
    assert "must hold a mapping" in commerce("apply", file).stderr
    assert commerce("apply", tmp_path / "none.yaml").exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,url,shop\n", "line 1: the columns must be name"),
        ("url\nx\n", "line 1: the columns must be name"),
        ("name,url\nS1,a,b\n", "line 2: more cells"),
        ('name,url\nS1,"a\n', "not a CSV line"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "stores.csv"
    file.write_text(content)
    with pytest.raises(UsageError, match=message):
        channel_files.read(file)


def test_stores_go_only_when_named(company: Engine, commerce: Commerce, tmp_path: Path) -> None:
    channels.apply(company, {"channels": thousand(4)})
    file = tmp_path / "stores.csv"
    file.write_text("name,url,company,default_customer,remove\nS0001,,,,yes\nS0002,,,,yes\n")
    assert [change["action"] for change in commerce("apply", file, "--json").json["changes"]] == ["remove", "remove"]
    assert [channel.name for channel in channels.list_channels(company)] == ["S0000", "S0003"]
    again = commerce("apply", file)
    assert (again.exit_code, "There is no channel S0001" in again.stderr) == (2, True)
    both = {"channels": thousand(1), "remove": ["S0000"]}
    with pytest.raises(UsageError, match="Say one of the two"):
        channels.apply(company, both)


def test_a_shared_database_takes_the_name_of_a_store_that_stays(company: Engine) -> None:
    """Else the store that is gone could not come back elsewhere, and outcomes would name it for ever."""
    shared = [{**store, "url": "sqlite:////data/shared.db"} for store in thousand(3)]
    channels.apply(company, {"channels": shared})
    channels.remove(company, "S0000")
    assert {channel.database for channel in channels.list_channels(company)} == {"S0001"}
    back = channels.add(company, "S0000", url="sqlite:////data/other.db", company="USRT", default_customer="WALKIN")
    assert back.database == "S0000"
    moved = [{**store, "url": "sqlite:////data/moved.db"} for store in shared[1:]]
    assert len(channels.apply(company, {"channels": moved}).changes) == 2
    assert {channel.url for channel in channels.list_channels(company)} == {
        "sqlite:////data/moved.db",
        "sqlite:////data/other.db",
    }


def test_a_store_whose_database_has_history_stays(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    add_company(hq)
    register = add_register(hq, channel_db)
    add_store(hq, "S2")
    exchange.upload(hq, stores=["S1"])  # sessions and watermarks, but nothing came
    with hq.begin() as connection:  # S2 is a store of the same database
        connection.execute(
            text(
                "UPDATE cdx.retailcdxdatastorechannel SET databaseprofile ="
                " (SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1')"
            )
        )
        connection.execute(text("DELETE FROM cdx.retailconndatabaseprofile WHERE name = 'S2'"))
    register.sale(1)
    register.customer(1)
    exchange.upload(hq, stores=["S1"])
    for names in (["S1"], ["S1", "S2"]):
        with pytest.raises(UsageError, match="channel pause S1"):
            channels.apply(hq, {"remove": names})
    channels.remove(hq, "S2")  # it sold nothing; the customers of the database stay with S1
    assert [channel.name for channel in channels.list_channels(hq)] == ["S1"]
    assert exchange.upload(hq, stores=["S1"]).ok


def test_a_database_that_never_sent_anything_goes_with_its_sessions(
    hq: Engine, channel_db: Callable[[str], Engine]
) -> None:
    add_company(hq)
    add_register(hq, channel_db)
    exchange.upload(hq, stores=["S1"])
    exchange.distribute(hq, stores=["S1"])
    with try_advisory_lock(hq, f"P-0001 {scalar(hq, 'SELECT recid FROM cdx.retailconndatabaseprofile')}") as held:
        assert held
        with pytest.raises(CommerceError, match="is running: S1"):
            channels.remove(hq, "S1")
    channels.remove(hq, "S1")
    assert rows(hq, "SELECT name FROM cdx.retailconndatabaseprofile") == []
    assert rows(hq, "SELECT count(*) FROM cdx.uploadwatermark") == [(0,)]


def test_dates_and_times_of_a_table(company: Engine, tmp_path: Path) -> None:
    file = tmp_path / "stores.csv"
    file.write_text(
        "name,url,company,default_customer,cut_over,closing_time,rounding_unit\n"
        "7,sqlite:////data/7.db,USRT,WALKIN,2026-01-01,22:30,1\n"
    )
    given = channel_files.read(file)
    channels.apply(company, given.document, places=given.places)
    (added,) = channels.list_channels(company)
    assert (added.name, added.cut_over, str(added.closing_time)) == ("7", date(2026, 1, 1), "22:30:00")
