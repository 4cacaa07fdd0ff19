"""Files that people edit in a spreadsheet: no value is changed or run by it."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce import sheets
from commerce.errors import UsageError

RISKY = ["=1+1", "+47 22 33", "-5.00", "@x", "\tx", "\r=x", "'quoted", "0155", "1234567890123456", "12E5", "1.5e9"]
RISKY += ["2026-03-02", "2026-03-02 10:30:00+00", "3-5", "10/12", "10:30"]
PLAIN = [
    "Kari",
    "12.50",
    "3rd-5",
    "12 Main Street-1",
    "",
    "5",
    "0",
    "O'Brien",
    "a;b,c",
    'say "x"',
    "line\nbreak",
    "Åse",
]

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)


def cells(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


def test_what_a_spreadsheet_would_run_or_cut_stands_behind_an_apostrophe(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    sheets.write(path, pd.DataFrame({"value": [*RISKY, *PLAIN]}))
    assert cells(path) == [*(f"'{value}" for value in RISKY), *PLAIN]
    assert sheets.read(path)["value"].tolist() == [*RISKY, *PLAIN]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@settings(max_examples=200, deadline=None)
@given(values=st.lists(texts, min_size=1, max_size=5))
def test_every_text_comes_back_as_it_was(values: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sheet") / "sheet.csv"
    sheets.write(path, pd.DataFrame({"id": range(len(values)), "value": values}))
    assert sheets.read(path)["value"].tolist() == values


def test_a_spreadsheet_may_save_it_with_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("\ufeffId;Value\r\n1;'+47\r\n2;a,b\r\n".encode())
    assert sheets.read(path).to_dict("list") == {"id": ["1", "2"], "value": ["+47", "a,b"]}


def test_what_is_no_sheet_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        sheets.read(path)
    path.write_bytes("id,value\n1,Bj\xf8rn\n".encode("latin-1"))
    with pytest.raises(UsageError, match="CSV UTF-8"):
        sheets.read(path)
    path.write_text("")
    with pytest.raises(UsageError, match="no CSV file"):
        sheets.read(path)
    with pytest.raises(UsageError, match="exists already"):
        sheets.write(path, pd.DataFrame({"a": ["b"]}))
    frame = pd.DataFrame([["1", "2", "3"]], columns=["id", "vat", "vat"])
    with pytest.raises(UsageError, match="lacks column name; has unknown column vat; has twice column vat"):
        sheets.refuse_columns(path, frame, required={"id", "name"}, known={"id", "name"})


UNFIT = ["a\rb", "a\r\nb", "_x000D_", "\ufffe", "\x07"]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(texts | st.sampled_from([*RISKY, *PLAIN, "NaN", "None", "TRUE", " lead"]), min_size=1, max_size=5)
)
def test_a_workbook_keeps_every_text_or_refuses_it(values: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("book") / "book.xlsx"
    frames = {"header": pd.DataFrame({"id": range(len(values)), "value": values}), "lines": pd.DataFrame({"id": ["1"]})}
    try:
        sheets.write_workbook(path, frames)
    except UsageError:
        assert not path.exists()
        return
    back = sheets.read_workbook(path)
    assert back["header"]["value"].tolist() == values
    assert back["lines"]["id"].tolist() == ["1"]


@pytest.mark.parametrize("value", UNFIT)
def test_what_a_workbook_would_change_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Take a CSV file"):
        sheets.write_workbook(tmp_path / "book.xlsx", {"header": pd.DataFrame({"value": [value]})})
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_workbook(tmp_path: Path) -> None:
    for name, content in (("text.xlsx", b"id,value"), ("cut.xlsx", b"PK\x03\x04")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError, match="no workbook"):
            sheets.read_workbook(path)
    with pytest.raises(UsageError, match="cannot be read"):
        sheets.read_workbook(tmp_path / "gone.xlsx")
    book = tmp_path / "book.xlsx"
    sheets.write_workbook(book, {"header": pd.DataFrame({"value": ["1"]})})
    assert stat.S_IMODE(book.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="exists already"):
        sheets.write_workbook(book, {"header": pd.DataFrame({"value": ["2"]})})
