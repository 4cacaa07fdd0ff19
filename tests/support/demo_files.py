"""Demo stores' channel files, read with sqlite3."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from commerce import setup
from commerce.demo import DemoResult
from commerce.schema.uploaded import UPLOADED_TABLES

SMALL: dict[str, Any] = {"stores": 3, "scale": 0.01, "seed": 1, "days": 3}
TINY: dict[str, Any] = {"stores": 2, "scale": 0.01, "days": 1}
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CENT = Decimal("0.01")

Rows = list[sqlite3.Row]
Key = tuple[str, str, str]


def forget(hq: Engine, demo: DemoResult) -> None:
    """Take the stores of `demo` out of headquarters; their files stay."""
    for channel in demo.channels:
        setup.channels.remove(hq, channel.name)


@contextmanager
def opened(file: Path) -> Iterator[Callable[[str], Rows]]:
    """A function that reads a whole query of the channel database `file`; broken text gets replacement characters."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        yield lambda query: database.execute(query).fetchall()


def digest(file: Path) -> str:
    """Everything a register wrote: all uploaded tables with their counters."""
    content = hashlib.sha256()
    with closing(sqlite3.connect(file)) as database:
        database.text_factory = bytes
        for table in UPLOADED_TABLES:
            for row in database.execute(f"SELECT * FROM {table.name} ORDER BY replicationcounterfromorigin"):
                content.update(repr(row).encode())
    return content.hexdigest()


def by_key(rows: Rows, store: str = "store", terminal: str = "terminal") -> dict[Key, Rows]:
    grouped: dict[Key, Rows] = defaultdict(list)
    for row in rows:
        grouped[row[store], row[terminal], row["transactionid"]].append(row)
    return grouped


def total(rows: Rows, column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def live(rows: Rows) -> Rows:
    return [row for row in rows if not row["transactionstatus"]]


def references(read: Callable[[str], Rows]) -> Rows:
    """GUID, transaction and its time, of everything in a store that can name a customer."""
    return read(
        """
        SELECT h.custaccountasync AS guid, h.transactionid, h.type, h.createddatetime FROM retailtransactiontable AS h
        WHERE h.custaccountasync <> ''
        UNION ALL
        SELECT l.custaccountasync, h.transactionid, h.type, h.createddatetime FROM retailtransactionsalestrans AS l
        JOIN retailtransactiontable AS h ON h.store = l.store AND h.terminal = l.terminalid
            AND h.transactionid = l.transactionid
        WHERE l.custaccountasync <> ''
        UNION ALL
        SELECT d.custaccountasync, h.transactionid, h.type, h.createddatetime
        FROM retailtransactioncustomeraccountdeposittrans AS d
        JOIN retailtransactiontable AS h USING (store, terminal, transactionid)"""
    )
