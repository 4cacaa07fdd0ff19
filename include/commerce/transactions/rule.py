"""What a validation rule is, the masters that rules look transactions up in, and SQL text that messages are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from commerce.schema.enums import TransactionType
from commerce.scope import amount_text_sql

Part = Literal["header", "line"]

SALES, DEPOSIT, INCOME_EXPENSE = TransactionType.SALES, TransactionType.PAYMENT, TransactionType.INCOME_EXPENSE
ALL = (SALES, DEPOSIT, INCOME_EXPENSE)
_TYPE_NAMES = {SALES: "sales and returns", DEPOSIT: "deposits", INCOME_EXPENSE: "income and expense"}


class Master(Enum):
    """Master data that a rule needs: what people call it, and SQL that is true when company `c` has it."""

    FISCAL_PERIODS = ("fiscal periods", "SELECT FROM ax.ledgerfiscalcalendarperiod AS m WHERE m.dataareaid = c.company")
    FISCAL_DOCUMENTS = ("fiscal documents (Brazil)", "SELECT WHERE FALSE")
    ITEMS = ("items", "SELECT FROM ax.inventtable AS m WHERE m.dataareaid = c.company")
    BARCODES = ("barcodes", "SELECT FROM ax.inventitembarcode AS m WHERE m.dataareaid = c.company")
    TRACKING = (
        "items with a tracking dimension group",
        "SELECT FROM ax.inventtable AS m WHERE m.dataareaid = c.company AND m.trackingdimensiongroup IS NOT NULL",
    )
    UNITS = (
        "items and unit conversions",
        "SELECT FROM ax.unitofmeasureconversion AS m JOIN ax.inventtable AS i ON i.dataareaid = m.dataareaid"
        " WHERE m.dataareaid = c.company",
    )
    TAX_GROUPS = (
        "tax groups",
        "SELECT FROM ax.taxgroupdata AS m JOIN ax.taxonitem AS i ON i.dataareaid = m.dataareaid"
        " WHERE m.dataareaid = c.company",
    )

    def __init__(self, words: str, found: str) -> None:
        self.words = words
        self.loaded_sql = f"EXISTS ({found})"


@dataclass(frozen=True)
class Rule:
    """A rule: `broken` is SQL that is true when the rule is broken, `message` is SQL text that tells the numbers.

    Header rules read relation h (the header and the sums of its rows, see `sums`); rules of a line read relation r (the
    line with what masters say of it). Where `of_sums` says so, r is the line's company and amounts with the sums of its
    tax and discount rows; where `of_charge` says so, it is relation x, a charge of the line.
    `fixed`: why no company may switch the rule off; empty: it may. `master`: what has to be loaded for it.
    """

    part: Part
    name: str
    types: tuple[TransactionType, ...]
    says: str
    broken: str
    message: str
    fixed: str = ""
    master: Master | None = None
    of_charge: bool = False
    of_sums: bool = False

    @property
    def applies_to(self) -> str:
        return "all" if self.types == ALL else ", ".join(_TYPE_NAMES[kind] for kind in self.types)

    @property
    def key(self) -> tuple[Part, str]:
        """How `ax.retailtransactiondisabledvalidationrule` and people call it: (class, method)."""
        return self.part, self.name


def joined(*parts: str) -> str:
    """SQL that joins literals and, at odd positions, expressions."""
    return " || ".join(part if position % 2 else f"'{part}'" for position, part in enumerate(parts) if part)


def multiple(columns: tuple[str, ...], unit: str) -> str:
    """SQL that is true when one of `columns` is no multiple of `unit`."""
    return " OR ".join(f"{column} % {unit} <> 0" for column in columns)


def first_odd(columns: tuple[str, ...], unit: str, otherwise: str) -> str:
    """SQL text of the first of `columns` that is no multiple of `unit`."""
    cases = " ".join(f"WHEN {column} % {unit} <> 0 THEN {column}" for column in columns)
    return amount_text_sql(f"CASE {cases} ELSE {otherwise} END")


def exemption_broken(amount: str, row: str) -> str:
    """SQL that is true when `amount` and what an exemption took off are not the original amount of `row` (domain B3:
    charge lines, tax exempt); a row without exemption has neither."""
    original, reduction = _exemption(row)
    return f"(({original} <> 0 OR {reduction} <> 0) AND {amount} + {reduction} <> {original})"


def exemption_message(label: str, amount: str, row: str) -> str:
    original, reduction = _exemption(row)
    return joined(
        f"{label} ",
        amount_text_sql(amount),
        " and exempt tax ",
        amount_text_sql(reduction),
        " are not the original amount, ",
        amount_text_sql(original),
    )


def _exemption(row: str) -> tuple[str, str]:
    return f"{row}.taxexemptpriceinclusiveoriginalprice", f"{row}.taxexemptpriceinclusivereductionamount"
