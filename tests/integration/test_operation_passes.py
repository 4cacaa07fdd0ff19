"""In which pass an operation comes makes no difference, also when some fail and are mended later; and registers add and
remove what others have removed and added."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from commerce.customers.status import editing
from support.company import add_company, add_store
from support.operations import ADDRESSES, AFFILIATIONS, CONTACTS, CUSTOMERS, customer, edit, reachable
from support.staging import BEGIN, accounts, add_row, address, contact, guid, person, rows, status

EACH, ALL = "a pass for each", "one pass for all"
VALID = "SELECT street, city FROM ax.logisticspostaladdress WHERE validto IS NULL"
HELD = "SELECT retailaffiliationid FROM ax.retailcustaffiliation"


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.retailaffiliation (recid, name) VALUES (11, 'Loyal')"))
    return hq


def converted(hq: Engine, passes: str, row: int) -> int:
    if passes == EACH:
        customers.synchronize_customers(hq)
    return row


def mend(hq: Engine, row: int, **columns: str) -> None:
    (done,) = editing.edit(hq, [editing.Edit(row, columns)], by="Ola", retry=True)
    assert done.outcome == "changed"
    customers.synchronize_customers(hq)


@pytest.mark.parametrize("passes", [EACH, ALL])
def test_an_edit_behind_a_return_that_fails_counts_when_that_is_mended(shop: Engine, passes: str) -> None:
    person(shop, guid(1))
    home = converted(shop, passes, address(shop, guid(1), "A1", street="Old", city="Oslo"))
    converted(shop, passes, edit(shop, ADDRESSES, home, operation=3))
    back = converted(shop, passes, edit(shop, ADDRESSES, home, street="", city="", zip=""))
    converted(shop, passes, edit(shop, ADDRESSES, back, city="Bergen"))
    customers.synchronize_customers(shop)
    assert status(shop, ADDRESSES, back)[0] == 2
    assert rows(shop, VALID) == []
    mend(shop, back, city="Moss", street="New")
    assert rows(shop, VALID) == [("New", "Bergen")]


def test_it_counts_once(shop: Engine) -> None:
    """What headquarters has corrected since stays when the address goes and comes back another time."""
    person(shop, guid(1))
    home = converted(shop, EACH, address(shop, guid(1), "A1", city="Oslo"))
    converted(shop, EACH, edit(shop, ADDRESSES, home, city="Oslo", store="S2"))
    converted(shop, EACH, edit(shop, ADDRESSES, home, operation=3))
    converted(shop, EACH, edit(shop, ADDRESSES, home, city="Bergen", store="S2"))
    assert rows(shop, VALID) == []
    for found in ("Bergen", "Corrected"):
        converted(shop, EACH, edit(shop, ADDRESSES, home))
        assert rows(shop, VALID) == [("Storgata", found)]
        with shop.begin() as connection:
            connection.execute(text("UPDATE ax.logisticspostaladdress SET city = 'Corrected' WHERE validto IS NULL"))
        converted(shop, EACH, edit(shop, ADDRESSES, home, operation=3))


@pytest.mark.parametrize("passes", [EACH, ALL])
def test_so_does_one_of_a_contact_which_was_deleted(shop: Engine, passes: str) -> None:
    person(shop, guid(1))
    first = converted(shop, passes, contact(shop, guid(1), "K1", 2, "old@example.com", description="old"))
    converted(shop, passes, edit(shop, CONTACTS, first, operation=3))
    back = converted(shop, passes, edit(shop, CONTACTS, first, locator=""))
    converted(shop, passes, edit(shop, CONTACTS, back, locator="later@example.com"))
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert reachable(shop, account) == []
    mend(shop, back, locator="mended@example.com")
    assert reachable(shop, account) == [(2, "later@example.com", 1, True)]


def test_registers_add_and_remove_what_others_have_removed_and_added(shop: Engine) -> None:
    person(shop, guid(1))
    own = {"custaccountasync": guid(1), "retailaffiliationid": 11}
    added = add_row(shop, AFFILIATIONS, **own)
    steps = [("S2", 3), ("S1", 1), ("S2", 3), ("S2", 1), ("S1", 3), ("S2", 3), ("S1", 1)]
    customers.synchronize_customers(shop)
    for store, operation in steps:
        row = edit(shop, AFFILIATIONS, added, operation=operation, store=store)
        customers.synchronize_customers(shop)
        assert status(shop, AFFILIATIONS, row)[0] == 1
        assert rows(shop, HELD) == ([] if operation == 3 else [(11,)]), (store, operation)


def test_a_late_removal_does_not_undo_what_was_added_after_it(shop: Engine) -> None:
    person(shop, guid(1))
    own = {"custaccountasync": guid(1), "retailaffiliationid": 11}
    add_row(shop, AFFILIATIONS, **own)
    removed = BEGIN + timedelta(hours=1)
    again = add_row(shop, AFFILIATIONS, store="S2", createddatetime=removed + timedelta(hours=1), **own)
    customers.synchronize_customers(shop)
    edit(shop, AFFILIATIONS, again, operation=3, createddatetime=removed)
    customers.synchronize_customers(shop)
    assert rows(shop, HELD) == [(11,)]


@pytest.mark.parametrize("passes", [EACH, ALL])
def test_lost_rows_follow_each_other(shop: Engine, passes: str) -> None:
    """They were written after one another on a disk that is gone; what was written after the restore follows none."""
    created = person(shop, guid(1), vatnum="A", replicationcounterfromorigin=1)
    lost = converted(shop, passes, edit(shop, CUSTOMERS, created, vatnum="B", replicationcounterfromorigin=2))
    blanked = edit(shop, CUSTOMERS, lost, vatnum="", replicationcounterfromorigin=3)
    with shop.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET incarnation = 2 WHERE name = 'S1'"))
    edit(shop, CUSTOMERS, created, pricegroup="P", incarnation=2, replicationcounterfromorigin=2)
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert status(shop, CUSTOMERS, blanked)[0] == 1
    assert (customer(shop, account, "c.vatnum"), customer(shop, account, "c.pricegroup")) == ("", "P")
