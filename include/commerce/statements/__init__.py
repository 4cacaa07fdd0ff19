"""Posting: late binding of cash-and-carry transactions, then transactional and financial statements (domain B4)."""

from commerce.statements.binding import bind_cash_and_carry
from commerce.statements.calculating import calculate_statements
from commerce.statements.canceling import Canceled, delete_customer_orders
from commerce.statements.clearing import Cleared, clear_statement
from commerce.statements.entering import Counted, enter_count
from commerce.statements.posting import post_statement, post_statements

__all__ = [
    "Canceled",
    "Cleared",
    "Counted",
    "bind_cash_and_carry",
    "calculate_statements",
    "clear_statement",
    "delete_customer_orders",
    "enter_count",
    "post_statement",
    "post_statements",
]
