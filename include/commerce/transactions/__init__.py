"""Validate store transactions: the rules that money depends on."""

from commerce.transactions.rules import LINE_RULES, TRANSACTION_RULES, Rule
from commerce.transactions.validation import validate_transactions

__all__ = ["LINE_RULES", "TRANSACTION_RULES", "Rule", "validate_transactions"]
