"""What must come out of a history, told without the system's code (only its enums): plain lists and dictionaries.

The model knows what registers wrote and which of it headquarters has. It is asked at rest: when all uploads, the
synchronization and the distribution have run. A field has the value of the latest operation that changed it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from commerce.schema.enums import CustomerAsyncOperation as Op
from commerce.schema.enums import SyncStatus

CUSTOMER, ADDRESS, CONTACT, AFFILIATION = "customer", "address", "contact", "affiliation"
FIELDS = {
    CUSTOMER: ("custname", "email", "receiptemail"),
    ADDRESS: ("street", "city", "zip"),
    CONTACT: ("locator", "description"),
    AFFILIATION: (),
}
ACTIVE = "active"
BEGINNING = datetime.min.replace(tzinfo=UTC)

Guid = tuple[str, str]
"""(company, GUID): the same GUID in two companies is two customers."""
Thing = tuple[str, Guid, str]
"""(kind, customer, id of the address, contact or affiliation; '' for the customer itself)."""


@dataclass(eq=False)
class Row:
    """A row of the operation log. `wrong`: why headquarters refuses it, '' for a good one; 'unreadable': it cannot even
    be uploaded."""

    register: str
    counter: int
    thing: Thing
    operation: Op
    at: datetime
    values: dict[str, str] = field(default_factory=dict)
    wrong: str = ""
    lost: bool = False
    status: SyncStatus = SyncStatus.PENDING
    seen: dict[str, str] | None = None
    """What the register showed of the thing when it wrote its first row about it."""

    @property
    def key(self) -> tuple[datetime, str, int]:
        return (self.at, self.register, self.counter)


@dataclass
class State:
    """A thing in headquarters: values of its fields, and when an operation last set each."""

    values: dict[str, str]
    stamps: dict[str, Any] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return self.values[ACTIVE] == "1"


class Headquarters:
    """Rows that have arrived, and what they have become."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.things: dict[Thing, State] = {}

    def upload(self, rows: list[Row]) -> None:
        known = {id(row) for row in self.rows}
        self.rows += [row for row in rows if id(row) not in known and row.wrong != "unreadable"]

    def synchronize(self, only: set[Guid] | None = None) -> None:
        """Convert everything, or (late binding) just these customers and what pends on them themselves."""
        for guid in sorted({row.thing[1] for row in self._pending()}):
            if only is not None and guid not in only:
                continue
            thing = (CUSTOMER, guid, "")
            self._create(thing, [row for row in self._pending() if row.thing == thing])
            if thing not in self.things:
                continue
            self._edit(thing)
            if only is None:
                for other in sorted({row.thing for row in self._pending() if row.thing[1] == guid} - {thing}):
                    if other[0] == AFFILIATION:
                        self._relate(other)
                    else:
                        self._create(other, [row for row in self._pending() if row.thing == other])
                        self._edit(other)

    def _pending(self) -> list[Row]:
        return [row for row in self.rows if row.status == SyncStatus.PENDING]

    def _create(self, thing: Thing, pending: list[Row]) -> None:
        creations = sorted((row for row in pending if row.operation == Op.CREATE), key=lambda row: row.key)
        good = [row for row in creations if not row.wrong]
        if good and thing not in self.things:
            self.things[thing] = State({**good[0].values, ACTIVE: "1"})
        for row in creations:
            done = not row.wrong or (thing[0] == CUSTOMER and thing in self.things)
            row.status = SyncStatus.DONE if done else SyncStatus.FAILED
        if thing in self.things and thing[0] == CUSTOMER:
            for row in self.rows:
                if row.thing == thing and row.operation == Op.CREATE and row.status == SyncStatus.FAILED:
                    row.status = SyncStatus.DONE

    def _edit(self, thing: Thing) -> None:
        for row in sorted(self._pending(), key=lambda row: row.key):
            if row.thing != thing or row.operation == Op.CREATE:
                continue
            if row.wrong:
                row.status = SyncStatus.FAILED
            elif thing in self.things:
                changes = self._changes(row)
                if changes.get("custname") == "":
                    row.status = SyncStatus.FAILED
                    continue
                self._apply(self.things[thing], row, changes)
                row.status = SyncStatus.DONE

    def _relate(self, thing: Thing) -> None:
        rows = sorted((row for row in self.rows if row.thing == thing), key=lambda row: row.key)
        self.things[thing] = State({ACTIVE: "0" if rows[-1].operation == Op.DEACTIVATE else "1"})
        for row in rows:
            row.status = SyncStatus.DONE

    def _apply(self, state: State, row: Row, changes: dict[str, str]) -> None:
        for name, value in changes.items():
            if state.stamps.get(name, (BEGINNING, "", 0)) < row.key:
                state.values[name] = value
                state.stamps[name] = row.key

    def _changes(self, row: Row) -> dict[str, str]:
        """What the row says differently from the row before it of the same register, or from what the register saw."""
        before = sorted(
            (
                other
                for other in self.rows
                if other.thing == row.thing
                and other.register == row.register
                and not other.lost
                and other.counter < row.counter
            ),
            key=lambda other: other.counter,
        )
        whole = [other for other in before if other.operation != Op.DEACTIVATE]
        old = dict(whole[-1].values if whole else row.seen or {})
        if before:
            old[ACTIVE] = "0" if before[-1].operation == Op.DEACTIVATE else "1"
        if row.operation == Op.DEACTIVATE:
            return {ACTIVE: "0"} if old[ACTIVE] != "0" else {}
        new = {**row.values, ACTIVE: "1"}
        return {
            name: value for name, value in new.items() if value != old.get(name) and (whole or value or name == ACTIVE)
        }

    def customers(self) -> set[Guid]:
        return {guid for kind, guid, _ in self.things if kind == CUSTOMER}

    def of_customers(self, kind: str) -> dict[Guid, dict[str, dict[str, str]]]:
        """By customer the living things of a kind: id -> values."""
        found: defaultdict[Guid, dict[str, dict[str, str]]] = defaultdict(dict)
        for (of, guid, name), state in self.things.items():
            if of == kind and state.alive:
                found[guid][name] = {key: state.values[key] for key in FIELDS[kind]}
        return dict(found)
