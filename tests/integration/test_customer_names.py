"""The display name of a person, and what counts as a GUID, against any text a register may send."""

from __future__ import annotations

import re
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from commerce.customers.candidates import GUID_PATTERN, PERSON_NAME

NAME = text(
    f"SELECT {PERSON_NAME} FROM (SELECT CAST(:first AS text) AS firstname, CAST(:middle AS text) AS middlename,"
    " CAST(:last AS text) AS lastname) AS s"
)
PARTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=25) | st.sampled_from(
    [" ", "\u00a0", ""]
)


@given(first=PARTS, middle=PARTS, last=PARTS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_name_is_its_parts_joined_by_single_spaces(hq: Engine, first: str, middle: str, last: str) -> None:
    with hq.connect() as connection:
        name = connection.execute(NAME, {"first": first, "middle": middle, "last": last}).scalar_one()
    parts = [part.strip(" \t\r\n\u00a0") for part in (first, middle, last)]
    assert name == " ".join(part for part in parts if part)


@given(st.uuids())
def test_every_guid_as_registers_write_it_is_one(value: uuid.UUID) -> None:
    assert re.search(GUID_PATTERN, str(value))


@given(st.text(max_size=40) | st.uuids().map(lambda value: f"{{{value}}}") | st.uuids().map(lambda value: value.hex))
def test_nothing_else_is(value: str) -> None:
    assert not re.fullmatch(GUID_PATTERN.strip("^$"), value)
