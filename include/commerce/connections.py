"""Channel databases whose password lives elsewhere: a URL without one for libpq, or the id of a connection.

A channel on PostgreSQL is registered by a URL without a password (libpq takes it from its password file or PGPASSWORD),
or by the id of an Airflow connection, kept as ``postgresql+connection://ID``. Airflow looks it up (`use`); without
Airflow it is the environment variable ``AIRFLOW_CONN_<ID>``, a URL or Airflow's JSON.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from commerce.database import parse_url
from commerce.errors import StoreError, UsageError

DRIVER = "postgresql+connection"
CONNECT_SECONDS = 10

_ID = re.compile(r"[A-Za-z0-9_-]+")

Finder = Callable[[str], URL | None]


def from_environment(connection_id: str) -> URL | None:
    """The connection of ``AIRFLOW_CONN_<ID>``; None where it is not set.

    Raises:
        UsageError: it is not one to PostgreSQL.
    """
    name = f"AIRFLOW_CONN_{connection_id.upper()}"
    given = os.environ.get(name)
    if not given:
        return None
    if given.startswith("{"):
        try:
            found = _from_json(json.loads(given))
        except (ValueError, TypeError, KeyError):
            raise UsageError(f"{name} is no connection in Airflow's JSON form.") from None
    else:
        found = parse_url(given)
    if found.get_backend_name() not in ("postgres", "postgresql"):
        raise UsageError(f"{name} is a connection of type {found.get_backend_name()}, not to PostgreSQL.")
    return found


def _from_json(values: Mapping[str, Any]) -> URL:
    extra = values.get("extra") or {}
    options = json.loads(extra) if isinstance(extra, str) else extra
    return URL.create(
        values["conn_type"],
        username=values.get("login") or None,
        password=values.get("password") or None,
        host=values.get("host") or None,
        port=int(values["port"]) if values.get("port") else None,
        database=values.get("schema") or None,
        query={key: str(value) for key, value in options.items()},
    )


_find: Finder = from_environment


def use(find: Finder) -> None:
    """Look up connections with `find` from now on (Airflow's side does, with its secrets backends)."""
    global _find
    _find = find


def url_of(connection_id: str) -> str:
    """The URL under which a channel with this connection is registered.

    Raises:
        UsageError: this is no id.
    """
    if not _ID.fullmatch(connection_id):
        raise UsageError("A connection's id has letters, digits, '-' and '_' only.")
    return f"{DRIVER}://{connection_id}"


def conninfo(url: str, settings: Mapping[str, str]) -> str:
    """libpq's connection string of a channel's URL, with session settings.

    Raises:
        StoreError: its connection is not defined here, or it names no database.
    """
    parsed = parse_url(url)
    if parsed.drivername == DRIVER:
        parsed = _resolve(parsed.host or "")
    if not parsed.database:
        raise StoreError("The URL of a PostgreSQL channel must name a database: postgresql://user@host/database")
    given: dict[str, Any] = {
        **parsed.translate_connect_args(database="dbname", username="user"),
        **parsed.query,
    }
    options = " ".join([str(given.pop("options", "")), *(f"-c {name}={value}" for name, value in settings.items())])
    usual = {"connect_timeout": CONNECT_SECONDS, "application_name": "commerce"}
    return make_conninfo("", **{**usual, **given, "client_encoding": "UTF8", "options": options.strip()})


def _resolve(connection_id: str) -> URL:
    try:
        found = _find(connection_id)
    except UsageError as error:
        raise StoreError(str(error)) from None
    if found is None:
        raise StoreError(
            f"The connection '{connection_id}' of the channel is not defined here. Define it in Airflow, or set "
            f"AIRFLOW_CONN_{connection_id.upper()} to postgresql://user:password@host:5432/database."
        )
    return found
