"""Kinds of values in setup files."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

FIRST_AUTOMATIC_RECID = 5637144576
"""Record ids from here on are handed out by headquarters; a file gives smaller ones."""


_TRIMMED = r"^\S(.*\S)?$"


def _as_text(value: object) -> object:
    """YAML reads `id: 10` as a number; ids are text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Company = Annotated[str, StringConstraints(max_length=4, pattern=_TRIMMED), BeforeValidator(_as_text)]
Code10 = Annotated[str, StringConstraints(max_length=10, pattern=_TRIMMED), BeforeValidator(_as_text)]
Code20 = Annotated[str, StringConstraints(max_length=20, pattern=_TRIMMED), BeforeValidator(_as_text)]
Name = Annotated[str, StringConstraints(max_length=60, pattern=_TRIMMED), BeforeValidator(_as_text)]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"^[^\x00]+$")]
"""A text that a person writes, such as a reason."""
Optional10 = Annotated[str, StringConstraints(max_length=10), BeforeValidator(_as_text)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Language = Annotated[str, StringConstraints(min_length=2, max_length=7)]
RecordId = Annotated[int, Field(gt=0, lt=FIRST_AUTOMATIC_RECID)]


class Model(BaseModel):
    """A row of a setup file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
