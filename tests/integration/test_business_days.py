"""Business days: stores in several time zones, across midnight, late transactions, and closed fiscal periods; real
channel files and the whole end of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce import run as runs
from commerce.reconcile import reconcile
from commerce.run import jobs
from commerce.schema.enums import FiscalPeriodStatus
from commerce.schema.headquarters import masters
from commerce.statements import invoices
from commerce.verify import verify
from support.channels import ChannelFactory, move_to_channels
from support.company import add_store
from support.masters import put
from support.registers import rows
from support.statements import STORES, TOMORROW, add_retailer
from support.transactions import DAY, add_sale

PLACES = {
    "AUCKLAND": ("Pacific/Auckland", time(0)),
    "OSLO": ("Europe/Oslo", time(0)),
    "LA": ("America/Los_Angeles", time(0)),
    "BAR": ("Europe/Oslo", time(3)),
}


@pytest.fixture
def retailer(hq: Engine) -> Engine:
    add_retailer(hq)
    return hq


def do(hq: Engine, statement: str, **values: Any) -> None:
    with hq.begin() as connection:
        connection.execute(sa.text(statement), values)


def end_of_day(hq: Engine, day: date = DAY, **options: Any) -> dict[str, runs.StoreSummary]:
    return {store.store: store for store in runs.end_of_day(hq, business_date=day, **options).stores}


def assert_clean(hq: Engine) -> None:
    stores = [store for (store,) in rows(hq, "SELECT DISTINCT storeid FROM ax.retailstatementtable")]
    result = reconcile(hq, stores=stores)
    assert result.ok, result.as_dict()
    assert verify(hq) == []


def test_each_store_is_posted_when_its_own_business_day_has_ended(retailer: Engine, channel_db: ChannelFactory) -> None:
    hq = retailer
    for store, (zone, closing) in PLACES.items():
        add_store(hq, store)
        do(
            hq,
            "UPDATE ax.retailchanneltable SET channeltimezoneinfoid = :zone WHERE retailchannelid = :store",
            zone=zone,
            store=store,
        )
        do(
            hq,
            "UPDATE ax.retailstoretable SET stmtcalcbatchendtime = :closing WHERE storenumber = :store",
            closing=closing,
            store=store,
        )
        add_sale(hq, store, 1)
    move_to_channels(hq, channel_db, *PLACES)
    # 2 March ends at 11:00 UTC in Auckland (UTC+13), 23:00 in Oslo, 02:00 in the bar, 08:00 on 3 March in Los Angeles.
    ends = {
        "AUCKLAND": datetime(2026, 3, 2, 11, tzinfo=UTC),
        "OSLO": datetime(2026, 3, 2, 23, tzinfo=UTC),
        "BAR": datetime(2026, 3, 3, 2, tzinfo=UTC),
        "LA": datetime(2026, 3, 3, 8, tzinfo=UTC),
    }
    posted: set[str] = set()
    for store, moment in ends.items():
        for clock, expected in ((moment - timedelta(seconds=1), posted), (moment, posted | {store})):
            found = end_of_day(hq, stores=list(PLACES), now=lambda clock=clock: clock)
            open_stores = {name for name, one in found.items() if one.state == "not_closed"}
            assert open_stores == set(PLACES) - expected, (store, clock)
        posted.add(store)
    statements = rows(hq, "SELECT storeid, businessdate FROM ax.retailstatementtable WHERE postingstatus = 20")
    assert sorted(statements) == [(store, DAY) for store in sorted(PLACES)]
    assert_clean(hq)


@pytest.mark.parametrize(("as_business_day", "orders"), [(1, [(DAY, 2)]), (0, [(DAY, 1), (TOMORROW, 1)])])
def test_a_bar_that_is_open_across_midnight(
    retailer: Engine, channel_db: ChannelFactory, as_business_day: int, orders: list[tuple[date, int]]
) -> None:
    """One sales order across midnight under the business date, or one for each calendar date."""
    hq = retailer
    do(hq, "UPDATE ax.retailstoretable SET stmtpostasbusinessday = :value", value=as_business_day)
    add_sale(hq, "S1", 1)
    add_sale(hq, "S1", 2, header={"transdate": TOMORROW})  # half past one at night, still the business date
    move_to_channels(hq, channel_db, *STORES)
    assert end_of_day(hq)["S1"].state == "posted"
    found = rows(
        hq,
        "SELECT o.businessdate, count(*)::integer FROM ax.salestable AS o JOIN ax.salesline AS l USING (dataareaid,"
        " salesid) JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, salesid)"
        " CROSS JOIN generate_series(1, a.transactioncount) GROUP BY o.salesid, o.businessdate ORDER BY 1",
    )
    assert found == orders
    dates = [day for day, _ in orders]
    assert rows(hq, "SELECT DISTINCT accountingdate FROM ax.generaljournalentry ORDER BY 1") == [(d,) for d in dates]
    assert rows(hq, "SELECT DISTINCT invoicedate FROM ax.custinvoicejour ORDER BY 1") == [(day,) for day in dates]
    assert rows(hq, "SELECT DISTINCT businessdate FROM ax.retailstatementtable") == [(DAY,)]
    assert_clean(hq)


def test_a_calendar_date_of_two_business_days_is_two_statements(retailer: Engine, channel_db: ChannelFactory) -> None:
    hq = retailer
    do(hq, "UPDATE ax.retailstoretable SET stmtpostasbusinessday = 0")
    add_sale(hq, "S1", 1, header={"transdate": TOMORROW})
    add_sale(hq, "S1", 2, day=TOMORROW)
    move_to_channels(hq, channel_db, *STORES)
    assert end_of_day(hq, TOMORROW)["S1"].state == "posted"
    query = "SELECT businessdate, coalesce(postingdate, businessdate) FROM ax.retailstatementtable ORDER BY 1"
    assert rows(hq, query) == [(DAY, TOMORROW), (TOMORROW, TOMORROW)]
    assert_clean(hq)


POSTED = ("generaljournalentry", "salestable", "salesline", "custinvoicejour", "retailstatementtable")
LEDGER = """
    SELECT * FROM ax.generaljournalaccountentry AS l
    WHERE (dataareaid, voucher) IN (SELECT dataareaid, voucher FROM ax.retailstatementvoucher WHERE statementid = :id)
    ORDER BY voucher, linenum"""


def test_a_late_transaction_gets_a_further_statement_and_the_first_one_stays_byte_by_byte(
    retailer: Engine, channel_db: ChannelFactory
) -> None:
    hq = retailer
    add_sale(hq, "S1", 1)
    move_to_channels(hq, channel_db, *STORES)
    (first,) = end_of_day(hq)["S1"].statements
    before = {table: rows(hq, f"SELECT * FROM ax.{table} ORDER BY 1, 2, 3") for table in POSTED}
    ledger = rows(hq, LEDGER, id=first)
    add_sale(hq, "S1", 2)  # an offline register comes back a day later
    found = end_of_day(hq, TOMORROW)["S1"]
    assert (found.state, found.transactions) == ("posted", 1)
    (second,) = found.statements
    assert second != first
    assert rows(hq, LEDGER, id=first) == ledger
    for table, old in before.items():
        assert rows(hq, f"SELECT * FROM ax.{table} ORDER BY 1, 2, 3")[: len(old)] == old
    assert rows(hq, "SELECT businessdate FROM ax.retailstatementtable") == [(DAY,), (DAY,)]


class TestFiscalPeriods:
    @pytest.fixture
    def close(self, retailer: Engine) -> Callable[[FiscalPeriodStatus], None]:
        """February is open; March, too, until a test closes it."""
        put(retailer, masters.FISCAL_PERIOD, "USMF", startdate=date(2026, 2, 1), enddate=date(2026, 2, 28))
        put(retailer, masters.FISCAL_PERIOD, "USMF", startdate=date(2026, 3, 1), enddate=date(2026, 3, 31))

        def change(status: FiscalPeriodStatus) -> None:
            do(
                retailer,
                "UPDATE ax.ledgerfiscalcalendarperiod SET status = :status WHERE startdate = '2026-03-01'",
                status=int(status),
            )

        return change

    def test_a_day_in_a_closed_period_is_blocked_until_the_period_is_opened(
        self, retailer: Engine, channel_db: ChannelFactory, close: Callable[[FiscalPeriodStatus], None]
    ) -> None:
        hq = retailer
        add_sale(hq, "S1", 1)
        move_to_channels(hq, channel_db, *STORES)
        close(FiscalPeriodStatus.PERMANENTLY_CLOSED)
        found = end_of_day(hq)
        assert found["S1"].state == "blocked"
        (reason,) = found["S1"].reasons
        assert (reason.rule, reason.count, str(reason.amount)) == ("closed_fiscal_period", 1, "12.500000")
        assert "Business date 2026-03-02 is in the fiscal period 2026-03-01 to 2026-03-31" in reason.message
        assert found["S2"].state == "nothing_to_post"
        assert rows(hq, "SELECT * FROM ax.generaljournalentry") == []
        close(FiscalPeriodStatus.OPEN)
        assert end_of_day(hq)["S1"].state == "posted"
        assert_clean(hq)

    @pytest.mark.usefixtures("close")
    def test_an_earlier_day_in_a_closed_period_is_a_note_and_holds_nobody_up(
        self, retailer: Engine, channel_db: ChannelFactory
    ) -> None:
        hq = retailer
        do(hq, "UPDATE ax.ledgerfiscalcalendarperiod SET status = 2 WHERE startdate = '2026-02-01'")
        add_sale(hq, "S1", 1)
        add_sale(hq, "S1", 2, day=date(2026, 2, 27))
        move_to_channels(hq, channel_db, *STORES)
        found = end_of_day(hq)["S1"]
        assert (found.state, found.transactions, found.exceptions[0]) == ("posted", 1, 1)
        assert "1 transaction of earlier days, 12.50 USD, in closed fiscal periods" in found.notes

    @pytest.mark.parametrize("status", [FiscalPeriodStatus.ON_HOLD, FiscalPeriodStatus.PERMANENTLY_CLOSED])
    def test_a_period_that_closes_between_validation_and_posting_refuses_the_statement(
        self,
        retailer: Engine,
        channel_db: ChannelFactory,
        close: Callable[[FiscalPeriodStatus], None],
        monkeypatch: pytest.MonkeyPatch,
        status: FiscalPeriodStatus,
    ) -> None:
        hq = retailer
        add_sale(hq, "S1", 1)
        move_to_channels(hq, channel_db, *STORES)
        post = jobs.JOBS["post_statements"]

        def close_and_post(*arguments: Any) -> Any:
            close(status)
            return post(*arguments)

        with monkeypatch.context() as patch:
            patch.setitem(jobs.JOBS, "post_statements", close_and_post)
            found = end_of_day(hq)["S1"]
        assert found.state == "failed"
        assert (
            "Its posting date 2026-03-02 is in the fiscal period 2026-03-01 to 2026-03-31" in found.reasons[0].message
        )
        query = "SELECT postingstatus, postingerrorcode FROM ax.retailstatementtable"
        assert rows(hq, query) == [(3, "FiscalPeriodClosed")]
        assert rows(hq, "SELECT * FROM ax.generaljournalentry") == []
        close(FiscalPeriodStatus.OPEN)
        assert end_of_day(hq)["S1"].state == "posted"
        assert_clean(hq)

    def test_a_sale_after_midnight_on_the_last_of_the_month_posts_in_the_next_month_only_if_that_is_open(
        self, retailer: Engine, channel_db: ChannelFactory, close: Callable[[FiscalPeriodStatus], None]
    ) -> None:
        hq = retailer
        do(hq, "UPDATE ax.retailstoretable SET stmtpostasbusinessday = 0")
        last = date(2026, 2, 28)
        add_sale(hq, "S1", 1, day=last)
        add_sale(hq, "S1", 2, day=last, header={"transdate": date(2026, 3, 1)})
        move_to_channels(hq, channel_db, *STORES)
        close(FiscalPeriodStatus.ON_HOLD)
        found = end_of_day(hq, last)["S1"]
        assert found.state == "failed"
        assert "Its posting date 2026-03-01" in found.reasons[0].message
        assert rows(hq, "SELECT DISTINCT accountingdate FROM ax.generaljournalentry") == [(last,)]
        close(FiscalPeriodStatus.OPEN)
        assert end_of_day(hq, last)["S1"].state == "posted"
        assert_clean(hq)

    @pytest.mark.usefixtures("close")
    def test_nobody_closes_a_period_under_a_voucher(self, retailer: Engine, channel_db: ChannelFactory) -> None:
        """The period is locked from the check to the commit: who wants to close it waits."""
        hq = retailer
        add_sale(hq, "S1", 1)
        move_to_channels(hq, channel_db, *STORES)
        refused: list[str] = []

        def try_to_close() -> None:
            with hq.begin() as other:
                other.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
                try:
                    other.execute(sa.text("UPDATE ax.ledgerfiscalcalendarperiod SET status = 2"))
                except sa.exc.OperationalError as error:
                    refused.append(type(error.orig).__name__)
                    other.rollback()

        invoice = invoices.take_numbers

        def take_numbers(connection: Any, needs: Any) -> Any:
            try_to_close()
            return invoice(connection, needs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(invoices, "take_numbers", take_numbers)
            assert end_of_day(hq)["S1"].state == "posted"
        assert refused == ["LockNotAvailable"]
