"""Channels on PostgreSQL in the registry: URLs without passwords, connections, tables made by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import exchange, server
from commerce.connections import conninfo, from_environment, use
from commerce.errors import StoreError, UsageError
from commerce.setup import channels
from support.cli import call
from support.company import DEFAULT_CUSTOMER, add_company
from support.registers import PostgresqlRegister, scalar

CONNECTIONSTRING = "SELECT connectionstring FROM cdx.retailconndatabaseprofile"


@pytest.fixture
def url(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> str:
    """A channel database's URL without a driver, and a company that it may belong to."""
    add_company(hq)
    engine = postgresql_channel("S1")
    engine.dispose()
    return engine.url.set(drivername="postgresql").render_as_string()


def add(hq: Engine, url: str) -> channels.Channel:
    return channels.add(hq, "S1", url=url, company="USMF", default_customer=DEFAULT_CUSTOMER)


def test_a_channel_on_postgresql(hq: Engine, url: str) -> None:
    added = add(hq, url.replace("postgresql:", "postgresql+psycopg:"))
    assert (added.dialect, added.url, added.warnings) == ("postgresql", url, ())
    PostgresqlRegister(url, "S1", "USMF").customer(1)
    assert exchange.upload(hq, stores=["S1"]).counts["customers"] == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("postgresql://u:secret@h/d", "holds a password"),
        ("postgresql://u@h/d?password=secret", "holds a password"),
        ("postgresql://u@h", "names no database"),
        ("postgresql+connection://a.b", "A connection's id has"),
    ],
)
def test_urls_that_are_refused(hq: Engine, url: str, wrong: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        add(hq, wrong)
    assert "secret" not in str(raised.value)


def test_a_database_out_of_reach_is_a_warning(hq: Engine, url: str) -> None:
    assert "cannot be reached now" in add(hq, "postgresql://u@/d?host=/nowhere").warnings[0]


def test_a_channel_by_connection(
    hq: Engine, hq_url: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    wanted = ("--company", "USMF", "--default-customer", DEFAULT_CUSTOMER, "--json")
    assert call(capsys, "channel", "add", "S1", *wanted).exit_code == 2
    assert call(capsys, "channel", "add", "S1", "--url", url, "--connection", "shop", *wanted).exit_code == 2
    added = call(capsys, "channel", "add", "S1", "--connection", "shop", *wanted)
    assert added.exit_code == 0, added.stderr
    assert (added.json["url"], added.json["dialect"]) == ("postgresql+connection://shop", "postgresql")
    assert "cannot be reached now" in added.json["warnings"][0]
    message = exchange.upload(hq, stores=["S1"]).stores["S1"].message
    assert "The connection 'shop' of the channel is not defined here" in message
    assert "AIRFLOW_CONN_SHOP" in message
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", url)
    PostgresqlRegister(url, "S1", "USMF").customer(1)
    assert exchange.upload(hq, stores=["S1"]).counts["customers"] == 1
    parsed = sa.make_url(url)
    as_json = {
        "conn_type": "postgres",
        "login": parsed.username,
        "password": "secret",
        "schema": parsed.database,
        "extra": {"host": parsed.query["host"]},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(as_json))
    assert exchange.upload(hq, stores=["S1"]).ok
    assert "secret" not in scalar(hq, CONNECTIONSTRING)
    assert "secret" in conninfo("postgresql+connection://shop", {})


def test_connections_come_from_where_airflow_keeps_them(url: str) -> None:
    try:
        use(lambda connection_id: sa.make_url(url) if connection_id == "shop" else None)
        assert "dbname=channel_" in conninfo("postgresql+connection://shop", {})
        with pytest.raises(StoreError, match="'other' of the channel is not defined"):
            conninfo("postgresql+connection://other", {})
    finally:
        use(from_environment)


@pytest.mark.parametrize("given", ["{nonsense", '{"login": "u"}', "mysql://u:secret@h/d"])
def test_connections_that_are_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", given)
    with pytest.raises(StoreError, match="AIRFLOW_CONN_SHOP is") as raised:
        conninfo("postgresql+connection://shop", {})
    assert "secret" not in str(raised.value)


def test_the_command_line_makes_the_tables(
    hq: Engine,
    hq_url: str,
    hq_server: server.Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    add_company(hq)
    name = f"{sa.make_url(hq_url).database}_shop"
    hq_server.ensure_database(name)
    url = sa.make_url(hq_server.url(name)).set(drivername="postgresql").render_as_string()
    add(hq, url)
    assert "table retailtransactiontable is missing" in exchange.upload(hq, stores=["S1"]).stores["S1"].message
    made = call(capsys, "channel", "upgrade", "S1", "--json")
    assert made.exit_code == 0, made.stderr
    assert made.json["revision"] >= "0007"
    PostgresqlRegister(url, "S1", "USMF").sale(1)
    assert exchange.upload(hq, stores=["S1"]).counts["transactions"] == 1
    assert call(capsys, "channel", "upgrade", "S1", "--json").json == made.json
    assert call(capsys, "channel", "upgrade", "S9").exit_code == 2
    with sa.create_engine(hq_url).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            sa.text(f'DROP DATABASE "{name}" WITH (FORCE)')
        )
