"""Headquarters on a PostgreSQL that is not the embedded one, of the oldest version that is supported if it is there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from commerce import demo
from commerce.database import hq_engine, parse_url
from support.cli import Called, call
from support.digest import table_digests
from support.shops import SIZE, Shop, assert_clean

VARIABLE = "COMMERCE_TEST_POSTGRESQL_URL"
USUAL = "postgresql://postgres@127.0.0.1:5432/postgres"

CREATE = "CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"

pytestmark = pytest.mark.xdist_group("cli-day")  # its digest is compared with that of the others


@pytest.fixture
def database_url() -> Iterator[str]:
    """URL of a new, empty database on another server; it sorts text as a language does, the embedded one by bytes."""
    server = parse_url(os.environ.get(VARIABLE, USUAL)).set(drivername="postgresql")
    try:
        administrator = psycopg.connect(
            server.render_as_string(hide_password=False), autocommit=True, connect_timeout=3
        )
    except psycopg.OperationalError:
        if VARIABLE in os.environ:
            raise
        pytest.skip(f"no PostgreSQL at {USUAL}; name one, whose user may create databases, in {VARIABLE}")
    name = f"commerce_test_{uuid.uuid4().hex[:12]}"
    with administrator:
        administrator.execute(sql.SQL(CREATE).format(sql.Identifier(name)))
        yield server.set(database=name).render_as_string(hide_password=False)
        administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_day_comes_out_as_on_the_embedded_server(
    database_url: str,
    undisturbed: dict[str, str],
    demo_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def here(*arguments: object) -> Called:
        monkeypatch.setenv("COMMERCE_HQ_URL", database_url)
        monkeypatch.setenv("COMMERCE_HOME", str(tmp_path))
        return call(capsys, *arguments)

    made_tables = here("hq", "init")
    assert made_tables.exit_code == 0, made_tables.stderr
    hq = hq_engine(database_url)
    made = demo.build(tmp_path, hq, unknown_customer=True, **SIZE)
    demo.deliver_unknown_customer(made.folder)
    shop = Shop(hq, made, here)
    posted = shop.end_of_day()
    assert posted.exit_code == 0, posted.stdout + posted.stderr
    assert_clean(shop)
    assert table_digests(hq) == undisturbed
    hq.dispose()
