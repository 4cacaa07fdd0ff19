"""Registers, headquarters and the model side by side: every step of a history happens to all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from sqlalchemy import Engine

from commerce import customers, exchange
from commerce.exchange import rereading
from commerce.outcomes import JobResult
from commerce.schema.enums import ContactType
from commerce.schema.enums import CustomerAsyncOperation as Op
from commerce.schema.uploaded import ASYNC_ADDRESS, ASYNC_AFFILIATION, ASYNC_CONTACT, ASYNC_CUSTOMER, UploadedTable
from support.histories.deaths import dying
from support.histories.model import ADDRESS, AFFILIATION, CONTACT, CUSTOMER, FIELDS, Guid, Headquarters, Row, Thing
from support.registers import GUID, Register, add_register, rows

STORES = {"S1": "USMF", "S2": "USMF", "S3": "DEMF"}
TABLES: dict[str, UploadedTable] = {
    CUSTOMER: ASYNC_CUSTOMER,
    ADDRESS: ASYNC_ADDRESS,
    CONTACT: ASYNC_CONTACT,
    AFFILIATION: ASYNC_AFFILIATION,
}
IDS = {ADDRESS: "addressid", CONTACT: "contactid", AFFILIATION: "retailaffiliationid"}
AFFILIATIONS = ("1", "2")
Views = dict[Thing, dict[str, str]]


@dataclass
class Till:
    """A register: its channel file, what it wrote, and what job 1010 has shown it. `backup`: the three as they were."""

    real: Register
    rows: list[Row] = field(default_factory=list)
    view: Views = field(default_factory=dict)
    accounts: dict[Guid, str] = field(default_factory=dict)
    backup: tuple[list[Row], Views, dict[Guid, str]] | None = None
    stopped: bool = False
    behind: bool = False
    """Restored, and not distributed to since: it shows what has been overtaken."""

    @property
    def company(self) -> str:
        return self.real.company

    def chain(self, thing: Thing) -> list[Row]:
        return [row for row in self.rows if row.thing == thing and row.wrong != "unreadable"]


class World:
    """A history in progress. `settle` brings everything to rest, so that it can be compared with the model."""

    def __init__(self, hq: Engine, channel_db: Callable[[str], Engine]) -> None:
        self.hq = hq
        self.model = Headquarters()
        self.tills = {store: Till(add_register(hq, channel_db, store, company)) for store, company in STORES.items()}
        self.recids = dict(rows(hq, "SELECT name, recid FROM cdx.retailconndatabaseprofile"))
        self._uncertain: set[str] = set()
        self._numbers = 0

    # What registers do

    def open(self, random: Random) -> None:
        """A few customers that every register of their company knows."""
        for _ in range(12):
            self._create(random.choice(list(self.tills.values())), random)
        self.settle()

    def write(self, random: Random, operations: int) -> None:
        """Mostly on customers that are there already, so that operations meet."""
        steps = (self._create, self._edit, self._detail, self._visit)
        for step in random.choices(steps, (1, 6, 3, 6), k=operations):
            step(random.choice(list(self.tills.values())), random)

    def _create(self, till: Till, random: Random) -> None:
        """A new customer: good, of a group that nobody knows, or unreadable; sometimes a GUID of the other company."""
        others = [row.thing[1][1] for other in self.tills.values() for row in other.rows if row.thing[0] == CUSTOMER]
        self._numbers += 1
        guid = GUID.format(self._numbers)
        if others and random.random() < 0.1:
            guid = random.choice(others)
        thing = (CUSTOMER, (till.company, guid), "")
        if any(other.chain(thing) for other in self.tills.values() if other.company == till.company):
            return
        wrong = random.choices(("", "refused", "unreadable"), (8, 1, 1))[0]
        self._put(till, thing, Op.CREATE, self._values(CUSTOMER, random), wrong)

    def _edit(self, till: Till, random: Random) -> None:
        """Another operation on something that this register wrote itself; a bad creation is written once more, well."""
        things = sorted({row.thing for row in till.rows})
        if not things:
            return
        thing = random.choice(things)
        chain = till.chain(thing)
        created = any(row.operation == Op.CREATE and not row.wrong for row in chain)
        if not created and (thing[0] == AFFILIATION or random.random() < 0.5):
            self._put(till, thing, Op.CREATE, self._values(thing[0], random), "")
            return
        if not chain:
            return
        if random.random() < 0.2:
            self._put(till, thing, Op.DEACTIVATE, {}, "")
            return
        if thing[0] == AFFILIATION:
            self._put(till, thing, Op.CREATE, {}, "")
            return
        self._put(till, thing, Op.UPDATE, *self._changed(thing[0], self._last_values(chain), random))

    def _detail(self, till: Till, random: Random) -> None:
        """An address, a contact or an affiliation of a customer that this register wrote."""
        guids = sorted({row.thing[1] for row in till.rows if row.thing[0] == CUSTOMER})
        if not guids:
            return
        kind = random.choice((ADDRESS, ADDRESS, CONTACT, AFFILIATION))
        self._numbers += 1
        name = random.choice(AFFILIATIONS) if kind == AFFILIATION else f"{kind[0]}{self._numbers}"
        thing = (kind, random.choice(guids), name)
        if kind == AFFILIATION and till.chain(thing):
            return
        wrong = "" if kind == AFFILIATION else random.choices(("", "refused", "unreadable"), (8, 1, 1))[0]
        self._put(till, thing, Op.CREATE, self._values(kind, random), wrong)

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
            self._put(till, (ADDRESS, thing[1], f"v{self._numbers}"), Op.CREATE, self._values(ADDRESS, random), "")
            return
        self._put(till, thing, Op.UPDATE, *self._changed(CUSTOMER, till.view[thing], random))

    def _last_values(self, chain: list[Row]) -> dict[str, str]:
        return next((dict(row.values) for row in reversed(chain) if row.operation != Op.DEACTIVATE), {})

    def _changed(self, kind: str, values: dict[str, str], random: Random) -> tuple[dict[str, str], str]:
        """A few fields changed; now and then to something that headquarters refuses."""
        new = {name: values.get(name, "") for name in FIELDS[kind]}
        for name in random.sample(FIELDS[kind], random.randint(0, 2)):
            new[name] = self._value(name, random)
        if random.random() < 0.1:
            new |= dict.fromkeys(("custname",) if kind == CUSTOMER else FIELDS[kind], "")
        blank = not any(new.values()) if kind == ADDRESS else kind == CONTACT and new["locator"] == ""
        return new, "refused" if blank else ""

    def _values(self, kind: str, random: Random) -> dict[str, str]:
        return {name: self._value(name, random) for name in FIELDS[kind]}

    def _value(self, name: str, random: Random) -> str:
        if name in ("email", "phone", "receiptemail", "description") and random.random() < 0.3:
            return ""
        if name == "languageid":
            return random.choice(("en-us", "nb-no", "de"))
        return f"{name[:4]}{random.randint(0, 99)}"

    def _put(self, till: Till, thing: Thing, operation: Op, values: dict[str, str], wrong: str) -> None:
        kind, (_, guid), name = thing
        at = datetime.now(UTC)
        written: dict[str, Any] = {"custaccountasync": guid, "operation": int(operation), **values}
        if not till.chain(thing) and thing in till.view:
            written |= {"custaccount": till.accounts[thing[1]], "custaccountasync": None}
        if kind != CUSTOMER and thing[1] in till.accounts and name.startswith("v"):
            written |= {"custaccount": till.accounts[thing[1]], "custaccountasync": None}
        if name:
            written[IDS[kind]] = name
        if kind == CUSTOMER:
            written |= {"relationshiptype": 1, "custgroup": "RETAIL", "currency": "USD"}
            if wrong == "refused" and operation == Op.CREATE:
                written["custgroup"] = "NOBODYS"
        if kind == CONTACT:
            written["contacttype"] = int(ContactType.EMAIL)
        if wrong == "refused" and operation == Op.CREATE and kind != CUSTOMER:
            values = dict.fromkeys(FIELDS[kind], "")
            written |= values
        if wrong == "unreadable":
            written["createddatetime"] = "yesterday"
        else:
            written["createddatetime"] = at.isoformat()
        counter = till.real.put(TABLES[kind], **written)
        row = Row(till.real.store, counter, thing, operation, at, values, wrong)
        if not till.chain(thing):
            row.seen = till.view.get(thing)
        till.rows.append(row)

    # What headquarters does

    def upload(self, *stores: str, death: tuple[int, bool] | None = None) -> None:
        with self._maybe_dying(death):
            result = exchange.upload(self.hq, stores=stores)
            for store in stores:
                assert result.stores[store].state == ("failed" if self.tills[store].stopped else "done"), result
        if death is not None:
            self._uncertain |= set(stores)
            return
        for store in stores:
            if not self.tills[store].stopped:
                self._uncertain.discard(store)
                self.model.upload(self.tills[store].rows)

    def synchronize(self, death: tuple[int, bool] | None = None) -> None:
        with self._maybe_dying(death):
            assert customers.synchronize_customers(self.hq).ok
        if death is None and not self._uncertain:
            self.model.synchronize()

    def bind(self, random: Random, death: tuple[int, bool] | None = None) -> None:
        """Late binding of some customers of one company."""
        company = random.choice(sorted(set(STORES.values())))
        known = sorted({row.thing[1] for row in self.model.rows if row.thing[1][0] == company})
        chosen = random.sample(known, len(known) // 2)
        with self._maybe_dying(death):
            self._bind(company, chosen)
        if death is None and not self._uncertain:
            self.model.synchronize(set(chosen))

    def _bind(self, company: str, chosen: list[Guid]) -> None:
        customers.convert_referenced(
            self.hq,
            references_sql="SELECT CAST(:company AS text) AS dataareaid, unnest(CAST(:guids AS text[])) AS"
            " custaccountasync, '' AS addressidasync",
            parameters={"company": company, "guids": [guid for _, guid in chosen]},
            job="bind-cash-and-carry",
        )

    def distribute(self) -> None:
        """Registers show what headquarters has; only when the model knows what that is."""
        if self._uncertain:
            return
        self.synchronize()
        assert exchange.distribute(self.hq, stores=list(self.tills)).ok
        self._show()

    def die_distributing(self, death: tuple[int, bool]) -> None:
        with self._maybe_dying(death):
            exchange.distribute(self.hq, stores=list(self.tills))
        self.settle()

    def race(self, random: Random) -> None:
        """Two jobs at once."""
        everybody = sorted({row.thing[1] for row in self.model.rows if row.thing[1][0] == "USMF"})
        jobs: list[Callable[[], Any]] = [
            lambda: customers.synchronize_customers(self.hq),
            lambda: customers.synchronize_customers(self.hq),
            lambda: exchange.distribute(self.hq, stores=list(self.tills)),
            lambda: self._bind("USMF", everybody),
        ]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(job) for job in random.sample(jobs, 2)]:
                result = done.result(timeout=120)
                assert not isinstance(result, JobResult) or result.ok, result
        self.settle()

    def _maybe_dying(self, death: tuple[int, bool] | None) -> Any:
        return nullcontext() if death is None else dying(self.hq, death[0], after=death[1])

    # What goes wrong in stores

    def back_up(self, store: str) -> None:
        till = self.tills[store]
        till.real.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(till.real.path, f"{till.real.path}.backup")
        till.backup = (list(till.rows), dict(till.view), dict(till.accounts))

    def restore(self, store: str) -> None:
        """The channel file is the backup again. What was written after it and not uploaded is gone for good."""
        till = self.tills[store]
        if till.backup is None or till.stopped:
            return
        if store in self._uncertain:
            self.upload(store)
        for suffix in ("-wal", "-shm"):
            till.real.path.with_name(till.real.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(f"{till.real.path}.backup", till.real.path)
        gone = [row for row in till.rows if row not in till.backup[0]]
        kept, view, accounts = till.backup
        till.rows, till.view, till.accounts = list(kept), dict(view), dict(accounts)
        till.behind = True
        till.stopped = any(self._passed(row) for row in gone)
        for row in gone:
            row.lost = True

    def _passed(self, row: Row) -> bool:
        """Whether an upload went past the row; unreadable rows move the watermark, too."""
        sql = """
            SELECT max(w.replicationcounter) FROM cdx.uploadwatermark AS w
            JOIN cdx.retailconndatabaseprofile AS p ON p.recid = w.datastore AND p.incarnation = w.incarnation
            WHERE p.name = :store AND w.tablename = :table"""
        ((watermark,),) = rows(self.hq, sql, store=row.register, table=TABLES[row.thing[0]].name)
        return (watermark or 0) >= row.counter

    def open_incarnation(self, store: str) -> None:
        till = self.tills[store]
        if till.stopped:
            exchange.open_incarnation(self.hq, store)
            till.stopped = False

    def read_again(self, store: str) -> None:
        """Everything is uploaded once more."""
        if self.tills[store].stopped:
            return
        with self.hq.begin() as connection:
            rereading.read_again(connection, [self.recids[store]])
        self.upload(store)

    # Rest

    def settle(self) -> None:
        """Everything is uploaded, synchronized and distributed."""
        for store, till in self.tills.items():
            if till.stopped:
                self.open_incarnation(store)
        self.upload(*self.tills)
        self.distribute()

    def _show(self) -> None:
        """What job 1010 has brought to the registers, as far as the model cares."""
        accounts = {
            (company, guid): account
            for company, guid, account in rows(
                self.hq, "SELECT dataareaid, custaccountasync, accountnum FROM ax.custaccountasyncmap"
            )
        }
        for till in self.tills.values():
            till.accounts = {guid: account for guid, account in accounts.items() if guid[0] == till.company}
            till.view = {
                thing: dict(state.values)
                for thing, state in self.model.things.items()
                if thing[1][0] == till.company and thing[0] == CUSTOMER and state.alive
            }
            till.behind = False
