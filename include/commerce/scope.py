"""Which transactions a run works on: the one place that knows business dates and cut-over dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from commerce.schema.enums import REAL_ENTRY_STATUSES, EntryStatus, TransactionType

Store = TypeVar("Store", str, int)
"""A store by its number, or a channel by its record id."""

Key = tuple[str, str, str]
"""A transaction: (store, terminal, transaction id)."""


@dataclass(frozen=True)
class Scope:
    """Stores and the business date of a run.

    A daily run for D works on transactions with cut-over <= business date <= D; a historical run on its own day only
    (or on the days from `first_date` on), and only before the cut-over. A store without a cut-over date has no history:
    everything of it is current.
    `only`: just these transactions, whatever their dates; for jobs that ask for transactions (see `just`).
    """

    stores: tuple[str, ...]
    business_date: date
    historical: bool = False
    first_date: date | None = None
    only: tuple[Key, ...] = ()

    @classmethod
    def just(cls, transactions: Iterable[Key]) -> Scope:
        """Some transactions, which somebody has named."""
        keys = tuple(sorted(transactions))
        return cls(tuple(sorted({store for store, _, _ in keys})), date.max, only=keys)

    @property
    def parameters(self) -> dict[str, Any]:
        """Bind values of `dated_sql` and `unposted_sql`."""
        if self.only:
            stores, terminals, transactions = (list(column) for column in zip(*self.only, strict=True))
            return {"stores": stores, "terminals": terminals, "transactions": transactions}
        values = {"stores": list(self.stores), "business_date": self.business_date}
        return values | {"first_date": self.first_date or self.business_date} if self.historical else values

    def dated_sql(self, transaction: str = "t", channel: str = "ch") -> str:
        """Condition on store and business date, for a query that joins the header `transaction` with its `channel`
        (`ax.retailchanneltable`, on retailchannelid = store)."""
        if self.only:
            return (
                f"({key_sql(transaction)} IN (SELECT * FROM unnest(CAST(:stores AS text[]),"
                " CAST(:terminals AS text[]), CAST(:transactions AS text[]))))"
            )
        if self.historical:
            dates = (
                f"{transaction}.businessdate BETWEEN :first_date AND :business_date"
                f" AND {channel}.cutoverdate IS NOT NULL AND {transaction}.businessdate < {channel}.cutoverdate"
            )
        else:
            dates = (
                f"{transaction}.businessdate <= :business_date"
                f" AND ({channel}.cutoverdate IS NULL OR {transaction}.businessdate >= {channel}.cutoverdate)"
            )
        return f"({transaction}.store = ANY(:stores) AND {dates})"

    def unposted_sql(self, transaction: str = "t", channel: str = "ch") -> str:
        """`dated_sql` and `open_sql`."""
        return f"({self.dated_sql(transaction, channel)} AND {open_sql(transaction)})"


def portions(sizes: Mapping[Store, int], number: int, most: int | None = None) -> list[list[Store]]:
    """Stores, given with their numbers of transactions, cut into about `number` portions with as many transactions
    each, and at most `most` stores. Their order stays: ids of transactions begin with their store, as a rule, so a
    portion reads a part of an index by itself."""
    found: list[list[Store]] = []
    total, before = sum(sizes.values()), 0
    for store, size in sizes.items():
        if not found or len(found[-1]) == most or (2 * before + size) * number > 2 * total * len(found):
            found.append([])
        found[-1].append(store)
        before += size
    return found


def open_sql(transaction: str = "t") -> str:
    """A real sale (not voided, on hold, training or cancelled) that no person holds, that is in no statement and, if it
    is an order, has no sales order yet."""
    return (
        f"({real_sql(transaction)} AND {transaction}.held = 0"
        " AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS eod"
        f" WHERE (eod.store, eod.terminal, eod.transactionid) = {key_sql(transaction)})"
        " AND NOT EXISTS (SELECT FROM ax.retailtransactionorderstatus AS os"
        f" WHERE (os.store, os.terminal, os.transactionid) = {key_sql(transaction)} AND os.status = 2))"
    )


TRANSACTION_KEY = ("store", "terminal", "transactionid")


def key_sql(alias: str, columns: tuple[str, str, str] = TRANSACTION_KEY) -> str:
    """The transaction key of `alias` as a row value; `columns` are the table's own names for it."""
    return "(" + ", ".join(f"{alias}.{column}" for column in columns) + ")"


def amount_sql(transaction: str = "t") -> str:
    """The money of a transaction: a deposit, income or expense has no gross amount, only what was paid."""
    types = f"{int(TransactionType.PAYMENT)}, {int(TransactionType.INCOME_EXPENSE)}"
    return (
        f"CASE WHEN {transaction}.type IN ({types}) THEN {transaction}.paymentamount ELSE {transaction}.grossamount END"
    )


def amount_text_sql(amount: str) -> str:
    """SQL text of the numeric expression `amount`, with two decimals or as many as it has."""
    return f"to_char({amount}, 'FM99999999999999999999999990.009999')"


def shift_terminal_sql(transaction: str = "t") -> str:
    """The terminal of a transaction's shift: that of the transaction, unless the shift was opened on another one."""
    return f"coalesce(nullif({transaction}.batchterminalid, ''), {transaction}.terminal)"


def account_sql(row: str, mapped: str, otherwise: str) -> str:
    """The account that a row with custaccount and custaccountasync refers to, joined by `map_sql`; a GUID that leads
    nowhere stays as it is, so that it is found missing instead of being taken for nobody."""
    return (
        f"coalesce({mapped}.accountnum, nullif({row}.custaccount, ''), nullif({row}.custaccountasync, ''), {otherwise})"
    )


def map_sql(row: str, mapped: str) -> str:
    """The join of `row` with the GUID map."""
    return (
        f"LEFT JOIN ax.custaccountasyncmap AS {mapped} ON {mapped}.dataareaid = {row}.dataareaid"
        f" AND {mapped}.custaccountasync = coalesce(nullif({row}.custaccountasync, ''), nullif({row}.custaccount, ''))"
    )


def real_sql(transaction: str = "t") -> str:
    """Only real sales post (rule 11)."""
    statuses = ", ".join(str(int(status)) for status in REAL_ENTRY_STATUSES)
    return f"{transaction}.entrystatus IN ({statuses})"


def live_line_sql(line: str = "l") -> str:
    """Only lines that were not voided count, with their tax and discount rows: in sums, orders and statements."""
    return f"{line}.transactionstatus <> {int(EntryStatus.VOIDED)}"


def live_payment_sql(payment: str = "p") -> str:
    """Only payments that were not voided count."""
    return f"({payment}.voidstatus = 0 AND {payment}.transactionstatus <> {int(EntryStatus.VOIDED)})"


def paid_sql(payment: str = "p", currency: str = "t.currency") -> str:
    """What a payment is worth in `currency`, that of its transaction: the channel converts other ones."""
    return f"CASE WHEN {payment}.currency = {currency} THEN {payment}.amountcur ELSE {payment}.amountmst END"
