"""References of orders and cash-and-carry transactions: whoever they name is synchronized. SQL of its own, which shares
nothing with late binding, which it judges."""

from collections.abc import Sequence

from commerce.quality.rule import GateRule
from commerce.schema.enums import ORDER_TYPES, STATEMENT_TYPES, TransactionType

_LINE = (
    "ax.retailtransactionsalestrans AS r"
    " ON r.transactionid = b.transactionid AND r.store = b.store AND r.terminalid = b.terminal"
)
_ADDRESS_LINE = f"stamped_line AS s ON s.id = b.id AND s.address JOIN {_LINE}"
_DELIVERY = (
    "ax.retailtransactionaddresstrans AS r"
    " ON r.transactionid = b.transactionid AND r.store = b.store AND r.terminal = b.terminal"
)
_DEPOSIT = (
    "ax.retailtransactioncustomeraccountdeposittrans AS r"
    " ON r.transactionid = b.transactionid AND r.store = b.store AND r.terminal = b.terminal"
)
_FOUND = "SELECT b.store, b.terminal, b.transactionid, b.amount"


def _of(types: Sequence[TransactionType]) -> str:
    return f"b.type IN ({', '.join(str(int(kind)) for kind in types)})"


def _customer(types: Sequence[TransactionType], place: str | None) -> str:
    """References to a customer without account; `place` joins the rows r (None: the header itself)."""
    r, source = ("b", "stamped AS b") if place is None else ("r", f"stamped AS b JOIN {place}")
    return (
        f"{_FOUND}, COALESCE(NULLIF({r}.custaccountasync, ''), {r}.custaccount) AS reference FROM {source}"
        " LEFT JOIN ax.custaccountasyncmap AS m"
        f" ON m.dataareaid = b.dataareaid AND m.custaccountasync = {r}.custaccountasync"
        f" WHERE {_of(types)} AND (length({r}.custaccount) > 20"
        f" OR ({r}.custaccountasync <> '' AND (m.accountnum IS NULL OR {r}.custaccount = '')))"
    )


def _line_customer(types: Sequence[TransactionType]) -> str:
    """Lines that name another customer than their header (whose own rules judge it), and not one that exists and that
    the line's GUID leads to. One rule for all of it, in which only transactions with such a line are looked at."""
    return (
        f"{_FOUND}, COALESCE(NULLIF(r.custaccountasync, ''), r.custaccount) AS reference"
        f" FROM stamped AS b JOIN stamped_line AS s ON s.id = b.id AND s.other_customer JOIN {_LINE}"
        " LEFT JOIN ax.custaccountasyncmap AS m"
        " ON m.dataareaid = b.dataareaid AND m.custaccountasync = r.custaccountasync"
        " LEFT JOIN ax.custtable AS c ON c.dataareaid = b.dataareaid AND c.accountnum = r.custaccount"
        f" WHERE {_of(types)} AND (r.custaccount, r.custaccountasync) <> (b.custaccount, b.custaccountasync)"
        " AND ((r.custaccount <> '' AND c.accountnum IS NULL)"
        " OR (r.custaccountasync <> '' AND r.custaccount IS DISTINCT FROM m.accountnum))"
    )


def _address(types: Sequence[TransactionType], place: str | None) -> str:
    """References to an address that is none; `place` as for customers."""
    r, source = ("b", "stamped AS b") if place is None else ("r", f"stamped AS b JOIN {place}")
    return (
        f"{_FOUND}, {r}.addressidasync AS reference FROM {source}"
        " LEFT JOIN ax.asyncaddressmap AS m"
        f" ON m.dataareaid = b.dataareaid AND m.addressid = {r}.addressidasync"
        " LEFT JOIN ax.logisticspostaladdress AS p"
        f" ON p.recid = {r}.logisticspostaladdress"
        f" WHERE {_of(types)} AND {r}.addressidasync <> '' AND (m.addressid IS NULL OR p.recid IS NULL)"
    )


_NAMED = f"""
    SELECT b.store, b.terminal, b.transactionid, b.dataareaid, b.amount, b.custaccount, b.custaccountasync
    FROM stamped AS b
    UNION ALL
    SELECT b.store, b.terminal, b.transactionid, b.dataareaid, b.amount, r.custaccount, r.custaccountasync
    FROM stamped AS b JOIN {_DEPOSIT}
"""
"""Whom headers and deposits name; lines have a rule of their own."""

# Each GUID is looked up once, however many transactions name it.
_ONE_ACCOUNT = f"""
    SELECT n.store, n.terminal, n.transactionid, n.amount, n.custaccountasync AS reference
    FROM ({_NAMED}) AS n
    JOIN (
        SELECT m.dataareaid, m.custaccountasync, m.accountnum,
               c.accountnum IS NULL OR other.accountnum IS NOT NULL AS not_one
        FROM (SELECT DISTINCT g.dataareaid, g.custaccountasync FROM ({_NAMED}) AS g) AS d
        JOIN ax.custaccountasyncmap AS m ON m.dataareaid = d.dataareaid AND m.custaccountasync = d.custaccountasync
        LEFT JOIN ax.custtable AS c ON c.dataareaid = m.dataareaid AND c.accountnum = m.accountnum
        LEFT JOIN ax.retailcusttable AS other ON other.dataareaid = m.dataareaid AND other.custaccountasync <> ''
            AND other.custaccountasync = m.custaccountasync AND other.accountnum <> m.accountnum
    ) AS m ON m.dataareaid = n.dataareaid AND m.custaccountasync = n.custaccountasync
    WHERE m.not_one OR (length(n.custaccount) BETWEEN 1 AND 20 AND n.custaccount <> m.accountnum)
"""

_NO_ACCOUNT = f"""
    SELECT n.store, n.terminal, n.transactionid, n.amount, n.custaccount AS reference
    FROM ({_NAMED}) AS n
    LEFT JOIN ax.custtable AS c ON c.dataareaid = n.dataareaid AND c.accountnum = n.custaccount
    WHERE length(n.custaccount) BETWEEN 1 AND 20 AND c.accountnum IS NULL
"""


_TWO_STATEMENTS = """
    SELECT h.store, h.terminal, h.transactionid, max(e.grossamount) AS amount,
           min(e.statementid) || ', ' || max(e.statementid) AS reference
    FROM (SELECT DISTINCT b.store, b.businessdate FROM stamped AS b) AS d
    JOIN ax.retailtransactiontable AS h ON h.store = d.store AND h.businessdate = d.businessdate
    JOIN ax.retaileodtransactiontable AS e
        ON e.transactionid = h.transactionid AND e.store = h.store AND e.terminal = h.terminal
    GROUP BY h.store, h.terminal, h.transactionid HAVING count(*) > 1
"""
"""Transactions of the stamped days in more than one statement. Those stamped are in none: who takes them while the gate
judges, takes them once, by the primary key of the table."""

_ORDERS, _SALES = ORDER_TYPES, STATEMENT_TYPES
REFERENCE_RULES = (
    *(
        GateRule(f"unsynchronized_customer_of_{name}", f"the customer of every {words} has its account", rows)
        for name, words, rows in (
            ("order", "order", _customer(_ORDERS, None)),
            ("order_line", "order line", _line_customer(_ORDERS)),
            ("sale", "cash-and-carry transaction", _customer(_SALES, None)),
            ("sale_line", "cash-and-carry line", _line_customer(_SALES)),
            ("deposit", "deposit", _customer(_SALES, _DEPOSIT)),
        )
    ),
    *(
        GateRule(f"unsynchronized_address_of_{name}", f"the address of every {words} is a postal address", rows)
        for name, words, rows in (
            ("order", "order", _address(_ORDERS, None)),
            ("order_line", "order line", _address(_ORDERS, _ADDRESS_LINE)),
            ("order_delivery", "order's delivery", _address(_ORDERS, _DELIVERY)),
            ("sale", "cash-and-carry transaction", _address(_SALES, None)),
            ("sale_line", "cash-and-carry line", _address(_SALES, _ADDRESS_LINE)),
            ("sale_delivery", "cash-and-carry delivery", _address(_SALES, _DELIVERY)),
        )
    ),
    GateRule(
        "guid_without_its_one_account",
        "each GUID leads to exactly one account, which exists and is the one on the transaction",
        _ONE_ACCOUNT,
    ),
    GateRule("nonexistent_customer_account", "every customer account on a transaction exists", _NO_ACCOUNT),
    GateRule("transaction_in_two_statements", "no transaction is in two statements", _TWO_STATEMENTS),
)
