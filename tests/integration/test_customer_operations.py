"""Updates and deactivations of customers: one pass, and each row with a status of its own (rule 5, domain F3, F4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from support.company import add_company, add_customer, add_store
from support.operations import CUSTOMERS, audited, customer, edit, reachable
from support.staging import BEGIN, accounts, add_row, guid, person, rows, status


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Company USMF with the stores S1 and S2."""
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    return hq


QUARANTINED = text("""
    INSERT INTO cdx.quarantine (datastore, incarnation, tablename, replicationcounterfromorigin, rawdata, reason,
                                errorclass, uploadsession)
    SELECT recid, :incarnation, :tablename, :counter, '{"custname": "?"}', 'bad', 'permanent', 1
    FROM cdx.retailconndatabaseprofile WHERE name = 'S1'""")


def test_only_what_changed_is_written_and_each_row_is_done(shop: Engine) -> None:
    created = person(shop, guid(1), email="kari@old.example", phone="111", vatnum="NO1")
    first = edit(shop, CUSTOMERS, created, email="kari@new.example")
    second = edit(shop, CUSTOMERS, first, lastname="Hansen", vatnum="")
    result = customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert [status(shop, CUSTOMERS, row)[0] for row in (created, first, second)] == [1, 1, 1]
    assert (customer(shop, account, "p.name"), customer(shop, account, "c.vatnum")) == ("Kari Hansen", "")
    assert reachable(shop, account) == [(1, "111", 1, True), (2, "kari@new.example", 1, True)]
    assert sorted(audited(shop)) == [
        ("custname", "Kari Nordmann", "Kari Hansen"),
        ("email", "kari@old.example", "kari@new.example"),
        ("lastname", "Nordmann", "Hansen"),
        ("vatnum", "NO1", ""),
    ]
    assert audited(shop, "conflict") == []
    assert (result.counts["converted"], result.counts["edited"], result.counts["pending"]) == (1, 2, 0)
    assert rows(shop, "SELECT count(*) FROM ax.dirpersonname WHERE validto IS NOT NULL") == [(1,)]


def test_operations_that_come_one_by_one_end_where_those_folded_at_once_do(shop: Engine) -> None:
    for number, at_once in ((1, True), (2, False)):
        row = person(shop, guid(number), phone="1", email="a@b.example", languageid="nb")
        for columns in ({"phone": "2"}, {"phone": "3", "email": ""}, {"firstname": "Ola"}, {"phone": ""}):
            if not at_once:
                customers.synchronize_customers(shop)
            row = edit(shop, CUSTOMERS, row, **columns)
        customers.synchronize_customers(shop)
    one, other = (accounts(shop)[guid(number)] for number in (1, 2))
    assert reachable(shop, one) == reachable(shop, other) == []
    assert customer(shop, one, "p.name") == customer(shop, other, "p.name") == "Ola Nordmann"
    changes = (
        "SELECT field, oldvalue, newvalue FROM ax.asyncoperationaudit WHERE accountnum = :account ORDER BY auditid"
    )
    assert sorted(rows(shop, changes, {"account": one})) == sorted(rows(shop, changes, {"account": other}))


def test_an_update_waits_for_its_creation_and_makes_no_customer_by_itself(shop: Engine) -> None:
    created = person(shop, guid(1), custgroup="NONE")
    early = edit(shop, CUSTOMERS, created, custname="Kari H", custgroup="")
    lost = add_row(shop, CUSTOMERS, custaccountasync=guid(2), relationshiptype=1, firstname="Ola", operation=2)
    nameless = add_row(shop, CUSTOMERS, relationshiptype=1, firstname="Per", operation=2)
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, early) == (0, "pending", "waits for customer: its creation has failed")
    assert status(shop, CUSTOMERS, lost) == (0, "pending", "waits for customer")
    assert status(shop, CUSTOMERS, nameless) == (2, "permanent", "the row names no customer")
    assert accounts(shop) == {}
    with shop.begin() as connection:
        connection.execute(
            text(f"UPDATE ax.{CUSTOMERS} SET syncstatus = 0, custgroup = '' WHERE recid = :row"), {"row": created}
        )
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, early)[0] == 1
    assert customer(shop, accounts(shop)[guid(1)], "p.name") == "Kari H"


def test_across_channels_the_later_operation_wins_whatever_arrives_first(shop: Engine) -> None:
    add_customer(shop, "C1")
    values = {"custaccount": "C1", "relationshiptype": 1, "custname": "Customer C1"}
    at_s1 = add_row(shop, CUSTOMERS, **values, vatnum="A", operation=2)
    at_s2 = add_row(shop, CUSTOMERS, store="S2", **values, vatnum="A", operation=2)
    customers.synchronize_customers(shop)
    later = edit(shop, CUSTOMERS, at_s2, store="S2", vatnum="LATER", createddatetime=BEGIN + timedelta(hours=2))
    customers.synchronize_customers(shop)
    earlier = edit(shop, CUSTOMERS, at_s1, vatnum="EARLIER", pricegroup="P", createddatetime=BEGIN + timedelta(hours=1))
    customers.synchronize_customers(shop)
    assert (customer(shop, "C1", "c.vatnum"), customer(shop, "C1", "c.pricegroup")) == ("LATER", "P")
    assert [status(shop, CUSTOMERS, row)[0] for row in (later, earlier)] == [1, 1]
    assert audited(shop, "conflict") == [("vatnum", "A", "LATER")]


def test_a_value_that_headquarters_changed_is_overwritten_and_noted(shop: Engine) -> None:
    created = person(shop, guid(1), vatnum="A")
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    with shop.begin() as connection:
        connection.execute(
            text("UPDATE ax.custtable SET vatnum = 'HQ', pricegroup = 'HQ' WHERE accountnum = :a"), {"a": account}
        )
    edit(shop, CUSTOMERS, created, vatnum="B")
    customers.synchronize_customers(shop)
    assert (customer(shop, account, "c.vatnum"), customer(shop, account, "c.pricegroup")) == ("B", "HQ")
    assert (audited(shop), audited(shop, "conflict")) == ([("vatnum", "HQ", "B")], [("vatnum", "A", "HQ")])


def test_the_first_row_of_a_register_says_nothing_by_a_blank_and_repeats_nothing_stale(shop: Engine) -> None:
    """S2 writes what it had been sent, with one field changed; S1's update was not distributed yet."""
    created = person(shop, guid(1), vatnum="OLD", pricegroup="P", email="kari@old.example")
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    edit(shop, CUSTOMERS, created, vatnum="NEW")
    customers.synchronize_customers(shop)
    add_row(
        shop,
        CUSTOMERS,
        store="S2",
        custaccount=account,
        relationshiptype=1,
        custname="Kari N",
        vatnum="OLD",
        operation=2,
    )
    customers.synchronize_customers(shop)
    assert (customer(shop, account, "p.name"), customer(shop, account, "c.vatnum")) == ("Kari N", "NEW")
    assert (customer(shop, account, "c.pricegroup"), customer(shop, account, "n.firstname")) == ("P", "Kari")
    assert reachable(shop, account) == [(2, "kari@old.example", 1, True)]


def test_an_account_and_its_guid_are_one_chain(shop: Engine) -> None:
    created = person(shop, guid(1), vatnum="A", pricegroup="P")
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    named = edit(shop, CUSTOMERS, created, custaccountasync="", custaccount=account, pricegroup="")
    customers.synchronize_customers(shop)
    assert (status(shop, CUSTOMERS, named)[0], customer(shop, account, "c.pricegroup")) == (1, "")
    assert audited(shop) == [("pricegroup", "P", "")]


def test_a_deactivated_customer_keeps_its_account_and_can_come_back(shop: Engine) -> None:
    created = person(shop, guid(1), vatnum="A")
    gone = edit(shop, CUSTOMERS, created, operation=3, vatnum="", firstname="", lastname="")
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert customer(shop, account, "r.deactivateddatetime") is not None
    assert (customer(shop, account, "c.vatnum"), customer(shop, account, "c.blocked")) == ("A", 0)
    assert audited(shop) == [("active", "1", "0")]
    edit(shop, CUSTOMERS, gone, vatnum="A", firstname="Kari", lastname="Hansen")
    customers.synchronize_customers(shop)
    assert customer(shop, account, "r.deactivateddatetime") is None
    assert customer(shop, account, "p.name") == "Kari Hansen"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"custgroup": "NONE"}, "custgroup: customer group NONE does not exist in this company"),
        ({"firstname": "", "lastname": ""}, "custname: a customer must have one, the operation blanks it"),
        ({"relationshiptype": 2}, "relationshiptype: a customer cannot become an organization"),
        ({"titlerecordid": 77}, "titlerecordid: title 77 is not set up"),
    ],
)
def test_a_wrong_update_fails_alone(shop: Engine, columns: dict[str, object], reason: str) -> None:
    created = person(shop, guid(1), phone="1")
    wrong = edit(shop, CUSTOMERS, created, **columns)
    good = edit(shop, CUSTOMERS, wrong, phone="2")
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, wrong) == (2, "permanent", reason)
    if "relationshiptype" not in columns:
        assert status(shop, CUSTOMERS, good)[0] == 1
        assert reachable(shop, accounts(shop)[guid(1)]) == [(1, "2", 1, True)]


def test_credit_is_decided_in_headquarters(shop: Engine) -> None:
    created = person(shop, guid(1), creditmax=100, blocked=0)
    edit(shop, CUSTOMERS, created, creditmax=9000, blocked=2)
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert (int(customer(shop, account, "c.creditmax")), customer(shop, account, "c.blocked")) == (100, 0)
    assert [field for field, _, _ in audited(shop, "conflict")] == ["blocked", "creditmax"]


def test_a_row_that_the_database_refuses_stops_only_itself(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE ax.custtable ADD CHECK (vatnum <> 'BAD')"))
    created = person(shop, guid(1))
    other = person(shop, guid(2))
    bad = edit(shop, CUSTOMERS, created, vatnum="BAD")
    good = edit(shop, CUSTOMERS, bad, vatnum="BAD", pricegroup="P")
    others = edit(shop, CUSTOMERS, other, vatnum="X")
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, bad)[:2] == (2, "permanent")
    assert "BAD" not in status(shop, CUSTOMERS, bad)[2]
    assert [status(shop, CUSTOMERS, row)[0] for row in (good, others)] == [1, 1]
    assert customer(shop, accounts(shop)[guid(1)], "c.pricegroup") == "P"


def test_running_again_changes_nothing(shop: Engine) -> None:
    created = person(shop, guid(1), phone="1")
    edit(shop, CUSTOMERS, created, phone="2")
    customers.synchronize_customers(shop)
    before = (audited(shop), reachable(shop, accounts(shop)[guid(1)]))
    result = customers.synchronize_customers(shop)
    assert (audited(shop), reachable(shop, accounts(shop)[guid(1)])) == before
    assert set(result.counts.values()) == {0}


def test_a_restored_register_continues_from_its_backup(shop: Engine) -> None:
    """Counter 3 was lost with the disk: the next row of the new incarnation follows what the backup still had."""
    origin = {"replicationcounterfromorigin": 1}
    created = person(shop, guid(1), vatnum="A", pricegroup="P", **origin)
    kept = edit(shop, CUSTOMERS, created, vatnum="B", replicationcounterfromorigin=2)
    edit(shop, CUSTOMERS, kept, pricegroup="LOST", replicationcounterfromorigin=3)
    customers.synchronize_customers(shop)
    with shop.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET incarnation = 2 WHERE name = 'S1'"))
    edit(shop, CUSTOMERS, kept, vatnum="C", incarnation=2, replicationcounterfromorigin=3)
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert (customer(shop, account, "c.vatnum"), customer(shop, account, "c.pricegroup")) == ("C", "LOST")


@pytest.mark.parametrize("known", [False, True], ids=["new row", "row of the backup"])
def test_the_first_row_after_a_restore_may_stand_in_quarantine(shop: Engine, known: bool) -> None:
    """It has the counter of the lost row all the same; one that the backup has says nothing."""
    created = person(shop, guid(1), vatnum="A", pricegroup="P", replicationcounterfromorigin=1)
    lost = edit(shop, CUSTOMERS, created, pricegroup="X", replicationcounterfromorigin=3)
    customers.synchronize_customers(shop)
    with shop.begin() as connection:
        connection.execute(text("UPDATE cdx.retailconndatabaseprofile SET incarnation = 2 WHERE name = 'S1'"))
        for incarnation in (1, 2) if known else (2,):
            connection.execute(QUARANTINED, {"incarnation": incarnation, "counter": 3, "tablename": CUSTOMERS})
    edit(shop, CUSTOMERS, created, vatnum="C", incarnation=2, replicationcounterfromorigin=4)
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    found = (customer(shop, account, "c.vatnum"), customer(shop, account, "c.pricegroup"))
    assert found == ("C", "P" if known else "X"), lost


def test_each_change_goes_to_the_channels(shop: Engine) -> None:
    created = person(shop, guid(1))
    customers.synchronize_customers(shop)
    with shop.begin() as connection:
        connection.execute(text("DELETE FROM cdx.outbox"))
    edit(shop, CUSTOMERS, created, operation=3)
    customers.synchronize_customers(shop)
    assert rows(shop, "SELECT accountnum FROM cdx.outbox") == [(accounts(shop)[guid(1)],)]


def test_an_update_after_the_purge_of_the_row_before_is_still_a_difference(shop: Engine) -> None:
    created = person(shop, guid(1), email="kari@old.example", phone="1", pricegroup="P")
    customers.synchronize_customers(shop)
    with shop.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.custparameters (dataareaid, personaldatadays) VALUES ('USMF', 1)"
                " ON CONFLICT (dataareaid) DO UPDATE SET personaldatadays = 1"
            )
        )
        connection.execute(text(f"UPDATE ax.{CUSTOMERS} SET syncdatetime = now() - interval '9 days'"))
        connection.execute(text("UPDATE ax.custtable SET pricegroup = 'HQ'"))
    assert customers.purge_personal_data(shop).counts[CUSTOMERS] == 1
    edit(shop, CUSTOMERS, created, firstname="Kari", lastname="Nordmann", email="", phone="2")
    customers.synchronize_customers(shop)
    account = accounts(shop)[guid(1)]
    assert reachable(shop, account) == [(1, "2", 1, True)]
    assert (customer(shop, account, "p.name"), customer(shop, account, "c.pricegroup")) == ("Kari Nordmann", "HQ")
