"""A picture of a reconciliation for a report: sales by store, tenders, what is not posted and why, and the days.

Amounts of two currencies never stand on one axis: each currency has a row of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from commerce.errors import UsageError
from commerce.reconcile.figures import GROSS, TENDERS
from commerce.reconcile.result import ReconcileResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

FORMATS = (".png", ".svg")
MOST_STORES = 40
"""So many bars with a name each can be read; of more stores the others share one."""
MOST_REASONS = 10
COLOURS = {"posted": "#0072B2", "not posted, explained": "#E69F00", "difference": "#D55E00"}
"""They differ for colour-blind people, too."""
BAR = 0.24
"""Inches of height for a bar with its name."""
WIDTH = 16.0


def check_format(file: Path) -> None:
    """Refuse a picture that could not be written, before anything is compared.

    Raises:
        UsageError: it is neither PNG nor SVG, or its folder is not there.
    """
    if file.suffix.lower() not in FORMATS:
        raise UsageError(f"{file} cannot be drawn: the name of a picture ends in {' or '.join(FORMATS)}.")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written: there is no folder {file.absolute().parent}.")


def draw(result: ReconcileResult, file: Path) -> None:
    """Draw `result` to `file`, PNG or SVG by its name.

    Raises:
        UsageError: the file cannot be written.
    """
    check_format(file)
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    frame = _frame(result)
    currencies = sorted(frame.loc[frame["figure"] == GROSS, "currency"].unique())
    heights = [_height(frame[frame["currency"] == currency]) for currency in currencies] or [1.0]
    with rc_context({"font.size": 9, "svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(WIDTH, sum(heights) + 0.9), dpi=110, layout="constrained")
        figure.suptitle(_title(result, frame), fontsize=13, fontweight="bold")
        keys = [Patch(color=colour, label=name) for name, colour in COLOURS.items()]
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False)
        if currencies:
            parts = figure.subfigures(len(currencies), 1, height_ratios=heights, squeeze=False)[:, 0]
            for part, currency in zip(parts, currencies, strict=True):
                _draw_currency(part, result, frame, currency)
        else:
            figure.text(0.5, 0.4, "Nothing was sold.", ha="center")
        try:
            figure.savefig(file)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}.") from None


def _frame(result: ReconcileResult) -> pd.DataFrame:
    """The figures, a row each, and the currency of each one's store."""
    import pandas as pd

    columns = {
        "store": [one.store for one in result.figures],
        "day": [one.businessdate for one in result.figures],
        "figure": [one.figure for one in result.figures],
        "key": [one.key for one in result.figures],
        "name": [one.name for one in result.figures],
        "currency": [one.currency for one in result.figures],
        "posted": [float(one.posted) for one in result.figures],
        "not posted, explained": [float(one.explained) for one in result.figures],
        "difference": [float(one.difference) for one in result.figures],
    }
    return pd.DataFrame(columns)


def _height(frame: pd.DataFrame) -> float:
    stores = min(frame.loc[frame["figure"] == GROSS, "store"].nunique(), MOST_STORES + 1)
    return max(stores * BAR + 1.2, 5.2)


def _title(result: ReconcileResult, frame: pd.DataFrame) -> str:
    days = sorted(frame["day"].unique())
    dates = "no days" if not days else days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    verdict = "channels and ledger agree" if result.ok else "CHANNELS AND LEDGER DO NOT AGREE"
    unread = f", {len(result.unreadable)} of them could not be read" if result.unreadable else ""
    stores = "1 store" if len(result.stores) == 1 else f"{len(result.stores)} stores"
    return f"Business date {dates}: {verdict} ({stores}{unread})"


def _draw_currency(part: SubFigure, result: ReconcileResult, frame: pd.DataFrame, currency: str) -> None:
    sales = frame[(frame["figure"] == GROSS) & (frame["currency"] == currency)]
    several_days = sales["day"].nunique() > 1
    grid = part.add_gridspec(3 if several_days else 2, 2, width_ratios=(1.15, 1))
    _draw_stores(part.add_subplot(grid[:, 0]), sales, currency)
    tenders = frame[(frame["figure"] == TENDERS) & frame["store"].isin(sales["store"])]
    _draw_tenders(part.add_subplot(grid[0, 1]), tenders)
    _draw_reasons(part.add_subplot(grid[1, 1]), result, set(sales["store"]), currency)
    if several_days:
        _draw_days(part.add_subplot(grid[2, 1]), sales, currency)


def _draw_stores(axes: Axes, sales: pd.DataFrame, currency: str) -> None:
    """A bar a store, the largest on top; of too many stores, those with the most open or wrong have one, and the others
    share one below."""
    import pandas as pd

    by_store = sales.groupby("store")[list(COLOURS)].sum()
    by_store["total"] = by_store[list(COLOURS)].sum(axis=1)
    by_store["open"] = by_store["difference"].abs() + by_store["not posted, explained"].abs()
    title = f"Sales incl. tax by store ({currency})"
    if len(by_store) > MOST_STORES:
        ordered = by_store.sort_values(["open", "total"], ascending=False)
        kept, others = ordered.iloc[:MOST_STORES], ordered.iloc[MOST_STORES:]
        title += f", {MOST_STORES} of {len(by_store)} stores: those with the most open or wrong"
        shared = others.mean().to_frame(f"{len(others)} others, on average").T
        by_store = pd.concat([shared, kept.sort_values("total")])
    else:
        by_store = by_store.sort_values("total")
    _stacked(axes, by_store, title, currency)


def _draw_tenders(axes: Axes, tenders: pd.DataFrame) -> None:
    """A bar a tender and currency. Tenders in other currencies stand in their own; companies may call one number by
    several names."""
    by_tender = tenders.groupby(["name", "key"])[list(COLOURS)].sum()
    by_tender = by_tender.loc[by_tender.abs().sum(axis=1).sort_values().index]
    by_tender.index = [_tender(name, key) for name, key in by_tender.index]
    _stacked(axes, by_tender, "Taken by tender", "each in its own currency")


def _tender(name: str, key: str) -> str:
    """A tender by its name, its number in brackets, and its currency."""
    number, _, currency = key.rpartition(" ")
    return f"{_short(name, 30)} ({number}) {currency}" if name else f"tender {number} {currency}"


def _draw_reasons(axes: Axes, result: ReconcileResult, stores: set[str], currency: str) -> None:
    """A bar for each reason why something is not posted, with its number of transactions."""
    import pandas as pd

    rows = [(one.reason, float(one.amount), one.transactions) for one in result.unposted if one.store in stores]
    reasons = pd.DataFrame(rows, columns=["reason", "amount", "transactions"])
    reasons["reason"] = reasons["reason"].str.replace(r"statement \S+?,", "a statement", regex=True)
    total = reasons.groupby("reason")[["amount", "transactions"]].sum().sort_values("transactions")
    left = len(total) - MOST_REASONS
    shown = total.iloc[-MOST_REASONS:]
    title = f"Not posted, by reason ({currency})" + (f", {left} rarer reasons left out" if left > 0 else "")
    axes.set_title(title, loc="left", fontweight="bold")
    if shown.empty:
        axes.text(0.5, 0.5, "Everything is posted.", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    colour = COLOURS["not posted, explained"]
    bars = axes.barh([_short(reason) for reason in shown.index], shown["amount"], color=colour, height=0.75)
    labels = [f" {count:,} transactions, {amount:,.2f}" for amount, count in shown.itertuples(index=False)]
    axes.bar_label(bars, labels=labels, fontsize=8)
    _place_bars(axes, len(shown), shown["amount"].max(), room=1.5)
    _amount_axis(axes, currency)


def _draw_days(axes: Axes, sales: pd.DataFrame, currency: str) -> None:
    """Sales along the days."""
    import pandas as pd

    by_day = sales.groupby("day")[list(COLOURS)].sum()
    by_day.index = pd.to_datetime(by_day.index)
    bottom = by_day["posted"] * 0
    for name, colour in COLOURS.items():
        axes.bar(by_day.index, by_day[name], bottom=bottom, color=colour, width=0.9)
        bottom = bottom + by_day[name]
    axes.set_title(f"Sales incl. tax by business date ({currency})", loc="left", fontweight="bold")
    axes.set_ylabel(currency)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=12, minticks=min(3, len(by_day)))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _stacked(axes: Axes, table: pd.DataFrame, title: str, unit: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold")
    if table.empty:
        axes.set_axis_off()
        return
    table[list(COLOURS)].plot.barh(stacked=True, ax=axes, color=list(COLOURS.values()), width=0.75, legend=False)
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_ylabel("")
    totals = table[list(COLOURS)].sum(axis=1)
    for place, amount in enumerate(totals):
        axes.text(max(amount, 0.0), place, f" {amount:,.2f}", va="center", fontsize=8)
    _place_bars(axes, len(table), totals.max(), room=1.18)
    _amount_axis(axes, unit)


def _place_bars(axes: Axes, bars: int, longest: float, room: float) -> None:
    """A few bars stand on top and stay slim; to the right there is room for their labels."""
    axes.set_ylim(bars - 0.4 - max(bars, 6), bars - 0.4)
    if longest > 0:
        axes.set_xlim(right=longest * room)


def _amount_axis(axes: Axes, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="x", alpha=0.3)


def _short(text: str, most: int = 46) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
