"""Asynchronous customers become synchronous ones, in the batch job and by late binding."""

from commerce.customers.counts import ConversionCounts
from commerce.customers.late_binding import convert_referenced
from commerce.customers.synchronize import synchronize_customers

__all__ = ["ConversionCounts", "convert_referenced", "synchronize_customers"]
