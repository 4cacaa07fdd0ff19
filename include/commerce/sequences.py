"""Number sequences: business numbers without gaps, taken last in the transaction that uses them.

A number is taken by moving `nextrec` forward in the caller's transaction: if that rolls back, the numbers come back.
The row stays locked until the commit, so callers take numbers last, in one call for all they need, in chunks that
commit soon.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from commerce.errors import ConfigurationError


@dataclass(frozen=True)
class NumberRange:
    """`count` consecutive numbers from `first`, shown as prefix, digits, suffix."""

    first: int
    count: int
    prefix: str
    width: int
    suffix: str

    def sql(self, position: str) -> str:
        """SQL text of the number at the 1-based integer expression `position` (prefix and suffix are quoted)."""
        prefix, suffix = (part.replace("'", "''").replace(":", r"\:") for part in (self.prefix, self.suffix))
        return f"('{prefix}' || lpad(({self.first - 1} + {position})::text, {self.width}, '0') || '{suffix}')"


def take(connection: Connection, needs: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], NumberRange]:
    """Take numbers for `needs`: (company, number sequence code) -> how many. Locks the sequences in key order.

    Raises ConfigurationError when a sequence does not exist, is manual or blocked, or has too few numbers left.
    """
    ranges: dict[tuple[str, str], NumberRange] = {}
    for key in sorted(key for key, count in needs.items() if count > 0):
        company, code = key
        row = connection.execute(
            text(
                "UPDATE ax.numbersequencetable SET nextrec = nextrec + :count"
                " WHERE dataareaid = :company AND numbersequence = :code AND manual = 0 AND blocked = 0"
                " AND nextrec + :count <= highest + 1"
                " RETURNING nextrec - :count AS first, format"
            ),
            {"count": needs[key], "company": company, "code": code},
        ).one_or_none()
        if row is None:
            raise ConfigurationError(_why_not(connection, company, code, needs[key]))
        digits = row.format.count("#")
        prefix, _, suffix = row.format.partition("#" * digits)
        ranges[key] = NumberRange(row.first, needs[key], prefix, digits, suffix)
    return ranges


HEADROOM = 0.2
"""A sequence that has less than this part of its numbers left is short of numbers (domain D10)."""

_SHORT = text(
    """
    SELECT s.dataareaid, s.numbersequence, s.highest - s.nextrec + 1 AS remaining, s.highest - s.lowest + 1 AS total
    FROM ax.numbersequencetable AS s
    WHERE (s.highest - s.nextrec + 1) < CAST(:headroom AS numeric) * (s.highest - s.lowest + 1)
      AND (EXISTS (SELECT FROM ax.numbersequencereference AS r
                   WHERE (r.dataareaid, r.numbersequence) = (s.dataareaid, s.numbersequence))
           OR EXISTS (SELECT FROM ax.custgroup AS g
                      WHERE (g.dataareaid, g.custaccountnumseq) = (s.dataareaid, s.numbersequence)))
    ORDER BY s.dataareaid, s.numbersequence
    """
)


@dataclass(frozen=True)
class ShortSequence:
    """A sequence in use that has less than `HEADROOM` of its numbers left."""

    company: str
    sequence: str
    remaining: int
    total: int

    @property
    def message(self) -> str:
        return (
            f"Number sequence {self.sequence} of company {self.company} has {self.remaining:,} of {self.total:,}"
            " numbers left. Raise its highest number and run `commerce setup apply`."
        )


def short_sequences(connection: Connection) -> list[ShortSequence]:
    """Sequences that something takes numbers from and that will soon be exhausted."""
    rows = connection.execute(_SHORT, {"headroom": HEADROOM})
    return [ShortSequence(row.dataareaid, row.numbersequence, row.remaining, row.total) for row in rows]


def references(connection: Connection, reference: str) -> dict[str, str]:
    """The number sequence code of each company for `reference` (for example "CustomerAccount")."""
    rows = connection.execute(
        text("SELECT dataareaid, numbersequence FROM ax.numbersequencereference WHERE reference = :reference"),
        {"reference": reference},
    )
    return {row.dataareaid: row.numbersequence for row in rows}


def _why_not(connection: Connection, company: str, code: str, count: int) -> str:
    row = connection.execute(
        text(
            "SELECT manual, blocked, highest - nextrec + 1 AS remaining FROM ax.numbersequencetable"
            " WHERE dataareaid = :company AND numbersequence = :code"
        ),
        {"company": company, "code": code},
    ).one_or_none()
    name = f"Number sequence {code} of company {company}"
    if row is None:
        return f"{name} does not exist. Add it to the setup file and run `commerce setup apply`."
    if row.manual:
        return f"{name} is manual, so no number can be issued. Set manual to 0 and run `commerce setup apply`."
    if row.blocked:
        return f"{name} is blocked. Unblock it and run `commerce setup apply`."
    return (
        f"{name} has {row.remaining} numbers left, {count} are needed. Raise its highest number and run"
        " `commerce setup apply`."
    )
