"""Validate store transactions: the rules of headers and lines, who may change what, and single transactions on hold."""

from commerce.transactions.rules import RULES, Rule
from commerce.transactions.validation import validate_transactions

__all__ = ["RULES", "Rule", "validate_transactions"]
