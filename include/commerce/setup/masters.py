"""Sections of the setup file that validation rules read: fiscal periods, tax groups, tracking dimension groups, unit
conversions, and which rules a company has switched off. Items and barcodes are many: `master_files` loads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlalchemy import Connection, Table, delete, insert, select, text

from commerce.errors import UsageError
from commerce.schema.enums import FiscalPeriodStatus, SwitchableRule
from commerce.schema.headquarters import masters as m
from commerce.schema.headquarters.organization import COMPANY
from commerce.setup.changes import Change
from commerce.setup.fields import Code10, Code20, Company, Model, Name, Words
from commerce.setup.rule_switching import Switch, switch_rule
from commerce.setup.writing import Reference, Row, Section, check_reference, refuse_repeated

_COMPANY = Reference(("dataareaid",), COMPANY, ("dataareaid",), "companies")
_STATUSES = {
    "open": FiscalPeriodStatus.OPEN,
    "on_hold": FiscalPeriodStatus.ON_HOLD,
    "closed": FiscalPeriodStatus.PERMANENTLY_CLOSED,
}


class FiscalPeriod(Model):
    """A period of a company's fiscal calendar; nothing is posted into one that is on hold or closed."""

    company: Company
    first_day: date
    last_day: date
    name: Name | None = None
    status: Literal["open", "on_hold", "closed"] = "open"

    @model_validator(mode="after")
    def _in_order(self) -> FiscalPeriod:
        if self.last_day < self.first_day:
            raise ValueError("last_day is before first_day")
        return self


class TrackingDimensionGroup(Model):
    """`serial_numbers`: `none`; `active`: an item may have one; `controlled`: a line of it must."""

    id: Code10
    serial_numbers: Literal["none", "active", "controlled"] = "none"


class UnitConversion(Model):
    """One `from_unit` is `factor` times `to_unit`, and the other way round; of one item, or of all."""

    company: Company
    from_unit: Code10
    to_unit: Code10
    factor: Annotated[Decimal, Field(gt=0, max_digits=32, decimal_places=12)]
    item: Code20 | None = None

    @model_validator(mode="after")
    def _differ(self) -> UnitConversion:
        if self.from_unit == self.to_unit:
            raise ValueError("from_unit and to_unit are the same")
        return self


class TaxGroup(Model):
    """A sales tax group or an item sales tax group, with all of its tax codes."""

    company: Company
    id: Code10
    codes: Annotated[tuple[Code10, ...], Field(min_length=1)]


class ValidationRule(Model):
    """A rule that a company switches off, or on again. `of`: where header and line have a rule of this name."""

    company: Company
    rule: Name
    of: Literal["header", "line"] | None = None
    enabled: bool
    reason: Words


def _fiscal_period(row: FiscalPeriod) -> Row:
    return {
        "dataareaid": row.company,
        "startdate": row.first_day,
        "enddate": row.last_day,
        "name": row.name or "",
        "status": int(_STATUSES[row.status]),
    }


def _tracking_dimension_group(row: TrackingDimensionGroup) -> Row:
    return {
        "name": row.id,
        "isserialnumberactive": int(row.serial_numbers != "none"),
        "isserialnumbercontrolled": int(row.serial_numbers == "controlled"),
    }


def _unit_conversion(row: UnitConversion) -> Row:
    return {
        "dataareaid": row.company,
        "itemid": row.item or "",
        "fromunitofmeasure": row.from_unit,
        "tounitofmeasure": row.to_unit,
        "factor": row.factor,
    }


MASTER_SECTIONS = (
    Section("fiscal_periods", m.FISCAL_PERIOD, ("dataareaid", "startdate"), _fiscal_period, (_COMPANY,)),
    Section("tracking_dimension_groups", m.TRACKING_DIMENSION_GROUP, ("name",), _tracking_dimension_group),
    Section(
        "unit_conversions",
        m.UNIT_CONVERSION,
        ("dataareaid", "itemid", "fromunitofmeasure", "tounitofmeasure"),
        _unit_conversion,
        (_COMPANY,),
    ),
)

_OVERLAP = text("""
    SELECT a.dataareaid, a.startdate AS first, a.enddate AS last, b.startdate AS other
    FROM ax.ledgerfiscalcalendarperiod AS a
    JOIN ax.ledgerfiscalcalendarperiod AS b
        ON b.dataareaid = a.dataareaid AND b.startdate > a.startdate AND b.startdate <= a.enddate
    ORDER BY 1, 2 LIMIT 1
""")


def check_fiscal_periods(connection: Connection) -> None:
    """Refuse periods of a company that overlap: a business date would be in two.

    Raises:
        UsageError: names the company and both periods.
    """
    if found := connection.execute(_OVERLAP).one_or_none():
        raise UsageError(
            f"The fiscal period {found.first} to {found.last} of company {found.dataareaid} overlaps the one that"
            f" begins on {found.other}. Correct their dates under fiscal_periods."
        )


def apply_tax_groups(connection: Connection, groups: Sequence[TaxGroup]) -> Iterable[Change]:
    """Give each named sales tax group just the codes that the file gives it."""
    return _codes(connection, "tax_groups", m.TAX_GROUP, "taxgroup", groups)


def apply_item_tax_groups(connection: Connection, groups: Sequence[TaxGroup]) -> Iterable[Change]:
    """The same for item sales tax groups."""
    return _codes(connection, "item_tax_groups", m.ITEM_TAX_GROUP, "taxitemgroup", groups)


def _codes(
    connection: Connection, section: str, table: Table, column: str, groups: Sequence[TaxGroup]
) -> Iterable[Change]:
    refuse_repeated(section, [(group.company, group.id) for group in groups])
    for index, group in enumerate(groups):
        key = {"dataareaid": group.company, column: group.id}
        check_reference(connection, f"{section}[{index}]", key, _COMPANY)
        mine = (table.c.dataareaid == group.company) & (table.c[column] == group.id)
        old = set(connection.execute(select(table.c.taxcode).where(mine)).scalars())
        if old != (new := set(group.codes)):
            connection.execute(delete(table).where(mine))
            connection.execute(insert(table), [{**key, "taxcode": code} for code in sorted(new)])
            fields = {"codes": (sorted(old), sorted(new))} if old else {}
            yield Change(section, f"{group.company} {group.id}", "change" if old else "create", fields)


def apply_validation_rules(connection: Connection, rules: Sequence[ValidationRule], by: str) -> Iterable[Change]:
    """Switch validation rules off and on, as done by `by`; those that the file does not name stay as they are."""
    if rules and (not by.strip() or len(by) > 60 or "\0" in by):
        raise UsageError("Say in at most 60 characters who does it: --by NAME.")
    for index, rule in enumerate(rules):
        place = f"validation_rules[{index}]"
        check_reference(connection, place, {"dataareaid": rule.company}, _COMPANY)
        for one in _switchable(place, rule):
            part, name = one.split()
            state: Switch = "enabled" if rule.enabled else "disabled"
            if switch_rule(connection, state, company=rule.company, part=part, rule=name, by=by, reason=rule.reason):
                fields = {"enabled": (not rule.enabled, rule.enabled)}
                yield Change("validation_rules", f"{rule.company} {one}", "change", fields)


def _switchable(place: str, rule: ValidationRule) -> list[SwitchableRule]:
    found = [
        one
        for one in SwitchableRule
        if one.split()[1].lower() == rule.rule.lower() and rule.of in (None, one.split()[0])
    ]
    if not found:
        raise UsageError(
            f"{place} names {rule.rule}, which is no validation rule that can be switched off."
            " `commerce transactions rules` shows them."
        )
    return found
