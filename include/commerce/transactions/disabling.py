"""Switching validation rules off and on again, by company, with who did it, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from commerce.database import retry_transient
from commerce.editing import audit
from commerce.errors import UsageError
from commerce.setup.rule_switching import Switch, switch_rule
from commerce.transactions import applicability
from commerce.transactions.applicability import RuleState
from commerce.transactions.rules import Part, Rule, switchable

COMPANY = text("SELECT 1 FROM ax.dataarea WHERE dataareaid = :company")
CHANGES = text("""
    SELECT dataareaid, classid, methodname, state, createddatetime, changedby, reason
    FROM ax.retailtransactionvalidationrulechange
    WHERE CAST(:company AS text) IS NULL OR dataareaid = :company ORDER BY changeid
""")


@dataclass(frozen=True)
class Switched:
    """A rule that somebody switched off (disabled) or on again (enabled)."""

    company: str
    of: str
    rule: str
    state: str
    changed_at: datetime
    by: str
    reason: str


def disable_rule(
    hq: Engine, *, company: str, rule: str, by: str, reason: str, part: Part | None = None
) -> tuple[Rule, ...]:
    """Switch `rule` off in `company` from the next validation on; returns the rules of that name (header, line) that
    were not off already. Who, when and why are kept.

    Raises:
        UsageError: there is no such rule or company, the rule is one that money or a foreign key depends on, or nobody
            says who, or why.
    """
    return _switch(hq, "disabled", company, rule, part, by, reason)


def enable_rule(
    hq: Engine, *, company: str, rule: str, by: str, reason: str, part: Part | None = None
) -> tuple[Rule, ...]:
    """Switch `rule` on again; transactions that were valid without it stay valid unless they are revalidated.

    Raises:
        UsageError: as `disable_rule`.
    """
    return _switch(hq, "enabled", company, rule, part, by, reason)


def rule_states(hq: Engine, *, company: str | None = None) -> tuple[RuleState, ...]:
    """Every rule in `company` (None: in all), and whether and why it is not applied."""
    with hq.connect() as connection:
        if company is not None:
            _check(connection, company)
        return applicability.of_companies(connection, None if company is None else [company]).states


def rule_changes(hq: Engine, *, company: str | None = None) -> tuple[Switched, ...]:
    """Who switched which rule of `company` (None: of all) off and on, the oldest first."""
    with hq.connect() as connection:
        if company is not None:
            _check(connection, company)
        return tuple(Switched(*row) for row in connection.execute(CHANGES, {"company": company}))


def _switch(
    hq: Engine, state: Switch, company: str, rule: str, part: Part | None, by: str, reason: str
) -> tuple[Rule, ...]:
    found = switchable(rule, part)
    audit.check_words(by, reason)

    def work() -> tuple[Rule, ...]:
        with hq.begin() as connection:
            _check(connection, company)
            return tuple(
                one
                for one in found
                if switch_rule(connection, state, company=company, part=one.part, rule=one.name, by=by, reason=reason)
            )

    return retry_transient(work)


def _check(connection: Any, company: str) -> None:
    if connection.execute(COMPANY, {"company": company}).first() is None:
        raise UsageError(f"There is no company {company}.")
