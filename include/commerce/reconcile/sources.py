"""The tables that are summed, described once for both sides: SQLite (rows, summed here) and headquarters (sums in
SQL)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from commerce.schema.enums import ORDER_TYPES, REAL_ENTRY_STATUSES, EntryStatus, TransactionType

POSTED, UNPOSTED, ABSENT = "posted", "unposted", "absent"
"""What headquarters knows of a channel's transaction: posted, there but not posted, not there."""
EDITED, EDITED_POSTED = "edited", "edited and posted"
"""A person has edited it in headquarters: it is not what the channel has, and nothing to compare with."""

GIFT_CARD = "gift card"
"""Key of the sales lines that sell gift cards; other lines have none."""

SALE, DEPOSIT, INCOME_EXPENSE, ORDER = "sale", "deposit", "income/expense", "order"

_KINDS = (
    f"WHEN {int(TransactionType.SALES)} THEN '{SALE}' WHEN {int(TransactionType.PAYMENT)} THEN '{DEPOSIT}'"
    f" WHEN {int(TransactionType.INCOME_EXPENSE)} THEN '{INCOME_EXPENSE}'"
)
_ORDERS = ", ".join(str(int(type_)) for type_ in ORDER_TYPES)
_REAL = ", ".join(str(int(status)) for status in REAL_ENTRY_STATUSES)
VOIDED = int(EntryStatus.VOIDED)

KIND_SQL = f"CASE h.type {_KINDS} ELSE '{ORDER}' END"
REAL_SQL = (
    f"h.entrystatus IN ({_REAL}) AND h.type IN ({int(TransactionType.SALES)}, {int(TransactionType.PAYMENT)},"
    f" {int(TransactionType.INCOME_EXPENSE)}, {_ORDERS})"
)
"""Header `h`: a real transaction of a type that is posted or becomes an order."""

AMOUNT_SQL = (
    f"CASE WHEN h.type IN ({int(TransactionType.PAYMENT)}, {int(TransactionType.INCOME_EXPENSE)})"
    " THEN h.paymentamount ELSE h.grossamount END"
)
AMOUNT_COLUMNS = {SALE: "grossamount", ORDER: "grossamount", DEPOSIT: "paymentamount", INCOME_EXPENSE: "paymentamount"}
"""What a transaction is worth: a deposit, income or expense has no gross amount, only what was paid."""


@dataclass(frozen=True)
class Source:
    """A table of transactions (alias `r`, header `h`). `amounts`: columns that are summed; `computed`: more of them, by
    SQL of their own; `live`: SQL text, 1 where the row counts and 0 where it is voided; `key`: what its amounts are
    told apart by; `of_line`: its rows belong to sales lines, and `v` is the voided one."""

    table: str
    amounts: tuple[str, ...]
    columns: tuple[str, str, str] = ("store", "terminal", "transactionid")
    key: str = "''"
    live: str = "1"
    of_line: bool = False
    computed: Mapping[str, str] = field(default_factory=dict)

    @property
    def sums(self) -> dict[str, str]:
        """Name of each sum -> SQL of what is summed."""
        row = "h" if self.table == HEADERS.table else "r"
        return {name: f"{row}.{name}" for name in self.amounts} | dict(self.computed)

    @property
    def on_header(self) -> str:
        store, terminal, transaction = self.columns
        return f"r.{store} = h.store AND r.{terminal} = h.terminal AND r.{transaction} = h.transactionid"


_LIVE = f"CASE WHEN coalesce(r.transactionstatus, 0) = {VOIDED} THEN 0 ELSE 1 END"
_LINE_COLUMNS = ("store", "terminalid", "transactionid")
_TAX_COLUMNS = ("storeid", "terminalid", "transactionid")

HEADERS = Source("retailtransactiontable", ("netamount", "grossamount", "paymentamount"))
LINES = Source(
    "retailtransactionsalestrans",
    ("qty", "netamount", "taxamount", "discamount"),
    _LINE_COLUMNS,
    key=f"CASE WHEN coalesce(r.giftcard, 0) <> 0 THEN '{GIFT_CARD}' ELSE '' END",
    live=_LIVE,
)
PAYMENTS = Source(
    "retailtransactionpaymenttrans",
    ("amountcur",),
    key="r.tendertype",
    computed={"paid": "CASE WHEN r.currency = h.currency THEN r.amountcur ELSE r.amountmst END"},
    live=f"CASE WHEN coalesce(r.voidstatus, 0) <> 0 OR coalesce(r.transactionstatus, 0) = {VOIDED} THEN 0 ELSE 1 END",
)
PAYMENTS_IN_CURRENCY = Source(
    PAYMENTS.table,
    (),
    key="r.tendertype || ' ' || coalesce(r.currency, '')",
    computed={"incurrency": "r.amountcur"},
    live=PAYMENTS.live,
)
"""The same payments, each in its own currency: key is tender and currency."""
TAXES = Source(
    "retailtransactiontaxtrans",
    ("amount",),
    _TAX_COLUMNS,
    key="r.taxcode",
    live="CASE WHEN v.store IS NULL THEN 1 ELSE 0 END",
    of_line=True,
)
DISCOUNTS = Source("retailtransactiondiscounttrans", ("amount",), _TAX_COLUMNS)
CHARGES = Source("retailtransactionmarkuptrans", ("calculatedamount", "taxamountexclusive"), _LINE_COLUMNS)
DEPOSITS = Source("retailtransactioncustomeraccountdeposittrans", ("amount",), live=_LIVE)
INCOME_EXPENSES = Source("retailtransactionincomeexpensetrans", ("amount",), key="r.incomeexepenseaccount", live=_LIVE)

SOURCES = (HEADERS, LINES, PAYMENTS, PAYMENTS_IN_CURRENCY, TAXES, DISCOUNTS, CHARGES, DEPOSITS, INCOME_EXPENSES)

GROUP = ("store", "businessdate", "kind", "disposition", "live", "key")
"""What every sum is kept apart by."""
