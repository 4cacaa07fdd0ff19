"""What must stand in the ledger after some days, told without the system's code (only its enums): plain sums over
receipts. The model knows the receipts, and is told which of them are due to be posted by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from commerce.schema.enums import EntryStatus, TransactionType
from support.days.receipts import Receipt

D = Decimal
POSTING_TYPES = (TransactionType.SALES, TransactionType.PAYMENT, TransactionType.INCOME_EXPENSE)
REAL = (EntryStatus.NONE, EntryStatus.CONCLUDED)

Place = tuple[str, date, str, str]
"""(store, accounting date, posting type, tender, tax code or main account)."""


def posts(receipt: Receipt, open_from: date) -> bool:
    """A real transaction that is right and in an open period (those before `open_from` are closed)."""
    is_real = receipt.kind in POSTING_TYPES and receipt.status in REAL
    return is_real and not receipt.wrong and receipt.business >= open_from


def ledger(receipts: Iterable[Receipt], by_calendar: set[str], on_account: str) -> dict[Place, Decimal]:
    """Debit less credit. `by_calendar`: stores that do not post as business day; `on_account`: the tender that pays
    nothing, but leaves it on the customer's account."""
    found: defaultdict[Place, Decimal] = defaultdict(Decimal)
    for one in receipts:
        day = one.calendar if one.store in by_calendar else one.business

        def book(kind: str, key: str, amount: Decimal, store: str = one.store, day: date = day) -> None:
            found[store, day, kind, key] += amount

        for payment in one.payments:
            if payment.voided:
                continue
            if payment.tender == on_account:
                book("CustomerBalance", "", payment.worth)
            else:
                book("Tender", payment.tender, payment.worth)
        if one.kind == TransactionType.SALES:
            for line in one.lines:
                if line.voided:
                    continue
                book("Revenue", "", -line.net)
                for code, amount in line.taxes.items():
                    book("SalesTax", code, -amount)
            book("ChargeRevenue", "", -one.charge)
            book("SalesTax", "", -one.charge_tax)
            book("RoundingDifference", "", one.gross - one.paid)
        elif one.kind == TransactionType.PAYMENT:
            book("CustomerBalance", "", -one.paid)
        else:
            book("Expense" if one.cash_account.startswith("EXP") else "Income", "", -one.paid)
    return {place: amount for place, amount in found.items() if amount}


def balances(receipts: Iterable[Receipt], on_account: str) -> dict[str, Decimal]:
    """GUID -> what the customer owes; what nobody's sales were not paid for is rounding, and so nobody owes it."""
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in receipts:
        if one.kind == TransactionType.PAYMENT:
            owed[one.customer] -= one.paid
        for payment in one.payments:
            if payment.tender == on_account and not payment.voided:
                owed[one.customer] += payment.worth
    return {guid: amount for guid, amount in owed.items() if amount}
