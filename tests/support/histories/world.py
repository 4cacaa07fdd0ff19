"""Registers, headquarters and the model side by side: every step of a history happens to all of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Engine

from commerce import customers, exchange
from commerce.customers.status import editing
from commerce.exchange import quarantined, repairing, rereading
from commerce.outcomes import JobResult
from commerce.schema.enums import SyncStatus
from support.histories.deaths import Death, dying
from support.histories.model import CUSTOMER, Guid, Headquarters, Row
from support.histories.tills import PostgresqlTill, SqliteTill, Till
from support.histories.writing import TABLES, Writer
from support.registers import add_postgresql_register, add_register, rows

STORES = {"S1": "USMF", "S2": "USMF", "S3": "DEMF"}
POSTGRESQL = "S2"
"""The store whose channel is on PostgreSQL."""
OPENING = 20
"""Customers that a world begins with."""


class World:
    """A history in progress. `settle` brings everything to rest, so that it can be compared with the model."""

    def __init__(
        self, hq: Engine, channel_db: Callable[[str], Engine], postgresql_channel: Callable[[str], Engine]
    ) -> None:
        self.hq = hq
        self.model = Headquarters()
        self.tills: dict[str, Till] = {}
        for store, company in STORES.items():
            if store == POSTGRESQL:
                self.tills[store] = PostgresqlTill(add_postgresql_register(hq, postgresql_channel, store, company))
            else:
                self.tills[store] = SqliteTill(add_register(hq, channel_db, store, company))
        self.writer = Writer(self.tills)
        self.recids = dict(rows(hq, "SELECT name, recid FROM cdx.retailconndatabaseprofile"))
        self._uncertain: set[str] = set()

    def close(self) -> None:
        for till in self.tills.values():
            till.close()

    def open(self, random: Random) -> None:
        """Customers that every register of their company knows."""
        self.writer.open(random, OPENING)
        self.settle()

    # What headquarters does

    def upload(self, *stores: str, death: Death | None = None) -> None:
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

    def synchronize(self, death: Death | None = None) -> None:
        with self._maybe_dying(death):
            assert customers.synchronize_customers(self.hq).ok
        if death is None and not self._uncertain:
            self.model.synchronize()

    def bind(self, random: Random, death: Death | None = None) -> None:
        """Late binding of some customers of one company."""
        company = random.choice(sorted(set(STORES.values())))
        known = self._known(company)
        chosen = random.sample(known, len(known) // 2)
        with self._maybe_dying(death):
            self._bind(company, chosen)
        if death is None and not self._uncertain:
            self.model.synchronize(set(chosen))

    def _known(self, company: str) -> list[Guid]:
        return sorted({row.thing[1] for row in self.model.rows.values() if row.thing[1][0] == company})

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

    def die_distributing(self, death: Death) -> None:
        with self._maybe_dying(death):
            exchange.distribute(self.hq, stores=list(self.tills))
        self.settle()

    def resynchronize(self, store: str, death: Death | None = None) -> None:
        """A channel gets everything anew."""
        exchange.resynchronize(self.hq, store)
        if death is None:
            self.distribute()
        else:
            self.die_distributing(death)

    def race(self, random: Random) -> None:
        """Two jobs at once."""
        everybody = self._known("USMF")
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

    def _maybe_dying(self, death: Death | None) -> Any:
        return nullcontext() if death is None else dying(self.hq, death)

    # What people do

    def mend(self, random: Random) -> None:
        """A person mends some of the rows that were refused, and some that stand in quarantine."""
        if not self._uncertain:
            self._mend_failed(random)
            self._mend_quarantined(random)

    def _mend_failed(self, random: Random) -> None:
        mended: dict[int, Row] = {}
        for table in TABLES.values():
            failed = f"SELECT recid, createddatetime FROM ax.{table.name} WHERE syncstatus = {SyncStatus.FAILED}"
            for recid, at in rows(self.hq, failed):
                row = self.writer.rows[at]
                if row.status == SyncStatus.FAILED and random.random() < 0.5:
                    mended[recid] = row
        for row in mended.values():
            if row.thing[0] == CUSTOMER and not row.mend:
                row.mend = {"custname": "mended"}
            row.values.update({name: value for name, value in row.mend.items() if name in row.values})
            row.wrong, row.status = "", SyncStatus.PENDING
        edits = [editing.Edit(recid, row.mend) for recid, row in mended.items()]
        done = editing.edit(self.hq, edits, by="Ola", retry=True)
        assert {one.outcome for one in done} <= {"changed", "unchanged"}, done

    def _mend_quarantined(self, random: Random) -> None:
        chosen = [number for number in quarantined.ids(self.hq, quarantined.OPEN) if random.random() < 0.5]
        if not chosen:
            return
        raws = quarantined.raw(self.hq, chosen, personal=True)
        repaired = {raw.about["id"]: self._of_raw(raw.data) for raw in raws}
        repairs = [repairing.Repair(number, row.mend) for number, row in repaired.items()]
        for done in repairing.repair(self.hq, repairs, by="Ola"):
            assert done.outcome in ("taken", "here_already"), done
            row = repaired[done.quarantineid]
            row.wrong = ""
            self.model.upload([row])

    def _of_raw(self, data: Any) -> Row:
        return self.writer.rows[datetime.fromisoformat(data["createddatetime"].removeprefix("yesterday "))]

    # What goes wrong in stores

    def restore(self, store: str) -> None:
        """The channel is the backup again. What was written after it and not uploaded is gone for good."""
        till = self.tills[store]
        if till.backup is None or till.stopped:
            return
        if store in self._uncertain:
            self.upload(store)
        gone = till.restore()
        till.stopped = any(self._passed(row) for row in gone) if till.is_known_by_its_counters else self._read(store)

    def _passed(self, row: Row) -> bool:
        """Whether an upload went past the row; unreadable rows move the watermark, too."""
        sql = """
            SELECT max(w.replicationcounter) FROM cdx.uploadwatermark AS w
            JOIN cdx.retailconndatabaseprofile AS p ON p.recid = w.datastore AND p.incarnation = w.incarnation
            WHERE p.name = :store AND w.tablename = :table"""
        ((watermark,),) = rows(self.hq, sql, store=row.register, table=TABLES[row.thing[0]].name)
        return (watermark or 0) >= row.counter

    def _read(self, store: str) -> bool:
        """Whether an upload knows which database it read."""
        sql = """
            SELECT count(*) FROM cdx.uploadround AS r
            JOIN cdx.retailconndatabaseprofile AS p ON p.recid = r.datastore AND p.incarnation = r.incarnation
            WHERE p.name = :store"""
        ((rounds,),) = rows(self.hq, sql, store=store)
        return bool(rounds)

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
