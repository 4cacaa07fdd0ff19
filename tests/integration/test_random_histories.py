"""Random histories: what registers write, jobs that race and die, stores that are restored from a backup. At rest the
system has what a plain model of it has: accounts, values, statuses, and what each channel shows.

`HISTORIES=200` in the environment runs that many other worlds (of some forty customers each) instead of a few, and
`SHRINK=1` looks for the shortest history that fails, which takes long.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from commerce import server
from commerce.migrations import upgrade_channel
from commerce.schema.enums import CustomerAsyncOperation as Op
from commerce.verify import operations
from support.company import add_company
from support.histories.model import ADDRESS, AFFILIATION, CONTACT, CUSTOMER, FIELDS, Guid
from support.histories.world import AFFILIATIONS, STORES, TABLES, World
from support.registers import rows
from support.twins import twin

STEPS = ("write", "write", "write", "upload", "synchronize", "bind", "distribute", "settle", "backup", "restore")
MISHAPS = ("incarnation", "read again", "race", "dying upload", "dying synchronize", "dying bind", "dying distribute")

Details = dict[Guid, dict[str, dict[str, str]]]


@pytest.fixture
def company(hq: Engine) -> Engine:
    for name in sorted(set(STORES.values())):
        add_company(hq, name)
    with hq.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO ax.retailaffiliation (recid, name) SELECT id, 'Affiliation ' || id FROM unnest(:ids) AS id"
            ),
            {"ids": [int(name) for name in AFFILIATIONS]},
        )
    return hq


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("HISTORIES", "6")),
    deadline=None,
    derandomize="HISTORIES" not in os.environ,
    phases=[Phase.generate] if "SHRINK" not in os.environ else [Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS + MISHAPS), st.integers(0, 2**20)), min_size=8, max_size=16))
def test_at_rest_the_system_has_what_the_model_has(
    company: Engine, hq_server: server.Server, steps: list[tuple[str, int]]
) -> None:
    with twin(company, hq_server) as hq, channel_files() as channel_db:
        world = World(hq, channel_db)
        world.open(Random(len(steps)))
        for step, seed in steps:
            take(world, step, Random(seed))
            if step == "settle":
                compare(world)
        world.settle()
        compare(world)
        before = accounts(world)
        world.settle()
        compare(world)
        assert accounts(world) == before
        with hq.connect() as connection:
            broken = {check.name: connection.scalars(sa.text(check.sql)).all() for check in operations.CHECKS}
        assert not any(broken.values()), broken


@contextmanager
def channel_files() -> Iterator[Callable[[str], Engine]]:
    with tempfile.TemporaryDirectory() as folder:

        def make(name: str) -> Engine:
            engine = sa.create_engine(f"sqlite:///{Path(folder) / name}.db")
            upgrade_channel(engine)
            return engine

        yield make


def take(world: World, step: str, random: Random) -> None:
    store = random.choice(list(world.tills))
    death = (random.randint(1, 14), random.random() < 0.5)
    match step:
        case "write":
            world.write(random, random.randint(4, 16))
        case "upload":
            world.upload(*random.sample(list(world.tills), random.randint(1, 3)))
        case "synchronize":
            world.synchronize()
        case "bind":
            world.bind(random)
        case "distribute":
            world.distribute()
        case "settle":
            world.settle()
        case "backup":
            world.back_up(store)
        case "restore":
            world.restore(store)
        case "incarnation":
            world.open_incarnation(store)
        case "read again":
            world.read_again(store)
        case "race":
            world.race(random)
        case "dying upload":
            world.upload(*world.tills, death=death)
        case "dying synchronize":
            world.synchronize(death=death)
        case "dying bind":
            world.bind(random, death=death)
        case "dying distribute":
            world.die_distributing(death)
        case _:
            raise AssertionError(step)


def accounts(world: World) -> dict[Guid, str]:
    sql = "SELECT dataareaid, custaccountasync, accountnum FROM ax.custaccountasyncmap"
    return {(company, guid): account for company, guid, account in rows(world.hq, sql)}


def compare(world: World) -> None:
    found = accounts(world)
    assert set(found) == world.model.customers()
    for company in set(STORES.values()):
        numbers = sorted(account for (of, _), account in found.items() if of == company)
        assert numbers == [f"C{number:09}" for number in range(1, len(numbers) + 1)]
    assert statuses_found(world) == statuses_expected(world)
    guids = {(company, account): guid for (company, guid), account in found.items()}

    def headquarters(statement: str) -> list[tuple[Any, ...]]:
        return rows(world.hq, re.sub("(FROM|JOIN) (?=[a-z])", r"\1 ax.", statement))

    expected = {kind: world.model.of_customers(kind) for kind in (CUSTOMER, *DETAILS)}
    assert customers_found(headquarters, guids) == expected[CUSTOMER]
    for kind, statement in DETAILS.items():
        assert details(headquarters, statement, guids, FIELDS[kind]) == expected[kind], kind
    for till in world.tills.values():
        own = {kind: {g: v for g, v in of.items() if g[0] == till.company} for kind, of in expected.items()}
        for kind in (ADDRESS, AFFILIATION):
            assert details(till.real.execute, DETAILS[kind], guids, FIELDS[kind]) == own[kind], (till.real.store, kind)
        assert reached_at(till.real.execute, guids) == reach_expected(own), till.real.store
        assert view_found(till) == view_expected(till, found, own[CUSTOMER]), till.real.store


CUSTOMERS = """
SELECT c.dataareaid, c.accountnum, p.name, r.receiptemail, l.locator
FROM custtable AS c
JOIN dirpartytable AS p ON p.recid = c.party
JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
LEFT JOIN (SELECT d.party, e.locator FROM dirpartylocation AS d
           JOIN logisticselectronicaddress AS e ON e.location = d.location
           LEFT JOIN asynccontactmap AS m ON m.logisticselectronicaddress = e.recid
           WHERE m.contactid IS NULL AND d.ispostaladdress = 0) AS l ON l.party = c.party
WHERE r.custaccountasync <> '' AND r.deactivateddatetime IS NULL
"""
DETAILS = {
    ADDRESS: """
        SELECT m.dataareaid, m.accountnum, m.addressid, a.street, a.city, a.zipcode
        FROM asyncaddressmap AS m JOIN logisticspostaladdress AS a ON a.recid = m.logisticspostaladdress
        WHERE a.validto IS NULL""",
    CONTACT: """
        SELECT m.dataareaid, m.accountnum, m.contactid, e.locator, e.description
        FROM asynccontactmap AS m JOIN logisticselectronicaddress AS e ON e.recid = m.logisticselectronicaddress""",
    AFFILIATION: """
        SELECT a.dataareaid, a.custaccountnum, CAST(a.retailaffiliationid AS varchar)
        FROM retailcustaffiliation AS a""",
}
REACHED = """
SELECT c.dataareaid, c.accountnum, e.locator, e.description
FROM custtable AS c JOIN dirpartylocation AS d ON d.party = c.party
JOIN logisticselectronicaddress AS e ON e.location = d.location
JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
WHERE d.ispostaladdress = 0 AND r.deactivateddatetime IS NULL
"""

Query = Callable[[str], list[tuple[Any, ...]]]


def customers_found(query: Query, guids: dict[tuple[str, str], str]) -> Details:
    """Living customers, each with its own e-mail address; two of them would stand one after the other."""
    found: Details = {}
    for company, account, name, receipt, locator in query(CUSTOMERS):
        own = found.setdefault(
            (company, guids[company, account]), {"": {"custname": name, "email": "", "receiptemail": receipt}}
        )
        own[""]["email"] += locator or ""
    return found


def reached_at(query: Query, guids: dict[tuple[str, str], str]) -> list[tuple[Guid, str, str]]:
    """Every e-mail address of the living customers that a register shows, with its description."""
    return sorted(
        ((company, guids[company, account]), locator, description)
        for company, account, locator, description in query(REACHED)
        if (company, account) in guids
    )


def reach_expected(living: dict[str, Details]) -> list[tuple[Guid, str, str]]:
    own = [(guid, of[""]["email"], "") for guid, of in living[CUSTOMER].items() if of[""]["email"]]
    further = [
        (guid, contact["locator"], contact["description"])
        for guid in living[CUSTOMER]
        for contact in living[CONTACT].get(guid, {}).values()
    ]
    return sorted(own + further)


def details(query: Query, statement: str, guids: dict[tuple[str, str], str], names: tuple[str, ...]) -> Details:
    found: defaultdict[Guid, dict[str, dict[str, str]]] = defaultdict(dict)
    for company, account, key, *values in query(statement):
        if (company, account) in guids:  # a store's default customer came by no history
            found[company, guids[company, account]][key] = dict(zip(names, values, strict=True))
    return dict(found)


def statuses_found(world: World) -> dict[tuple[str, str, str], int]:
    found = {}
    for kind, table in TABLES.items():
        sql = f"""
            SELECT p.name, s.createddatetime, s.syncstatus FROM ax.{table.name} AS s
            JOIN cdx.retailconndatabaseprofile AS p ON p.recid = s.origin"""
        for store, at, status in rows(world.hq, sql):
            assert (store, kind, at.isoformat()) not in found, "a row came twice"
            found[store, kind, at.isoformat()] = status
    return found


def statuses_expected(world: World) -> dict[tuple[str, str, str], int]:
    return {(row.register, row.thing[0], row.at.isoformat()): int(row.status) for row in world.model.rows}


def view_found(till: Any) -> list[tuple[str, str, int]]:
    """Account (or GUID), name and whether it is asynchronous, of each customer that the register shows."""
    sql = "SELECT accountnum, name, isasynccustomer FROM customersview WHERE accountnum <> 'DEFAULT'"
    return sorted(tuple(row) for row in till.real.execute(sql))


def view_expected(till: Any, found: dict[Guid, str], living: Details) -> list[tuple[str, str, int]]:
    latest = {}
    for row in till.rows:
        if row.thing[0] == CUSTOMER and row.thing[1] not in found:
            latest[row.thing[1]] = row
    waiting = [(guid[1], row.values["custname"], 1) for guid, row in latest.items() if row.operation != Op.DEACTIVATE]
    return sorted(waiting + [(found[guid], values[""]["custname"], 0) for guid, values in living.items()])
