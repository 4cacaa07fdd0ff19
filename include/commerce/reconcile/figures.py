"""The figures of a store's day: sales by tax code, tenders by currency, charges, deposits, income and expense, orders.

Each is the channel's total, what was posted of it, and what is explained; what is left is a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from commerce.reconcile.result import Figure

FIGURES = {
    "invoices: net": "sales, net",
    "vouchers: sales tax": "sales tax",
    "invoices: gross": "sales, gross",
    "vouchers: charges": "of these charges",
    "statement lines": "tenders",
    "statements: deposit payments": "deposits",
    "vouchers: income and expense": "income and expense",
    "orders: gross": "orders",
}
"""Check -> what people call it, in the order of a report. Charges are part of net sales."""

ZERO = Decimal(0)
TENDERS = "tenders"
GROSS = "sales, gross"

STORES = text(
    "SELECT retailchannelid AS store, currency FROM ax.retailchanneltable WHERE retailchannelid = ANY(:stores)"
)

TENDER_NAMES = text("""
    SELECT c.retailchannelid AS store, t.tendertypeid AS tender, t.name FROM ax.retailtendertypetable AS t
    JOIN ax.retailchanneltable AS c USING (dataareaid) WHERE c.retailchannelid = ANY(:stores)
""")


def stores_of(connection: Connection, stores: Sequence[str]) -> dict[str, str]:
    """Store -> its currency."""
    return {row.store: row.currency for row in connection.execute(STORES, {"stores": list(stores)})}


def tender_names(connection: Connection, stores: Sequence[str]) -> dict[tuple[str, str], str]:
    """(store, tender) -> what the store's company calls it."""
    return {(row.store, row.tender): row.name for row in connection.execute(TENDER_NAMES, {"stores": list(stores)})}


def figures(
    total: pa.Table,
    expected: pa.Table,
    found: pa.Table,
    currencies: Mapping[str, str],
    left_out: Collection[tuple[str, str]],
    names: Mapping[tuple[str, str], str],
) -> tuple[Figure, ...]:
    """By store, date, figure and key, from tables like `documents.PLACES`: the channels' `total`, what documents are
    `expected` to say of it, and what was `found` in them. Days that are `left_out` cannot be compared;
    `names`: those of tenders."""
    amounts: defaultdict[tuple[str, str, str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO, ZERO])
    for number, table in enumerate((total, expected, found)):
        for row in table.filter(pc.is_in(table["what"], pa.array(list(FIGURES)))).to_pylist():
            amounts[row["store"], row["businessdate"], row["what"], row["key"]][number] = row["amount"]
    rows = [
        Figure(
            store,
            day,
            FIGURES[what],
            key,
            key.rpartition(" ")[2] if FIGURES[what] == TENDERS else currencies[store],
            channel,
            posted,
            channel - must,
            names.get((store, key.rpartition(" ")[0]), "") if FIGURES[what] == TENDERS else "",
        )
        for (store, day, what, key), (channel, must, posted) in amounts.items()
        if (store, day) not in left_out and any((channel, must, posted))
    ]
    place = list(FIGURES.values()).index
    return tuple(sorted(rows, key=lambda row: (row.store, row.businessdate, place(row.figure), row.key)))
