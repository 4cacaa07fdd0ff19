"""What registers write in a history: customers, what belongs to them, edits, and rows that headquarters refuses."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from random import Random
from typing import Any

from commerce.schema.enums import AddressType, AttributeDataType, ContactType, RelationType
from commerce.schema.enums import CustomerAsyncOperation as Op
from commerce.schema.uploaded import (
    ASYNC_ADDRESS,
    ASYNC_AFFILIATION,
    ASYNC_ATTRIBUTE,
    ASYNC_CONTACT,
    ASYNC_CUSTOMER,
    UploadedTable,
)
from support.histories.model import ADDRESS, AFFILIATION, ATTRIBUTE, CONTACT, CUSTOMER, FIELDS, Row, Thing
from support.histories.tills import SqliteTill, Till
from support.registers import GUID

TABLES: dict[str, UploadedTable] = {
    CUSTOMER: ASYNC_CUSTOMER,
    ADDRESS: ASYNC_ADDRESS,
    CONTACT: ASYNC_CONTACT,
    AFFILIATION: ASYNC_AFFILIATION,
    ATTRIBUTE: ASYNC_ATTRIBUTE,
}
IDS = {
    ADDRESS: "addressid",
    CONTACT: "contactid",
    AFFILIATION: "retailaffiliationid",
    ATTRIBUTE: "attributerecid",
}
AFFILIATIONS = ("1", "2")
ATTRIBUTES = {
    "1": (AttributeDataType.TEXT, ("red", "green", "blue")),
    "2": (AttributeDataType.INTEGER, ("1", "22", "-333")),
    "3": (AttributeDataType.DATE_TIME, ("2026-03-02", "2026-03-03", "2026-03-04T10:00:00Z")),
    "4": (AttributeDataType.TRUE_FALSE, ("true", "no", "1")),
}
"""By record id: type and some values."""
ROLES = {
    "home": AddressType.HOME,
    "business": AddressType.BUSINESS,
    "delivery": AddressType.DELIVERY,
    "invoice": AddressType.INVOICE,
}
TOO_WIDE = {CUSTOMER: ("currency", "USD"), ADDRESS: ("county", ""), CONTACT: ("locatorextension", "")}
"""A column that no comparison looks at, which may be wider on a channel than in headquarters, and a good value."""


def is_organization(guid: str) -> bool:
    return int(guid[-2:]) % 4 == 0


class Writer:
    def __init__(self, tills: Mapping[str, Till]) -> None:
        self._tills = tills
        self._numbers = 0
        self._used: set[Thing] = set()
        self.rows: dict[datetime, Row] = {}
        """Everything that was ever written, also what a restored backup has lost."""

    def open(self, random: Random, customers: int) -> None:
        with self._busy():
            for _ in range(customers):
                self._create(random.choice(list(self._tills.values())), random)

    def write(self, random: Random, operations: int) -> None:
        """Mostly on customers that are there already, so that operations meet."""
        steps = (self._create, self._edit, self._detail, self._visit)
        with self._busy():
            for step in random.choices(steps, (1, 6, 3, 6), k=operations):
                step(random.choice(list(self._tills.values())), random)

    def _busy(self) -> ExitStack:
        stack = ExitStack()
        for till in self._tills.values():
            stack.enter_context(till.real.busy())
        return stack

    def _create(self, till: Till, random: Random) -> None:
        """A new customer: good, of a group that nobody knows, or unreadable; sometimes a GUID of the other company."""
        self._numbers += 1
        guid = GUID.format(self._numbers)
        others = [row.thing[1][1] for other in self._tills.values() for row in other.rows if row.thing[0] == CUSTOMER]
        if others and random.random() < 0.1:
            guid = random.choice(others)
        thing = (CUSTOMER, (till.company, guid), "")
        if any(other.chain(thing) for other in self._tills.values() if other.company == till.company):
            return
        self._put(till, thing, Op.CREATE, self._values(thing, random), self._wrong(random), random)

    def _edit(self, till: Till, random: Random) -> None:
        """Another operation on something that this register wrote itself; a bad creation is written once more, well."""
        things = sorted({row.thing for row in till.rows})
        if not things:
            return
        thing = random.choice(things)
        chain = till.chain(thing)
        created = any(row.operation == Op.CREATE and not row.wrong for row in chain)
        if thing in till.view and not chain:
            return  # job 1010 has brought it meanwhile: it is created no more
        if not created and thing[0] != ATTRIBUTE and (thing[0] == AFFILIATION or random.random() < 0.5):
            self._put(till, thing, Op.CREATE, self._values(thing, random), "", random)
        elif not chain:
            return
        elif random.random() < 0.2:
            self._put(till, thing, Op.DEACTIVATE, {}, "", random)
        elif thing[0] == AFFILIATION:
            self._put(till, thing, Op.CREATE, {}, "", random)
        else:
            self._put(till, thing, Op.UPDATE, *self._changed(thing, self._last_values(chain), random), random)

    def _detail(self, till: Till, random: Random) -> None:
        """An address, a contact, an affiliation or an attribute of a customer that this register wrote."""
        guids = sorted({row.thing[1] for row in till.rows if row.thing[0] == CUSTOMER})
        if not guids:
            return
        kind = random.choice((ADDRESS, ADDRESS, CONTACT, AFFILIATION, ATTRIBUTE))
        self._numbers += 1
        name = f"{kind[0]}{self._numbers}"
        if kind in (AFFILIATION, ATTRIBUTE):
            name = random.choice(AFFILIATIONS if kind == AFFILIATION else tuple(ATTRIBUTES))
        thing = (kind, random.choice(guids), name)
        if (kind == AFFILIATION and till.chain(thing)) or (kind == ATTRIBUTE and thing in self._used):
            return
        wrong = "" if kind == AFFILIATION else self._wrong(random)
        self._put(till, thing, Op.CREATE, self._values(thing, random), wrong, random)

    def _visit(self, till: Till, random: Random) -> None:
        """A synchronous customer that came from elsewhere is edited here, or gets an address here."""
        if till.behind:
            return
        known = sorted(
            thing for thing in till.view if thing[0] == CUSTOMER and not till.chain(thing) and thing[1] in till.accounts
        )
        if not known:
            return
        thing = random.choice(known)
        if random.random() < 0.3:
            self._numbers += 1
            address = (ADDRESS, thing[1], f"v{self._numbers}")
            self._put(till, address, Op.CREATE, self._values(address, random), "", random)
            return
        self._put(till, thing, Op.UPDATE, *self._changed(thing, till.view[thing], random), random)

    def _wrong(self, random: Random) -> str:
        return random.choices(("", "refused", "unreadable"), (8, 1, 1))[0]

    def _last_values(self, chain: list[Row]) -> dict[str, str]:
        return next((dict(row.written) for row in reversed(chain) if row.operation != Op.DEACTIVATE), {})

    def _changed(self, thing: Thing, values: dict[str, str], random: Random) -> tuple[dict[str, str], str]:
        """A few fields changed; now and then to something that headquarters refuses."""
        kind = thing[0]
        new = {name: values.get(name, "") for name in FIELDS[kind]}
        for name in random.sample(FIELDS[kind], random.randint(0, min(2, len(new)))):
            new[name] = self._value(thing, name, random)
        if kind == ATTRIBUTE:
            return new, "refused" if new != self._well(thing, new, random) else ""
        if random.random() < 0.1:
            blanked = {CUSTOMER: ("custname",), ADDRESS: ("street", "city", "zip"), CONTACT: FIELDS[CONTACT]}[kind]
            new |= dict.fromkeys(blanked, "")
        if kind == CUSTOMER and not any(new.values()):
            new["email"] = self._value(thing, "custname", random)  # a row without any person is one that was purged
        return new, "refused" if new != self._well(thing, new, random) else ""

    def _well(self, thing: Thing, values: dict[str, str], random: Random) -> dict[str, str]:
        """Good values instead of those that headquarters refuses wherever it sees them."""
        kind = thing[0]
        if kind == ADDRESS and not any(values[name] for name in ("street", "city", "zip")):
            return {**values, "city": self._value(thing, "city", random)}
        if kind == CONTACT and not values["locator"]:
            return {**values, "locator": self._value(thing, "locator", random)}
        if kind == ATTRIBUTE and values["attributevaluestring"] not in ATTRIBUTES[thing[2]][1]:
            return {"attributevaluestring": self._value(thing, "attributevaluestring", random)}
        return values

    def _values(self, thing: Thing, random: Random) -> dict[str, str]:
        return {name: self._value(thing, name, random) for name in FIELDS[thing[0]]}

    def _value(self, thing: Thing, name: str, random: Random) -> str:
        if name in ("email", "receiptemail", "description", "contactpersonid") and random.random() < 0.3:
            return ""
        if name == "role":
            return random.choice(("business" if is_organization(thing[1][1]) else "home", *ROLES))
        if name == "attributevaluestring":
            return random.choice(ATTRIBUTES[thing[2]][1])
        return f"{name[:4]}{random.randint(0, 99)}"

    def _put(self, till: Till, thing: Thing, operation: Op, values: dict[str, str], wrong: str, random: Random) -> None:
        kind, (_, guid), name = thing
        at = datetime.now(UTC)
        mend: dict[str, str] = {}
        if wrong == "refused" and kind == ATTRIBUTE and operation == Op.CREATE:
            wrong = "" if ATTRIBUTES[name][0] == AttributeDataType.TEXT else wrong
            values = {"attributevaluestring": "never"} if wrong else values
        elif wrong == "refused" and operation == Op.CREATE and kind != CUSTOMER:
            values = {**values, **dict.fromkeys((n for n in values if n != "role"), "")}
        if wrong == "refused" and kind != CUSTOMER:
            mend = {n: v for n, v in self._well(thing, values, random).items() if v != values[n]}
        written: dict[str, Any] = {"custaccountasync": guid, "operation": int(operation), **values}
        if name:
            written[IDS[kind]] = name
        known = thing[1] in till.accounts
        if (not till.chain(thing) and thing in till.view) or (kind != CUSTOMER and known and name.startswith("v")):
            written |= {"custaccount": till.accounts[thing[1]], "custaccountasync": None}
        if kind == CUSTOMER:
            party = RelationType.ORGANIZATION if is_organization(guid) else RelationType.PERSON
            written |= {"relationshiptype": int(party), "custgroup": "RETAIL", "currency": "USD"}
            if wrong == "refused" and operation == Op.CREATE:
                written["custgroup"], mend = "NOBODYS", {"custgroup": "RETAIL"}
        if kind == ADDRESS and operation != Op.DEACTIVATE:
            role = ROLES[values["role"]]
            usual = ROLES["business" if is_organization(guid) else "home"]
            written["role"] = 0 if role == usual and random.random() < 0.5 else int(role)
            written["makepostaladdressprimary"] = int(random.random() < 0.2)
        if kind == CONTACT:
            written["contacttype"] = int(ContactType.EMAIL)
        written["createddatetime"] = at.isoformat()
        if wrong == "unreadable":
            if kind in TOO_WIDE and (not isinstance(till, SqliteTill) or random.random() < 0.5):
                column, good = TOO_WIDE[kind]
                written[column], mend = "x" * 40, {column: good}
            elif isinstance(till, SqliteTill):
                written["createddatetime"], mend = f"yesterday {at.isoformat()}", {"createddatetime": at.isoformat()}
            else:
                wrong = ""
        counter = till.real.put(TABLES[kind], **written)
        row = Row(till.real.store, counter, thing, operation, at, values, wrong, mend=mend, era=till.era)
        if not till.chain(thing):
            row.seen = till.view.get(thing)
        till.rows.append(row)
        self.rows[at] = row
        self._used.add(thing)
