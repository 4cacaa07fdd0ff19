"""The trial balance for people."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from commerce.cli.tables import plain_table

AMOUNTS = ("opening", "debit", "credit", "closing")


def trial_balance_table(found: Mapping[str, Any]) -> RenderableType:
    """A table a day, company and currency, with its totals; `found` is `TrialBalance.as_dict()`."""
    parts: list[RenderableType] = []
    for total, (_, rows) in zip(found["totals"], groupby(found["rows"], _key), strict=True):
        lines = [*map(_with_amounts, rows), {"account": "", "name": "Total", **_with_amounts(total)}]
        table = plain_table(lines, ("account", "name", *AMOUNTS))
        table.title = " ".join(_key(total))
        parts.append(table)
        if not total["balanced"]:
            parts.append(Text("This day is not balanced: a voucher was changed. Run `commerce hq verify`.", "bold red"))
    return Group(*parts) if parts else Text("Nothing was posted.")


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["date"], row["company"], row["currency"]


def _with_amounts(row: Mapping[str, Any]) -> dict[str, Any]:
    amounts = {name: Decimal(row[name]) for name in AMOUNTS}
    return {name: value for name, value in row.items() if name != "currency"} | amounts
