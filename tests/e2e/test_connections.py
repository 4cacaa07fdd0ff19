"""A channel whose database only an Airflow connection names, exchanged by a task of a real Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from commerce.demo.plan import COMPANY, DEFAULT_CUSTOMER
from support.cli import call
from support.installation import Install, Installation
from support.registers import PostgresqlRegister, rows

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("airflow")]

STORE = "BYID"
CONNECTION = "shop_by_connection"
PASSWORD = "known-to-airflow-alone"
ACCOUNTS = f"""
SELECT m.accountnum FROM ax.custaccountasyncmap AS m JOIN cdx.retailconndatabaseprofile AS p ON p.recid = m.origin
WHERE p.name = '{STORE}'
"""


@pytest.fixture
def shop(
    install: Install,
    postgresql_channel: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[Installation, PostgresqlRegister]:
    """A store with a customer that nobody has uploaded, added on the command line, where Airflow's connections are not
    known; and its connection in Airflow."""
    installation = install()
    made = postgresql_channel(STORE)
    made.dispose()
    monkeypatch.setenv("COMMERCE_HQ_URL", installation.hq.url.render_as_string())
    wanted = ("--company", COMPANY, "--default-customer", DEFAULT_CUSTOMER)
    added = call(capsys, "channel", "add", STORE, "--connection", CONNECTION, *wanted)
    assert added.exit_code == 0, added.stderr
    register = PostgresqlRegister(made.url.set(drivername="postgresql").render_as_string(), STORE, COMPANY)
    register.customer(1)
    installation.airflow.api.request(
        "POST",
        "connections",
        {
            "connection_id": CONNECTION,
            "conn_type": "postgres",
            "login": "postgres",
            "password": PASSWORD,
            "schema": made.url.database,
            "extra": json.dumps({"host": made.url.query["host"]}),
        },
    )
    return installation, register


def test_a_channel_by_connection_is_exchanged_by_airflows_tasks(
    shop: tuple[Installation, PostgresqlRegister],
) -> None:
    installation, register = shop
    api = installation.airflow.api
    conf = {"business_date": installation.made.business_dates[0].isoformat(), "stores": [STORE]}
    try:
        run_id = api.trigger("end_of_day", conf)
        assert installation.wait("end_of_day", run_id) == "success"
        [(account,)] = rows(installation.hq, ACCOUNTS)
        assert register.execute("SELECT accountnum FROM custaccountasyncmap") == [(account,)]
        summary = installation.summary("end_of_day", run_id)
        assert PASSWORD not in json.dumps(summary) + installation.log("end_of_day", run_id, "upload")
    finally:
        api.request("DELETE", f"connections/{CONNECTION}")
    state, summary = installation.run(conf)
    assert (state, installation.states(summary)) == ("failed", {STORE: "failed"})
    assert f"The connection '{CONNECTION}' of the channel is not defined here" in json.dumps(summary)
