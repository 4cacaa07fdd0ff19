"""The rules of *Validate store transactions* (domain B3), all of them."""

from commerce.errors import UsageError
from commerce.transactions.header_rules import HEADER_RULES
from commerce.transactions.line_rules import LINE_RULES
from commerce.transactions.rule import Master, Part, Rule

RULES: tuple[Rule, ...] = (*HEADER_RULES, *LINE_RULES)
BY_KEY = {rule.key: rule for rule in RULES}

__all__ = ["BY_KEY", "HEADER_RULES", "LINE_RULES", "RULES", "Master", "Part", "Rule", "switchable", "table"]


def switchable(name: str, part: Part | None = None) -> tuple[Rule, ...]:
    """The rules called `name` (of the header, of lines, or both), all of which a company may switch off.

    Raises:
        UsageError: there is none, or one of them may not be switched off; the message says why.
    """
    found = tuple(rule for rule in RULES if rule.name.lower() == name.lower() and part in (None, rule.part))
    if not found:
        raise UsageError(f"There is no validation rule '{name}'. `commerce transactions rules` shows them.")
    for rule in found:
        if rule.fixed:
            raise UsageError(f"The {rule.part} rule {rule.name} cannot be switched off: {rule.fixed}.")
    return found


def table() -> str:
    """The rules as a Markdown table, for the documentation."""
    rows = ["| rule | of the | applies to | what it says | needs | can be switched off |", "|---|---|---|---|---|---|"]
    for rule in RULES:
        needs = rule.master.words if rule.master else ""
        off = f"no: {rule.fixed}" if rule.fixed else "yes"
        rows.append(f"| {rule.name} | {rule.part} | {rule.applies_to} | {rule.says} | {needs} | {off} |")
    return "\n".join(rows) + "\n"
