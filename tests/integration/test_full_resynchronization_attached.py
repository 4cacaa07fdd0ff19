"""What a store has hung on the tables of a PostgreSQL channel follows a full resynchronization, or is told first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange import full
from commerce.exchange.dialects import postgresql_shadow
from support.company import add_company
from support.registers import PostgresqlRegister, add_postgresql_register, rows
from support.twin_channels import add_customers

ROLE = "register_of_a_shop"
ATTACHED = (
    f"CREATE ROLE {ROLE}",
    "CREATE TABLE crt.seen (n bigint)",
    "CREATE FUNCTION crt.note() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN INSERT INTO crt.seen VALUES (1); RETURN NEW; END $$",
    "CREATE TRIGGER note AFTER INSERT OR UPDATE OF blocked ON ax.custtable"
    " FOR EACH ROW WHEN (NEW.accountnum <> 'it''s') EXECUTE FUNCTION crt.note()",
    "CREATE TRIGGER sleeps BEFORE DELETE ON ax.custtable FOR EACH STATEMENT EXECUTE FUNCTION crt.note()",
    "ALTER TABLE ax.custtable DISABLE TRIGGER sleeps",
    "ALTER TABLE ax.custtable ENABLE ALWAYS TRIGGER note",
    "ALTER TABLE ax.custtable ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY own ON ax.custtable AS RESTRICTIVE FOR SELECT TO {ROLE}, PUBLIC USING (custgroup = 'it''s')",
    f"CREATE POLICY writes ON ax.custtable FOR UPDATE TO {ROLE} USING (true) WITH CHECK (blocked = 0)",
    f"GRANT SELECT, UPDATE ON ax.custtable TO {ROLE} WITH GRANT OPTION",
    f"GRANT SELECT (name) ON ax.dirpartytable TO {ROLE}",
    "ALTER TABLE ax.custtable SET (fillfactor = 70, autovacuum_enabled = false)",
    "COMMENT ON TABLE ax.custtable IS 'what''s ours'",
    "CREATE VIEW crt.ours WITH (security_barrier = true) AS SELECT accountnum FROM ax.custtable",
    "CREATE VIEW crt.of_ours AS SELECT count(*) AS n FROM crt.ours",
    "CREATE MATERIALIZED VIEW crt.kept AS SELECT * FROM crt.ours",
)
STATE = (
    "SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "SELECT tablename, policyname, permissive, roles::text[], cmd, qual, with_check FROM pg_policies ORDER BY 2",
    "SELECT oid::regclass::text, relrowsecurity, relforcerowsecurity, relacl::text, reloptions,"
    " obj_description(oid, 'pg_class') FROM pg_class"
    " WHERE relnamespace IN ('ax'::regnamespace, 'crt'::regnamespace) AND relkind IN ('r', 'v', 'm') ORDER BY 1",
    "SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attnum > 0"
    " AND attrelid::regclass::text LIKE 'ax.%' ORDER BY 1, 2",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = 'crt' ORDER BY 1",
)
SHADOWS = "SELECT relname FROM pg_class WHERE relname LIKE 'shadow%' OR relname LIKE 'replaced%'"


@pytest.fixture
def register(
    hq: Engine, postgresql_channel: Callable[[str], Engine]
) -> tuple[PostgresqlRegister, Callable[..., list[Any]]]:
    """A store with customers, and how to run SQL in its database as its owner, with full names."""
    add_company(hq)
    made = add_postgresql_register(hq, postgresql_channel, "S1")
    add_customers(hq, 1, 20)
    assert exchange.distribute(hq, stores=["S1"]).ok
    channel = postgresql_channel("S1")

    def run(*statements: str) -> list[Any]:
        found: list[Any] = []
        with channel.begin() as connection:
            connection.execute(text("SET LOCAL search_path TO pg_catalog"))
            for statement in statements:
                result = connection.execute(text(statement))
                found.append([tuple(row) for row in result] if result.returns_rows else [])
        return found

    return made, run


def test_what_hangs_on_the_tables_follows(hq: Engine, register: Any, request: pytest.FixtureRequest) -> None:
    shop, run = register
    run(*ATTACHED)
    request.addfinalizer(lambda: run(f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}"))
    before = run(*STATE)
    shop.execute("DELETE FROM ax.custtable WHERE accountnum LIKE '%7'")
    for _ in range(2):
        full.resynchronize(hq, "S1")
        result = exchange.distribute(hq, stores=["S1"])
        assert result.stores["S1"].message == ""
        assert run(*STATE) == before
        assert run(SHADOWS) == [[]], "what was replaced could be dropped"
    assert run("SELECT n FROM crt.of_ours") == [[(21,)]], "with the store's default customer"
    assert run("SELECT count(*) FROM crt.seen") == [[(0,)]], "a trigger does not run while the tables are filled"
    add_customers(hq, 21, 21)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert run("SELECT count(*) FROM crt.seen") == [[(1,)]]


@pytest.mark.parametrize(
    ("obstacle", "removed", "told"),
    [
        (
            "CREATE MATERIALIZED VIEW crt.kept AS SELECT accountnum FROM ax.custtable",
            "DROP MATERIALIZED VIEW crt.kept",
            "materialized view crt.kept",
        ),
        (
            "CREATE TABLE crt.notes (party bigint REFERENCES ax.dirpartytable)",
            "DROP TABLE crt.notes",
            "constraint notes_party_fkey on table crt.notes",
        ),
        (
            "CREATE FUNCTION crt.shown(ax.custtable) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
            "DROP FUNCTION crt.shown(ax.custtable)",
            "function crt.shown",
        ),
        (
            "CREATE PUBLICATION shop FOR TABLE ax.custtable",
            "DROP PUBLICATION shop",
            "in publication shop",
        ),
        (
            "CREATE RULE silent AS ON DELETE TO ax.custtable DO INSTEAD NOTHING",
            "DROP RULE silent ON ax.custtable",
            "rule silent on table ax.custtable",
        ),
        (
            "CREATE TABLE crt.more () INHERITS (ax.custtable)",
            "DROP TABLE crt.more",
            "table crt.more",
        ),
        (
            "ALTER TABLE ax.custtable ADD COLUMN turn serial",
            "ALTER SEQUENCE ax.custtable_turn_seq OWNED BY NONE",
            "sequence ax.custtable_turn_seq, which a column owns",
        ),
    ],
)
def test_what_cannot_follow_is_told_before_anything(
    hq: Engine, register: Any, obstacle: str, removed: str, told: str
) -> None:
    _, run = register
    run(obstacle)
    tables = (
        "SELECT oid, relname FROM pg_class WHERE relnamespace IN ('ax'::regnamespace, 'crt'::regnamespace) ORDER BY 1"
    )
    before = run(tables)
    full.resynchronize(hq, "S1")
    result = exchange.distribute(hq, stores=["S1"])
    assert result.failed_stores == ("S1",)
    message = result.stores["S1"].message.replace("materialized view kept", "materialized view crt.kept")
    message = message.replace("table notes", "table crt.notes").replace("function shown", "function crt.shown")
    message = message.replace("table custtable", "table ax.custtable").replace("table more", "table crt.more")
    message = message.replace("sequence custtable", "sequence ax.custtable")
    assert told in message
    assert "Remove it, resynchronize, and make it again" in message
    assert run(tables) == before
    run(removed)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert run(SHADOWS) == [[]]


def test_something_that_is_hung_on_them_meanwhile_stops_the_switch(
    hq: Engine, register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = register
    full.resynchronize(hq, "S1")
    real = postgresql_shadow.switch

    def hung(*arguments: Any) -> None:
        run("CREATE MATERIALIZED VIEW crt.kept AS SELECT accountnum FROM ax.custtable")
        patch.undo()
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(postgresql_shadow, "switch", hung)
        assert "cannot follow" in exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    assert run("SELECT count(*) FROM ax.custtable") == [[(20,)]]
    run("DROP MATERIALIZED VIEW crt.kept")
    assert exchange.distribute(hq, stores=["S1"]).ok


def test_a_switch_that_takes_too_long_is_given_up_as_a_whole(
    hq: Engine, register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its steps is short, but they are many: registers wait for all of them."""
    _, run = register
    run(
        "CREATE FUNCTION crt.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF current_setting('statement_timeout') <> '0' THEN PERFORM pg_sleep(0.1); END IF; END $$",
        "CREATE EVENT TRIGGER slow ON ddl_command_end EXECUTE FUNCTION crt.slow()",
    )
    monkeypatch.setattr(postgresql_shadow, "TRIES", 2)
    full.resynchronize(hq, "S1")
    message = exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    assert "canceling statement due to statement timeout" in message
    assert run("SELECT count(*) FROM pg_class WHERE relname LIKE 'replaced%'") == [[(0,)]]
    run("DROP EVENT TRIGGER slow")
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert rows(hq, "SELECT count(*) FROM cdx.packagepart") == [(0,)]


def test_policies_that_name_each_others_tables_follow_to_the_new_ones(hq: Engine, register: Any) -> None:
    _, run = register
    run(
        "ALTER TABLE ax.dirpartytable ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY known ON ax.dirpartytable"
        " USING (EXISTS (SELECT FROM ax.custtable AS c WHERE c.party = dirpartytable.recid))",
        "CREATE POLICY named ON ax.custtable"
        " USING (EXISTS (SELECT FROM ax.dirpartytable AS p WHERE p.recid = custtable.party))",
    )
    before = run(*STATE)
    for _ in range(2):
        full.resynchronize(hq, "S1")
        assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
        assert run(*STATE) == before
        assert run(SHADOWS) == [[]], "what was replaced could be dropped"


def test_default_privileges_of_the_schema_open_neither_shadows_nor_the_new_tables(
    hq: Engine, register: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = register
    run(
        f"CREATE ROLE {ROLE}",
        f"GRANT SELECT ON ax.dirpartytable TO {ROLE}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA ax GRANT SELECT, UPDATE ON TABLES TO {ROLE} WITH GRANT OPTION",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA ax GRANT SELECT ON TABLES TO PUBLIC",
    )
    request.addfinalizer(lambda: run(f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}"))
    may_read = (
        f"SELECT relname FROM pg_class WHERE relnamespace = 'ax'::regnamespace AND relkind = 'r'"
        f" AND has_table_privilege('{ROLE}', oid, 'SELECT, UPDATE') ORDER BY 1"
    )
    full.resynchronize(hq, "S1")
    real = postgresql_shadow.switch

    def looked_at(*arguments: Any) -> None:
        assert run(may_read) == [[("dirpartytable",)]], "while the shadows are filled"
        real(*arguments)

    monkeypatch.setattr(postgresql_shadow, "switch", looked_at)
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert run(may_read) == [[("dirpartytable",)]]


def test_what_keeps_a_replaced_table_is_no_failure_of_the_store(
    hq: Engine, register: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, run = register
    run(
        "CREATE TABLE ax.replaced_custtable (n bigint)",
        "CREATE TABLE ax.replaced_by_the_store (n bigint)",
        "CREATE MATERIALIZED VIEW crt.kept AS SELECT n FROM ax.replaced_custtable",
    )
    for number in (21, 22):
        add_customers(hq, number, number)
        result = exchange.distribute(hq, stores=["S1"])
        assert result.ok
        assert result.stores["S1"].message == ""
        assert "channel database S1 keeps tables that were replaced: " in caplog.text
        assert "2BP01" in caplog.text
        caplog.clear()
    assert run("SELECT count(*) FROM ax.custtable") == [[(22,)]]
    run("DROP MATERIALIZED VIEW crt.kept")
    add_customers(hq, 23, 23)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert run(SHADOWS) == [[("replaced_by_the_store",)]], "a table of the store's own stays"
    assert not caplog.text


def test_an_identity_column_follows_with_its_sequence(hq: Engine, register: Any) -> None:
    _, run = register
    run("ALTER TABLE ax.custtable ADD COLUMN turn bigint GENERATED BY DEFAULT AS IDENTITY")
    for number in (21, 22):
        full.resynchronize(hq, "S1")
        assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
        assert run("SELECT count(*) FROM pg_class WHERE relname LIKE 'replaced%'") == [[(0,)]]
        add_customers(hq, number, number)
        assert exchange.distribute(hq, stores=["S1"]).ok
    assert run("SELECT count(DISTINCT turn) - count(*) FROM ax.custtable") == [[(0,)]]


@pytest.mark.parametrize(
    ("hung", "told"),
    [
        ("CREATE TRIGGER note AFTER INSERT ON ax.custtable FOR EACH ROW EXECUTE FUNCTION crt.note()", ""),
        ("CREATE VIEW crt.ours AS SELECT accountnum FROM ax.custtable", ""),
        (
            "CREATE MATERIALIZED VIEW crt.kept AS SELECT accountnum FROM ax.custtable",
            "on materialized view kept. Remove it",
        ),
    ],
)
def test_what_is_hung_on_them_while_the_switch_waits_for_its_locks_is_not_lost(
    hq: Engine,
    register: Any,
    postgresql_channel: Callable[[str], Engine],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    hung: str,
    told: str,
) -> None:
    _, run = register
    run("CREATE FUNCTION crt.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
    real = postgresql_shadow.at_once
    tries: list[None] = []

    def meanwhile(*arguments: Any) -> str:
        """What the tables have is read by now. Who hangs something on them holds the locks until it is committed."""
        if not tries:
            theirs = postgresql_channel("S1").connect()
            request.addfinalizer(theirs.close)
            theirs.execute(text(hung))
            committing = threading.Timer(0.1, theirs.commit)
            request.addfinalizer(committing.join)
            committing.start()
        tries.append(None)
        return real(*arguments)

    monkeypatch.setattr(postgresql_shadow, "at_once", meanwhile)
    full.resynchronize(hq, "S1")
    message = exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    if told:
        assert told in message
        assert run("SELECT count(*) FROM crt.kept, ax.custtable") == [[(400,)]]
        return
    assert message == ""
    assert len(tries) > 1, "it looked again"
    assert run(SHADOWS) == [[]]
    add_customers(hq, 21, 21)
    assert exchange.distribute(hq, stores=["S1"]).ok
    assert run(
        "SELECT count(*) FROM pg_trigger WHERE tgname = 'note' AND tgrelid = 'ax.custtable'::regclass",
        "SELECT count(*) FROM pg_views WHERE viewname = 'ours'",
    ) in ([[(1,)], [(0,)]], [[(0,)], [(1,)]])
    if "VIEW" in hung:
        assert run("SELECT count(*) FROM crt.ours") == [[(22,)]], "it shows the new table"


def test_names_of_indexes_that_a_store_added_stay(hq: Engine, register: Any) -> None:
    _, run = register
    run(
        "ALTER TABLE ax.custtable ADD COLUMN gone integer",
        "ALTER TABLE ax.custtable ADD COLUMN ours integer",
        "ALTER TABLE ax.custtable DROP COLUMN gone",
        "CREATE INDEX by_low ON ax.custtable (lower(accountnum))",
        "CREATE INDEX by_high ON ax.custtable (upper(accountnum))",
        "CREATE INDEX by_pattern ON ax.custtable (accountnum text_pattern_ops)",
        "CREATE INDEX by_account ON ax.custtable (accountnum)",
        'CREATE INDEX "By ""it" ON ax.custtable (accountnum)',
        "CREATE INDEX by_ours ON ax.custtable (ours) WHERE ours > 0",
        "CREATE UNIQUE INDEX one ON ax.custtable (dataareaid, accountnum) INCLUDE (custgroup)",
        "ALTER TABLE ax.custtable ADD CONSTRAINT two UNIQUE (dataareaid, accountnum) INCLUDE (custgroup)",
    )
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'ax' ORDER BY 1"
    constraints = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'ax.custtable'::regclass ORDER BY 1"
    )
    before = run(indexes, constraints)
    for _ in range(2):
        full.resynchronize(hq, "S1")
        assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
        assert run(indexes, constraints) == before


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ax.custtable ADD COLUMN ours integer DEFAULT 7",
        "CREATE INDEX by_group ON ax.custtable (custgroup)",
        "ALTER TABLE ax.custtable ADD CONSTRAINT ours CHECK (blocked < 9)",
    ],
)
def test_tables_that_change_while_it_is_on_its_way_are_not_put_back(
    hq: Engine, register: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    shop, run = register
    real = postgresql_shadow.switch

    def changed(*arguments: Any) -> None:
        run(change)
        patch.undo()
        real(*arguments)

    full.resynchronize(hq, "S1")
    with monkeypatch.context() as patch:
        patch.setattr(postgresql_shadow, "switch", changed)
        message = exchange.distribute(hq, stores=["S1"]).stores["S1"].message
    assert "ax.custtable got other columns, checks or indexes" in message
    shape = (
        "SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'custtable' ORDER BY 1",
        "SELECT indexname FROM pg_indexes WHERE tablename = 'custtable' ORDER BY 1",
        "SELECT conname FROM pg_constraint WHERE conrelid = 'ax.custtable'::regclass ORDER BY 1",
    )
    before = run(*shape)
    shop.execute("DELETE FROM ax.custtable WHERE accountnum LIKE '%7'")
    assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
    assert run(*shape) == before
    assert run("SELECT count(*) FROM ax.custtable") == [[(21,)]], "with the store's default customer: it began anew"
    assert run(SHADOWS) == [[]]
