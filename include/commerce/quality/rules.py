"""What the quality gate proves and reports: references and amounts block a store, the rest is told."""

from commerce.quality.amount_rules import AMOUNT_RULES
from commerce.quality.reference_rules import REFERENCE_RULES
from commerce.quality.rule import GateRule
from commerce.quality.store_rules import STORE_RULES


def rules() -> tuple[GateRule, ...]:
    """The suite."""
    return (*REFERENCE_RULES, *AMOUNT_RULES, *STORE_RULES)


def table() -> str:
    """The rules as a Markdown table, for the documentation."""
    rows = ["| rule | severity | what it proves |", "|---|---|---|"]
    rows += [f"| {rule.name} | {rule.severity} | {rule.says} |" for rule in rules()]
    return "\n".join(rows) + "\n"
