"""The channel registry: what `commerce channel add|apply|list|remove|pause|resume` does to headquarters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, text

from commerce import setup
from commerce.errors import UsageError
from commerce.setup import channels
from support.cli import call

SETUP = """
companies:
  - {id: USRT, name: Retail, currency: USD, country: USA, language: en-us}
  - {id: NORT, name: Norge, currency: NOK, country: NOR, language: nb}
customer_groups:
  - {company: USRT, id: 30, name: Retail}
  - {company: NORT, id: 30, name: Retail}
default_customers:
  - {company: USRT, account: WALKIN, name: Walk-in, group: 30}
  - {company: NORT, account: KONTANT, name: Kontant, group: 30}
"""


@pytest.fixture
def company(hq: Engine) -> Engine:
    setup.apply(hq, yaml.safe_load(SETUP))
    return hq


def add(hq: Engine, name: str = "S1", **settings: Any) -> channels.Channel:
    given = {"url": f"sqlite:////data/{name}.db", "company": "USRT", "default_customer": "WALKIN"}
    return channels.add(hq, name, **{**given, **settings})


def one(hq: Engine, sql: str) -> Any:
    with hq.connect() as connection:
        return connection.execute(text(sql)).scalar_one()


def test_a_channel_is_added_with_its_store_database_and_data_group(
    company: Engine, channel_db: Callable[[str], Engine]
) -> None:
    database = channel_db("S0001")
    added = add(
        company,
        "S0001",
        url=str(database.url),
        title="Oslo City",
        cut_over=date(2026, 1, 1),
        time_zone="Europe/Oslo",
        closing_time="22:30",
        max_rounding="0.50",
        rounding_unit="1",
    )
    assert added.warnings == ()
    (listed,) = channels.list_channels(company)
    assert listed == added
    assert (listed.name, listed.title, listed.dialect, listed.company) == ("S0001", "Oslo City", "sqlite", "USRT")
    assert (listed.state, listed.database, listed.data_group, listed.currency) == ("active", "S0001", "USRT", "USD")
    assert (listed.cut_over, listed.closing_time) == (date(2026, 1, 1), time(22, 30))
    assert (listed.max_rounding, listed.rounding_unit) == (Decimal("0.50"), Decimal(1))
    assert listed.as_dict()["closing_time"] == "22:30:00"
    assert one(company, "SELECT accountnum FROM cdx.outbox") == "WALKIN", "the store needs its default customer"


def test_a_database_that_is_not_there_is_a_warning(company: Engine) -> None:
    assert "cannot be reached" in add(company).warnings[0]


CHANNEL_KEYS = {
    "name",
    "title",
    "url",
    "dialect",
    "company",
    "state",
    "stop_reason",
    "database",
    "data_group",
    "currency",
    "time_zone",
    "closing_time",
    "cut_over",
    "default_customer",
    "default_customer_company",
    "max_rounding",
    "rounding_unit",
    "tax_group",
    "incarnation",
    "last_upload_at",
    "last_download_at",
    "last_contact_at",
    "waiting_sessions",
    "state_since",
    "warnings",
}


def test_the_list_for_programs(
    company: Engine, hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(company, cut_over=date(2026, 3, 1))
    with company.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET lastupload = '2026-11-20 12:21:03.5+00'"))
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    called = call(capsys, "channel", "list", "--json")
    assert called.exit_code == 0
    (channel,) = called.json
    assert set(channel) == CHANNEL_KEYS
    assert (channel["name"], channel["state"], channel["dialect"]) == ("S1", "active", "sqlite")
    assert (channel["cut_over"], channel["closing_time"]) == ("2026-03-01", "00:00:00")
    assert "T" in channel["last_upload_at"]
    assert datetime.fromisoformat(channel["last_upload_at"]) == datetime(2026, 11, 20, 12, 21, 3, 500000, tzinfo=UTC)
    assert "2026-11-20 12:21 UTC" in call(capsys, "status").stdout


def test_stores_with_one_url_share_one_database(company: Engine) -> None:
    add(company, "S1", url="sqlite:////data/shared.db")
    shared = add(company, "S2", url="sqlite:////data/shared.db")
    assert shared.database == "S1"
    assert one(company, "SELECT count(*) FROM cdx.retailconndatabaseprofile") == 1
    with pytest.raises(UsageError, match="that of S1, which is in another data group"):
        add(company, "S3", url="sqlite:////data/shared.db", data_group="Others")


def test_a_default_customer_may_be_of_another_company(company: Engine) -> None:
    added = add(company, default_customer="KONTANT", default_customer_company="NORT")
    assert (added.company, added.default_customer_company) == ("USRT", "NORT")
    assert one(company, "SELECT dataareaid FROM cdx.outbox") == "NORT"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "postgresql://u:secret@h/d"}, "holds a password"),
        ({"url": "mysql://h/d"}, "dialect mysql is not supported"),
        ({"url": "sqlite://"}, "names no database file"),
        ({"url": "no url"}, "cannot be read"),
        ({"company": "XX"}, "company XX does not exist"),
        ({"default_customer": "NOBODY"}, "customer NOBODY does not exist in company USRT"),
        ({"time_zone": "Europe/Olso"}, "time_zone: is no time zone"),
        ({"time_zone": "../x"}, "time_zone: is no time zone"),
        ({"closing_time": "25:00"}, "closing_time: Input should be"),
        ({"rounding_unit": "0"}, "rounding_unit"),
        ({"cutover": date(2026, 1, 1)}, "cutover: unknown key"),
        ({"data_group": "NORT"}, "data group NORT belongs to company NORT"),
    ],
)
def test_wrong_settings_are_refused(company: Engine, settings: dict[str, Any], message: str) -> None:
    add(company, "N1", company="NORT", default_customer="KONTANT")
    with pytest.raises(UsageError, match=message) as raised:
        add(company, **settings)
    assert "secret" not in str(raised.value)
    assert one(company, "SELECT count(*) FROM ax.retailchanneltable") == 1


@pytest.mark.parametrize("name", ["TOOLONGNAME", "", "a b", "x'y", "../x"])
def test_a_store_name_is_short_and_plain(company: Engine, name: str) -> None:
    with pytest.raises(UsageError, match="name: String should"):
        add(company, name, url="sqlite:////data/x.db")


def test_adding_a_name_twice_is_refused(company: Engine) -> None:
    add(company)
    with pytest.raises(UsageError, match="S1 exists already"):
        add(company)


def test_apply_adds_and_changes_and_says_what(company: Engine) -> None:
    document = yaml.safe_load(
        """
        channels:
          - {name: S1, url: "sqlite:////data/a.db", company: USRT, default_customer: WALKIN, closing_time: 22:30}
          - {name: 7, url: "sqlite:////data/b.db", company: USRT, default_customer: WALKIN, cut_over: 2026-01-01}
        """
    )
    planned = channels.apply(company, document, dry_run=True)
    assert channels.list_channels(company) == []
    applied = channels.apply(company, document)
    assert applied.changes == planned.changes
    assert [(c.key, c.action) for c in applied.changes] == [("S1", "create"), ("7", "create")]
    assert [c.closing_time for c in channels.list_channels(company)] == [time(0), time(22, 30)]
    assert channels.apply(company, document).changes == ()

    document["channels"][0] |= {"title": "Main", "url": "sqlite:////data/moved.db"}
    (change,) = channels.apply(company, document).changes
    assert change.fields == {"title": ("S1", "Main"), "url": ("sqlite:////data/a.db", "sqlite:////data/moved.db")}
    document["channels"][0] |= {"url": "sqlite:////data/b.db"}
    with pytest.raises(UsageError, match=r"channels\[0\]: the database of the new URL is that of 7"):
        channels.apply(company, document)
    document["channels"][0] |= {"company": "NORT", "default_customer": "KONTANT"}
    with pytest.raises(UsageError, match="belongs to company USRT and cannot move to NORT"):
        channels.apply(company, document)


def test_pause_and_resume(company: Engine) -> None:
    add(company)
    assert channels.pause(company, "S1").state == "paused"
    assert channels.resume(company, "S1").state == "active"
    with pytest.raises(UsageError, match="no channel S9"):
        channels.pause(company, "S9")


def test_a_channel_that_sent_nothing_is_removed(company: Engine) -> None:
    add(company, "S1", url="sqlite:////data/shared.db")
    add(company, "S2", url="sqlite:////data/shared.db")
    channels.remove(company, "S1")
    assert [channel.name for channel in channels.list_channels(company)] == ["S2"]
    channels.remove(company, "S2")
    assert one(company, "SELECT count(*) FROM cdx.retailconndatabaseprofile") == 0
    with pytest.raises(UsageError, match="no channel S1"):
        channels.remove(company, "S1")


@pytest.mark.parametrize(
    "uploaded",
    [
        """INSERT INTO ax.retailtransactiontable
             (transactionid, store, terminal, type, entrystatus, businessdate, currency, grossamount, netamount,
              paymentamount, createddatetime, dataareaid, origin, incarnation, replicationcounterfromorigin,
              contenthash, uploadsession)
           SELECT '1', 'S1', 'T1', 2, 0, '2026-01-01', 'USD', 1, 1, 1, now(), 'USRT', recid, 1, 1, gen_random_uuid(), 1
           FROM cdx.retailconndatabaseprofile""",
        """INSERT INTO ax.retailasynccustomerv2
             (relationshiptype, operation, createddatetime, dataareaid, origin, incarnation,
              replicationcounterfromorigin, contenthash, uploadsession)
           SELECT 1, 1, now(), 'USRT', recid, 1, 1, gen_random_uuid(), 1 FROM cdx.retailconndatabaseprofile""",
        """INSERT INTO cdx.quarantine
             (datastore, incarnation, tablename, replicationcounterfromorigin, rawdata, reason, errorclass,
              uploadsession)
           SELECT recid, 1, 'retailasynccustomerv2', 1, '{}', 'x', 'permanent', 1 FROM cdx.retailconndatabaseprofile""",
    ],
)
def test_a_channel_whose_data_headquarters_holds_is_kept(company: Engine, uploaded: str) -> None:
    add(company)
    with company.begin() as connection:
        connection.execute(text(uploaded))
    with pytest.raises(UsageError, match="commerce channel pause S1"):
        channels.remove(company, "S1")
    assert len(channels.list_channels(company)) == 1
