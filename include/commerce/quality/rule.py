"""What a rule of the quality gate is, and the SQL around it.

A rule's `rows` selects what is wrong, from headquarters' tables and from what is made once for all rules (`relations`):

* `stamped`: the transactions that the run has stamped, each with an `id` that holds only there;
* `stamped_line`: sums of their sales lines, and whether one of them names a customer or an address of its own;
* `stamped_tax`: sums of the tax rows of valid sales.

Two places are filled in before it runs: `{stores}`, the stores that are judged, those without a transaction too
(`stores_sql`), and `{date}`, the run's business date.

It returns store, terminal, transactionid, amount and the reference that is wrong. What is wrong with a store and not
with a transaction has in the place of `transactionid` whatever tells one fault from another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from commerce.schema.enums import ORDER_TYPES, STATEMENT_TYPES, EntryStatus, TransactionType, ValidationStatus
from commerce.scope import amount_sql

_LIVE = f"r.transactionstatus <> {int(EntryStatus.VOIDED)}"

Severity = Literal["critical", "warning", "info"]
"""Critical blocks the store, a warning is reported, info is noted."""

GATE_TYPES = (*STATEMENT_TYPES, *ORDER_TYPES)
"""What the gate stamps and judges: all that a statement may take, and orders without a sales order yet."""


@dataclass(frozen=True)
class GateRule:
    """`name` is what verdicts, summaries and Data Docs show; `says` is the rule in words. `names_people`: its
    references are GUIDs and addresses, which samples shorten."""

    name: str
    says: str
    rows: str
    severity: Severity = "critical"
    names_people: bool = True

    def filled(self, channels: Collection[int], day: date) -> str:
        """`rows` for some channels and a business date."""
        return self.rows.replace("{stores}", f"({stores_sql(channels)})").replace("{date}", f"DATE '{day.isoformat()}'")


def batch_sql(run: int, channels: Collection[int]) -> str:
    """The transactions that `run` has stamped in `channels` (record ids: integers, so nothing has to be quoted).
    `valid`: a statement may take it, unless the gate blocks its store."""
    return (
        "SELECT row_number() OVER () AS id, t.store, t.terminal, t.transactionid, t.dataareaid, t.type, t.businessdate,"
        " t.custaccount, t.custaccountasync, t.logisticspostaladdress, t.addressidasync, t.netamount, t.grossamount,"
        " t.paymentamount,"
        f" t.validationstatus = {int(ValidationStatus.SUCCESSFUL)} AS valid, {amount_sql('t')} AS amount"
        " FROM ax.retailtransactiontable AS t JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store"
        f" WHERE t.gaterun = {int(run)} AND ch.recid IN ({_listed(channels)})"
    )


_LINES = f"""
    SELECT b.id, ax.sum_of_few(r.netamount) FILTER (WHERE {_LIVE}) AS net,
           ax.sum_of_few(r.netamountincltax) FILTER (WHERE {_LIVE}) AS gross,
           bool_or((r.custaccount <> '' OR r.custaccountasync <> '')
               AND (r.custaccount, r.custaccountasync) <> (b.custaccount, b.custaccountasync)) AS other_customer,
           bool_or(r.addressidasync <> '') AS address
    FROM stamped AS b JOIN ax.retailtransactionsalestrans AS r
        ON r.transactionid = b.transactionid AND r.store = b.store AND r.terminalid = b.terminal
    WHERE {{ids}}
    GROUP BY b.id
"""
_TAXES = f"""
    SELECT b.id, ax.sum_of_few(r.amount) AS tax
    FROM stamped AS b JOIN ax.retailtransactiontaxtrans AS r
        ON r.transactionid = b.transactionid AND r.storeid = b.store AND r.terminalid = b.terminal
    WHERE b.valid AND b.type = {int(TransactionType.SALES)} AND {{ids}}
    GROUP BY b.id
"""


def relations(run: int, channels: Collection[int]) -> dict[str, str]:
    """Name and query of what is made once for all rules, in this order. `{ids}` is a condition on the transaction id of
    rows r that is true of all stamped transactions."""
    return {"stamped": batch_sql(run, channels), "stamped_line": _LINES, "stamped_tax": _TAXES}


def stores_sql(channels: Collection[int]) -> str:
    """The stores of `channels`, with company and channel database."""
    return (
        "SELECT ch.retailchannelid AS store, ch.recid AS channel, ch.dataareaid, d.databaseprofile AS datastore"
        " FROM ax.retailchanneltable AS ch JOIN cdx.retailcdxdatastorechannel AS d ON d.channel = ch.recid"
        f" WHERE ch.recid IN ({_listed(channels)})"
    )


def _listed(channels: Collection[int]) -> str:
    return ", ".join(str(int(channel)) for channel in sorted(channels))


def per_store(rows: str) -> str:
    """One row a store that breaks the rule: store, count of transactions, their amount, the smallest transaction id.

    Before them stands a row without store, whose count is that of the stores that follow: an answer without it, or with
    fewer stores, is not complete.
    """
    return (
        "WITH failing AS MATERIALIZED (SELECT store, count(*) AS count, sum(amount) AS amount,"
        f" min(transactionid) AS smallest FROM ({_each_transaction(rows)}) AS one GROUP BY store)"
        " SELECT '' AS store, count(*) AS count, 0 AS amount, '' AS smallest FROM failing"
        " UNION ALL SELECT store, count, amount, smallest FROM failing ORDER BY store"
    )


def samples(rows: str, relations: Mapping[str, str], size: int) -> str:
    """Up to `size` wrong references a store: store, transactionid, reference."""
    made = ", ".join(f"{name} AS MATERIALIZED ({query})" for name, query in relations.items()).replace("{ids}", "TRUE")
    return (
        f"WITH {made} SELECT store, transactionid, reference FROM (SELECT one.*, row_number() OVER"
        " (PARTITION BY store ORDER BY transactionid, terminal) AS place"
        f" FROM ({_each_transaction(rows)}) AS one) AS numbered WHERE place <= {size} ORDER BY store, place"
    )


def _each_transaction(rows: str) -> str:
    """A transaction with several wrong rows counts once, and so does its amount."""
    return (
        f"SELECT DISTINCT ON (store, terminal, transactionid) * FROM ({rows}) AS wrong"
        " ORDER BY store, terminal, transactionid, reference"
    )
