"""Twin databases: the same prepared headquarters, once disturbed and once not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from commerce import database, server


@contextlib.contextmanager
def twin(hq: Engine, running: server.Server) -> Iterator[Engine]:
    """A copy of the database as it stands now, dropped at the end. Nobody may be connected to it meanwhile."""
    source = hq.url.database
    assert source is not None
    name = f"{source}_twin"
    hq.dispose()  # a database with connections cannot be cloned
    with psycopg.connect(dbname="postgres", user="postgres", host=str(running.socket_folder), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
        engine = database.hq_engine(running.url(name))
        try:
            yield engine
        finally:
            engine.dispose()
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
