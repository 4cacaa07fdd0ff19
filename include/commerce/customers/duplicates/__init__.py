"""Customers that may be one person: normal forms, match keys, pairs, and what a person decides about them."""
