"""What a register writes down, as plain values. Whatever is summed of it is summed here, once, as a register does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from commerce.schema.enums import EntryStatus, TransactionType

ZERO, ONE, CENT = Decimal(0), Decimal(1), Decimal("0.01")
STORE_CURRENCY = "USD"


@dataclass(frozen=True)
class Line:
    """A sales line; `taxes`: tax code -> amount. A return has a negative quantity, discount and tax."""

    item: str
    qty: Decimal
    price: Decimal
    discount: Decimal
    taxes: dict[str, Decimal]
    voided: bool = False

    @property
    def net(self) -> Decimal:
        return self.qty * self.price - self.discount

    @property
    def tax(self) -> Decimal:
        return sum(self.taxes.values(), ZERO)


@dataclass(frozen=True)
class Payment:
    """`amount` in `currency`; `worth` in the store's."""

    tender: str
    amount: Decimal
    currency: str = STORE_CURRENCY
    rate: Decimal = ONE
    worth: Decimal = ZERO
    change: bool = False
    voided: bool = False


@dataclass
class Receipt:
    """A transaction. `wrong`: its totals are not those of its rows; `customer`: GUID, '' for nobody; `calendar`: the
    date on the clock, which after midnight is not the business date."""

    store: str
    number: int
    kind: TransactionType
    business: date
    calendar: date
    status: EntryStatus = EntryStatus.NONE
    customer: str = ""
    lines: list[Line] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    charge: Decimal = ZERO
    charge_tax: Decimal = ZERO
    cash_account: str = ""
    wrong: bool = False

    @property
    def id(self) -> str:
        return f"{self.store}-T1-{self.number:06}"

    @property
    def live(self) -> list[Line]:
        return [line for line in self.lines if not line.voided]

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.live), ZERO) + self.charge

    @property
    def gross(self) -> Decimal:
        return self.net + sum((line.tax for line in self.live), ZERO) + self.charge_tax

    @property
    def paid(self) -> Decimal:
        return sum((payment.worth for payment in self.payments if not payment.voided), ZERO)
