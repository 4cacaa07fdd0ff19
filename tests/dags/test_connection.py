"""The Airflow connection `commerce_hq` as SQLAlchemy URL."""

import pytest
from airflow.sdk import Connection

from commerce.errors import UsageError
from commerce_airflow.connections import sqlalchemy_url


def url(uri: str) -> str:
    return sqlalchemy_url(Connection.from_uri(uri, conn_id="commerce_hq")).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (
            "postgres://u:p%40ss@db.example:5433/hq?sslmode=require",
            "postgresql+psycopg://u:p%40ss@db.example:5433/hq?sslmode=require",
        ),
        ("postgresql://u@db.example/hq", "postgresql+psycopg://u@db.example/hq"),
        (
            "postgres://postgres@/hq?host=/var/run/folder",
            "postgresql+psycopg://postgres@/hq?host=%2Fvar%2Frun%2Ffolder",
        ),
    ],
)
def test_connections_of_every_kind(uri: str, expected: str) -> None:
    assert url(uri) == expected


@pytest.mark.parametrize(
    ("uri", "message"), [("mysql://u:secret@h/hq", "type 'mysql'"), ("postgres://u:secret@h", "names no database")]
)
def test_a_wrong_connection_says_what_to_do_and_no_secret(uri: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        url(uri)
    assert "secret" not in str(raised.value)
