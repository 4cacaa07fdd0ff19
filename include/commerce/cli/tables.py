"""Tables for people: what a run or a step did per store, lists, and one thing with its details.

They take the dictionaries that `--json` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

STATES = {
    "posted": ("posted", "green"),
    "done": ("done", "green"),
    "nothing_to_post": ("nothing to post", ""),
    "not_closed": ("not closed yet", "yellow"),
    "blocked": ("BLOCKED", "bold red"),
    "failed": ("FAILED", "bold red"),
    "skipped": ("skipped", "yellow"),
    "active": ("active", "green"),
    "paused": ("paused", "yellow"),
    "stopped": ("stopped", "bold red"),
    "unreachable": ("unreachable", "bold red"),
    "suspended": ("suspended", "bold red"),
    "on-hold": ("on hold", "yellow"),
    "editing": ("being edited", "yellow"),
    "away": ("away", "bold red"),
    "behind": ("behind", "yellow"),
}
"""State -> what people read, and its colour."""

CHANNEL_COLUMNS = (
    "name",
    "state",
    "last_upload_at",
    "last_download_at",
    "waiting_upload",
    "waiting_download",
    "waiting_sessions",
)
"""Of a channel in `commerce status`, for people; `commerce channel list` has its last contact and since when."""

KINDS = {
    "end_of_day": "End of day",
    "historical": "End of day, history",
    "history_upload": "Upload of history",
    "customer_sync": "Customer synchronization",
    "trickle_feed": "Trickle feed",
}


def run_summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """A run's summary (`RunSummary.as_dict`) as a table for a store manager, and why stores are not posted."""
    dates = [summary[name] for name in ("first_date", "business_date") if summary.get(name)]
    title = " ".join([KINDS[summary["kind"]], " to ".join(dates)]).rstrip()
    table = Table(title=title)
    table.add_column("Store", no_wrap=True)
    for name in ("Customers converted", "Orders", "Transactions", "Amount posted"):
        table.add_column(name, justify="right", min_width=max(map(len, name.split())))
    table.add_column("State", no_wrap=True)
    table.add_column("Notes", overflow="fold", min_width=24)
    for store in summary["stores"]:
        table.add_row(
            Text(store["store"]),
            *(f"{store[name]:,}" for name in ("customers_converted", "orders", "transactions")),
            f"{_grouped(Decimal(store['posted_amount']))} {store['currency']}",
            _state(store["state"]),
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
    problems = [Text(problem, "bold red") for problem in summary["problems"]]
    notes = [Text(note) for note in summary.get("notes", ())]
    return Group(table, *problems, *notes, *(_why(store) for store in stores if store["reasons"]))


def backfill_tables(result: Mapping[str, Any]) -> RenderableType:
    """The upload of a history and the runs that posted it; `result` is `BackfillResult.as_dict()`."""
    if result["runs"]:
        return Group(*(run_summary_table(summary) for summary in (result["upload"], *result["runs"])))
    words = Text(f"Nothing is missing from {result['from']} to {result['to']}." if result["upload"]["ok"] else "")
    return Group(run_summary_table(result["upload"]), words)


def _notes(store: Mapping[str, Any]) -> list[str]:
    """What was left out or waits, and what is worth knowing."""
    lines = []
    for name, words in (("exceptions", "left out as wrong"), ("waiting", "waiting")):
        if count := store[name]["count"]:
            amount = _grouped(Decimal(store[name]["amount"]))
            lines.append(f"{_counted(count, 'transaction')} {words}: {amount} {store['currency']}")
    return [*lines, *store["notes"]]


def _why(store: Mapping[str, Any]) -> Text:
    """Each reason in a line of its own: rule, count, amount and a sample of keys."""
    words, style = STATES[store["state"]]
    text = Text(f"{store['store']} {'is ' if store['state'] == 'blocked' else ''}{words.lower()}:", style)
    for reason in store["reasons"]:
        rule = str(reason["rule"]).replace("_", " ")
        found = f"{_counted(reason['count'], 'transaction')}, {_grouped(Decimal(reason['amount']))} {store['currency']}"
        sample = f", such as {', '.join(str(key) for key in reason['sample'][:2])}" if reason["sample"] else ""
        text.append(f"\n  {rule}: {reason['message'] or found + sample}", "default not bold")
    return text


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


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


def job_table(result: Mapping[str, Any]) -> RenderableType:
    """What one step did, store by store; `result` is `JobResult.as_dict()`."""
    names = list(dict.fromkeys(name for store in result["stores"] for name in (*store["counts"], *store["amounts"])))
    table = _list_table(str(result["job"]).replace("_", " ").capitalize())
    table.add_column("Store", no_wrap=True)
    table.add_column("State", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", " ").capitalize(), justify="right")
    table.add_column("Message", overflow="fold")
    for store in result["stores"]:
        counts, amounts = store["counts"], store["amounts"]
        values = [
            f"{counts[name]:,}" if name in counts else _grouped(Decimal(amounts[name])) if name in amounts else ""
            for name in names
        ]
        table.add_row(store["store"], _state(store["state"]), *values, store["message"])
    totals = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in result["counts"].items() if count)
    notes = [Text(note, style="dim") for note in result["notes"]]
    if not result["stores"]:
        return Group(Text(totals or "Nothing to do."), *notes)
    return Group(table, Text(totals or "Nothing to do.", style="dim"), *notes)


def status_tables(status: Mapping[str, Any]) -> RenderableType:
    """How things stand; `status` is what `commerce.run.status` returns."""
    numbers = _list_table()
    numbers.show_header = False
    for subject in ("customers", "duplicates", "orders", "references", "transactions", "statements", "shifts"):
        counts = {name: value for name, value in status[subject].items() if isinstance(value, int)}
        words = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
        numbers.add_row(subject.capitalize(), words)
    for currency, amount in status["transactions"]["unposted_amounts"].items():
        numbers.add_row("Unposted", f"{_grouped(Decimal(amount))} {currency}")
    for held in status["held"]:
        amount = f"{_grouped(Decimal(held['amount']))} {held['currency']}"
        since = f"for {_counted(held['days'], 'day')}"
        numbers.add_row("On hold", Text(f"{held['transaction']} {since}, {amount}: {held['reason']}", style="yellow"))
    for shift in status["shifts"]["list"]:
        where = f"{shift['store']} {shift['shift']}, {shift['business_date']}"
        numbers.add_row("Not stated", Text(f"{where}: {shift['message']}", style="yellow"))
    for company, left_out in _rules_left_out(status["validation_rules"]).items():
        numbers.add_row("Rules", Text(f"{company}: {left_out}", style="dim"))
    for rule in status["validation_rules"]:
        if rule["state"] == "disabled":
            since = f"since {rule['since_at'][:10]} by {rule['by']}"
            words = f"{rule['company']}: {rule['of']} rule {rule['rule']} is off {since}: {rule['reason']}"
            numbers.add_row("Rule off", Text(words, style="yellow"))
    for found in status["number_sequences"]:
        numbers.add_row("Numbers", Text(found["message"], style="yellow"))
    channels = status["channels"]
    return Group(numbers, plain_table(channels, CHANNEL_COLUMNS)) if channels else numbers


def _rules_left_out(rules: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """How many validation rules are not applied in each company, and why."""
    counts: dict[str, dict[str, int]] = {}
    for rule in rules:
        states = counts.setdefault(rule["company"], {})
        states[rule["state"]] = states.get(rule["state"], 0) + 1
    more = "`commerce transactions rules` tells which"
    return {
        company: f"{', '.join(f'{count} {state}' for state, count in states.items())}; {more}"
        for company, states in counts.items()
    }


def reconciliation_tables(result: Mapping[str, Any]) -> RenderableType:
    """What agrees, what does not, and what is not posted for a reason; `result` is `ReconcileResult.as_dict()`."""
    verdict, style = ("agree", "green") if result["ok"] else ("do not agree", "bold red")
    compared = f"{_counted(result['transactions'], 'transaction')} of {_counted(len(result['stores']), 'store')}"
    parts: list[RenderableType] = [Text(f"The channels {verdict} with what was posted: {compared}.", style)]
    for title, name, amounts in (
        ("Differences", "differences", ("expected", "found", "difference")),
        ("Not posted, and why", "unposted", ("amount",)),
        ("Figures", "figures", ("channel", "posted", "explained", "difference")),
        ("Edited in headquarters, not compared with the channel", "edited", ()),
    ):
        if result.get(name):
            rows = [{**row, **{amount: Decimal(row[amount]) for amount in amounts}} for row in result[name]]
            table = plain_table(rows, [column for column in rows[0] if column != "sample"])
            table.title = title
            parts.append(table)
    parts += [Text(f"{store} could not be compared: {why}", "bold red") for store, why in result["unreadable"].items()]
    return Group(*parts)


def changes_table(result: Mapping[str, Any]) -> RenderableType:
    """What a setup changed, or would change; `result` is `SetupResult.as_dict()`."""
    warnings = [Text(warning, style="yellow") for warning in result["warnings"]]
    if result["refused"]:
        warnings += [Text("Would be refused; nothing is written until this is mended:", "bold red")]
        warnings += [Text(f"  {reason}", "red") for reason in result["refused"]]
    if not result["changes"]:
        return Group(Text("Nothing to change."), *warnings)
    table = _list_table("Would change" if result["dry_run"] else "Changed")
    for column in ("Section", "Key", "Action", "Fields"):
        table.add_column(column, overflow="fold")
    for change in result["changes"]:
        fields = ", ".join(f"{name}: {old} -> {new}" for name, (old, new) in change["fields"].items())
        table.add_row(change["section"], Text(change["key"]), change["action"], Text(fields))
    return Group(table, *warnings)


def plain_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """A list with the given columns; numbers stand right, amounts with their currency."""
    table = _list_table()
    for column in columns:
        right = all(isinstance(row[column], (int, Decimal)) and not isinstance(row[column], bool) for row in rows)
        table.add_column(column.replace("_", " ").capitalize(), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, row) for column in columns))
    return table


def details_table(found: Mapping[str, Any]) -> RenderableType:
    """One thing: its fields, then a table for each list in it."""
    table = _list_table()
    table.show_header = False
    parts: list[RenderableType] = [table]
    for name, value in found.items():
        label = name.replace("_", " ").capitalize()
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            part = plain_table(value, list(value[0]))
            part.title = label
            parts.append(part)
        elif not isinstance(value, list):
            table.add_row(label, _cell(name, found))
        else:
            table.add_row(label, ", ".join(str(item) for item in value) or "-")
    return Group(*parts)


def _cell(column: str, row: Mapping[str, Any]) -> RenderableType:
    value = row[column]
    if column == "state":
        return _state(str(value))
    if value is None or value == "":
        return Text("-", style="dim")
    if isinstance(value, Decimal):
        return f"{_grouped(value)} {row.get('currency') or ''}".rstrip()
    if isinstance(value, list):
        return Text(", ".join(str(item) for item in value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str) and column.endswith("_at"):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return Text(str(value))


def _list_table(title: str | None = None) -> Table:
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)


def _state(state: str) -> Text:
    words, style = STATES.get(state, (state, ""))
    return Text(words, style=style)
