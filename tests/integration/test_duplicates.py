"""Normal forms of contact data, and pairs of customers that may be one person."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from commerce.customers.duplicates import changes, deciding, forms, pairs
from commerce.errors import UsageError
from support.company import add_company, add_store
from support.staging import accounts, address, contact, guid, person, rows

PAIRS = "SELECT accountnum1, accountnum2, evidence FROM ax.duplicatecustomer ORDER BY 1, 2"


@pytest.fixture
def shop(hq: Engine) -> Engine:
    add_company(hq)
    add_store(hq, "S1")
    return hq


@pytest.mark.parametrize(
    ("entered", "country", "normalized"),
    [
        ("(425) 555-0100", "USA", "+14255550100"),
        ("425.555.0100", "US", "+14255550100"),
        ("+47 22 22 55 55", "USA", "+4722225555"),
        ("22 22 55 55", "NOR", "+4722225555"),
        ("22 22 55 55", "ZZZ", ""),
        ("call me", "USA", ""),
        ("123", "USA", ""),
    ],
)
def test_a_phone_number_is_read_as_its_country_writes_it(entered: str, country: str, normalized: str) -> None:
    assert forms.phone(entered, country).normalized == normalized
    assert (forms.phone(entered, country).problem == "") == (normalized != "")


@pytest.mark.parametrize(
    ("entered", "normalized"),
    [
        (" Kari@Example.COM ", "kari@example.com"),
        ("kåre@example.com", "kåre@example.com"),
        ("kari@", ""),
        ("kari at example.com", ""),
    ],
)
def test_an_email_address_is_one_whatever_its_case(entered: str, normalized: str) -> None:
    assert forms.email(entered).normalized == normalized


def test_values_stay_as_entered_beside_their_normal_form_and_what_does_not_parse_is_a_warning(shop: Engine) -> None:
    person(shop, guid(1), phone="(425) 555-0100", email="Kari@Example.com", cellularphone="none")
    contact(shop, guid(1), "C1", 2, "no address")
    assert customers.synchronize_customers(shop).ok

    found = customers.find_duplicates(shop)

    assert rows(
        shop,
        "SELECT e.locator, f.normalized, f.problem FROM ax.logisticselectronicaddress AS e"
        " JOIN ax.electronicaddressform AS f USING (recid) ORDER BY e.locator",
    ) == [
        ("(425) 555-0100", "+14255550100", ""),
        ("Kari@Example.com", "kari@example.com", ""),
        ("no address", "", "not an e-mail address"),
        ("none", "", "not a phone number"),
    ]
    assert (found.counts["customers"], found.counts["parsed"], found.counts["waiting"]) == (1, 4, 0)


def test_a_phone_number_is_one_of_the_customers_own_country(shop: Engine) -> None:
    person(shop, guid(1), phone="22 22 55 55")
    address(shop, guid(1), "A1", country="NOR")
    customers.synchronize_customers(shop)

    customers.find_duplicates(shop)

    assert rows(shop, "SELECT normalized FROM ax.electronicaddressform") == [("+4722225555",)]


def test_pairs_have_the_same_contact_data_or_near_names_at_one_address(shop: Engine) -> None:
    person(shop, guid(1), firstname="Jon", lastname="Smith", email="js@example.com", vatnum="GB 123-4")
    person(shop, guid(2), firstname="Anna", lastname="Berg", email="JS@example.com")
    person(shop, guid(3), firstname="Wolfgang", lastname="Ek", vatnum="gb1234")
    person(shop, guid(4), firstname="Smith", lastname="John", phone="425 555 0100")
    person(shop, guid(5), firstname="Unlike", lastname="Anybody", phone="+1 425 555 0100")
    for number in (1, 4, 5):
        address(shop, guid(number), f"A{number}", street="Main St.", streetnumber=f" {7}", zip="98052")
    customers.synchronize_customers(shop)
    account = accounts(shop)

    customers.find_duplicates(shop)

    found = {(first, second): set(evidence) for first, second, evidence in rows(shop, PAIRS)}
    one, two, three, four, five = (account[guid(number)] for number in range(1, 6))
    assert found == {
        (one, two): {"email"},
        (one, three): {"taxid"},
        (one, four): {"address", "name"},
        (four, five): {"phone", "address"},
    }


def test_only_what_changed_is_looked_at_and_all_on_demand(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com")
    customers.synchronize_customers(shop)
    assert customers.find_duplicates(shop).counts["customers"] == 1
    person(shop, guid(2), email="a@example.com")
    customers.synchronize_customers(shop)

    assert customers.find_duplicates(shop).counts == {
        "customers": 1,
        "parsed": 1,
        "pairs": 1,
        "common": 0,
        "waiting": 0,
    }
    assert customers.find_duplicates(shop).counts["customers"] == 0
    everybody = customers.find_duplicates(shop, everybody=True).counts
    assert (everybody["customers"], everybody["pairs"]) == (2, 0)


def test_a_customer_that_changed_several_times_is_looked_at_once(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Creation, addresses and contacts are written, and noted, one after the other over all customers."""
    monkeypatch.setattr(changes, "BATCH", 2)
    for number in range(5):
        person(shop, guid(number), email="a@example.com")
        address(shop, guid(number), f"A{number}", street="Main St.", zip="1")
        contact(shop, guid(number), f"C{number}", 2, f"{number}@example.com")
    customers.synchronize_customers(shop)
    assert rows(shop, "SELECT count(*) FROM ax.customerchange") == [(15,)]

    counts = customers.find_duplicates(shop).counts

    assert (counts["customers"], counts["pairs"], counts["waiting"]) == (5, 10, 0)
    assert rows(shop, "SELECT count(*) FROM ax.electronicaddressform") == [(10,)]


def test_a_killed_search_goes_on_with_the_next_batch(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "BATCH", 2)
    for number in range(6):
        person(shop, guid(number), email="a@example.com")
    customers.synchronize_customers(shop)
    calls = iter(range(100))
    search = pairs.search

    def dies(connection):  # type: ignore[no-untyped-def]
        if next(calls) == 1:
            raise KeyboardInterrupt
        return search(connection)

    monkeypatch.setattr(pairs, "search", dies)
    with pytest.raises(KeyboardInterrupt):
        customers.find_duplicates(shop)
    monkeypatch.setattr(pairs, "search", search)

    assert customers.find_duplicates(shop).counts["customers"] == 4
    assert len(rows(shop, PAIRS)) == 15


def test_a_value_that_very_many_share_makes_no_pairs_but_names_at_it_do(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(text("INSERT INTO ax.custparameters (dataareaid) VALUES ('USMF')"))
    for number in range(130):
        person(
            shop,
            guid(number),
            firstname=f"{chr(65 + number % 26)}x{number:03}",
            lastname=f"{chr(65 + number // 26)}y{number:03}",
            phone="425 555 0100",
        )
        address(shop, guid(number), f"A{number}", street="The Mall", zip="1")
    for number, name in ((200, "Qonrad"), (201, "Qonrat")):
        person(shop, guid(number), firstname=name, lastname="Zimmer", phone="425 555 0100")
        address(shop, guid(number), f"A{number}", street="The Mall", zip="1")
    customers.synchronize_customers(shop)
    account = accounts(shop)

    found = customers.find_duplicates(shop)

    assert [pair[:2] for pair in rows(shop, PAIRS)] == [(account[guid(200)], account[guid(201)])]
    assert found.counts["common"] == 1


def test_a_decision_stays_and_an_open_pair_goes_with_what_it_had_in_common(shop: Engine) -> None:
    for number in (1, 2, 3):
        person(shop, guid(number), email="a@example.com")
    customers.synchronize_customers(shop)
    customers.find_duplicates(shop)
    one, two, three = accounts(shop).values()

    deciding.decide(shop, two, one, "different", by="Ola", reason="asked them")
    with shop.begin() as connection:
        connection.execute(
            text(
                "UPDATE ax.logisticselectronicaddress SET locator = 'b@example.com' WHERE location IN (SELECT location"
                " FROM ax.dirpartylocation JOIN ax.custtable USING (party) WHERE accountnum = :account)"
            ),
            {"account": one},
        )
    customers.find_duplicates(shop, everybody=True)

    found = deciding.list_duplicates(shop)
    assert {(row["first"], row["second"]): row["status"] for row in found} == {
        (one, two): "different",
        (two, three): "open",
    }
    with pytest.raises(UsageError, match="No such pair"):
        deciding.decide(shop, one, three, "same", by="Ola")


def test_a_pair_is_shown_with_both_customers_side_by_side(shop: Engine) -> None:
    person(shop, guid(1), email="a@example.com", phone="x")
    person(shop, guid(2), email="A@example.com")
    customers.synchronize_customers(shop)
    customers.find_duplicates(shop)
    one, two = accounts(shop).values()

    (found,) = deciding.show_duplicate(shop, two, one)

    assert [customer["account"] for customer in found["customers"]] == [one, two]
    assert found["customers"][0]["contacts"] == [
        {"entered": "x", "normalized": "", "problem": "not a phone number"},
        {"entered": "a@example.com", "normalized": "a@example.com", "problem": ""},
    ]
    assert float(found["score"]) == 0.8
