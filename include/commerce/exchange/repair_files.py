"""Rows in quarantine as a file that a person mends: what to write into it, and what was changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from commerce import sheets
from commerce.errors import UsageError
from commerce.exchange import quarantined
from commerce.exchange.quarantined import QuarantineFilter
from commerce.exchange.repairing import Repair
from commerce.schema.uploaded import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

ABOUT = ("id", "channel", "state", "reason")
"""Columns that say what a row is; changing them changes nothing."""


def export(hq: Engine, path: Path, chosen: QuarantineFilter, *, limit: int) -> int:
    """Write the chosen rows of one table with all their data (personal data too); returns their number.

    Raises:
        UsageError: the filter names no table, or the file cannot be written.
    """
    if chosen.table not in BY_NAME:
        raise UsageError(f"A file holds rows of one table: --table NAME, one of {', '.join(BY_NAME)}.")
    found = quarantined.raw(hq, quarantined.ids(hq, chosen, limit=limit), personal=True)
    columns = [*ABOUT, *BY_NAME[chosen.table].column_names]
    import pandas as pd

    records = [{**{name: row.about[name] for name in ABOUT}, **row.data} for row in found]
    sheets.write(path, pd.DataFrame.from_records(records, columns=columns))
    return len(found)


def changed(hq: Engine, path: Path) -> list[Repair]:
    """The rows of the file with at least one cell that differs from what the channel sent.

    Raises:
        UsageError: the file is none that `export` made, or names a row that does not exist.
    """
    given = sheets.read(path)
    known = {name for table in BY_NAME.values() for name in table.column_names}
    sheets.refuse_columns(path, given, required={"id"}, known={*ABOUT, *known})
    numbers = _numbers(path, given)
    cells = {name: given[name].tolist() for name in given.columns if name not in ABOUT}
    sent = {row.about["id"]: row.data for row in quarantined.raw(hq, numbers, personal=True)}
    repairs = []
    for place, number in enumerate(numbers):
        changes = {
            name: values[place] or None
            for name, values in cells.items()
            if values[place] != (sent[number].get(name) or "")
        }
        if changes:
            repairs.append(Repair(number, changes))
    return repairs


def _numbers(path: Path, given: pd.DataFrame) -> list[int]:
    wrong = ~given["id"].str.fullmatch(r"[0-9]{1,18}") | given["id"].duplicated()
    if wrong.any():
        line = int(wrong.to_numpy().argmax()) + 2
        raise UsageError(f"{path}, line {line}: column id must hold the row's number, each once. Export it again.")
    return [int(number) for number in given["id"]]
