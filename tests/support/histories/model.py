"""What must come out of a history, told without the system's code (only its enums): plain lists and dictionaries.

The model knows what registers wrote and which of it headquarters has. It is asked at rest: when all uploads, the
synchronization and the distribution have run. A field has the value of the latest operation that changed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from commerce.schema.enums import CustomerAsyncOperation as Op
from commerce.schema.enums import SyncStatus

CUSTOMER, ADDRESS, CONTACT, AFFILIATION, ATTRIBUTE = "customer", "address", "contact", "affiliation", "attribute"
FIELDS = {
    CUSTOMER: ("custname", "email", "receiptemail", "contactpersonid"),
    ADDRESS: ("street", "city", "zip", "role"),
    CONTACT: ("locator", "description"),
    AFFILIATION: (),
    ATTRIBUTE: ("attributevaluestring",),
}
ACTIVE = "active"
BEGINNING = datetime.min.replace(tzinfo=UTC)

Guid = tuple[str, str]
"""(company, GUID): the same GUID in two companies is two customers."""
Thing = tuple[str, Guid, str]
"""(kind, customer, id of the address, contact, affiliation or attribute; '' for the customer itself)."""


@dataclass(eq=False)
class Row:
    """A row of the operation log. `wrong`: why headquarters refuses it, '' for a good one; 'unreadable': it cannot even
    be uploaded. `values`: as headquarters has them, when a person has mended the row; `written`: as on the channel."""

    register: str
    counter: int
    thing: Thing
    operation: Op
    at: datetime
    values: dict[str, str] = field(default_factory=dict)
    wrong: str = ""
    era: int = 0
    """How often its channel had been restored when it was written."""
    lost: int | None = None
    """The era that began without it."""
    status: SyncStatus = SyncStatus.PENDING
    seen: dict[str, str] | None = None
    """What the register showed of the thing when it wrote its first row about it."""
    mend: dict[str, str] = field(default_factory=dict)
    """Columns with values that make a good row of a wrong one."""

    def __post_init__(self) -> None:
        self.written = dict(self.values)

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
        self.rows: dict[int, Row] = {}
        self.things: dict[Thing, State] = {}
        self._of: defaultdict[Thing, list[Row]] = defaultdict(list)

    def upload(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if id(row) not in self.rows and row.wrong != "unreadable":
                self.rows[id(row)] = row
                self._of[row.thing].append(row)

    def synchronize(self, only: set[Guid] | None = None) -> None:
        """Convert everything, or (late binding) just these customers and what pends on them themselves."""
        pending: defaultdict[Guid, set[Thing]] = defaultdict(set)
        for row in self.rows.values():
            if row.status == SyncStatus.PENDING and (only is None or row.thing[1] in only):
                pending[row.thing[1]].add(row.thing)
        for guid, things in sorted(pending.items()):
            customer = (CUSTOMER, guid, "")
            self._create(customer)
            if customer not in self.things:
                continue
            self._edit(customer)
            if only is None:
                for thing in sorted(things - {customer}):
                    if thing[0] == AFFILIATION:
                        self._relate(thing)
                    else:
                        self._create(thing)
                        self._edit(thing)

    def _pending(self, thing: Thing) -> list[Row]:
        return sorted((row for row in self._of[thing] if row.status == SyncStatus.PENDING), key=lambda row: row.key)

    def _create(self, thing: Thing) -> None:
        creations = [row for row in self._pending(thing) if row.operation == Op.CREATE]
        good = [row for row in creations if not row.wrong]
        if good and thing not in self.things:
            self.things[thing] = State({**good[0].values, ACTIVE: "1"})
        for row in creations:
            done = not row.wrong or (thing[0] == CUSTOMER and thing in self.things)
            if thing[0] == ADDRESS and done and not self.things[thing].alive and self._was_ended(row):
                done = False
            row.status = SyncStatus.DONE if done else SyncStatus.FAILED
        if thing in self.things and thing[0] == CUSTOMER:
            for row in self._of[thing]:
                if row.operation == Op.CREATE and row.status == SyncStatus.FAILED:
                    row.status = SyncStatus.DONE

    def _was_ended(self, creation: Row) -> bool:
        return any(row.operation == Op.DEACTIVATE and row.at < creation.at for row in self._of[creation.thing])

    def _edit(self, thing: Thing) -> None:
        for row in self._pending(thing):
            if row.operation == Op.CREATE:
                continue
            if row.wrong:
                row.status = SyncStatus.FAILED
            elif thing in self.things or thing[0] == ATTRIBUTE:
                changes = self._changes(row)
                if changes.get("custname") == "":
                    row.status = SyncStatus.FAILED
                    continue
                self._apply(self.things.setdefault(thing, State({ACTIVE: "0"})), row, changes)
                row.status = SyncStatus.DONE

    def _relate(self, thing: Thing) -> None:
        rows = sorted(self._of[thing], key=lambda row: row.key)
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
                for other in self._of[row.thing]
                if other.register == row.register
                and (other.lost is None or other.lost > row.era)
                and other.counter < row.counter
                and not (other.wrong and row.thing[0] == ATTRIBUTE)
            ),
            key=lambda other: other.counter,
        )
        whole = [other for other in before if other.operation != Op.DEACTIVATE]
        old = dict(whole[-1].values if whole else row.seen or {})
        if before:
            old[ACTIVE] = "0" if before[-1].operation == Op.DEACTIVATE else "1"
        if row.operation == Op.DEACTIVATE:
            return {ACTIVE: "0"}
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
