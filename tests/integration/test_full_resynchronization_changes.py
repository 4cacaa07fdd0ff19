"""Tables of a channel that somebody changes just while a full resynchronization puts its own in their place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange import full
from commerce.exchange.dialects import SqliteChannel, postgresql_shadow
from support.company import add_company
from support.registers import SqliteRegister, add_postgresql_register, add_register
from support.twin_channels import add_customers

MAKES_AN_INDEX = """
import sqlite3, sys, time
register = sqlite3.connect(sys.argv[1], isolation_level=None)
register.execute("BEGIN IMMEDIATE")
register.execute("CREATE INDEX ours ON custtable (custgroup)")
print("made", flush=True)
time.sleep(0.2)
register.execute("COMMIT")
"""
"""In a process of its own: two SQLite libraries in one process do not see each other's locks."""

CHANGED = "custtable got other columns, checks or indexes"


@pytest.fixture
def postgresql(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> Engine:
    """The database of a store that has twenty customers."""
    add_company(hq)
    add_postgresql_register(hq, postgresql_channel, "S1")
    add_customers(hq, 1, 20)
    assert exchange.distribute(hq, stores=["S1"]).ok
    return postgresql_channel("S1")


def run(channel: Engine, statement: str) -> list[Any]:
    with channel.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def resynchronize(hq: Engine) -> str:
    full.resynchronize(hq, "S1")
    return exchange.distribute(hq, stores=["S1"]).stores["S1"].message


def test_a_check_that_holds_for_new_rows_only_does_not_keep_it_from_ending(hq: Engine, postgresql: Engine) -> None:
    run(postgresql, "ALTER TABLE ax.custtable ADD CONSTRAINT ours CHECK (blocked < 9) NOT VALID")

    assert resynchronize(hq) == ""

    (check,) = run(postgresql, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ours'")
    assert check == ("CHECK ((blocked < 9))",)


@pytest.mark.parametrize(
    ("hook", "change"),
    [
        ("standing", "CREATE INDEX ours ON ax.custtable (custgroup)"),
        ("views", "ALTER TABLE ax.custtable ALTER COLUMN vatnum TYPE varchar(44)"),
        ("views", "ALTER TABLE ax.custtable ALTER COLUMN vatnum SET DEFAULT 'ours'"),
    ],
)
def test_what_changes_between_the_looks_of_the_switch_is_not_lost(
    hq: Engine, postgresql: Engine, monkeypatch: pytest.MonkeyPatch, hook: str, change: str
) -> None:
    real = getattr(postgresql_shadow, hook)

    def meanwhile(*arguments: Any) -> Any:
        patch.undo()
        run(postgresql, change)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(postgresql_shadow, hook, meanwhile)
        assert f"ax.{CHANGED}" in resynchronize(hq)
    shape = (
        "SELECT character_maximum_length, column_default FROM information_schema.columns"
        " WHERE (table_schema, table_name, column_name) = ('ax', 'custtable', 'vatnum')"
        " UNION ALL SELECT count(*), NULL FROM pg_indexes WHERE (schemaname, tablename) = ('ax', 'custtable')"
    )
    before = run(postgresql, shape)
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert run(postgresql, shape) == before


def test_what_is_being_changed_while_the_switch_waits_for_its_turn_is_not_lost(
    hq: Engine, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite: the index is not committed yet when the switch begins, which then waits for who makes it."""
    add_company(hq)
    register = add_register(hq, channel_db)
    assert isinstance(register, SqliteRegister)
    add_customers(hq, 1, 20)
    assert exchange.distribute(hq, stores=["S1"]).ok
    real = SqliteChannel.switch_shadow

    def meanwhile(*arguments: Any) -> None:
        patch.undo()
        with subprocess.Popen([sys.executable, "-c", MAKES_AN_INDEX, register.path], stdout=subprocess.PIPE) as theirs:
            assert theirs.stdout is not None
            assert theirs.stdout.readline() == b"made\n"
            real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteChannel, "switch_shadow", meanwhile)
        assert CHANGED in resynchronize(hq)
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    indexes = "SELECT tbl_name FROM sqlite_master WHERE name LIKE 'ours%'"
    assert register.execute(indexes) == [("custtable",)], "under its name or the other one"
    assert register.execute("SELECT count(*) FROM custtable") == [(21,)]
