"""Tables that people edit in a spreadsheet: CSV files and workbooks that bring every value back as it was.

A spreadsheet runs text that begins like a formula, cuts zeros and digits off text that looks like a number, and writes
dates as its country does. Such values are written behind an apostrophe; reading takes one apostrophe off again, so
nothing is lost either way.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from commerce.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_RISKY = r"^(?:[=+\-@\t\r\n']|0\d|\d{12,}$|\d+(?:\.\d+)?[eE]|\d+ ?[-/:] ?\d)"
"""A formula, an apostrophe of its own, leading zeros, more digits than a spreadsheet keeps, a power of ten, a date or
what looks like one: the street number 3-5 becomes the third of May."""
_UNFIT = "[\\x00-\\x08\\x0b-\\x1f\\ud800-\\udfff\\ufffe\\uffff]|_x[0-9A-Fa-f]{4}_"
"""What XML cannot hold, or what a workbook takes for the code of a character."""


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` (text columns; missing values become empty cells) so that only its owner can read it.

    Raises:
        UsageError: the file cannot be written, or exists already: it may hold edits.
    """
    guarded = _guarded(frame)
    with os.fdopen(_create(path), "w", encoding="utf-8-sig", newline="") as file:
        guarded.to_csv(file, index=False, quoting=csv.QUOTE_ALL)


def write_workbook(path: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write a workbook with a sheet for each frame; like `write`.

    Raises:
        UsageError: the file cannot be written, or exists already: it may hold edits; or a value has characters that no
            workbook keeps.
    """
    import pandas as pd

    guarded = {name: _guarded(frame) for name, frame in frames.items()}
    for frame in guarded.values():
        if any(frame[column].str.contains(_UNFIT, regex=True).any() for column in frame.columns):
            raise UsageError(f"{path}: a value has characters that no workbook keeps. Take a CSV file.")
    made = io.BytesIO()
    with pd.ExcelWriter(made, engine="openpyxl") as book:
        for name, frame in guarded.items():
            frame.to_excel(book, sheet_name=name, index=False)
    with os.fdopen(_create(path), "wb") as file:
        file.write(made.getvalue())


def is_workbook(path: Path) -> bool:
    """Whether the name is one of a workbook; everything else is a CSV file."""
    return path.suffix.lower() == ".xlsx"


def _guarded(frame: pd.DataFrame) -> pd.DataFrame:
    guarded: pd.DataFrame = frame.fillna("").astype(str)
    for column in guarded.columns:
        cells = guarded[column]
        guarded[column] = cells.where(~cells.str.contains(_RISKY, regex=True), "'" + cells)
    return guarded


def _create(path: Path) -> int:
    """A new file that only its owner can read; returns its descriptor."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists already and may hold edits. Take another name, or remove it.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None


def read(path: Path) -> pd.DataFrame:
    """A file that `write` made and a spreadsheet may have saved again; all columns are text, empty cells ''.

    Raises:
        UsageError: there is no such file, or it is no CSV file in UTF-8.
    """
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            separator = max(",;\t", key=header.count)
            file.seek(0)
            frame: pd.DataFrame = pd.read_csv(file, dtype=str, keep_default_na=False, sep=separator)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not in UTF-8. Save it as 'CSV UTF-8' and try again.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        raise UsageError(f"{path} is no CSV file with one header line. Export it again.") from None
    return _bared(frame)


def read_workbook(path: Path) -> dict[str, pd.DataFrame]:
    """The sheets of a workbook that `write_workbook` made and a spreadsheet may have saved again, by name; all columns
    are text, empty cells ''.

    Raises:
        UsageError: there is no such file, or it is no workbook.
    """
    import pandas as pd

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        sheets: dict[str, pd.DataFrame] = pd.read_excel(
            io.BytesIO(content), sheet_name=None, dtype=str, keep_default_na=False, engine="openpyxl"
        )
    except (ValueError, KeyError, OSError, SyntaxError, zipfile.BadZipFile):  # broken XML is a SyntaxError
        raise UsageError(f"{path} is no workbook in .xlsx. Export it again.") from None
    return {str(name): _bared(frame.fillna("").astype(str)) for name, frame in sheets.items()}


def _bared(frame: pd.DataFrame) -> pd.DataFrame:
    frame.columns = frame.columns.astype(str).str.strip().str.lower()
    for name in set(frame.columns):
        frame[name] = frame[name].str.removeprefix("'")
    return frame


def refuse_columns(path: Path | str, frame: pd.DataFrame, *, required: set[str], known: set[str]) -> None:
    """Refuse a file that lacks a column, has one that nobody knows, or has one twice.

    Raises:
        UsageError: names them.
    """
    names = list(frame.columns)
    faults = {
        "lacks": sorted(required - set(names)),
        "has unknown": sorted(set(names) - known),
        "has twice": sorted({name for name in names if names.count(name) > 1}),
    }
    said = [f"{what} column {', '.join(columns)}" for what, columns in faults.items() if columns]
    if said:
        raise UsageError(f"{path} {'; '.join(said)}. Export it again and change values only.")
