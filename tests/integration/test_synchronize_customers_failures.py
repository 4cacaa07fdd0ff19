"""*Synchronize customers* on rows and setups that are wrong: each stops only itself, and no number is lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from commerce.errors import ConfigurationError
from support.company import add_company, add_store
from support.staging import accounts, guid, person, rows, status

CUSTOMERS = "retailasynccustomerv2"


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Company USMF with stores S1 and S2."""
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    return hq


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"firstname": " ", "lastname": "\u00a0\t"}, "custname: no name is given"),
        ({"relationshiptype": 2, "firstname": "A"}, "custname: no name is given"),
        ({"relationshiptype": 3}, "relationshiptype: 3 is neither 1 (person) nor 2 (organization)"),
        ({"custgroup": "GONE"}, "custgroup: customer group GONE does not exist in this company"),
        ({"store": "nowhere"}, "custgroup: neither the row nor the default customer"),
        ({"store": "nowhere", "custgroup": "RETAIL"}, "currency: neither the row nor the default customer"),
        ({"company": "XX"}, "dataareaid: this company is not set up"),
        ({"custaccountasync": ""}, "custaccountasync: not a GUID"),
        ({"custaccountasync": "C000000001"}, "custaccountasync: not a GUID"),
        ({"custaccountasync": guid(1).upper().replace("4000", "4ABC")}, "custaccountasync: not a GUID"),
        ({"custaccountasync": guid(1) + "0"}, "custaccountasync: not a GUID"),
    ],
)
def test_a_wrong_row_fails_alone_and_says_why(shop: Engine, columns: dict[str, Any], reason: str) -> None:
    wrong = person(shop, **{"key": guid(1), **columns})
    good = person(shop, guid(2))
    result = customers.synchronize_customers(shop)
    state, error_class, error = status(shop, CUSTOMERS, wrong)
    assert (state, error_class) == (2, "permanent")
    assert error.startswith(reason)
    assert status(shop, CUSTOMERS, good) == (1, "", "")
    assert accounts(shop) == {guid(2): "C000000001"}, "a wrong row costs no number"
    assert (result.counts["converted"], result.counts["failed"], result.counts["pending"]) == (1, 1, 0)
    assert result.ok, "a row that waits for a person fails no store"

    again = customers.synchronize_customers(shop)
    assert (again.counts["converted"], again.counts["failed"]) == (0, 0)


def test_a_later_good_row_stands_in_for_a_wrong_one(shop: Engine) -> None:
    wrong = person(shop, guid(1), relationshiptype=9)
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, wrong)[0] == 2
    right = person(shop, guid(1), store="S2")
    customers.synchronize_customers(shop)
    assert [status(shop, CUSTOMERS, row) for row in (wrong, right)] == [(1, "", ""), (1, "", "")]
    assert len(accounts(shop)) == 1


def exhaust(hq: Engine, left: int, company: str = "USMF") -> None:
    with hq.begin() as connection:
        connection.execute(
            text(
                "UPDATE ax.numbersequencetable SET highest = nextrec + :left - 1"
                " WHERE numbersequence = 'CustomerAccount' AND dataareaid = :company"
            ),
            {"left": left, "company": company},
        )


def test_an_exhausted_sequence_does_nothing_by_halves(shop: Engine) -> None:
    created = [person(shop, guid(number)) for number in range(1, 6)]
    wrong = person(shop, guid(6), relationshiptype=0)
    exhaust(shop, 4)
    with pytest.raises(ConfigurationError, match=r"has 4 numbers left, 5 are needed.*commerce setup apply"):
        customers.synchronize_customers(shop)
    assert accounts(shop) == {}
    assert rows(shop, "SELECT count(*) FROM ax.dirpartytable WHERE name LIKE 'Kari%'") == [(0,)]
    assert rows(shop, "SELECT count(*) FROM cdx.outbox") == [(0,)]
    assert {status(shop, CUSTOMERS, row) for row in (*created, wrong)} == {(0, "", "")}

    exhaust(shop, 5)
    customers.synchronize_customers(shop)
    assert list(accounts(shop).values()) == [f"C00000000{number}" for number in range(1, 6)]
    assert status(shop, CUSTOMERS, wrong)[0] == 2


def test_a_company_without_numbers_fails_its_stores_and_no_others(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "D1", "DEMF")
    person(shop, guid(1), store="D1", company="DEMF")
    person(shop, guid(1))
    with shop.begin() as connection:
        connection.execute(
            text("DELETE FROM ax.numbersequencereference WHERE dataareaid = 'DEMF' AND reference = 'CustomerAccount'")
        )
    result = customers.synchronize_customers(shop)
    assert result.failed_stores == ("D1",)
    assert "Company DEMF has no number sequence for customer accounts" in result.stores["D1"].message
    assert accounts(shop) == {guid(1): "C000000001"}
    assert accounts(shop, "DEMF") == {}
    assert result.stores["D1"].counts["pending"] == 1


def test_a_number_that_a_customer_has_is_a_mistake_in_setup(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
                " SELECT dataareaid, 'C000000002', party, custgroup, currency FROM ax.custtable"
            )
        )
    waiting = [person(shop, guid(number)) for number in (1, 2, 3)]
    with pytest.raises(ConfigurationError, match="gives numbers that customers have already"):
        customers.synchronize_customers(shop)
    assert {status(shop, CUSTOMERS, row)[0] for row in waiting} == {0}


def test_one_row_that_the_database_refuses_stops_only_itself(shop: Engine) -> None:
    """No check foresees this one: a trigger of the operator's own refuses a name."""
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE ax.dirpersonname ADD CONSTRAINT no_robots CHECK (firstname <> 'Robot')"))
    good = [person(shop, guid(number)) for number in (1, 2, 4, 5, 6)]
    robot = person(shop, guid(3), firstname="Robot")
    result = customers.synchronize_customers(shop)
    assert {status(shop, CUSTOMERS, row)[0] for row in good} == {1}
    state, error_class, error = status(shop, CUSTOMERS, robot)
    assert (state, error_class) == (2, "permanent")
    assert "constraint no_robots" in error
    assert "Robot" not in error
    assert [number[-1] for number in accounts(shop).values()] == ["1", "2", "3", "4", "5"], "no number is lost"
    assert (result.counts["converted"], result.counts["failed"]) == (5, 1)


def test_a_better_row_of_another_channel_stands_in_for_one_that_the_database_refuses(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE ax.dirpersonname ADD CONSTRAINT no_robots CHECK (firstname <> 'Robot')"))
    person(shop, guid(3), firstname="Robot")
    person(shop, guid(3), store="S2")
    result = customers.synchronize_customers(shop)
    assert accounts(shop) == {guid(3): "C000000001"}
    assert rows(shop, "SELECT DISTINCT syncstatus FROM ax.retailasynccustomerv2") == [(1,)]
    assert result.counts["converted"] == 1


def test_a_row_that_failed_for_the_moment_is_tried_again(shop: Engine) -> None:
    row = person(shop, guid(1))
    with shop.begin() as connection:
        connection.execute(text("UPDATE ax.retailasynccustomerv2 SET syncstatus = 2, errorclass = 'transient'"))
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, row) == (1, "", "")
