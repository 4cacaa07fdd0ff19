"""What a full resynchronization leaves behind in a SQLite file goes in small steps, and nothing of it can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange import full, packages
from commerce.exchange.deadline import Deadline
from commerce.exchange.dialects import SqliteChannel, sqlite, sqlite_shadow
from support.company import add_company
from support.registers import Register, add_register, rows
from support.twin_channels import add_customers, content, names


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> Register:
    add_company(hq)
    monkeypatch.setattr(packages, "CUSTOMERS", 200)
    made = add_register(hq, channel_db)
    add_customers(hq, 1, 600)
    with hq.begin() as connection:
        exchange.outbox.enqueue(connection, "SELECT 'USMF' AS dataareaid, 'DEFAULT' AS accountnum")
    assert exchange.distribute(hq, stores=["S1"]).ok
    return made


def test_shadow_tables_of_another_resynchronization_go_in_small_steps(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, tables = content(register), names(register)
    full.resynchronize(hq, "S1")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteChannel, "switch_shadow", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            exchange.distribute(hq, stores=["S1"])
    assert register.execute("SELECT count(*) FROM shadow_custtable") == [(601,)]
    (session,) = rows(hq, "SELECT session FROM cdx.retailcdxdownloadsession WHERE kind = 'full'")[0]
    exchange.cancel_download(hq, session)
    full.resynchronize(hq, "S1")
    monkeypatch.setattr(sqlite_shadow, "ROWS_AT_ONCE", 100)
    real = sqlite_shadow.drop_some
    steps: list[tuple[str, int]] = []

    def watched(cursor: Any, table: str) -> bool:
        cursor.execute(f"SELECT count(*) FROM {table}")
        steps.append((table, cursor.fetchall()[0][0]))
        return real(cursor, table)

    monkeypatch.setattr(sqlite_shadow, "drop_some", watched)
    with monkeypatch.context() as patch:
        patch.setattr(Deadline, "passed", lambda _: True)
        assert "wait" in exchange.distribute(hq, stores=["S1"]).stores["S1"].message
        assert len(steps) <= 2, "a call does one step when its time is up"
    assert exchange.distribute(hq, stores=["S1"]).ok
    of_customers = [left for table, left in steps if table == "shadow_custtable"]
    assert of_customers == [601, 501, 401, 301, 201, 101, 1]
    shadows = [table for table, _ in steps if table.startswith("shadow_")]
    assert shadows[-1] == "shadow_downloadsession", "it says whose they are, to the last"
    assert (content(register), names(register)) == (whole, tables)


@pytest.mark.parametrize("wal", [True, False])
def test_nothing_of_what_was_replaced_stays_in_the_file(hq: Engine, register: Register, wal: bool) -> None:
    register.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
    register.execute("UPDATE dirpartytable SET name = 'Xaveria Quillfeather ' || recid")
    register.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = register.path.parent.glob(f"{register.path.name}*")
    assert any(b"Quillfeather" in file.read_bytes() for file in files)
    full.resynchronize(hq, "S1")
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.dirpartytable SET name = 'Anonymous'"))
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert register.execute("SELECT count(*) FROM dirpartytable WHERE name LIKE 'Xav%'") == [(0,)]
    for file in register.path.parent.glob(f"{register.path.name}*"):
        assert b"Quillfeather" not in file.read_bytes(), file.name


@pytest.mark.parametrize("step", ["a part", "the switch"])
def test_that_the_disk_is_full_is_told(hq: Engine, register: Register, step: str) -> None:
    """SQLite may roll back by itself then, as here; that there is nothing to roll back is not what went wrong."""
    register.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON downloadsession"
        " BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END"
    )
    if step == "the switch":
        full.resynchronize(hq, "S1")
    else:
        add_customers(hq, 601, 601)
    assert "database or disk is full" in exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    register.execute("DROP TRIGGER full_disk")
    assert exchange.distribute(hq, stores=["S1"]).ok


def test_a_part_of_many_rows_is_several_transactions(
    hq: Engine, register: Register, channel_db: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = add_register(hq, channel_db, "S2")
    full.resynchronize(hq, "S2")
    monkeypatch.setattr(sqlite, "ROWS_AT_ONCE", 70)
    real = SqliteChannel._record
    left = iter([False, False, True])

    def killed(*arguments: Any) -> None:
        if next(left, False):
            raise KeyboardInterrupt
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteChannel, "_record", killed)
        with pytest.raises(KeyboardInterrupt):
            exchange.distribute(hq, stores=["S2"])
    for _ in range(2):
        assert exchange.distribute(hq, stores=["S1", "S2"]).ok
    assert content(other) == content(register)


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE custtable ADD COLUMN ours TEXT DEFAULT 'x'", "CREATE INDEX by_group ON custtable (custgroup)"],
)
def test_tables_that_change_while_it_is_on_its_way_are_not_put_back(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    real = SqliteChannel.switch_shadow

    def changed(*arguments: Any) -> None:
        register.execute(change)
        patch.undo()
        real(*arguments)

    full.resynchronize(hq, "S1")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteChannel, "switch_shadow", changed)
        message = exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    assert "custtable got other columns, checks or indexes" in message
    shape = "SELECT count(*) FROM pragma_table_info('custtable')", "SELECT count(*) FROM pragma_index_list('custtable')"
    before = [register.execute(query) for query in shape]
    register.execute("DELETE FROM custtable WHERE accountnum LIKE '%7'")
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert [register.execute(query) for query in shape] == before
    assert register.execute("SELECT count(*) FROM custtable") == [(601,)], "it began anew and is through"
    assert not [name for name in names(register) if "shadow" in str(name)]
