"""Synchronize orders: asynchronous orders become sales orders and quotations."""

from commerce.orders.synchronize import synchronize_orders

__all__ = ["synchronize_orders"]
