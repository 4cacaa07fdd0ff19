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
PLAIN = ["Kari", "12.50", "", "5", "0", "O'Brien", "a;b,c", 'say "x"', "line\nbreak", "Åse"]

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
