"""`commerce customers erase`, and erasure against what runs at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from commerce import customers, exchange
from commerce.customers.erasing import erase_customer
from support.cli import call
from support.company import add_company
from support.registers import GUID, Register, add_register, rows, scalar


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    made = add_register(hq, channel_db)
    made.customer(1, custname="Zebediah Quux")
    assert exchange.upload(hq, stores=["S1"]).ok
    customers.synchronize_customers(hq)
    return made


def wait_for(hq: Engine, sessions: int) -> None:
    """Wait until that many sessions of this database wait for a lock."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    while scalar(hq, sql) != sessions:
        assert time.monotonic() < deadline, f"{sessions} sessions should wait"
        time.sleep(0.02)


def test_the_command_reports_places_and_channels(
    hq: Engine, hq_url: str, register: Register, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    arguments = ("customers", "erase", GUID.format(1), "--reason", "asked for it", "--by", "Ola")

    planned = call(capsys, *arguments, "--dry-run", "--json")
    assert (planned.exit_code, planned.json["dry_run"], planned.json["found"]["dirpartytable"]) == (0, True, 1)
    away = register.path.with_suffix(".away")
    register.path.rename(away)
    waits = call(capsys, *arguments, "--json")
    assert (waits.exit_code, waits.json["complete"]) == (1, False)
    away.rename(register.path)
    done = call(capsys, *arguments)
    assert done.exit_code == 0
    assert "channel S1" in done.stdout
    assert "Zebediah" not in done.stdout + str(waits.json)
    assert rows(hq, "SELECT DISTINCT reason, requestedby FROM ax.customererasure") == [("asked for it", "Ola")]
    assert call(capsys, "customers", "erase", "C1").exit_code == 2


def test_an_erasure_waits_for_a_conversion_that_has_read_the_person(hq: Engine, register: Register) -> None:
    """Else it would write what it has read after the erasure."""
    register.address(1, street="Zebediah Street")
    assert exchange.upload(hq, stores=["S1"]).ok
    with ThreadPoolExecutor(2) as pool, hq.connect() as holder:
        party = "SELECT recid FROM ax.dirpartytable WHERE name = 'Zebediah Quux' FOR UPDATE"
        holder.execute(text(party))
        converting = pool.submit(customers.synchronize_customers, hq)
        wait_for(hq, 1)
        erasing = pool.submit(erase_customer, hq, GUID.format(1), reason="asked", by="Ola")
        wait_for(hq, 2)
        holder.rollback()
        converting.result()
        erasing.result()

    assert scalar(hq, "SELECT count(*) FROM ax.logisticspostaladdress") == 1
    assert rows(hq, "SELECT street, address FROM ax.logisticspostaladdress") == [("", "")]
    assert scalar(hq, "SELECT count(*) FROM ax.dirpartytable WHERE name LIKE 'Zeb%'") == 0
