"""New customers that headquarters knows already: policies link and hold."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from commerce.customers import conversion
from commerce.customers.duplicates import changes, deciding
from commerce.customers.duplicates.known import KeysNotMadeError
from commerce.errors import CommerceError
from support.company import add_company, add_store
from support.staging import accounts, address, contact, guid, person, rows, status

TABLE = "retailasynccustomerv2"
MAPPED = "SELECT mappedhow FROM ax.custaccountasyncmap ORDER BY custaccountasync"
NUMBERS = "SELECT nextrec - 1 FROM ax.numbersequencetable WHERE numbersequence = 'CustomerAccount'"
REFERENCES = "SELECT 'USMF' AS dataareaid, unnest(CAST(:guids AS text[])) AS custaccountasync, '' AS addressidasync"
ELECTRONIC = """SELECT e.locator, e.isprimary FROM ax.custtable AS c JOIN ax.dirpartylocation AS l USING (party)
    JOIN ax.logisticselectronicaddress AS e USING (location) WHERE c.accountnum = :account ORDER BY 1"""


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    return hq


def policy(hq: Engine, name: str) -> None:
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.custparameters (dataareaid, duplicatepolicy) VALUES ('USMF', :name)"
                " ON CONFLICT (dataareaid) DO UPDATE SET duplicatepolicy = excluded.duplicatepolicy"
            ),
            {"name": name},
        )


def sync(hq: Engine) -> dict[str, int]:
    return dict(customers.synchronize_customers(hq).counts)


def test_link_gives_a_known_customer_the_account_it_has(shop: Engine) -> None:
    person(shop, guid(1), email="kari@example.com", phone="425 555 0100")
    sync(shop)  # before the policy: the keys of customers that are there already are made when they are needed
    policy(shop, "link")
    staged = person(shop, guid(2), store="S2", email="KARI@example.com", phone="425 555 0199")
    address(shop, guid(2), "A2")
    contact(shop, guid(2), "C2", 2, "work@example.com")
    person(shop, guid(3), firstname="Per", email="kari@example.com")
    person(shop, guid(4), email="other@example.com")

    counts = sync(shop)

    account = accounts(shop)
    assert account[guid(1)] == account[guid(2)]
    assert len(set(account.values())) == 3, (
        "the same address with another name, or the same name alone, is nobody known"
    )
    assert (counts["converted"], counts["linked"], counts["held"]) == (2, 1, 0)
    assert [how for (how,) in rows(shop, MAPPED)] == ["created", "linked", "created", "created"]
    assert rows(shop, NUMBERS) == [(3,)]
    assert status(shop, TABLE, staged)[0] == 1
    assert rows(shop, ELECTRONIC, {"account": account[guid(1)]}) == [
        ("425 555 0100", 1),
        ("425 555 0199", 0),
        ("kari@example.com", 1),
        ("work@example.com", 0),
    ]
    assert rows(shop, "SELECT accountnum FROM ax.asyncaddressmap") == [(account[guid(1)],)]
    assert rows(
        shop, "SELECT kind, staged, custaccountasync, accountnum FROM ax.asyncoperationaudit WHERE kind = 'linked'"
    ) == [("linked", staged, guid(2), account[guid(1)])]
    assert rows(
        shop,
        "SELECT count(*) FROM cdx.outbox WHERE accountnum = :account AND session IS NULL",
        {"account": account[guid(1)]},
    ) == [(1,)]


def test_two_new_customers_of_one_person_in_one_chunk_get_one_account(shop: Engine) -> None:
    policy(shop, "link")
    person(shop, guid(1), email="a@example.com")
    person(shop, guid(2), email="a@example.com", phone="425 555 0100")
    person(shop, guid(3), phone="+1 425 555 0100")
    person(shop, guid(4), firstname="Per", phone="+1 425 555 0100")

    counts = sync(shop)

    account = accounts(shop)
    assert account[guid(1)] == account[guid(2)] == account[guid(3)] != account[guid(4)]
    assert (counts["converted"], counts["linked"]) == (2, 2)
    assert rows(shop, NUMBERS) == [(2,)]
    assert rows(shop, "SELECT custaccountasync FROM ax.retailcusttable WHERE custaccountasync <> '' ORDER BY 1") == [
        (guid(1),),
        (guid(4),),
    ]


def test_who_is_known_as_two_accounts_is_linked_to_neither(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    person(shop, guid(2), phone="425 555 0100")
    sync(shop)
    policy(shop, "link")
    person(shop, guid(3), email="a@example.com", phone="425 555 0100")

    assert sync(shop)["linked"] == 0

    assert len(set(accounts(shop).values())) == 3
    assert customers.find_duplicates(shop).counts["pairs"] == 2


def test_a_value_that_very_many_have_links_nobody(shop: Engine) -> None:
    for number in range(30):
        person(shop, guid(number), phone="425 555 0100")
    sync(shop)
    policy(shop, "link")
    person(shop, guid(99), phone="425 555 0100")

    assert sync(shop)["linked"] == 0


def test_racing_conversions_link_each_person_to_one_account(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "CHUNK", 7)
    policy(shop, "link")
    for number in range(90):
        person(shop, guid(number), store=f"S{number % 2 + 1}", email=f"p{number % 10}@example.com")
    start = threading.Barrier(4)

    def batch() -> None:
        start.wait()
        customers.synchronize_customers(shop)

    def late(first: int) -> None:
        start.wait()
        for number in range(first, 90, 2):
            customers.convert_referenced(
                shop, references_sql=REFERENCES, parameters={"guids": [guid(number)]}, job="bind-cash-and-carry"
            )

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(batch), pool.submit(batch), pool.submit(late, 0), pool.submit(late, 1)]:
            future.result()

    account = accounts(shop)
    assert len(account) == 90
    assert len(set(account.values())) == 10
    assert None not in account.values()
    assert all(account[guid(number)] == account[guid(number % 10)] for number in range(90))
    assert rows(shop, NUMBERS) == [(10,)]


def test_hold_keeps_a_known_customer_waiting_until_a_person_decides(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    sync(shop)
    policy(shop, "hold")
    second, third = (person(shop, guid(number), email="a@example.com") for number in (2, 3))
    waits = address(shop, guid(2), "A2")
    (account,) = accounts(shop).values()

    counts = sync(shop)

    assert (counts["converted"], counts["held"]) == (0, 2)
    assert accounts(shop) == {guid(1): account}
    code, error_class, error = status(shop, TABLE, second)
    assert (code, error_class) == (0, "pending")
    assert account in error
    assert "duplicates decide" in error
    assert [row["guid"] for row in deciding.list_held(shop)] == [guid(2), guid(3)]
    assert status(shop, "retailasyncaddressv2", waits)[2] == "waits for customer"
    assert sync(shop)["held"] == 2

    linked = deciding.decide(shop, guid(2), account, "same", by="Ola")
    made = deciding.decide(shop, guid(3), account, "different", by="Ola")

    assert linked["account"] == account
    assert made["account"] not in (None, account)
    assert deciding.list_held(shop) == []
    assert status(shop, TABLE, second)[0] == status(shop, TABLE, third)[0] == 1
    sync(shop)
    assert rows(shop, "SELECT accountnum FROM ax.asyncaddressmap") == [(account,)]
    assert rows(shop, NUMBERS) == [(2,)]


def test_a_held_guid_with_rows_in_two_chunks_is_held_and_linked_once(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "CHUNK", 2)
    person(shop, guid(1), email="a@example.com")
    sync(shop)
    policy(shop, "hold")
    first = person(shop, guid(2), email="a@example.com")
    for number in (5, 6, 7):
        person(shop, guid(number))
    again = person(shop, guid(2), store="S2", email="a@example.com")
    person(shop, guid(8))

    counts = sync(shop)

    assert (counts["converted"], counts["held"]) == (4, 1)
    for row in (first, again):
        assert status(shop, TABLE, row)[:2] == (0, "pending")
        assert status(shop, TABLE, row)[2].startswith("held: ")
    assert len(deciding.list_held(shop)) == 1
    account = accounts(shop)[guid(1)]
    deciding.decide(shop, guid(2), account, "same", by="Ola")
    sync(shop)
    assert [status(shop, TABLE, row)[0] for row in (first, again)] == [1, 1]
    assert accounts(shop)[guid(2)] == account
    assert rows(shop, "SELECT count(*) FROM ax.asyncoperationaudit WHERE kind = 'linked'") == [(1,)]


def test_a_decision_holds_when_the_policy_changes_before_the_conversion(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    sync(shop)
    policy(shop, "hold")
    person(shop, guid(2), email="a@example.com")
    sync(shop)
    with shop.begin() as connection:
        connection.execute(
            text("UPDATE ax.heldcustomer SET status = 'link', decidedby = 'Ola', decideddatetime = now()")
        )
    policy(shop, "flag")

    sync(shop)

    assert len(set(accounts(shop).values())) == 1


def test_money_does_not_wait_for_a_decision(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    sync(shop)
    policy(shop, "hold")
    person(shop, guid(2), email="a@example.com")
    sync(shop)

    customers.convert_referenced(
        shop, references_sql=REFERENCES, parameters={"guids": [guid(2)]}, job="bind-cash-and-carry"
    )

    account = accounts(shop)
    assert account[guid(1)] != account[guid(2)]
    (held,) = deciding.list_held(shop, status=None)
    assert (held["status"], held["decided_by"]) == ("create", "bind-cash-and-carry")
    assert customers.find_duplicates(shop).counts["pairs"] == 1


def test_late_binding_knows_whom_a_change_since_the_last_conversion_made_known(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    sync(shop)
    policy(shop, "link")
    contact(shop, guid(1), "C1", 2, "new@example.com")
    with shop.begin() as connection:
        connection.execute(text("UPDATE ax.custparameters SET duplicatepolicy = 'flag'"))
    sync(shop)
    policy(shop, "link")
    person(shop, guid(2), email="new@example.com")
    known = {"references_sql": REFERENCES, "parameters": {"guids": [guid(2)]}, "job": "bind-cash-and-carry"}
    with shop.begin() as connection:
        connection.execute(
            text("ALTER TABLE ax.customermatchkey ADD CONSTRAINT full_disk CHECK (dataareaid <> 'USMF') NOT VALID")
        )
    with pytest.raises(KeysNotMadeError, match="duplicates find --company USMF"):
        customers.convert_referenced(shop, **known)
    assert guid(2) not in accounts(shop)
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE ax.customermatchkey DROP CONSTRAINT full_disk"))
    customers.convert_referenced(shop, **known)
    assert accounts(shop)[guid(2)] == accounts(shop)[guid(1)]


def unkeyed(hq: Engine) -> list[bool]:
    """Of each change that waits for the search, whether its customer's match keys are still to be made."""
    return [not keyed for (keyed,) in rows(hq, "SELECT keyed FROM ax.customerchange ORDER BY changeid")]


@pytest.mark.parametrize("name", ["link", "hold"])
@pytest.mark.parametrize("searched", [False, True], ids=["keys only", "pairs searched before"])
def test_keys_alone_find_whom_a_whole_search_finds(
    shop: Engine, name: str, searched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The changes of one customer lie in several batches, and some were keyed by an earlier conversion."""
    monkeypatch.setattr(changes, "BATCH", 3)
    for number in range(8):
        person(shop, guid(number), lastname=f"Berg{number}")
        address(shop, guid(number), f"A{number}", street="Main St.", zip=f"{number}")
        contact(shop, guid(number), f"C{number}", 2, f"p{number}@example.com")
    sync(shop)
    account = accounts(shop)
    policy(shop, name)
    for first in (20, 30):
        for number in range(4):  # known by a contact that was added after the creation
            person(shop, guid(first + number), lastname=f"Berg{number}", email=f"P{number}@example.com")
        person(shop, guid(first + 4), lastname="Lund", email="p4@example.com")  # a household
        contact(shop, guid(first + 4), f"C{first + 4}", 1, "425 555 0100")
        if searched:
            customers.find_duplicates(shop)
        counts = sync(shop)
        assert (counts["linked"] if name == "link" else counts["held"]) >= 4
        assert (False in unkeyed(shop)) is not searched, "what the conversion needed is not searched yet"
    assert customers.find_duplicates(shop).counts["waiting"] == 0

    found = {
        row[0]: row[1]
        for row in rows(
            shop, "SELECT custaccountasync, accountnum FROM ax.custaccountasyncmap WHERE mappedhow='linked'"
        )
    } | dict(rows(shop, "SELECT custaccountasync, accountnum FROM ax.heldcustomer"))
    known = {guid(first + number): account[guid(number)] for first in (20, 30) for number in range(4)}
    household = accounts(shop)[guid(24)]
    assert found == known | {guid(34): household}, "the second of the household is the first by name and e-mail"
    pairs = rows(shop, "SELECT accountnum1, accountnum2, evidence FROM ax.duplicatecustomer")
    assert pairs == [(account[guid(4)], household, {"email": 1})]


def test_keys_that_cannot_be_made_keep_one_company_waiting_and_no_other(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "D1", "DEMF")
    person(shop, guid(1), email="a@example.com")
    person(shop, guid(1), store="D1", company="DEMF", email="a@example.com")
    sync(shop)
    policy(shop, "link")
    waits = person(shop, guid(2), email="a@example.com")
    late = address(shop, guid(1), "A1")
    person(shop, guid(3), store="D1", company="DEMF")
    with shop.begin() as connection:
        connection.execute(
            text("ALTER TABLE ax.customermatchkey ADD CONSTRAINT full_disk CHECK (dataareaid <> 'USMF') NOT VALID")
        )
    try:
        result = customers.synchronize_customers(shop)
    finally:
        with shop.begin() as connection:
            connection.execute(text("ALTER TABLE ax.customermatchkey DROP CONSTRAINT full_disk"))

    assert {name: store.state for name, store in result.stores.items()} == {"S1": "failed", "S2": "done", "D1": "done"}
    assert "duplicates find --company USMF" in result.stores["S1"].message
    assert result.counts["converted"] == 1
    assert guid(2) not in accounts(shop)
    code, error_class, error = status(shop, TABLE, waits)
    assert (code, error_class) == (0, "pending")
    assert "the next run tries again" in error.lower()
    assert "a@example.com" not in error
    assert status(shop, "retailasyncaddressv2", late)[0] == 1, "what belongs to customers that are there goes on"
    assert sync(shop)["linked"] == 1
    assert status(shop, TABLE, waits) == (1, "", "")


def test_the_only_company_whose_keys_cannot_be_made_fails_the_job(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    sync(shop)
    policy(shop, "hold")
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE ax.customermatchkey ADD CONSTRAINT broken CHECK (FALSE) NOT VALID"))
    try:
        sync(shop)  # nothing to create, nothing to know
        person(shop, guid(2), email="a@example.com")
        with pytest.raises(CommerceError, match="Company USMF: who is known already cannot be told"):
            sync(shop)
    finally:
        with shop.begin() as connection:
            connection.execute(text("ALTER TABLE ax.customermatchkey DROP CONSTRAINT broken"))
    assert sync(shop)["held"] == 1


def test_searches_and_conversions_beside_one_another_look_at_every_customer(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two conversions make keys, two searches take changes away, keyed or not."""
    monkeypatch.setattr(changes, "BATCH", 2)
    policy(shop, "link")
    for number in range(40):
        person(shop, guid(number), lastname=f"Berg{number}", email=f"p{number % 20}@example.com")
    sync(shop)
    for number in range(40, 44):
        person(shop, guid(number), lastname=f"Berg{number - 40}", email=f"p{number - 40}@example.com")
    start = threading.Barrier(4)

    def work(job: Callable[[Engine], object]) -> None:
        start.wait()
        job(shop)

    with ThreadPoolExecutor(4) as pool:
        jobs = [customers.synchronize_customers, customers.find_duplicates] * 2
        for future in [pool.submit(work, job) for job in jobs]:
            future.result(timeout=120)
    customers.find_duplicates(shop)

    account = accounts(shop)
    assert all(account[guid(40 + number)] == account[guid(number)] for number in range(4))
    assert rows(shop, "SELECT count(*) FROM ax.duplicatecustomer") == [(20,)]
    assert unkeyed(shop) == []
