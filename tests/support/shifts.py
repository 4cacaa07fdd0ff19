"""Shifts with cash management and tender declarations, straight into headquarters' tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.schema.enums import ShiftStatus, TransactionType
from commerce.schema.headquarters.uploads import UPLOADS
from support.company import CASH
from support.transactions import DAY, Key, add_sale, exchange_columns, insert_row

D = Decimal
NOTHING, PAR = D(0), D(1)
MAXIMA = ("maximumpostingdifference", "maxshiftdifferenceamount", "maxtransactiondifferenceamount")
"""Parameters of a store: what counted and expected amounts may differ by."""
T = TransactionType
_TABLES = {
    T.BANK_DROP: "retailtransactionbankedtendertrans",
    T.SAFE_DROP: "retailtransactionsafetendertrans",
    T.TENDER_DECLARATION: "retailtransactiontenderdeclarationtrans",
}


def of_shift(batch: int, terminal: str = "T1") -> dict[str, object]:
    """Header columns of a transaction that belongs to a shift."""
    return {"batchid": batch, "batchterminalid": terminal}


def close_shift(
    hq: Engine, store: str, batch: int, *, terminal: str = "T1", staff: str = "000160", day: date = DAY
) -> None:
    """The closed shift, as a register sends it."""
    with hq.begin() as connection:
        connection.execute(
            UPLOADS["retailposbatchtable"].insert(),
            {
                "storeid": store,
                "terminalid": terminal,
                "batchid": batch,
                "status": int(ShiftStatus.CLOSED),
                "staffid": staff,
                "startdate": day,
                "closedate": day,
                "dataareaid": "USMF",
                **exchange_columns(),
            },
        )


def manage_cash(
    hq: Engine,
    store: str,
    number: int,
    kind: TransactionType,
    amounts: Mapping[str, Decimal],
    batch: int,
    *,
    terminal: str = "T1",
    day: date = DAY,
    currency: str = "USD",
    rate: Decimal = PAR,
    entrystatus: int = 0,
) -> Key:
    """A transaction of cash management: a float entry, drop, declaration ..., by tender; `rate` is what one of
    `currency` is worth in dollars. A later number is a later transaction."""
    key = (store, terminal, f"{store}-{terminal}-{number:06d}")
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(seconds=number)
    header = {
        "type": int(kind),
        "entrystatus": entrystatus,
        "businessdate": day,
        "transdate": day,
        "currency": "USD",
        "createddatetime": moment,
        "netamount": 0,
        "grossamount": 0,
        "paymentamount": 0,
        "dataareaid": "USMF",
        **of_shift(batch, terminal),
    }
    with hq.begin() as connection:
        insert_row(connection, "retailtransactiontable", key, header)
        for line, (tender, amount) in enumerate(amounts.items(), 1):
            values = {
                "linenum": line,
                "tendertype": tender,
                "currency": currency,
                "amountcur": amount,
                "amountmst": amount * rate,
                "amounttendered": amount * rate,
                "businessdate": day,
                "dataareaid": "USMF",
            }
            insert_row(connection, _TABLES.get(kind, "retailtransactionpaymenttrans"), key, values)
    return key


def add_managed_shift(
    hq: Engine,
    store: str,
    batch: int,
    *steps: tuple[int, TransactionType, Decimal | int],
    terminal: str = "T1",
    day: date = DAY,
    staff: str = "000160",
) -> None:
    """A closed shift whose cash was managed in `steps`: number, kind and amount of a transaction each."""
    for number, kind, amount in steps:
        manage_cash(hq, store, number, kind, {CASH: D(amount)}, batch, terminal=terminal, day=day)
    close_shift(hq, store, batch, terminal=terminal, staff=staff, day=day)


def add_counted_shift(
    hq: Engine,
    store: str,
    batch: int,
    *,
    first: int,
    difference: Decimal = NOTHING,
    terminal: str = "T1",
    day: date = DAY,
    staff: str = "000160",
) -> None:
    """A closed shift with two sales of 12.50 in cash, a starting amount, a float entry, a removed tender, both drops
    and a declaration that is `difference` away from what the drawer should hold."""
    for number in (first, first + 1):
        add_sale(hq, store, number, day=day, terminal=terminal, header={**of_shift(batch, terminal), "staff": staff})
    steps = (
        (T.STARTING_AMOUNT, D(100)),
        (T.FLOAT_ENTRY, D(40)),
        (T.REMOVE_TENDER, D(-15)),
        (T.BANK_DROP, D(60)),
        (T.SAFE_DROP, D(30)),
        (T.TENDER_DECLARATION, D(100) + D(40) - 15 - 60 - 30 + 25 + difference),
    )
    numbered = [(first + offset, kind, amount) for offset, (kind, amount) in enumerate(steps, 2)]
    add_managed_shift(hq, store, batch, *numbered, terminal=terminal, day=day, staff=staff)


def set_store(hq: Engine, store: str, **values: object) -> None:
    """Change parameters of a store."""
    with hq.begin() as connection:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        connection.execute(
            sa.text(f"UPDATE ax.retailstoretable SET {columns} WHERE storenumber = :store"), {"store": store, **values}
        )
