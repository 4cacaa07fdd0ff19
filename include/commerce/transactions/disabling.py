"""Switching validation rules off and on again, by company (`ax.retailtransactiondisabledvalidationrule`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from commerce.errors import UsageError
from commerce.transactions import applicability
from commerce.transactions.applicability import RuleState
from commerce.transactions.rules import Part, Rule, switchable

COMPANY = text("SELECT 1 FROM ax.dataarea WHERE dataareaid = :company")
DISABLE = text("""
    INSERT INTO ax.retailtransactiondisabledvalidationrule (dataareaid, classid, methodname)
    VALUES (:company, :part, :rule) ON CONFLICT DO NOTHING
""")
ENABLE = text("""
    DELETE FROM ax.retailtransactiondisabledvalidationrule
    WHERE (dataareaid, classid, methodname) = (:company, :part, :rule)
""")


def disable_rule(hq: Engine, *, company: str, rule: str, part: Part | None = None) -> tuple[Rule, ...]:
    """Switch `rule` off in `company` from the next validation on; returns the rules of that name (header, line).

    Raises:
        UsageError: there is no such rule or company, or the rule is one that money or a foreign key depends on.
    """
    return _switch(hq, DISABLE, company, rule, part)


def enable_rule(hq: Engine, *, company: str, rule: str, part: Part | None = None) -> tuple[Rule, ...]:
    """Switch `rule` on again; transactions that were valid without it stay valid unless they are revalidated.

    Raises:
        UsageError: as `disable_rule`.
    """
    return _switch(hq, ENABLE, company, rule, part)


def rule_states(hq: Engine, *, company: str | None = None) -> tuple[RuleState, ...]:
    """Every rule in `company` (None: in all), and whether and why it is not applied."""
    with hq.connect() as connection:
        if company is not None:
            _check(connection, company)
        return applicability.of_companies(connection, None if company is None else [company]).states


def _switch(hq: Engine, statement: Any, company: str, rule: str, part: Part | None) -> tuple[Rule, ...]:
    found = switchable(rule, part)
    with hq.begin() as connection:
        _check(connection, company)
        for one in found:
            connection.execute(statement, {"company": company, "part": one.part, "rule": one.name})
    return found


def _check(connection: Any, company: str) -> None:
    if connection.execute(COMPANY, {"company": company}).first() is None:
        raise UsageError(f"There is no company {company}.")
