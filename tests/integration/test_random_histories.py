"""Random histories: what registers write, jobs that race and die, stores that are restored from a backup, people who
mend. At rest the system has what a plain model of it has: accounts, values, statuses, and what each channel shows.

A *history* is what happens to one customer with its addresses, contacts, affiliations and attributes, from its creation
to rest. They run side by side in *worlds*: a headquarters with two companies and three channels, one of them on
PostgreSQL, to which the same steps happen. A world has some forty histories. By default two worlds run, in which every
kind of step happens; `HISTORIES=200` in the environment runs that many other worlds, of steps drawn by lot, and
`SHRINK=1` looks for the shortest one that fails, which takes long.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from commerce import server
from support.company import add_company
from support.histories.comparing import accounts, compare, verify
from support.histories.deaths import Death
from support.histories.world import STORES, World
from support.histories.writing import AFFILIATIONS, ATTRIBUTES
from support.twins import twin

STEPS = (
    *("write",) * 4,
    *("upload", "synchronize", "bind", "distribute", "settle"),
    *("backup", "restore", "backup", "restore", "incarnation", "read again"),
    *("mend", "resynchronize", "race"),
    *("dying upload", "dying synchronize", "dying bind", "dying distribute", "dying resynchronize"),
)
WORLDS = os.environ.get("HISTORIES")
SEEDS = st.integers(0, 2**20)


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
        connection.execute(
            sa.text("INSERT INTO ax.ecoresattribute (recid, name, datatype) VALUES (:recid, :name, :datatype)"),
            [{"recid": int(key), "name": key, "datatype": int(kind)} for key, (kind, _) in ATTRIBUTES.items()],
        )
    return hq


@pytest.mark.slow
@settings(
    max_examples=int(WORLDS or "2"),
    deadline=None,
    derandomize=WORLDS is None,
    phases=[Phase.generate] if "SHRINK" not in os.environ else [Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)
@given(
    steps=st.permutations(STEPS) if WORLDS is None else st.lists(st.sampled_from(STEPS), min_size=10, max_size=20),
    seed=SEEDS,
)
def test_at_rest_the_system_has_what_the_model_has(
    company: Engine,
    hq_server: server.Server,
    channel_file: Path,
    postgresql_channel: Callable[[str], Engine],
    steps: list[str],
    seed: int,
) -> None:
    with (
        twin(company, hq_server) as hq,
        channel_files(channel_file) as channel_db,
        twin(postgresql_channel("pristine"), hq_server) as channel,
    ):
        world = World(hq, channel_db, lambda _: channel)
        try:
            live(world, steps, Random(seed))
        finally:
            world.close()


def live(world: World, steps: list[str], random: Random) -> None:
    world.open(random)
    for step in steps:
        take(world, step, random)
        if step == "settle":
            compare(world)
    world.settle()
    compare(world)
    before = accounts(world)
    world.settle()
    compare(world)
    assert accounts(world) == before
    verify(world)


@contextmanager
def channel_files(migrated: Path) -> Iterator[Callable[[str], Engine]]:
    with tempfile.TemporaryDirectory() as folder:

        def make(name: str) -> Engine:
            file = shutil.copy(migrated, Path(folder) / f"{name}.db")
            return sa.create_engine(f"sqlite:///{file}")

        yield make


def take(world: World, step: str, random: Random) -> None:
    store = random.choice(list(world.tills))
    death = Death(random.randint(1, random.choice((8, 40))), after=random.random() < 0.5)
    match step:
        case "write":
            world.writer.write(random, random.randint(10, 60))
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
            world.tills[store].back_up()
        case "restore":
            world.restore(store)
        case "incarnation":
            world.open_incarnation(store)
        case "read again":
            world.read_again(store)
        case "mend":
            world.mend(random)
        case "resynchronize":
            world.resynchronize(store)
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
        case "dying resynchronize":
            world.resynchronize(store, death=death)
        case _:
            raise AssertionError(step)
