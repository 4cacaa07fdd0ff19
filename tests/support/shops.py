"""Demo stores with a headquarters of a test's own, and the command line on them."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import demo, server
from commerce.database import hq_engine
from support.cli import Called, call
from support.digest import table_digests

SIZE = {"stores": 2, "scale": 0.002, "days": 1}
UNKNOWN = "ROSWELL"


@dataclass(frozen=True)
class Shop:
    """A test's own headquarters with demo stores; `call` is the command line on it."""

    hq: Engine
    made: demo.DemoResult
    call: Callable[..., Called]

    @property
    def day(self) -> str:
        return str(self.made.business_dates[0])

    @property
    def stores(self) -> list[str]:
        return [channel.name for channel in self.made.channels]

    def file(self, store: str) -> Path:
        return next(channel.file for channel in self.made.channels if channel.name == store)

    def end_of_day(self, *options: str) -> Called:
        return self.call("end-of-day", "--business-date", self.day, "--json", *options)


Open = Callable[..., Shop]


def open_shops(
    hq_server: server.Server,
    clone_headquarters: Callable[[str], str],
    demo_files: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Open]:
    """Factory of shops, for a fixture. `demo_files`: where the channel files of the first one are kept for the others.
    `unknown`: the customer that a store refers to has not been written yet. `history`: there is a store with days from
    before its cut-over date."""
    engines: list[Engine] = []

    def make(*, unknown: bool = False, history: bool = False) -> Shop:
        name = clone_headquarters("day")
        hq = hq_engine(hq_server.url(name))
        engines.append(hq)
        home = folder / name
        if demo_files.exists():
            shutil.copytree(demo_files, home / "demo")
        made = demo.build(home, hq, unknown_customer=True, history_store=history, **SIZE)
        if not demo_files.exists():
            shutil.copytree(home / "demo", demo_files)
        if not unknown:
            demo.deliver_unknown_customer(made.folder)

        def on_this_shop(*arguments: object) -> Called:
            monkeypatch.setenv("COMMERCE_HQ_URL", hq_server.url(name))
            monkeypatch.setenv("COMMERCE_HOME", str(home))
            return call(capsys, *arguments)

        return Shop(hq, made, on_this_shop)

    yield make
    for engine in engines:
        engine.dispose()


def states(called: Called) -> dict[str, str]:
    return {store["store"]: store["state"] for store in called.json["stores"]}


def scalar(hq: Engine, query: str) -> Any:
    with hq.connect() as connection:
        return connection.scalar(sa.text(query))


def assert_clean(shop: Shop) -> None:
    verified = shop.call("hq", "verify", "--json")
    assert verified.json["findings"] == []
    assert verified.exit_code == 0
    reconciled = shop.call("reconcile", "--json")
    assert reconciled.json["differences"] == []
    assert reconciled.exit_code == 0


def everything(shop: Shop) -> tuple[dict[str, str], int, dict[str, str]]:
    files = {store: content(shop.file(store)) for store in shop.stores}
    return table_digests(shop.hq), scalar(shop.hq, "SELECT count(*) FROM cdx.run"), files


def content(file: Path) -> str:
    """What a channel holds; SQLite may move pages between its files meanwhile."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(file)) as channel:
        channel.text_factory = bytes
        tables = [name.decode() for (name,) in channel.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(tables):
            digest.update(repr((table, channel.execute(f"SELECT * FROM {table}").fetchall())).encode())
    return digest.hexdigest()


BOOKKEEPING = ("outbox", "packagepart", "retailcdxdownloadsession", "retailcdxdownloadsessiondatastore")


def download_rows(hq: Engine) -> dict[str, int]:
    """How many rows the bookkeeping of downloads has, a table each: the digest leaves them out."""
    return {table: scalar(hq, f"SELECT count(*) FROM cdx.{table}") for table in BOOKKEEPING}
