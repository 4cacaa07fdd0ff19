"""End-of-day posting: late binding of cash-and-carry transactions, then transactional statements (domain B4)."""

from commerce.statements.binding import bind_cash_and_carry
from commerce.statements.calculating import calculate_statements
from commerce.statements.clearing import Cleared, clear_statement
from commerce.statements.posting import post_statements

__all__ = ["Cleared", "bind_cash_and_carry", "calculate_statements", "clear_statement", "post_statements"]
