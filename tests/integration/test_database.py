"""Headquarters connections: locks, retries, ADBC, and what may be shown of URLs and errors."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, text

from commerce import database
from commerce.errors import CommerceError, UsageError


def test_engine_sessions_are_in_utc(hq: Engine) -> None:
    with hq.connect() as connection:
        assert connection.execute(text("SHOW timezone")).scalar_one() == "UTC"


def test_without_url_and_server_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMMERCE_HOME", str(tmp_path / "home"))
    with pytest.raises(CommerceError, match="commerce server start"):
        database.hq_engine()
    assert not (tmp_path / "home").exists(), "looking for a server must create nothing"


def test_the_environment_names_headquarters(monkeypatch: pytest.MonkeyPatch, hq_url: str) -> None:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url.replace("+psycopg", ""))
    assert database.hq_engine().url == sa.make_url(hq_url)


def test_headquarters_must_be_postgresql() -> None:
    with pytest.raises(UsageError, match="PostgreSQL"):
        database.hq_engine("sqlite:///x.db")


def test_adbc_reaches_the_same_database_on_its_own_connection(hq: Engine) -> None:
    with hq.begin() as connection:
        connection.execute(text("CREATE TABLE public.t (a int)"))
        connection.execute(text("INSERT INTO public.t VALUES (7)"))
    with database.adbc_hq(hq) as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT a FROM public.t")
        assert cursor.fetch_arrow_table().to_pylist() == [{"a": 7}]


def test_advisory_lock_excludes_and_is_released(hq: Engine) -> None:
    with database.try_advisory_lock(hq, "P-0001 S0001") as first:
        assert first
        with database.try_advisory_lock(hq, "P-0001 S0001", wait_seconds=0.3) as second:
            assert not second
        with database.try_advisory_lock(hq, "P-0001 S0002") as other:
            assert other
    with database.try_advisory_lock(hq, "P-0001 S0001") as again:
        assert again


def test_advisory_lock_of_a_killed_session_is_free(hq: Engine) -> None:
    with database.try_advisory_lock(hq, "job") as held:
        assert held
        with hq.connect() as connection:
            here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            locks = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND {here}"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({locks}) AS l"))
        with database.try_advisory_lock(hq, "job", wait_seconds=5) as taken_over:
            assert taken_over


def test_a_deadlock_is_retried(hq: Engine) -> None:
    with hq.begin() as connection:
        connection.execute(text("CREATE TABLE public.t (id int PRIMARY KEY, a int)"))
        connection.execute(text("INSERT INTO public.t VALUES (1, 0), (2, 0)"))
    both_hold_one = threading.Barrier(2)
    tries: list[int] = []

    def update_both(first: int, second: int) -> None:
        tries.append(first)
        with hq.begin() as connection:
            connection.execute(text("UPDATE public.t SET a = a + 1 WHERE id = :id"), {"id": first})
            if len(tries) <= 2:
                both_hold_one.wait(timeout=30)
            connection.execute(text("UPDATE public.t SET a = a + 1 WHERE id = :id"), {"id": second})

    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(database.retry_transient, partial(update_both, first, second))
            for first, second in ((1, 2), (2, 1))
        ]
        for job in jobs:
            job.result()
    assert len(tries) == 3, "one of the two is the victim, and runs once more"
    with hq.connect() as connection:
        assert connection.execute(text("SELECT array_agg(a) FROM public.t")).scalar_one() == [2, 2]


def test_other_errors_are_not_retried(hq: Engine) -> None:
    calls = []

    def work() -> None:
        calls.append(1)
        with hq.begin() as connection:
            connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(sa.exc.DBAPIError):
        database.retry_transient(work)
    assert len(calls) == 1


def test_a_described_error_holds_no_data(hq: Engine) -> None:
    with hq.begin() as connection:
        connection.execute(text("CREATE TABLE public.c (email text CONSTRAINT one_email UNIQUE)"))
        connection.execute(text("INSERT INTO public.c VALUES ('kari@example.com')"))
    with pytest.raises(sa.exc.IntegrityError) as raised, hq.begin() as connection:
        connection.execute(text("INSERT INTO public.c VALUES (:email)"), {"email": "kari@example.com"})
    described = database.describe_error(raised.value)
    assert described == "UniqueViolation, SQLSTATE 23505, table c, constraint one_email"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("postgresql://u@h/d?password=secret&sslmode=require", "postgresql://u@h/d?password=%2A%2A%2A&sslmode=require"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert database.safe_url(url) == shown


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:secret@h/d", "mssql+pyodbc://?odbc_connect=PWD%3Dsecret", "postgresql://h/d?password=secret"],
)
def test_a_url_with_a_password_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        database.refuse_password(url)
    assert "secret" not in str(raised.value)
    assert "PGPASSFILE" in str(raised.value)
    assert "--connection" in str(raised.value)


def test_an_unreadable_url_is_not_quoted() -> None:
    with pytest.raises(UsageError) as raised:
        database.parse_url("not a url: secret")
    assert "secret" not in str(raised.value)
