"""Transactions straight into headquarters' tables, right in all their sums: a test then breaks what it is about."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.schema.enums import EntryStatus, TransactionType
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.schema.uploaded import BY_NAME
from support.company import CASH, INCOME

DAY = date(2026, 3, 2)
_COUNTERS = itertools.count(1)
CENT = Decimal("0.01")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Line:
    """A sales line: `qty` at `price` without tax, less `discount`; `tax` is what its tax row says. A return has qty < 0
    and discount <= 0."""

    qty: Decimal = Decimal(1)
    price: Decimal = Decimal("10.00")
    discount: Decimal = Decimal(0)
    rate: Decimal = Decimal("0.25")
    item: str = "ITEM1"
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def net(self) -> Decimal:
        return self.qty * self.price - self.discount

    @property
    def tax(self) -> Decimal:
        return (self.net * self.rate).quantize(CENT)


def add_sale(
    hq: Engine,
    store: str,
    number: int,
    *,
    lines: Sequence[Line] = (Line(),),
    kind: TransactionType = TransactionType.SALES,
    account: str = "",
    guid: str = "",
    address: str = "",
    charge: Decimal = Decimal(0),
    charge_tax: Decimal = Decimal(0),
    paid: Mapping[str, Decimal] | None = None,
    day: date = DAY,
    company: str = "USMF",
    currency: str = "USD",
    header: Mapping[str, Any] | None = None,
    terminal: str = "T1",
) -> Key:
    """A sale or return (or, by `kind`, an order without payments) with its lines, taxes, discounts and payments.

    `account`, `guid`, `address` stand on the header and on each line; `paid` is by tender (default: all cash); `header`
    overrides header columns (not its sums' sources).
    """
    key = (store, terminal, f"{store}-{terminal}-{number:06d}")
    net = sum((line.net for line in lines), Decimal(0)) + charge
    tax = sum((line.tax for line in lines), Decimal(0)) + charge_tax
    if paid is None:
        paid = {CASH: net + tax} if kind == TransactionType.SALES else {}
    references = {"custaccount": account, "custaccountasync": guid, "addressidasync": address}
    with hq.begin() as connection:
        _header(
            connection,
            key,
            kind,
            day,
            company,
            currency,
            {
                "netamount": net,
                "grossamount": net + tax,
                "paymentamount": sum(paid.values(), Decimal(0)),
                "numberofitems": sum((line.qty for line in lines), Decimal(0)),
                "discamount": sum((line.discount for line in lines), Decimal(0)),
                "numberofitemlines": len(lines),
                **references,
                **(header or {}),
            },
        )
        for number_, line in enumerate(lines, 1):
            _line(connection, key, number_, line, company, references)
        if charge or charge_tax:
            add_charge(connection, key, charge, charge_tax, company, currency)
        _payments(connection, key, paid, company, currency, day)
    return key


def add_order(hq: Engine, store: str, number: int, **options: Any) -> Key:
    """An asynchronous customer order (type 33; `kind` for another); see `add_sale`."""
    return add_sale(hq, store, number, **{"kind": TransactionType.ASYNC_CUSTOMER_ORDER, **options})


def add_deposit(
    hq: Engine,
    store: str,
    number: int,
    *,
    amount: Decimal = Decimal("50.00"),
    account: str = "",
    guid: str = "",
    day: date = DAY,
    company: str = "USMF",
    currency: str = "USD",
    terminal: str = "T1",
    header: Mapping[str, Any] | None = None,
) -> Key:
    """A customer account deposit (type 3), paid in cash."""
    key = (store, terminal, f"{store}-{terminal}-{number:06d}")
    references = {"custaccount": account, "custaccountasync": guid}
    zero = {"netamount": 0, "grossamount": 0}
    with hq.begin() as connection:
        values = {**zero, "paymentamount": amount, **references, **(header or {})}
        _header(connection, key, TransactionType.PAYMENT, day, company, currency, values)
        insert_row(
            connection,
            "retailtransactioncustomeraccountdeposittrans",
            key,
            {"linenum": 1, "amount": amount, "businessdate": day, "dataareaid": company, **references},
        )
        _payments(connection, key, {CASH: amount}, company, currency, day)
    return key


def add_income_expense(
    hq: Engine,
    store: str,
    number: int,
    *,
    amount: Decimal = Decimal("20.00"),
    account: str = INCOME,
    account_type: int = 0,
    day: date = DAY,
    company: str = "USMF",
    currency: str = "USD",
    terminal: str = "T1",
) -> Key:
    """Income (positive) or expense (negative, account type 1) at a register (type 18), in cash."""
    key = (store, terminal, f"{store}-{terminal}-{number:06d}")
    with hq.begin() as connection:
        values = {"netamount": 0, "grossamount": 0, "paymentamount": amount, "incomeexpenseamount": amount}
        _header(connection, key, TransactionType.INCOME_EXPENSE, day, company, currency, values)
        insert_row(
            connection,
            "retailtransactionincomeexpensetrans",
            key,
            {
                "linenum": 1,
                "accounttype": account_type,
                "incomeexepenseaccount": account,
                "amount": amount,
                "businessdate": day,
                "dataareaid": company,
            },
        )
        _payments(connection, key, {CASH: amount}, company, currency, day)
    return key


def add_charge(
    connection: Connection,
    key: Key,
    amount: Decimal,
    tax: Decimal = Decimal(0),
    company: str = "USMF",
    currency: str = "USD",
    *,
    line: int = 0,
    number: int = 1,
) -> None:
    """A charge of the whole transaction or of a line (the header's sums are the caller's)."""
    insert_row(
        connection,
        "retailtransactionmarkuptrans",
        key,
        {
            "salelinenum": line,
            "markuplinenum": number,
            "markupcode": "FREIGHT",
            "currencycode": currency,
            "value": amount,
            "calculatedamount": amount,
            "taxamount": tax,
            "taxamountexclusive": tax,
            "dataareaid": company,
        },
    )


def add_delivery_address(hq: Engine, key: Key, address: str, company: str = "USMF", *, line: int = 0) -> None:
    """A row of `retailtransactionaddresstrans` that refers to an asynchronous address."""
    with hq.begin() as connection:
        insert_row(
            connection,
            "retailtransactionaddresstrans",
            key,
            {"salelinenum": line, "addressidasync": address, "dataareaid": company},
        )


def add_quarantined_customer(hq: Engine, store: str, guid: str, company: str = "USMF") -> int:
    """The customer's row was uploaded from `store` and stands in quarantine; returns the quarantine id."""
    statement = sa.text(
        "INSERT INTO cdx.quarantine (datastore, incarnation, tablename, replicationcounterfromorigin, rawdata, reason,"
        " errorclass, uploadsession) SELECT recid, 1, 'retailasynccustomerv2', 1,"
        " jsonb_build_object('custaccountasync', CAST(:guid AS text), 'dataareaid', CAST(:company AS text)),"
        " 'custname is longer than 100', 'permanent', 1"
        " FROM cdx.retailconndatabaseprofile WHERE name = :store RETURNING quarantineid"
    )
    with hq.begin() as connection:
        return int(connection.execute(statement, {"guid": guid, "company": company, "store": store}).scalar_one())


def change(hq: Engine, table: str, key: Key, *, line: int | None = None, **values: Any) -> None:
    """Change columns of a transaction's rows in `table` (of one row with `line`, its linenum or salelinenum)."""
    target = UPLOADS[table]
    names = BY_NAME[table].transaction_key
    assert names is not None
    statement = target.update().values(**values)
    for name, value in zip(names, key, strict=True):
        statement = statement.where(target.c[name] == value)
    if line is not None:
        number = target.c.salelinenum if "salelinenum" in target.c else target.c.linenum
        statement = statement.where(number == line)
    with hq.begin() as connection:
        assert connection.execute(statement).rowcount > 0


def insert_row(connection: Connection, table: str, key: Key, values: Mapping[str, Any]) -> None:
    """Insert one uploaded row of transaction `key`, with exchange columns made up."""
    names = BY_NAME[table].transaction_key
    assert names is not None
    connection.execute(UPLOADS[table].insert(), {**dict(zip(names, key, strict=True)), **values, **exchange_columns()})


def exchange_columns() -> dict[str, Any]:
    """Where a row came from: made up, each counter used once in a test run."""
    return {
        "origin": 1,
        "incarnation": 1,
        "replicationcounterfromorigin": next(_COUNTERS),
        "contenthash": uuid.uuid4(),
        "uploadsession": 1,
    }


def _header(
    connection: Connection,
    key: Key,
    kind: TransactionType,
    day: date,
    company: str,
    currency: str,
    values: Mapping[str, Any],
) -> None:
    insert_row(
        connection,
        "retailtransactiontable",
        key,
        {
            "type": int(kind),
            "entrystatus": int(EntryStatus.NONE),
            "businessdate": day,
            "transdate": day,
            "currency": currency,
            "createddatetime": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "dataareaid": company,
            **values,
        },
    )


def _line(
    connection: Connection, key: Key, number: int, line: Line, company: str, references: Mapping[str, str]
) -> None:
    values = {
        "linenum": number,
        "itemid": line.item,
        "unit": "ea",
        "qty": line.qty,
        "price": line.price,
        "netamount": line.net,
        "taxamount": line.tax,
        "netamountincltax": line.net + line.tax,
        "discamount": line.discount,
        "dataareaid": company,
    }
    insert_row(connection, "retailtransactionsalestrans", key, {**values, **references, **line.columns})
    if line.tax:
        insert_row(
            connection,
            "retailtransactiontaxtrans",
            key,
            {
                "salelinenum": number,
                "taxcode": "VAT",
                "amount": line.tax,
                "taxbaseamount": line.net,
                "taxpercentage": line.rate * 100,
                "dataareaid": company,
            },
        )
    if line.discount:
        insert_row(
            connection,
            "retailtransactiondiscounttrans",
            key,
            {"salelinenum": number, "linenum": 1, "amount": line.discount, "dataareaid": company},
        )


def _payments(
    connection: Connection, key: Key, paid: Mapping[str, Decimal], company: str, currency: str, day: date
) -> None:
    for number, (tender, amount) in enumerate(paid.items(), 1):
        insert_row(
            connection,
            "retailtransactionpaymenttrans",
            key,
            {
                "linenum": number,
                "tendertype": tender,
                "currency": currency,
                "amountcur": amount,
                "amountmst": amount,
                "amounttendered": amount,
                "businessdate": day,
                "dataareaid": company,
            },
        )
