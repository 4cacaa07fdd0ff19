"""A column described once, from which the headquarters and channel columns are made."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, Numeric, String, Text, text
from sqlalchemy.types import TypeEngine

Kind = Literal["text", "integer", "bigint", "decimal", "date", "datetime"]

Dialect = Literal["sqlite", "postgresql"]
"""Dialects of channel databases."""

MONEY = Numeric(32, 6)
"""Amounts, quantities and line numbers: exact decimals. SQLite has none and keeps decimal text."""

_CHANNEL_TYPES: dict[Dialect, dict[Kind, TypeEngine[Any]]] = {
    "sqlite": {
        "text": Text(),
        "integer": Integer(),
        "bigint": Integer(),
        "decimal": Text(),
        "date": Text(),
        "datetime": Text(),
    },
    "postgresql": {
        "text": Text(),
        "integer": Integer(),
        "bigint": BigInteger(),
        "decimal": MONEY,
        "date": Date(),
        "datetime": DateTime(timezone=True),
    },
}
"""Text is never limited on a channel: what is too long for headquarters goes to quarantine, no register is refused."""

_BLANKS: dict[Kind, str | None] = {
    "text": "",
    "integer": "0",
    "bigint": "0",
    "decimal": "0",
    "date": None,
    "datetime": None,
}


@dataclass(frozen=True)
class Field:
    """One column of an uploaded table.

    `required`: a row without a value goes to quarantine. Otherwise a missing value becomes `blank` (the product knows
    no NULL in text and numbers). `inferred`: no public source shows the column; the described behaviour implies it.
    """

    name: str
    kind: Kind
    width: int | None = None
    required: bool = False
    inferred: bool = False

    @property
    def blank(self) -> str | None:
        return None if self.required else _BLANKS[self.kind]

    @property
    def postgresql_type(self) -> str:
        """The type's name for a cast in SQL."""
        return {
            "text": f"varchar({self.width})",
            "integer": "integer",
            "bigint": "bigint",
            "decimal": "numeric(32,6)",
            "date": "date",
            "datetime": "timestamptz",
        }[self.kind]

    def headquarters_column(self) -> Column[Any]:
        types: dict[Kind, TypeEngine[Any]] = {
            "text": String(self.width),
            "integer": Integer(),
            "bigint": BigInteger(),
            "decimal": MONEY,
            "date": Date(),
            "datetime": DateTime(timezone=True),
        }
        nullable = not self.required and self.blank is None
        default = None if self.blank is None else ("''" if self.blank == "" else self.blank)
        return self._column(types[self.kind], nullable=nullable, default=default)

    def channel_column(self, dialect: Dialect) -> Column[Any]:
        """On SQLite amounts, dates and times are text. A register may leave out what is not required."""
        return self._column(_CHANNEL_TYPES[dialect][self.kind], nullable=not self.required, default=None)

    def _column(self, type_: TypeEngine[Any], *, nullable: bool, default: str | None) -> Column[Any]:
        info = {"inferred": True} if self.inferred else {}
        server_default = None if default is None else text(default)
        return Column(self.name, type_, nullable=nullable, server_default=server_default, info=info)


def text_(name: str, width: int, *, required: bool = False, inferred: bool = False) -> Field:
    return Field(name, "text", width, required, inferred)


def integer(name: str, *, required: bool = False, inferred: bool = False) -> Field:
    return Field(name, "integer", None, required, inferred)


def bigint(name: str, *, required: bool = False, inferred: bool = False) -> Field:
    return Field(name, "bigint", None, required, inferred)


def decimal(name: str, *, required: bool = False, inferred: bool = False) -> Field:
    return Field(name, "decimal", None, required, inferred)


def date_(name: str, *, required: bool = False, inferred: bool = False) -> Field:
    return Field(name, "date", None, required, inferred)


def datetime_(name: str, *, required: bool = False, inferred: bool = False) -> Field:
    return Field(name, "datetime", None, required, inferred)
