"""The operation log's updates and deactivations (domain A4, F3, F4), on asynchronous and on synchronous customers."""

from commerce.customers.operations.addresses import ADDRESSES
from commerce.customers.operations.applying import accounts_of, apply_edits, synchronize_edits
from commerce.customers.operations.contacts import CONTACTS
from commerce.customers.operations.customers import CUSTOMERS
from commerce.customers.operations.kinds import Edits
from commerce.customers.operations.relations import AFFILIATIONS, ATTRIBUTES

__all__ = [
    "ADDRESSES",
    "AFFILIATIONS",
    "ATTRIBUTES",
    "CONTACTS",
    "CUSTOMERS",
    "Edits",
    "accounts_of",
    "apply_edits",
    "synchronize_edits",
]
