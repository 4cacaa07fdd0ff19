"""The tables that are summed, described once for both sides: SQLite (rows, summed here) and headquarters (sums in
SQL)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from commerce.schema.enums import (
    CASH_MANAGEMENT_TYPES,
    ORDER_TYPES,
    REAL_ENTRY_STATUSES,
    EntryStatus,
    TransactionType,
)

POSTED, UNPOSTED, ABSENT = "posted", "unposted", "absent"
"""What headquarters knows of a channel's transaction: posted, there but not posted, not there."""
EDITED, EDITED_POSTED = "edited", "edited and posted"
"""A person has edited it in headquarters: it is not what the channel has, and nothing to compare with."""

GIFT_CARD = "gift card"
"""Key of the sales lines that sell gift cards; other lines have none."""

SALE, DEPOSIT, INCOME_EXPENSE, ORDER = "sale", "deposit", "income/expense", "order"

CASH_KINDS = {
    TransactionType.STARTING_AMOUNT: "starting amount",
    TransactionType.FLOAT_ENTRY: "float entry",
    TransactionType.REMOVE_TENDER: "removed tender",
    TransactionType.CHANGE_TENDER: "changed tender",
    TransactionType.BANK_DROP: "bank drop",
    TransactionType.SAFE_DROP: "safe drop",
    TransactionType.TENDER_DECLARATION: "tender declaration",
}
CASH_TYPES = ", ".join(str(int(type_)) for type_ in CASH_MANAGEMENT_TYPES)

_KINDS = (
    f"WHEN {int(TransactionType.SALES)} THEN '{SALE}' WHEN {int(TransactionType.PAYMENT)} THEN '{DEPOSIT}'"
    f" WHEN {int(TransactionType.INCOME_EXPENSE)} THEN '{INCOME_EXPENSE}' "
    + " ".join(f"WHEN {int(type_)} THEN '{kind}'" for type_, kind in CASH_KINDS.items())
)
_ORDERS = ", ".join(str(int(type_)) for type_ in ORDER_TYPES)
_REAL = ", ".join(str(int(status)) for status in REAL_ENTRY_STATUSES)
VOIDED = int(EntryStatus.VOIDED)

KIND_SQL = f"CASE h.type {_KINDS} ELSE '{ORDER}' END"
REAL_SQL = (
    f"h.entrystatus IN ({_REAL}) AND h.type IN ({int(TransactionType.SALES)}, {int(TransactionType.PAYMENT)},"
    f" {int(TransactionType.INCOME_EXPENSE)}, {_ORDERS}, {CASH_TYPES})"
)
"""Header `h`: a real transaction of a type that is posted, becomes an order, or manages the cash of a shift."""

SEPARATOR = "|"
SHIFT_TERMINAL_SQL = "coalesce(nullif(h.batchterminalid, ''), h.terminal)"
SHIFT_SQL = f"{SHIFT_TERMINAL_SQL} || ':' || CAST(coalesce(h.batchid, 0) AS TEXT)"

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
    told apart by; `of_line`: its rows belong to sales lines, and `v` is the voided one; `only`: which headers have them
    (SQL), where not all do."""

    table: str
    amounts: tuple[str, ...]
    columns: tuple[str, str, str] = ("store", "terminal", "transactionid")
    key: str = "''"
    live: str = "1"
    of_line: bool = False
    computed: Mapping[str, str] = field(default_factory=dict)
    only: str = "1 = 1"

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


def _moved(table: str, own: str, live: str) -> Source:
    """Rows of cash management: what moved in the tender's currency, and what that is worth in the transaction's."""
    home = "CASE WHEN coalesce(r.currency, '') = h.currency"
    parts = (SHIFT_SQL, "coalesce(r.tendertype, '')", "coalesce(r.currency, '')", "h.transactionid")
    return Source(
        table,
        (),
        key=f" || '{SEPARATOR}' || ".join(parts),
        computed={
            "moved": f"{home} THEN r.{own} ELSE r.amountcur END",
            "movedmst": f"{home} THEN r.{own} ELSE r.amountmst END",
        },
        live=live,
        only=f"h.type IN ({CASH_TYPES})",
    )


CASH_SOURCES = (
    _moved(PAYMENTS.table, "amountcur", PAYMENTS.live),
    _moved("retailtransactionbankedtendertrans", "amounttendered", _LIVE),
    _moved("retailtransactionsafetendertrans", "amounttendered", _LIVE),
    _moved("retailtransactiontenderdeclarationtrans", "amounttendered", _LIVE),
)
"""What goes into a drawer, out of it, and what was declared to lie in it, by shift, tender, currency and
transaction."""

SOURCES = (
    HEADERS,
    LINES,
    PAYMENTS,
    PAYMENTS_IN_CURRENCY,
    TAXES,
    DISCOUNTS,
    CHARGES,
    DEPOSITS,
    INCOME_EXPENSES,
    *CASH_SOURCES,
)

GROUP = ("store", "businessdate", "kind", "disposition", "live", "key")
"""What every sum is kept apart by."""
