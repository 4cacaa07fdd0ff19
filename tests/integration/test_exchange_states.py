"""States of a channel by the age of what happened last, and a channel that joins a group with customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, text

from commerce import exchange, setup
from commerce.setup import channels
from support.cli import call
from support.company import add_company
from support.registers import Register, SqliteRegister, add_register, rows
from support.twin_channels import add_customers

SETUP = """
companies:
  - {id: USMF, name: Contoso, currency: USD, country: USA, language: en-us}
customer_groups:
  - {company: USMF, id: RETAIL, name: Retail}
default_customers:
  - {company: USMF, account: WALKIN, name: Walk-in, group: RETAIL}
"""


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def state(hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, str | None]:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    (channel,) = call(capsys, "channel", "list", "--json").json
    return channel["state"], channel["state_since"]


def test_a_channel_is_behind_or_away_by_age(
    hq: Engine,
    hq_url: str,
    register: Register,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Behind: what waits is older than 60 minutes. Away, which is graver: nobody has reached it for 24 hours."""

    def made_older(table: str, column: str, age: str) -> str | None:
        with hq.begin() as connection:
            made = connection.execute(
                text(f"UPDATE cdx.{table} SET {column} = now() - CAST(:age AS interval) RETURNING {column}"),
                {"age": age},
            ).scalar()
        return None if made is None else str(made.isoformat()).replace("+00:00", "")

    def now() -> tuple[str, str | None]:
        found, since = state(hq_url, monkeypatch, capsys)
        return found, None if since is None else since.replace("Z", "").replace("+00:00", "")

    add_customers(hq, 1, 3)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert now() == ("active", None)
    add_customers(hq, 4, 4)
    hidden = register.path.rename(register.path.with_suffix(".away"))
    assert not exchange.distribute(hq, stores=["S1"]).ok
    assert now()[0] == "active", "what waits has not waited for long"
    older = "retailcdxdownloadsession", "datecreated"
    made_older(*older, "59 minutes")
    assert now()[0] == "active"
    since = made_older(*older, "61 minutes")
    assert now() == ("behind", since)
    last = "retailcdxdatastoreheartbeatlog", "datelastheartbeatrecorded"
    made_older(*last, "23 hours 59 minutes")
    assert now() == ("behind", since)
    since = made_older(*last, "24 hours 1 minute")
    assert now() == ("away", since)
    exchange.parameters.change(hq, away_hours=48, behind_minutes=90)
    assert now()[0] == "active"
    exchange.parameters.change(hq, away_hours=24, behind_minutes=60)
    hidden.rename(register.path)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert now() == ("active", None)


def test_a_channel_that_nobody_ever_reached_is_away_a_day_after_it_was_registered(
    hq: Engine,
    hq_url: str,
    register: Register,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert register.path.exists()
    assert state(hq_url, monkeypatch, capsys)[0] == "active"
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE cdx.retailconndatabaseprofile SET createddatetime = now() - interval '25 hours'")
        )
    assert state(hq_url, monkeypatch, capsys)[0] == "away"


@pytest.mark.parametrize("sent", [True, False], ids=["sent before", "older than the group"])
def test_a_channel_that_joins_a_group_with_customers_gets_them(
    hq: Engine, channel_db: Callable[[str], Engine], sent: bool
) -> None:
    setup.apply(hq, yaml.safe_load(SETUP))

    def added(name: str) -> SqliteRegister:
        file = channel_db(name)
        file.dispose()
        url = f"sqlite:///{file.url.database}"
        channels.add(hq, name, url=url, company="USMF", default_customer="WALKIN")
        return SqliteRegister(file.url.database, name, "USMF")  # type: ignore[arg-type]

    first: Any = None
    if sent:
        first = added("S1")
        add_customers(hq, 1, 30)
        assert exchange.distribute(hq, stores=["S1"]).ok
    else:
        add_customers(hq, 1, 30)  # there is no group yet that they could be sent to
    second = added("S2")
    ((reason,),) = rows(hq, "SELECT fullsyncreason FROM cdx.retailconndatabaseprofile WHERE name = 'S2'")
    assert reason == "new, and its data group has customers already"
    result = exchange.distribute(hq, stores=["S2"])
    assert result.ok
    assert result.stores["S2"].counts["waiting"] == 0
    shown = "SELECT accountnum, name FROM customersview ORDER BY 1"
    assert len(second.execute(shown)) == 31, "with the walk-in customer"
    if sent:
        assert first.execute(shown) == second.execute(shown)
    assert rows(hq, "SELECT fullsyncreason FROM cdx.retailconndatabaseprofile WHERE name = 'S2'") == [("",)]
