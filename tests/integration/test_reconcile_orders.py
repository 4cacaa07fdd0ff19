"""Reconciliation of orders with their sales orders, and of transactions that a person has edited."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.editing.editing import Edit, edit
from commerce.editing.parts import PARTS
from commerce.reconcile import ReconcileResult, reconcile
from support.channels import ChannelFactory, move_to_channels, upload_all
from support.reconciled import close_day, execute, two_days
from support.statements import ANNA, ANNA_GUID, add_retailer
from support.transactions import DAY, add_order

D = Decimal


@pytest.fixture
def day(hq: Engine, channel_db: ChannelFactory) -> dict[str, Engine]:
    """Two stores' days: made by registers, uploaded, not posted yet."""
    return two_days(hq, channel_db)


def _checks(result: ReconcileResult) -> set[tuple[str, str]]:
    return {(difference.store, difference.check) for difference in result.differences}


def test_orders_against_sales_orders(hq: Engine, channel_db: ChannelFactory) -> None:
    add_retailer(hq)
    first = add_order(hq, "S1", 1, account=ANNA, guid=ANNA_GUID)
    add_order(hq, "S1", 2, account=ANNA, guid=ANNA_GUID)
    move_to_channels(hq, channel_db, "S1", "S2")
    upload_all(hq, "S1", "S2")
    execute(
        hq,
        "INSERT INTO ax.salestable (dataareaid, salesid, custaccount, salesorigin, store, businessdate, currency, "
        "netamount,"
        f" taxamount, chargeamount, grossamount) VALUES ('USMF', 'SO00000001', '{ANNA}', 'channel', 'S1', '{DAY}', "
        f"'USD', 10,"
        " 2.5, 0, 12.5)",
        "INSERT INTO ax.salesline (dataareaid, salesid, linenum, itemid, qty, netamount, taxamount, discamount, "
        "custaccount)"
        f" VALUES ('USMF', 'SO00000001', 1, 'ITEM1', 1, 10, 2.5, 0, '{ANNA}')",
        "INSERT INTO ax.retailtransactionorderstatus (store, terminal, transactionid, dataareaid, status, salesid)"
        f" VALUES ('S1', 'T1', '{first[2]}', 'USMF', 2, 'SO00000001')",
    )
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert [(u.reason, u.transactions) for u in result.unposted] == [("order not synchronized yet", 1)]
    execute(hq, "UPDATE ax.salestable SET netamount = 10.01, grossamount = 12.51")
    assert _checks(reconcile(hq)) == {("S1", "orders: net"), ("S1", "orders: gross")}
    execute(hq, "DELETE FROM ax.salesline")
    assert ("S1", "order lines: quantity") in _checks(reconcile(hq))


def test_edited_transactions_are_told_as_such_and_compared_with_what_was_posted(
    hq: Engine, day: dict[str, Engine]
) -> None:
    """Another amount, another date: neither is a difference, but what is posted has to be what it was edited to."""
    sales = [("S1", "T1", f"S1-T1-{number:06d}") for number in (1, 2)]
    by_ten: list[Edit] = []
    with hq.connect() as connection:
        for part, table in PARTS.items():
            if part not in ("header", "lines", "payments"):
                continue
            assert table.transaction_key is not None
            key = [name for name in table.natural_key if name not in table.transaction_key]
            amounts = {
                "header": ("netamount", "grossamount", "paymentamount"),
                "lines": ("netamount", "netamountincltax"),
                "payments": ("amountcur", "amountmst"),
            }[part]
            columns = ", ".join([*key, *amounts])
            where = f"{table.transaction_key[2]} = '{sales[0][2]}'"
            row = (
                connection.execute(sa.text(f"SELECT {columns} FROM ax.{table.name} WHERE {where} LIMIT 1"))
                .mappings()
                .one()
            )
            by_ten.append(
                Edit(
                    sales[0],
                    part,
                    {name: str(row[name]) for name in key},
                    {name: str(row[name] + 10) for name in amounts},
                )
            )
    moved = Edit(sales[1], "header", {}, {"businessdate": str(DAY - timedelta(days=1))})
    assert edit(hq, [*by_ten, moved], "transactions", by="kari", reason="asked").written
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert [(e.store, e.businessdate, e.transactions, tuple(e.changed_by)) for e in result.edited] == [
        ("S1", str(DAY - timedelta(days=1)), 1, ("kari",)),
        ("S1", str(DAY), 1, ("kari",)),
    ]
    assert "netamount" in result.edited[1].fields
    assert result.edited[0].sample == [" ".join(sales[1][1:])]
    for dates in ((DAY, DAY), (DAY - timedelta(days=1),) * 2):
        assert reconcile(hq, date_from=dates[0], date_to=dates[1]).ok
    close_day(hq)
    result = reconcile(hq)
    assert result.ok, result.as_dict()
    assert (result.transactions, [u.transactions for u in result.unposted]) == (23, [1])
    execute(hq, "UPDATE ax.custinvoicejour SET netamount = netamount + 1, invoiceamount = invoiceamount + 1")
    assert ("S1", "invoices: net") in _checks(reconcile(hq))
