"""`commerce setup apply`: bring headquarters to what the setup file says, row by row of the file, in one transaction.

Rows that the file does not name stay as they are. A dry run does the same work and rolls it back, so that its plan is
what a real run would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from commerce.schema.headquarters.organization import NUMBER_SEQUENCE
from commerce.sequences import short_sequences
from commerce.setup.changes import Change, SetupResult
from commerce.setup.default_customers import apply_default_customers
from commerce.setup.document import SetupDocument, parse
from commerce.setup.master import apply_affiliations, apply_attributes, apply_titles
from commerce.setup.masters import (
    apply_item_tax_groups,
    apply_tax_groups,
    apply_validation_rules,
    check_fiscal_periods,
)
from commerce.setup.numbers import check_account_numbers, next_number
from commerce.setup.parameters import apply_company_parameters, apply_store_parameters
from commerce.setup.rows import SECTIONS
from commerce.setup.writing import Section, check_reference, put, refuse_repeated

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('commerce setup', 0))")
"""Two setups at once would each miss what the other has not committed."""


def apply(hq: Engine, document: Mapping[str, Any], *, dry_run: bool = False, by: str = "commerce setup") -> SetupResult:
    """Create and change what `document` (a parsed setup file) describes. Applying it twice changes nothing.

    `by` is kept with the reasons of what needs one (validation rules that are switched).

    A number sequence keeps the number that it stands at, or moves up to a higher `lowest`; it never moves down.

    Raises:
        UsageError: the document has mistakes; the message names every place. Nothing is written then.
    """
    parsed = parse(SetupDocument, dict(document))
    with hq.connect() as connection:
        connection.execute(LOCK)
        changes: list[Change] = []
        for section in SECTIONS:
            changes += _apply_section(connection, section, getattr(parsed, section.name))
        check_fiscal_periods(connection)
        changes += apply_tax_groups(connection, parsed.tax_groups)
        changes += apply_item_tax_groups(connection, parsed.item_tax_groups)
        changes += apply_validation_rules(connection, parsed.validation_rules, by)
        changes += apply_company_parameters(connection, parsed.parameters)
        changes += apply_store_parameters(connection, parsed.stores)
        changes += apply_affiliations(connection, parsed.affiliations)
        changes += apply_attributes(connection, parsed.attributes)
        changes += apply_titles(connection, parsed.titles)
        changes += apply_default_customers(connection, parsed.default_customers)
        check_account_numbers(connection)
        warnings = tuple(sequence.message for sequence in short_sequences(connection))
        if dry_run:
            connection.rollback()
        else:
            connection.commit()
    return SetupResult(tuple(changes), dry_run, warnings)


def _apply_section(connection: Connection, section: Section, models: Iterable[Any]) -> Iterable[Change]:
    rows = [section.row(model) for model in models]
    refuse_repeated(section.name, [tuple(row[column] for column in section.key) for row in rows])
    for index, row in enumerate(rows):
        place = f"{section.name}[{index}]"
        for reference in section.references:
            check_reference(connection, place, row, reference)
        if section.table is NUMBER_SEQUENCE:
            row = {**row, "nextrec": next_number(connection, place, row)}
        yield from put(connection, section.name, section.table, section.key, row)
