"""What an edit of each table is about: its fields, the thing it edits, and how headquarters' state of it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from commerce.customers.dependents import Kind

ACTIVE = "active"
"""The field that every operation has: 1, or 0 for a deactivation. A later update by the same register makes it 1."""


@dataclass(frozen=True)
class Edits:
    """Operations on one table of the log.

    `kind`: the table, how its rows name a customer, what makes a row wrong (aliases s, c, p and those of its joins).
    `fields`: the fields of the thing, each with the SQL text of its value in a row (s); compared as text.
    `entity`: SQL text over s: which thing of the customer it is; '' where the customer has one of it.
    `present`: query over the temporary table `thing` (accountnum, party, entity) of headquarters' state: those columns,
        `fields` (jsonb of texts, without those that headquarters does not have) and ids that `statements` need; no row
        for a thing that does not exist.
    `statements`: what is written from the temporary table `wanted`: `present` with `changes` (jsonb: the fields that
        change, with their new values), `whole` (jsonb: all fields by the last row) and `at` (time of the operation).
    `checks`: (condition over a change c: field, oldvalue, newvalue, relationshiptype; reason).
    `requests`: flags that ask for something: only setting them counts.
    `decided`: fields that headquarters decides about; an edit of them is noted and left undone.
    `upserts`: an update may be the first that is heard of the thing; otherwise it waits for the thing's creation.
    """

    kind: Kind
    fields: Mapping[str, str]
    entity: str
    present: str
    statements: tuple[str, ...]
    checks: tuple[tuple[str, str], ...] = ()
    requests: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    upserts: bool = False
    outlives: bool = False
    """True where a thing that was deactivated can still be edited."""

    @property
    def table(self) -> str:
        return self.kind.table


def changed(column: str, name: str | None = None, cast: str = "") -> str:
    """SQL text: the new value of a field of `wanted` (alias w), else what headquarters has."""
    name = name or column
    return f"(coalesce(w.changes ->> '{name}', w.fields ->> '{name}')){cast}"


def array(names: Iterable[str]) -> str:
    """SQL text: an array of these texts."""
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"ARRAY[{quoted}]::text[]"


def any_changes(names: Iterable[str]) -> str:
    """Condition on `wanted` (alias w): one of these fields changes."""
    return f"(w.changes ?| {array(names)})"
