"""Tables for people: what a run did, per store."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

STATES = {
    "posted": ("posted", "green"),
    "done": ("done", "green"),
    "nothing_to_post": ("nothing to post", ""),
    "not_closed": ("not closed yet", "yellow"),
    "blocked": ("BLOCKED", "bold red"),
    "failed": ("FAILED", "bold red"),
}

KINDS = {"end_of_day": "End of day", "historical": "End of day, history", "customer_sync": "Customer synchronization"}


def run_summary_table(summary: Mapping[str, Any]) -> Table:
    """A run's summary (`RunSummary.as_dict`) as a table that a store manager understands."""
    title = KINDS[summary["kind"]] + (f" {summary['business_date']}" if summary["business_date"] else "")
    table = Table(title=title, caption=Text("\n".join(summary["problems"]), "bold red"))
    table.add_column("Store", no_wrap=True)
    for name in ("Customers converted", "Orders", "Transactions", "Amount posted"):
        table.add_column(name, justify="right")
    table.add_column("State", no_wrap=True)
    table.add_column("Notes", overflow="fold")
    for store in summary["stores"]:
        label, style = STATES[store["state"]]
        table.add_row(
            Text(store["store"]),
            *(f"{store[name]:,}" for name in ("customers_converted", "orders", "transactions")),
            f"{_grouped(Decimal(store['posted_amount']))} {store['currency']}",
            Text(label, style),
            Text("\n".join(_notes(store))),
        )
    table.add_section()
    stores = summary["stores"]
    table.add_row(
        "Total",
        *(f"{sum(store[name] for store in stores):,}" for name in ("customers_converted", "orders", "transactions")),
        "\n".join(f"{_grouped(amount)} {currency}" for currency, amount in _by_currency(stores).items()),
        _states(stores),
        "",
        style="bold",
    )
    return table


def _notes(store: Mapping[str, Any]) -> list[str]:
    """Why the store is not posted, what was left out, and what is worth knowing, in this order."""
    currency = store["currency"]
    lines = []
    for reason in store["reasons"]:
        what = f"{reason['rule']}: {reason['count']:,} for {_grouped(Decimal(reason['amount']))} {currency}"
        sample = f", such as {', '.join(str(key) for key in reason['sample'][:2])}" if reason["sample"] else ""
        lines.append(reason["message"] or what + sample)
    for name, words in (("exceptions", "left out as wrong"), ("waiting", "waiting")):
        if count := store[name]["count"]:
            amount = _grouped(Decimal(store[name]["amount"]))
            lines.append(f"{count:,} {'transaction' if count == 1 else 'transactions'} {words}: {amount} {currency}")
    return [*lines, *store["notes"]]


def _by_currency(stores: list[Mapping[str, Any]]) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for store in stores:
        amounts[store["currency"]] = amounts.get(store["currency"], Decimal(0)) + Decimal(store["posted_amount"])
    return dict(sorted(amounts.items()))


def _states(stores: list[Mapping[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for store in stores:
        counts[store["state"]] = counts.get(store["state"], 0) + 1
    return "\n".join(f"{counts[state]} {STATES[state][0]}" for state in STATES if state in counts)


def _grouped(amount: Decimal) -> str:
    """With thousands separators, and no more decimals than it has beyond two."""
    return f"{amount:,.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount:,}"
