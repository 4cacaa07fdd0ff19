"""Uploads that go straight into headquarters' tables beside those that land: what both leave behind."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from commerce import exchange
from commerce.schema.headquarters.uploads import UPLOADS

taking = importlib.import_module("commerce.exchange.taking")
straight = importlib.import_module("commerce.exchange.straight")

DESCRIBED = {
    "cdx.quarantine": "tablename, incarnation, replicationcounterfromorigin, rawdata::text, reason, errorclass, status",
    "cdx.uploadsessiontable": "tablename, lowcounter, highcounter, rowsread, rowsaffected, quarantined",
    "cdx.retailcdxuploadsession": "stream, status, rowsaffected, filesize, checksum, trycount, message",
    "cdx.uploadwatermark": "stream, tablename, replicationcounter, contenthash::text",
    "cdx.retailconndatabaseprofile": "name, stopreason",
}
FORGET = (
    *(f"DELETE FROM ax.{name}" for name in UPLOADS),
    "DELETE FROM cdx.quarantineaudit",
    "DELETE FROM cdx.quarantine",
    "DELETE FROM cdx.uploadsessiontable",
    "DELETE FROM cdx.retailcdxuploadsession",
    "DELETE FROM cdx.uploadwatermark",
    "UPDATE cdx.retailconndatabaseprofile SET stopreason = ''",
)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """How each slice went that was tried the straight way: True where it got through."""
    ways: list[bool] = []
    real = straight.copy

    def copy(*arguments: Any) -> Any:
        try:
            found = real(*arguments)
        except straight.RefusedError:
            ways.append(False)
            raise
        ways.append(True)
        return found

    monkeypatch.setattr(straight, "copy", copy)
    return ways


def describe(hq: Engine) -> dict[str, list[Any]]:
    """Everything that an upload leaves behind, but for numbers that are handed out and times of the work."""
    found: dict[str, list[Any]] = {}
    with hq.connect() as connection:
        for name, table in UPLOADS.items():
            columns = ", ".join(c.name for c in table.columns if c.name not in ("recid", "uploadsession"))
            found[name] = _sorted(connection, f"SELECT {columns} FROM ax.{name}")
        for name, columns in DESCRIBED.items():
            found[name] = _sorted(connection, f"SELECT {columns} FROM {name}")
    return found


def _sorted(connection: Connection, query: str) -> list[Any]:
    return sorted((tuple(row) for row in connection.execute(text(query))), key=repr)


def both_ways(hq: Engine, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> dict[str, list[Any]]:
    """Do `work` with the straight way open and, from the same beginning, with the straight way closed; what they
    leave behind must be the same."""
    work()
    found = describe(hq)
    with hq.begin() as connection:
        for statement in FORGET:
            connection.execute(text(statement))
    with monkeypatch.context() as patch:
        patch.setattr(straight, "is_open", lambda _: False)
        work()
    landed = describe(hq)
    for name, content in landed.items():
        assert found[name] == content, name
    return found


def upload(hq: Engine) -> dict[str, int]:
    return exchange.upload(hq, stores=["S1"]).stores["S1"].counts
