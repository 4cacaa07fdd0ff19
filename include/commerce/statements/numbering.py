"""Business numbers of a set of documents: taken in one call, given out by position within company (design rule 8)."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from commerce import sequences
from commerce.errors import ConfigurationError

_CREATE = text("""
CREATE TEMP TABLE IF NOT EXISTS number_range (
    reference text, dataareaid varchar(4), first bigint, prefix text, width integer, suffix text,
    PRIMARY KEY (reference, dataareaid)
) ON COMMIT DROP""")

_INSERT = text("INSERT INTO number_range VALUES (:reference, :dataareaid, :first, :prefix, :width, :suffix)")


def take_numbers(connection: Connection, needs: Mapping[str, Mapping[str, int]]) -> None:
    """Take numbers for `needs` (reference -> company -> how many) and leave them in the temp table `number_range`.

    A statement then joins `number_range` and gets the number of a document by `number_sql`. References may share a
    sequence.

    Raises:
        ConfigurationError: a company has no sequence for a reference, or one that cannot give so many.
    """
    totals: dict[tuple[str, str], int] = {}
    offsets: dict[tuple[str, str], tuple[tuple[str, str], int]] = {}
    for reference in sorted(needs):
        codes = sequences.references(connection, reference)
        for company, count in sorted(needs[reference].items()):
            if count == 0:
                continue
            if company not in codes:
                raise ConfigurationError(
                    f"Company {company} has no number sequence for {reference}. Add it under number_sequences and "
                    f"references in "
                    "the setup file and run `commerce setup apply`."
                )
            key = (company, codes[company])
            offsets[reference, company] = (key, totals.get(key, 0))
            totals[key] = totals.get(key, 0) + count
    connection.execute(_CREATE)
    ranges = sequences.take(connection, totals)
    rows = []
    for (reference, company), (key, offset) in offsets.items():
        taken = ranges[key]
        rows.append(
            {
                "reference": reference,
                "dataareaid": company,
                "first": taken.first + offset,
                "prefix": taken.prefix,
                "width": taken.width,
                "suffix": taken.suffix,
            }
        )
    if rows:
        connection.execute(_INSERT, rows)


def number_sql(number_range: str, position: str) -> str:
    """SQL text of the number at the 1-based `position` in the joined row `number_range`."""
    return (
        f"({number_range}.prefix || lpad(({number_range}.first - 1 + {position})::text, {number_range}.width, '0')"
        f" || {number_range}.suffix)"
    )


def needs_by_company(connection: Connection, table: str) -> dict[str, int]:
    """How many rows of the temp table `table` each company has."""
    rows = connection.execute(text(f"SELECT dataareaid, count(*)::integer AS number FROM {table} GROUP BY dataareaid"))
    return {row.dataareaid: row.number for row in rows}
