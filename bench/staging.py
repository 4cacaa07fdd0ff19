"""A template database in which customers wait for their conversion."""

from __future__ import annotations

from bench import people
from bench.installation import COMPANY_TEMPLATE, Installation


def make_template(installation: Installation, name: str, customers: int) -> None:
    """Make the database `name` from the company's, with `customers` pending customers and what belongs to them."""
    url = installation.clone(COMPANY_TEMPLATE)
    people.stage(url, installation.home, customers)
    installation.keep_as_template(url, name)
