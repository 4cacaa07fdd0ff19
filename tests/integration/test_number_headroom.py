"""A number sequence that runs short is told of while there is still time."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from commerce import customers, run, setup
from commerce.errors import ConfigurationError
from support.company import add_company, add_store
from support.staging import accounts, guid, person, rows


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Company USMF with store S1, and ten account numbers in all."""
    add_company(hq)
    add_store(hq, "S1")
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE ax.numbersequencetable SET highest = 10 WHERE numbersequence = 'CustomerAccount'")
        )
    return hq


def test_less_than_a_fifth_is_a_warning_in_status_and_setup(shop: Engine) -> None:
    for number in range(8):
        person(shop, guid(number))
    customers.synchronize_customers(shop)
    assert run.status(shop)["number_sequences"] == [], "a fifth is left"
    person(shop, guid(8))
    customers.synchronize_customers(shop)
    (short,) = run.status(shop)["number_sequences"]
    assert (short["company"], short["sequence"], short["remaining"], short["total"]) == (
        "USMF",
        "CustomerAccount",
        1,
        10,
    )
    assert setup.apply(shop, {}).warnings == (short["message"],)


def test_a_chunk_that_does_not_fit_takes_no_number(shop: Engine) -> None:
    for number in range(11):
        person(shop, guid(number))
    with pytest.raises(ConfigurationError, match="has 10 numbers left, 11 are needed"):
        customers.synchronize_customers(shop)
    assert accounts(shop) == {}
    assert rows(shop, "SELECT nextrec FROM ax.numbersequencetable WHERE numbersequence = 'CustomerAccount'") == [(1,)]


def test_a_manual_sequence_is_refused(shop: Engine) -> None:
    person(shop, guid(1))
    with shop.begin() as connection:
        connection.execute(text("UPDATE ax.numbersequencetable SET manual = 1"))
    with pytest.raises(ConfigurationError, match="is manual, so no number can be issued"):
        customers.synchronize_customers(shop)
