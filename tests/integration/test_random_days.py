"""Random days: registers sell, take back, void, train, suspend and come late; the real jobs post it, and the ledger is
to the cent what a plain model of it says.

Of its two stores one is on SQLite and one on PostgreSQL. By default two worlds of some days run; `DAYS=200` in the
environment runs that many others.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, TextClause

from commerce import run as runs
from commerce import server
from commerce.editing.editing import Edit, edit
from commerce.reconcile import reconcile
from commerce.schema.enums import FiscalPeriodStatus
from commerce.schema.headquarters import masters
from commerce.statements import invoices, orders, payments
from commerce.verify import verify
from support.days import model
from support.days.receipts import Receipt
from support.days.registers import Register
from support.masters import put
from support.registers import rows
from support.statements import ANNA, ANNA_GUID, BERT, BERT_GUID, ON_ACCOUNT, STORES, add_retailer
from support.transactions import DAY
from support.twins import twin

WORLDS = os.environ.get("DAYS")
DATES = [DAY + timedelta(days=number) for number in range(3)]
OPEN_FROM = date(2026, 3, 1)
CLOSED = date(2026, 2, 20)
BY_CALENDAR = {"S2"}
"""The store that does not post as business day."""
FAULTY = 1
"""Seed of the world that faults are planted in."""


@pytest.fixture
def retailer(hq: Engine) -> Engine:
    add_retailer(hq)
    with hq.begin() as connection:
        connection.execute(
            sa.text("UPDATE ax.retailstoretable SET stmtpostasbusinessday = 0 WHERE storenumber = ANY(:stores)"),
            {"stores": sorted(BY_CALENDAR)},
        )
    closed = {"startdate": date(2026, 2, 1), "enddate": date(2026, 2, 28), "status": int(FiscalPeriodStatus.ON_HOLD)}
    put(hq, masters.FISCAL_PERIOD, "USMF", **closed)
    put(hq, masters.FISCAL_PERIOD, "USMF", startdate=OPEN_FROM, enddate=date(2026, 4, 30))
    return hq


class World:
    """Headquarters, registers, and the receipts that they have written."""

    def __init__(self, hq: Engine, *channels: Engine) -> None:
        self.hq = hq
        self.receipts: list[Receipt] = []
        self.registers = [Register(store, channel) for store, channel in zip(STORES, channels, strict=True)]
        with hq.begin() as connection:
            for register in self.registers:
                url = register.channel.url.set(drivername=register.channel.dialect.name)
                connection.execute(
                    sa.text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = :store"),
                    {"url": url.render_as_string(), "store": register.store},
                )

    def live(self, random: Random) -> None:
        """Three days; now and then a store, or all of them, are posted a day later only. At the end what stands in a
        closed period is moved to an open day by a person, and posted there."""
        for number, day in enumerate(DATES):
            for register in self.registers:
                self.receipts += register.sell(random, day, DATES[:number], CLOSED)
            if random.random() < 0.8:
                self.post(day, random.choice((None, None, ["S1"], ["S2"])))
        self.post(DATES[-1])
        self.compare()
        self.move(random)
        self.post(DATES[-1])
        self.compare()

    def post(self, day: date, stores: list[str] | None = None) -> None:
        summary = runs.end_of_day(self.hq, business_date=day, stores=stores)
        assert summary.ok, summary.as_dict()

    def move(self, random: Random) -> None:
        """A person gives each right transaction of the closed period a business date that is open."""
        edits = []
        for one in self.receipts:
            if model.posts(one, date.min) and one.business < OPEN_FROM:
                one.business = one.calendar = random.choice(DATES)
                changes = {"businessdate": one.business.isoformat(), "transdate": one.calendar.isoformat()}
                edits.append(Edit((one.store, "T1", one.id), "header", {}, changes))
        if edits:
            done = edit(self.hq, edits, "transactions", by="kari", reason="period is closed")
            assert done.written, done

    def compare(self) -> None:
        posted = [one for one in self.receipts if model.posts(one, OPEN_FROM)]
        marked = rows(self.hq, "SELECT transactionid FROM ax.retaileodtransactiontable ORDER BY 1")
        assert [name for (name,) in marked] == sorted(one.id for one in posted)
        assert ledger(self.hq) == model.ledger(posted, BY_CALENDAR, ON_ACCOUNT)
        assert balances(self.hq) == model.balances(posted, ON_ACCOUNT)
        result = reconcile(self.hq)
        assert result.ok, result.as_dict()
        assert all(figure.difference == 0 for figure in result.figures)
        assert verify(self.hq) == []


def ledger(hq: Engine) -> dict[model.Place, Decimal]:
    query = """
        SELECT v.store, v.accountingdate, l.postingtype, l.tendertypeid || l.taxcode,
               sum(l.debitamount - l.creditamount)
        FROM ax.generaljournalentry AS v JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
        GROUP BY 1, 2, 3, 4 HAVING sum(l.debitamount - l.creditamount) <> 0"""
    return {(store, day, kind, key): amount for store, day, kind, key, amount in rows(hq, query)}


def balances(hq: Engine) -> dict[str, Decimal]:
    guids = {ANNA: ANNA_GUID, BERT: BERT_GUID}
    query = "SELECT accountnum, sum(amountcur) FROM ax.custtrans GROUP BY 1 HAVING sum(amountcur) <> 0"
    return {guids.get(account, ""): amount for account, amount in rows(hq, query)}


@pytest.mark.slow
@settings(
    max_examples=int(WORLDS or "1"),
    deadline=None,
    derandomize=WORLDS is None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
    print_blob=True,
)
@given(seed=st.integers(0, 2**20))
@example(seed=FAULTY)  # right as long as no fault is planted
def test_the_ledger_is_what_the_model_says(
    retailer: Engine,
    hq_server: server.Server,
    channel_file: Path,
    postgresql_channel: Callable[[str], Engine],
    seed: int,
) -> None:
    with (
        twin(retailer, hq_server) as hq,
        tempfile.TemporaryDirectory() as folder,
        twin(postgresql_channel("pristine"), hq_server) as postgresql,
    ):
        file = shutil.copy(channel_file, Path(folder) / "channel.db")
        sqlite = sa.create_engine(f"sqlite:///{file}")
        World(hq, *((sqlite, postgresql) if seed % 2 else (postgresql, sqlite))).live(Random(seed))
        sqlite.dispose()


def replaced(statement: TextClause, old: str, new: str) -> TextClause:
    assert old in str(statement)
    return sa.text(str(statement).replace(old, new))


FAULTS = {
    "change is not taken off": (payments, "CREATE_PAID", "(p.voidstatus = 0", "(p.changeline = 0 AND p.voidstatus = 0"),
    "a voided line is counted": (orders, "CREATE_LINES", "l.transactionstatus <> 1", "l.transactionstatus < 9"),
    "tax of a voided line is counted": (invoices, "CREATE_TAX", "-x.taxbaseamount, -x.amount, -1", "0, 0, 0"),
    "euros are taken for dollars": (
        payments,
        "CREATE_PAID",
        "CASE WHEN p.currency = s.currency THEN p.amountcur ELSE p.amountmst END",
        "p.amountcur",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(
    retailer: Engine,
    channel_db: Callable[[str], Engine],
    postgresql_channel: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    module, name, old, new = FAULTS[fault]
    monkeypatch.setattr(module, name, replaced(getattr(module, name), old, new))
    with pytest.raises(AssertionError):
        World(retailer, channel_db("S1"), postgresql_channel("S2")).live(Random(FAULTY))
