"""The headquarters database of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from sqlalchemy import URL, Engine

CONNECTION_ID = "commerce_hq"


def headquarters() -> Engine:
    """Engine on headquarters.

    That is the Airflow connection `commerce_hq` (from a secrets backend, ``AIRFLOW_CONN_COMMERCE_HQ`` or Airflow's own
    table), else ``COMMERCE_HQ_URL``, else the embedded server of ``COMMERCE_HOME``.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from commerce import connections
    from commerce.database import hq_engine

    connections.use(_channel_connection)
    try:
        connection = BaseHook.get_connection(CONNECTION_ID)
    except AirflowNotFoundException:
        return hq_engine()
    return hq_engine(sqlalchemy_url(connection).render_as_string(hide_password=False))


def _channel_connection(connection_id: str) -> URL | None:
    """The Airflow connection of a channel that was registered with one; None: Airflow does not know it."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None
    return sqlalchemy_url(connection)


def sqlalchemy_url(connection: Connection) -> URL:
    """An Airflow connection as SQLAlchemy URL for psycopg.

    The connection's extras (`sslmode`, `host` for a Unix socket, ...) become libpq options.

    Raises:
        UsageError: the connection is not one to PostgreSQL, or names no database.
    """
    from sqlalchemy import URL

    from commerce.errors import UsageError

    if connection.conn_type not in ("postgres", "postgresql"):
        raise UsageError(
            f"The connection '{connection.conn_id}' has type '{connection.conn_type}'; "
            "headquarters and channels have 'postgres' connections."
        )
    if not connection.schema:
        raise UsageError(f"The connection '{connection.conn_id}' names no database: fill in its schema.")
    return URL.create(
        "postgresql+psycopg",
        username=connection.login,
        password=connection.password,
        host=connection.host or None,
        port=connection.port,
        database=connection.schema,
        query={key: str(value) for key, value in connection.extra_dejson.items()},
    )
