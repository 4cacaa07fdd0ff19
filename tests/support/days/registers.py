"""A register that sells at random, and writes its receipts into the store's channel database, of either dialect."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.schema.enums import EntryStatus, IncomeExpenseType, TransactionType
from support.company import CARD, CASH, EXPENSE, INCOME
from support.days.receipts import CENT, STORE_CURRENCY, Line, Payment, Receipt
from support.statements import ANNA_GUID, BERT_GUID, ON_ACCOUNT

D = Decimal
RATES = {"VAT": D("0.25"), "CITY": D("0.0275")}
EUROS = D("1.08")
NOT_REAL = (EntryStatus.VOIDED, EntryStatus.TRAINING, EntryStatus.ON_HOLD, EntryStatus.CANCELLED)


class Register:
    """Sells in one store."""

    def __init__(self, store: str, channel: Engine) -> None:
        self.store = store
        self.channel = channel
        self.number = 0

    def sell(self, random: Random, business: date, earlier: list[date], closed: date) -> list[Receipt]:
        """A day's receipts: most of that business date, some late ones of `earlier` days, some of the `closed` one."""
        receipts = []
        for _ in range(random.randint(8, 16)):
            self.number += 1
            day = business
            if random.random() < 0.15:
                day = random.choice([*earlier, closed, business])
            calendar = day + timedelta(days=1) if random.random() < 0.2 else day
            receipts.append(self._receipt(random, day, calendar))
        with self.channel.begin() as connection:
            if self.channel.dialect.name == "postgresql":
                connection.execute(sa.text("SET LOCAL search_path TO ax, crt"))
            for receipt in receipts:
                write(connection, receipt)
        return receipts

    def _receipt(self, random: Random, day: date, calendar: date) -> Receipt:
        kinds = (TransactionType.SALES, TransactionType.PAYMENT, TransactionType.INCOME_EXPENSE)
        kind = random.choices(kinds, (8, 1, 1))[0]
        one = Receipt(self.store, self.number, kind, day, calendar)
        one.customer = random.choice(("", "", ANNA_GUID, BERT_GUID))
        if random.random() < 0.2:
            one.status = random.choice((*NOT_REAL, EntryStatus.CONCLUDED))
        if kind == TransactionType.SALES:
            self._fill(random, one)
            if random.random() < 0.06:
                one.kind = TransactionType.SUSPENDED_TRANSACTION
            elif random.random() < 0.06:
                one.wrong = True
        else:
            amount = _money(random, 1, 90)
            if kind == TransactionType.PAYMENT:
                one.customer = one.customer or ANNA_GUID
            else:
                one.customer, one.cash_account = "", random.choice((INCOME, EXPENSE))
                amount = -amount if one.cash_account == EXPENSE else amount
            one.payments = [Payment(CASH, amount, worth=amount)]
        return one

    def _fill(self, random: Random, one: Receipt) -> None:
        """Lines, charge and payments of a sale, or of a return."""
        sign = -1 if random.random() < 0.15 else 1
        for number in range(random.randint(1, 4)):
            qty, price = D(sign * random.randint(1, 3)), _money(random, 1, 60)
            discount = sign * (price * D("0.1")).quantize(CENT) if random.random() < 0.3 else D(0)
            net = qty * price - discount
            taxes = {code: (net * rate).quantize(CENT) for code, rate in RATES.items() if random.random() < 0.7}
            taxes = {code: amount for code, amount in taxes.items() if amount}
            voided = number > 0 and random.random() < 0.2
            one.lines.append(Line(f"ITEM{random.randint(1, 5)}", qty, price, discount, taxes, voided))
        if sign > 0 and random.random() < 0.15:
            one.charge = D("5.00")
            one.charge_tax = D("1.25")
        one.payments = self._payments(random, one)

    def _payments(self, random: Random, one: Receipt) -> list[Payment]:
        due = one.gross
        if random.random() < 0.1:
            due += random.choice((D("-0.02"), D("0.03")))  # rounded at the till
        way = random.choice(("cash", "card", "both", "change", "euros", "account", "declined"))
        if way == "account" and one.customer:
            return [Payment(ON_ACCOUNT, one.gross, worth=one.gross)]
        if way == "both":
            half = (due / 2).quantize(CENT)
            return [Payment(CASH, half, worth=half), Payment(CARD, due - half, worth=due - half)]
        if way == "change" and due > 0:
            return [Payment(CASH, due + 20, worth=due + 20), Payment(CASH, D(-20), worth=D(-20), change=True)]
        if way == "euros" and due > 10:
            worth = (D(5) * EUROS).quantize(CENT)
            rest = due - worth
            return [Payment(CASH, D(5), "EUR", EUROS, worth), Payment(CARD, rest, worth=rest)]
        if way == "declined":
            return [Payment(CARD, due, worth=due, voided=True), Payment(CASH, due, worth=due)]
        return [Payment(CARD if way == "card" else CASH, due, worth=due)]


def write(channel: Connection, one: Receipt) -> None:
    """All rows of a receipt, its header first."""
    key = {"transactionid": one.id, "store": one.store, "terminal": "T1", "dataareaid": "USMF"}
    line_key = {"transactionid": one.id, "store": one.store, "terminalid": "T1", "dataareaid": "USMF"}
    tax_key = {"transactionid": one.id, "storeid": one.store, "terminalid": "T1", "dataareaid": "USMF"}
    is_sale = bool(one.lines)
    _insert(
        channel,
        "retailtransactiontable",
        **key,
        type=int(one.kind),
        entrystatus=int(one.status),
        businessdate=one.business,
        transdate=one.calendar,
        currency=STORE_CURRENCY,
        custaccountasync=one.customer or None,
        netamount=one.net,
        grossamount=one.gross + (1 if one.wrong else 0),
        paymentamount=one.paid,
        discamount=sum((line.discount for line in one.live), D(0)),
        numberofitems=sum((line.qty for line in one.live), D(0)),
        numberofitemlines=len(one.live),
        incomeexpenseamount=one.paid if one.cash_account else 0,
        saleisreturnsale=int(is_sale and one.lines[0].qty < 0),
        createddatetime=f"{one.calendar.isoformat()}T12:00:00Z",
    )
    for number, line in enumerate(one.lines, start=1):
        _insert(
            channel,
            "retailtransactionsalestrans",
            **line_key,
            linenum=number,
            itemid=line.item,
            unit="ea",
            qty=line.qty,
            price=line.price,
            netamount=line.net,
            taxamount=line.tax,
            netamountincltax=line.net + line.tax,
            discamount=line.discount,
            transactionstatus=int(line.voided),
        )
        for code, amount in line.taxes.items():
            values = {"taxcode": code, "amount": amount, "taxbaseamount": line.net, "taxpercentage": RATES[code] * 100}
            _insert(channel, "retailtransactiontaxtrans", **tax_key, salelinenum=number, **values)
        if line.discount:
            values = {"linenum": 1, "amount": line.discount, "discountamount": line.discount}
            _insert(channel, "retailtransactiondiscounttrans", **tax_key, salelinenum=number, **values)
    if one.charge:
        _insert(
            channel,
            "retailtransactionmarkuptrans",
            **line_key,
            salelinenum=0,
            markuplinenum=1,
            markupcode="FREIGHT",
            currencycode=STORE_CURRENCY,
            value=one.charge,
            calculatedamount=one.charge,
            taxamount=one.charge_tax,
            taxamountexclusive=one.charge_tax,
        )
    for number, payment in enumerate(one.payments, start=1):
        _insert(
            channel,
            "retailtransactionpaymenttrans",
            **key,
            linenum=number,
            tendertype=payment.tender,
            currency=payment.currency,
            exchrate=payment.rate,
            amountcur=payment.amount,
            amountmst=payment.worth,
            amounttendered=payment.amount,
            changeline=int(payment.change),
            voidstatus=int(payment.voided),
            transactionstatus=int(payment.voided),
            businessdate=one.business,
        )
    if one.kind == TransactionType.PAYMENT:
        _insert(
            channel,
            "retailtransactioncustomeraccountdeposittrans",
            **key,
            linenum=1,
            amount=one.paid,
            custaccountasync=one.customer,
            businessdate=one.business,
        )
    if one.cash_account:
        kind = IncomeExpenseType.EXPENSE if one.cash_account == EXPENSE else IncomeExpenseType.INCOME
        _insert(
            channel,
            "retailtransactionincomeexpensetrans",
            **key,
            linenum=1,
            accounttype=int(kind),
            incomeexepenseaccount=one.cash_account,
            amount=one.paid,
            businessdate=one.business,
        )


def _insert(channel: Connection, table: str, **values: Any) -> None:
    written = {name: _written(value) for name, value in values.items()}
    marks = ", ".join(f":{name}" for name in written)
    channel.execute(sa.text(f"INSERT INTO {table} ({', '.join(written)}) VALUES ({marks})"), written)


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value


def _money(random: Random, least: int, most: int) -> Decimal:
    return D(random.randint(least * 100, most * 100)) / 100
