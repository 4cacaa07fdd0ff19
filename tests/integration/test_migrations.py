"""The revisions of headquarters and channel, one after the other, give exactly the tables of `commerce.schema`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, text

from commerce import customers, database, orders, server, transactions
from commerce.migrations import upgrade_channel, upgrade_headquarters
from commerce.schema import channel, headquarters
from commerce.scope import Scope
from commerce.statements import calculate_statements
from commerce.verify import verify
from support.company import add_company, add_store
from support.shifts import add_counted_shift, set_store
from support.staging import contact, guid, person, rows, status
from support.statements import SCOPE, STORES, pass_gate
from support.transactions import DAY, Line, add_order

REVISIONS = "commerce.migrations.headquarters"

CATALOG = {
    "columns": """
        SELECT c.oid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid), c.relkind, c.relpersistence
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('ax', 'cdx', 'crt'))
          AND c.relname <> 'alembic_version'
          AND c.relkind IN ('r', 'p', 'v', 'm')""",
    "storage": """
        SELECT oid::regclass::text, reloptions::text FROM pg_class
        WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('ax', 'cdx', 'crt'))
          AND reloptions IS NOT NULL""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('ax', 'cdx', 'crt'))
          AND conrelid::regclass::text NOT LIKE '%.alembic_version'""",
    "indexes": """
        SELECT schemaname, indexname, indexdef FROM pg_indexes
        WHERE schemaname IN ('ax', 'cdx', 'crt') AND tablename <> 'alembic_version'""",
    "sequences": """
        SELECT schemaname, sequencename, data_type::text, start_value, increment_by, cache_size, cycle
        FROM pg_sequences WHERE schemaname IN ('ax', 'cdx', 'crt')""",
    "views and routines": """
        SELECT schemaname || '.' || viewname, definition FROM pg_views WHERE schemaname IN ('ax', 'cdx', 'crt')
        UNION ALL
        SELECT p.oid::regprocedure::text, CASE prokind
            WHEN 'a' THEN concat_ws(' ', aggtransfn, aggcombinefn, aggfinalfn, aggtranstype::regtype, agginitval,
                                    proparallel)
            ELSE pg_get_functiondef(p.oid) END
        FROM pg_proc AS p LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
        WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('ax', 'cdx', 'crt'))""",
}


@pytest.fixture
def scratch(hq_server: server.Server, worker_id: str) -> Iterator[Engine]:
    """An empty database for tables that SQLAlchemy makes from the metadata, without the migrations."""
    name = f"from_metadata_{worker_id}"
    hq_server.ensure_database(name)
    engine = database.hq_engine(hq_server.url(name))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS ax, cdx, crt CASCADE"))
    engine.dispose()


def _make(engine: Engine, metadata: MetaData, schemas: tuple[str, ...]) -> None:
    with engine.begin() as connection:
        for schema in schemas:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        metadata.create_all(connection)


@pytest.mark.parametrize("part", CATALOG)
def test_headquarters_migrations_give_the_metadata(hq: Engine, scratch: Engine, part: str) -> None:
    _make(scratch, headquarters.metadata, headquarters.SCHEMAS)
    migrated, made = (_rows(engine, CATALOG[part]) for engine in (hq, scratch))
    assert migrated - made == set(), "only in the migrations"
    assert made - migrated == set(), "only in the metadata"


def _rows(engine: Engine, query: str) -> set[tuple[object, ...]]:
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(query))}


def test_alembic_finds_nothing_to_do_in_headquarters(hq: Engine) -> None:
    with hq.connect() as connection:
        assert _differences(connection, headquarters.metadata, include_schemas=True) == []


def test_channel_migrations_give_the_metadata(channel_db: Callable[[str], Engine]) -> None:
    """Tables by Alembic's comparison, and the statements that SQLite keeps."""
    migrated = channel_db("migrated")
    made = sa.create_engine("sqlite://")
    channel.SQLITE.metadata.create_all(made)
    with made.begin() as connection:
        connection.exec_driver_sql(f"CREATE VIEW {channel.CUSTOMERS_VIEW} AS {channel.CUSTOMERS_VIEW_SQL}")
    assert _sqlite_statements(migrated) == _sqlite_statements(made)
    with migrated.connect() as connection:
        assert _differences(connection, channel.SQLITE.metadata) == []


@pytest.mark.parametrize("part", CATALOG)
def test_channel_migrations_give_the_metadata_on_postgresql(
    postgresql_channel: Callable[[str], Engine], scratch: Engine, part: str
) -> None:
    _make(scratch, channel.POSTGRESQL.metadata, channel.SCHEMAS)
    with scratch.begin() as connection:
        connection.execute(text("SET LOCAL search_path TO ax, crt"))
        connection.execute(text(f"CREATE VIEW crt.{channel.CUSTOMERS_VIEW} AS {channel.CUSTOMERS_VIEW_SQL}"))
    migrated, made = (_rows(engine, CATALOG[part]) for engine in (postgresql_channel("S0001"), scratch))
    assert migrated - made == set(), "only in the migrations"
    assert made - migrated == set(), "only in the metadata"


def test_upgrading_a_channel_on_postgresql_again_changes_nothing(postgresql_channel: Callable[[str], Engine]) -> None:
    store = postgresql_channel("S0001")
    before = _rows(store, CATALOG["columns"])
    upgrade_channel(store)
    assert _rows(store, CATALOG["columns"]) == before


def _sqlite_statements(engine: Engine) -> dict[str, list[str]]:
    """Columns and constraints of each statement, sorted: SQLite appends a new column behind the constraints."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE name <> 'alembic_version'")
        return {
            name: sorted(re.split(r",(?![^()]*\))", _normalized(sql or "")))
            for name, sql in rows
            if not name.startswith("sqlite_autoindex_alembic")
        }


def _normalized(sql: str) -> str:
    """Without what spelling alone makes: `CREATE TABLE t(` and the last bracket stand apart from what they enclose."""
    flat = re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.replace('"', "").split()))
    return re.sub(r"^(CREATE TABLE \w+)\((.*)\)$", r"\1,\2", flat)


def _differences(connection: Connection, metadata: MetaData, *, include_schemas: bool = False) -> list[object]:
    def ours(name: str | None, kind: str, _: object) -> bool:
        if kind == "schema":
            return name in (headquarters.SCHEMAS if include_schemas else (None,))
        return not (kind == "table" and name == "alembic_version")

    options = {
        "compare_server_default": True,
        "include_schemas": include_schemas,
        "include_name": ours,
        "version_table_schema": "cdx" if include_schemas else None,
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_upgrading_again_changes_nothing(hq: Engine, channel_db: Callable[[str], Engine]) -> None:
    before = _rows(hq, CATALOG["columns"])
    upgrade_headquarters(hq)
    assert _rows(hq, CATALOG["columns"]) == before
    store = channel_db("S0001")
    statements = _sqlite_statements(store)
    upgrade_channel(store)
    assert _sqlite_statements(store) == statements


def test_a_channel_file_lets_readers_and_the_register_work_side_by_side(channel_db: Callable[[str], Engine]) -> None:
    with channel_db("S0001").connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


def test_a_channel_file_keeps_amounts_exact_and_counters_unused(channel_db: Callable[[str], Engine]) -> None:
    """Every counter is AUTOINCREMENT, and no column has an affinity that would make a float of an amount."""
    statements = _sqlite_statements(channel_db("S0001"))
    for name in channel.SQLITE.uploads:
        assert any("PRIMARY KEY AUTOINCREMENT" in part for part in statements[name])
    assert not [part for parts in statements.values() for part in parts if re.search("NUMERIC|REAL|FLOAT", part)]


def test_contacts_of_before_the_map_are_filled_in_where_it_can_be_told(hq: Engine) -> None:
    """Revision 0025: just like one electronic address of its customer, and like no other."""
    add_company(hq)
    add_store(hq, "S1")
    person(hq, guid(1), email="same@example.com")
    person(hq, guid(2))
    contact(hq, guid(1), "C1", 2, "a@example.com")
    contact(hq, guid(1), "C2", 6, "425 555 0100")
    contact(hq, guid(1), "C3", 1, "425 555 0100")
    contact(hq, guid(1), "C4", 2, "same@example.com")  # like the customer's own
    contact(hq, guid(1), "C5", 2, "twice@example.com")
    contact(hq, guid(1), "C6", 2, "twice@example.com")
    contact(hq, guid(1), "C7", 2, "twice@example.com", description="at work")
    purged = contact(hq, guid(2), "C1", 2, "a@example.com")
    contact(hq, guid(2), "C8", 2, "b@example.com")
    customers.synchronize_customers(hq)
    query = "SELECT accountnum, contactid, logisticselectronicaddress FROM ax.asynccontactmap ORDER BY 1, 2"
    mapped = rows(hq, query)
    with hq.begin() as connection:
        connection.execute(text("DELETE FROM ax.asynccontactmap WHERE contactid <> 'C8'"))
        connection.execute(text(f"UPDATE ax.retailasynccustomercontact SET locator = '' WHERE recid = {purged}"))
        fill = import_module(f"{REVISIONS}.0025_contacts_of_before").FILL
        connection.execute(text(fill))
        connection.execute(text(fill))

    told = [row for row in mapped if row[1] in ("C2", "C3", "C7", "C8") or row[:2] == (mapped[0][0], "C1")]
    assert rows(hq, query) == told
    update = contact(hq, guid(1), "C1", 2, "new@example.com", operation=2)
    customers.synchronize_customers(hq)
    assert status(hq, "retailasynccustomercontact", update) == (1, "", "")


def test_rules_that_are_off_already_get_a_history(hq: Engine) -> None:
    """Revision 0046: nobody has kept who it was; since when it is off is known."""
    add_company(hq)
    add_store(hq, "S1")
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.retailtransactiondisabledvalidationrule (dataareaid, classid, methodname,"
                " createddatetime) VALUES ('USMF', 'line', 'NegativePrice', '2026-01-05 08:00Z')"
            )
        )
        connection.execute(text(import_module(f"{REVISIONS}.0046_rules_are_switched_by_somebody").KNOWN))
    assert "rule_switched_by_nobody" not in {finding.check for finding in verify(hq)}
    (off,) = (state for state in transactions.rule_states(hq) if state.state == "disabled")
    assert (off.by, off.words) == (
        "unknown",
        "line rule NegativePrice (since 2026-01-05: from before reasons were kept)",
    )


def test_gift_cards_of_orders_of_before_are_marked(hq: Engine) -> None:
    """Revision 0047."""
    add_company(hq)
    for store in ("S1", "S2"):
        add_store(hq, store)
        add_order(hq, store, 1, lines=[Line(), Line(columns={"giftcard": 1})])
    add_order(hq, "S2", 2)
    orders.synchronize_orders(hq, scope=Scope(("S1", "S2"), DAY))
    query = "SELECT salesid, linenum FROM ax.salesline WHERE giftcard = 1 ORDER BY 1"
    marked = rows(hq, query)
    assert marked == [("SO00000001", 2), ("SO00000002", 2)]
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.salesline SET giftcard = 0"))
        connection.execute(text(import_module(f"{REVISIONS}.0047_orders_tell_their_gift_cards").KNOWN))
    assert rows(hq, query) == marked


def test_shifts_of_before_were_counted_as_their_store_says(hq: Engine) -> None:
    """Revision 0053."""
    add_company(hq)
    for store in STORES:
        add_store(hq, store)
        add_counted_shift(hq, store, 1, first=10)
    calculate_statements(hq, run=pass_gate(hq), scope=SCOPE)
    set_store(hq, "S1", tenderdeclarationcalculation=0, bankdropcalculation=1)
    set_store(hq, "S2", startamountcalculation=1)
    with hq.begin() as connection:
        connection.execute(text(import_module(f"{REVISIONS}.0053_shifts_keep_how_they_were_counted").KNOWN))
    columns = "tenderdeclarationcalculation, startamountcalculation, bankdropcalculation"
    kept = rows(hq, f"SELECT storeid, {columns} FROM ax.retailstatementshift ORDER BY 1")
    assert kept == [("S1", 0, 0, 1), ("S2", 1, 1, 0)]
