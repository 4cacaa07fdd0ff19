"""PostgreSQL's binary COPY, from and to files: the fastest way for rows to enter a table."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

_BLOCK = 1 << 20


def copy_out(hq: psycopg.Connection, query: str, file: Path) -> None:
    """Write the result of `query` to `file`."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(sql.SQL(query))
    with file.open("wb") as data, hq.cursor() as cursor, cursor.copy(statement) as copy:
        for block in copy:
            data.write(block)


def copy_in(hq: psycopg.Connection, target: str, file: Path) -> int:
    """Copy `file` into `target` (a table, with columns in brackets where not all are given); returns the rows."""
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.SQL(target))
    with hq.cursor() as cursor:
        with file.open("rb") as data, cursor.copy(statement) as copy:
            while block := data.read(_BLOCK):
                copy.write(block)
        return cursor.rowcount
