"""What a check is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A rule and the query for what breaks it: one row each, with a column `id` that says where (no personal data)."""

    name: str
    rule: str
    sql: str
