"""Asynchronous customers become synchronous ones, in the batch job and by late binding.

Names are loaded when they are used: the libraries that read phone numbers and compare names are not for everybody.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from commerce.customers.counts import ConversionCounts
    from commerce.customers.duplicates.finding import find_duplicates
    from commerce.customers.erasing import Erasure, erase_customer
    from commerce.customers.late_binding import convert_referenced
    from commerce.customers.purging import purge_personal_data
    from commerce.customers.synchronize import synchronize_customers

_HOMES = {
    "ConversionCounts": "counts",
    "Erasure": "erasing",
    "convert_referenced": "late_binding",
    "erase_customer": "erasing",
    "find_duplicates": "duplicates.finding",
    "purge_personal_data": "purging",
    "synchronize_customers": "synchronize",
}
"""Name -> the module of this package that defines it."""

__all__ = [
    "ConversionCounts",
    "Erasure",
    "convert_referenced",
    "erase_customer",
    "find_duplicates",
    "purge_personal_data",
    "synchronize_customers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
