"""The sieve must let no bad value pass as surely valid; ordinary values must pass, or uploads are slow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from commerce.exchange.channels import ChannelDatabase, ServedStore
from commerce.exchange.screening import Screen
from commerce.schema.fields import Field
from commerce.schema.uploaded import TRANSACTION
from support.bad_values import BAD_HEADERS

DATABASE = ChannelDatabase(1, "S1", "sqlite:////s1.db", 1, 1, False, "", (ServedStore("S1", "USMF", None),))
ORDINARY = {
    "text": "x",
    "integer": "1",
    "bigint": "-9223372036854775808",
    "decimal": "-99.540000",
    "date": "2024-02-29",
    "datetime": "2026-03-02T10:00:00Z",
}
PLACES = {"store": "S1", "dataareaid": "USMF"}


def ordinary(field: Field) -> str | None:
    return PLACES.get(field.name, ORDINARY[field.kind])


def batch(rows: list[dict[str, Any]], odd: list[int] | None = None) -> pa.RecordBatch:
    arrays = [
        pa.array([row.get(field.name, ordinary(field)) for row in rows], pa.binary()).cast(pa.string(), safe=False)
        if any(isinstance(row.get(field.name), bytes) for row in rows)
        else pa.array([row.get(field.name, ordinary(field)) for row in rows], pa.string())
        for field in TRANSACTION.fields
    ]
    counters = pa.array(range(1, len(rows) + 1), pa.int64())
    flags = pa.array(odd or [0] * len(rows), pa.int64())
    names = ["replicationcounterfromorigin", *TRANSACTION.column_names, "odd"]
    return pa.RecordBatch.from_arrays([counters, *arrays, flags], names=names)


def test_ordinary_rows_pass() -> None:
    screen = Screen(TRANSACTION, DATABASE)
    optional = {field.name: None for field in TRANSACTION.fields if not field.required}
    cleaned = screen.clean(batch([{}, optional, {"begindatetime": None}]))
    assert cleaned.num_rows == 3
    assert not screen.doubtful
    assert not screen.unreadable


def test_an_empty_batch_passes() -> None:
    screen = Screen(TRANSACTION, DATABASE)
    assert screen.clean(batch([])).num_rows == 0
    assert not screen.doubtful


@pytest.mark.parametrize(
    ("column", "value"), [(column, value) for column, value, reason in BAD_HEADERS if not reason.startswith("no text")]
)
def test_a_bad_value_raises_doubt(column: str, value: Any) -> None:
    screen = Screen(TRANSACTION, DATABASE)
    screen.clean(batch([{}, {column: str(value)}]))
    assert screen.doubtful


def test_a_required_value_that_is_missing_raises_doubt() -> None:
    screen = Screen(TRANSACTION, DATABASE)
    screen.clean(batch([{"type": None}]))
    assert screen.doubtful


def test_doubt_stays() -> None:
    screen = Screen(TRANSACTION, DATABASE)
    screen.clean(batch([{"type": "x"}]))
    screen.clean(batch([{}]))
    assert screen.doubtful


def test_what_is_no_text_is_taken_out() -> None:
    screen = Screen(TRANSACTION, DATABASE)
    rows = [{}, {"comment": b"caf\xe9"}, {"receiptid": b"a\0b"}, {}, {"comment": "é"}]
    cleaned = screen.clean(batch(rows, odd=[0, 0, 0, 1, 0]))
    assert screen.unreadable == [2, 3, 4]
    assert cleaned.column("replicationcounterfromorigin").to_pylist() == [1, 5]
    assert cleaned.schema.names == ["replicationcounterfromorigin", *TRANSACTION.column_names]
    assert not screen.doubtful


def test_a_slice_of_a_batch_is_judged_by_its_own_rows() -> None:
    screen = Screen(TRANSACTION, DATABASE)
    screen.clean(batch([{"comment": "x" * 99, "store": "S9"}, {}]).slice(1))
    assert not screen.doubtful
