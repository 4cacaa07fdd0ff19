"""Which rules judge a company's transactions: not those that it has switched off, nor those whose master it lacks.

What changes is kept in `ax.retailtransactionvalidationrulelog`: it says by which rules any transaction was judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from commerce.transactions.rules import BY_KEY, RULES, Master, Part, Rule

State = Literal["applied", "disabled", "not applicable"]

COMPANIES = text("SELECT DISTINCT dataareaid FROM ax.retailchanneltable WHERE retailchannelid = ANY(:stores)")
ALL_COMPANIES = text("SELECT dataareaid FROM ax.dataarea")
LOADED = text(
    "SELECT c.company, "
    + ", ".join(f"{master.loaded_sql} AS {master.name.lower()}" for master in Master)
    + " FROM unnest(CAST(:companies AS text[])) AS c (company)"
)
DISABLED = text("""
    SELECT DISTINCT ON (d.dataareaid, d.classid, d.methodname) d.dataareaid, d.classid, d.methodname,
           coalesce(c.reason, 'nobody has said why') AS reason, coalesce(c.changedby, 'unknown') AS by,
           coalesce(c.createddatetime, d.createddatetime) AS since
    FROM ax.retailtransactiondisabledvalidationrule AS d
    LEFT JOIN ax.retailtransactionvalidationrulechange AS c USING (dataareaid, classid, methodname)
    WHERE d.dataareaid = ANY(:companies) ORDER BY d.dataareaid, d.classid, d.methodname, c.changeid DESC
""")
# Two validations beside one another would each log the same change; who comes second finds nothing to say.
LOCK_LOG = text("SELECT pg_advisory_xact_lock(hashtextextended('commerce validation rules', 0))")
LOGGED = text("""
    SELECT DISTINCT ON (dataareaid, classid, methodname) dataareaid, classid, methodname, state
    FROM ax.retailtransactionvalidationrulelog WHERE dataareaid = ANY(:companies)
    ORDER BY dataareaid, classid, methodname, since DESC
""")
LOG = text("""
    INSERT INTO ax.retailtransactionvalidationrulelog (dataareaid, classid, methodname, since, state, reason)
    VALUES (:company, :part, :rule, clock_timestamp(), :state, :reason)
""")


@dataclass(frozen=True)
class RuleState:
    """A rule in a company, and why it is not applied there. `by`, `since`: who switched it off, and when."""

    company: str
    rule: Rule
    state: State
    reason: str = ""
    by: str = ""
    since: datetime | None = None

    @property
    def words(self) -> str:
        since = f"since {self.since.astimezone(UTC):%Y-%m-%d}: " if self.since else ""
        return f"{self.rule.part} rule {self.rule.name}" + (f" ({since}{self.reason})" if self.reason else "")


@dataclass(frozen=True)
class Applicability:
    """The rules of some companies. `left_out`: rule -> companies that it does not judge."""

    companies: tuple[str, ...]
    states: tuple[RuleState, ...]
    left_out: Mapping[tuple[Part, str], frozenset[str]] = field(default_factory=dict)

    def active(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Those that judge at least one of the companies."""
        return tuple(rule for rule in rules if self.left_out.get(rule.key, frozenset()) < set(self.companies))

    def has(self, master: Master) -> bool:
        """Whether a rule that needs `master` is active."""
        return any(rule.master == master for rule in self.active(RULES))

    def broken(self, rule: Rule, company: str) -> str:
        """SQL that is true when `rule` is broken and judges the company in column `company`."""
        if not self.left_out.get(rule.key):
            return f"({rule.broken})"
        return f"({company} <> ALL(:{_bind(rule)}) AND ({rule.broken}))"

    @property
    def parameters(self) -> dict[str, Any]:
        """Bind values of `broken`, of all rules."""
        return {_bind(BY_KEY[key]): sorted(companies) for key, companies in self.left_out.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each company and state: which rules are not applied."""
        said: dict[tuple[str, State], list[str]] = defaultdict(list)
        for state in self.states:
            if state.state != "applied":
                said[state.company, state.state].append(state.words)
        return tuple(f"{company}, {state}: {', '.join(rules)}" for (company, state), rules in sorted(said.items()))


def _bind(rule: Rule) -> str:
    return f"off_{rule.part}_{rule.name}"


def of_stores(connection: Connection, stores: Sequence[str]) -> Applicability:
    """The rules that judge the transactions of `stores`."""
    return _load(connection, list(connection.execute(COMPANIES, {"stores": list(stores)}).scalars()))


def of_companies(connection: Connection, companies: Sequence[str] | None = None) -> Applicability:
    """The rules of `companies` (None: of all)."""
    return _load(connection, list(connection.execute(ALL_COMPANIES).scalars()) if companies is None else companies)


def record(connection: Connection, found: Applicability) -> None:
    """Log the rules whose state in a company has changed since the last validation of its transactions."""
    if not found.companies or not _changed(connection, found):
        return
    connection.execute(LOCK_LOG)
    if changed := _changed(connection, found):
        rows = [
            {**dict(zip(("part", "rule"), s.rule.key, strict=True)), "company": s.company, **_why(s)} for s in changed
        ]
        connection.execute(LOG, rows)


def _why(state: RuleState) -> dict[str, str]:
    return {"state": state.state, "reason": state.reason}


def _changed(connection: Connection, found: Applicability) -> list[RuleState]:
    rows = connection.execute(LOGGED, {"companies": list(found.companies)})
    logged = {(row.dataareaid, row.classid, row.methodname): row.state for row in rows}
    return [state for state in found.states if logged.get((state.company, *state.rule.key), "applied") != state.state]


def _load(connection: Connection, companies: Sequence[str]) -> Applicability:
    wanted = {"companies": sorted(companies)}
    disabled = {(row.dataareaid, row.classid, row.methodname): row for row in connection.execute(DISABLED, wanted)}
    states = []
    for row in connection.execute(LOADED, wanted).mappings():
        for rule in RULES:
            company = row["company"]
            if rule.master is not None and not row[rule.master.name.lower()]:
                states.append(RuleState(company, rule, "not applicable", f"no {rule.master.words} loaded"))
            elif (off := disabled.get((company, *rule.key))) and not rule.fixed:
                states.append(RuleState(company, rule, "disabled", off.reason, off.by, off.since))
            else:
                states.append(RuleState(company, rule, "applied"))
    left_out: dict[tuple[Part, str], set[str]] = defaultdict(set)
    for state in states:
        if state.state != "applied":
            left_out[state.rule.key].add(state.company)
    return Applicability(
        tuple(wanted["companies"]), tuple(states), {key: frozenset(found) for key, found in left_out.items()}
    )
