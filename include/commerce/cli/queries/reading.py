"""How the queries of this package are run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text

Row = dict[str, Any]

BIND = re.compile(r"(?<!:):(\w+)")


def fetch(hq: Engine, query: str, values: Mapping[str, Any]) -> list[Row]:
    with hq.connect() as connection:
        return [dict(row) for row in connection.execute(text(query), values).mappings()]


def where(conditions: Mapping[str, object | None]) -> tuple[str, Row]:
    """A WHERE clause of those conditions whose value is not None, and their bind values.

    A condition is SQL with one bind value, such as "listed.store = :store".
    """
    chosen = {condition: value for condition, value in conditions.items() if value is not None}
    values = {BIND.findall(condition)[0]: value for condition, value in chosen.items()}
    return (" WHERE " + " AND ".join(chosen) if chosen else ""), values
