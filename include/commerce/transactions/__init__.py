"""Validate store transactions: the rules of headers and lines, who may change what, and single transactions on hold."""

from commerce.transactions.disabling import disable_rule, enable_rule, rule_changes, rule_states
from commerce.transactions.holding import held_transactions, hold_transactions, release_transactions
from commerce.transactions.of_statement import revalidate_statement
from commerce.transactions.revalidation import revalidate_transactions
from commerce.transactions.rules import RULES, Rule
from commerce.transactions.validation import validate_transactions

__all__ = [
    "RULES",
    "Rule",
    "disable_rule",
    "enable_rule",
    "held_transactions",
    "hold_transactions",
    "release_transactions",
    "revalidate_statement",
    "revalidate_transactions",
    "rule_changes",
    "rule_states",
    "validate_transactions",
]
