"""*Synchronize customers* on rows as the P-job leaves them: what becomes of each, and one account a GUID."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import customers
from commerce.customers import candidates
from support.company import DEFAULT_CUSTOMER, add_company, add_store
from support.staging import accounts, guid, person, rows, status

CUSTOMERS = "retailasynccustomerv2"


@pytest.fixture
def shop(hq: Engine) -> Engine:
    """Company USMF with stores S1 and S2."""
    add_company(hq)
    add_store(hq, "S1")
    add_store(hq, "S2")
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.dirpartytable SET languageid = 'nb'"))
        connection.execute(text("UPDATE ax.retailcusttable SET receiptoption = 2"))
        connection.execute(
            text("UPDATE ax.custgroup SET paymtermid = 'Net30', defaultdimension = 7, taxgroupid = 'CA'")
        )
        connection.execute(text("INSERT INTO ax.retailaffiliation (recid, name) VALUES (11, 'Loyal'), (12, 'Staff')"))
        connection.execute(
            text("INSERT INTO ax.retailcustaffiliation SELECT dataareaid, accountnum, 11 FROM ax.custtable")
        )
    return hq


def customer(hq: Engine, account: str) -> dict[str, Any]:
    sql = """
        SELECT p.name, p.instancerelationtype, p.languageid, c.custgroup, c.currency, c.taxgroup, c.paymtermid,
               c.defaultdimension, r.custaccountasync, r.receiptemail, r.receiptoption, n.firstname, n.middlename,
               n.lastname,
               o.orgnumber,
               (SELECT array_agg(retailaffiliationid) FROM ax.retailcustaffiliation AS a
                WHERE (a.dataareaid, a.custaccountnum) = (c.dataareaid, c.accountnum)) AS affiliations,
               (SELECT array_agg(e.type || ':' || e.locator || ':' || e.isprimary || ':' || e.ismobilephone
                                 ORDER BY e.recid)
                FROM ax.dirpartylocation AS l JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
                WHERE l.party = p.recid) AS contacts
        FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
        JOIN ax.retailcusttable AS r USING (dataareaid, accountnum)
        LEFT JOIN ax.dirpersonname AS n ON n.person = p.recid LEFT JOIN ax.dirorganization AS o ON o.recid = p.recid
        WHERE c.accountnum = :account"""
    with hq.connect() as connection:
        return dict(connection.execute(text(sql), {"account": account}).mappings().one())


def test_a_person_becomes_a_customer_with_the_defaults_of_its_channel(shop: Engine) -> None:
    row = person(
        shop,
        guid(1),
        middlename=" ",
        phone="+47 22 00 00 00",
        cellularphone="+47 900 00 000",
        email="kari@example.com",
        url="https://example.com/kari",
        receiptemail="r@example.com",
    )
    result = customers.synchronize_customers(shop)
    assert accounts(shop) == {guid(1): "C000000001"}
    assert customer(shop, "C000000001") == {
        "name": "Kari Nordmann",
        "instancerelationtype": 1,
        "languageid": "nb",
        "custgroup": "RETAIL",
        "currency": "USD",
        "taxgroup": "CA",
        "paymtermid": "Net30",
        "defaultdimension": 7,
        "custaccountasync": guid(1),
        "receiptemail": "r@example.com",
        "receiptoption": 2,
        "firstname": "Kari",
        "middlename": " ",
        "lastname": "Nordmann",
        "orgnumber": None,
        "affiliations": [11],
        "contacts": [
            "1:+47 22 00 00 00:1:0",
            "1:+47 900 00 000:0:1",
            "2:kari@example.com:1:0",
            "3:https://example.com/kari:1:0",
        ],
    }
    assert status(shop, CUSTOMERS, row) == (1, "", "")
    assert rows(shop, "SELECT onlineoperationcompleted FROM ax.retailasynccustomerv2") == [(1,)]
    assert rows(shop, "SELECT mappedhow, mappedby FROM ax.custaccountasyncmap") == [
        ("created", "synchronize-customers")
    ]
    assert rows(shop, "SELECT accountnum FROM cdx.outbox") == [("C000000001",)]
    assert result.ok
    assert result.stores["S1"].counts["converted"] == 1
    assert set(result.stores) == {"S1", "S2"}


def test_an_organization_becomes_a_customer_and_its_own_values_win(shop: Engine) -> None:
    person(
        shop,
        guid(1),
        relationshiptype=2,
        custname="Contoso AS",
        firstname="",
        lastname="",
        organizationid="NO 999",
        languageid="en-gb",
        currency="EUR",
        taxgroup="TX",
        receiptoption=1,
        cellularphone="900",
    )
    customers.synchronize_customers(shop)
    made = customer(shop, "C000000001")
    assert (made["name"], made["instancerelationtype"], made["orgnumber"]) == ("Contoso AS", 2, "NO 999")
    assert (made["languageid"], made["currency"], made["taxgroup"], made["receiptoption"]) == ("en-gb", "EUR", "TX", 1)
    assert made["contacts"] == ["1:900:1:1"], "the only phone is the primary one"
    assert made["firstname"] is None


def test_defaults_come_from_a_default_customer_of_another_company(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    with shop.begin() as connection:
        connection.execute(
            text(
                "UPDATE ax.retailchanneltable SET defaultcustdataareaid = 'DEMF', defaultcustaccount = :account"
                " WHERE retailchannelid = 'S2'"
            ),
            {"account": DEFAULT_CUSTOMER},
        )
    person(shop, guid(1), store="S2")
    customers.synchronize_customers(shop)
    assert rows(shop, "SELECT dataareaid, currency, paymtermid FROM ax.custtable WHERE accountnum LIKE 'C%'") == [
        ("USMF", "EUR", "Net30")
    ]


def test_a_database_of_several_channels_gives_the_defaults_of_the_channel_that_the_row_names(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(
            text(
                "UPDATE cdx.retailcdxdatastorechannel SET databaseprofile ="
                " (SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency)"
                " SELECT dataareaid, 'CAD', party, custgroup, 'CAD' FROM ax.custtable"
            )
        )
        second = connection.execute(
            text(
                "UPDATE ax.retailchanneltable SET defaultcustaccount = 'CAD'"
                " WHERE retailchannelid = 'S2' RETURNING recid"
            )
        ).scalar_one()
    person(shop, guid(1), originatingchannel=second)
    person(shop, guid(2))
    customers.synchronize_customers(shop)
    assert rows(shop, "SELECT currency FROM ax.custtable WHERE accountnum LIKE 'C0%' ORDER BY accountnum") == [
        ("CAD",),
        ("USD",),
    ]


def test_the_same_guid_of_two_channels_is_one_customer(shop: Engine) -> None:
    first = person(shop, guid(1), store="S2", firstname="Anna")
    second = person(shop, guid(1), store="S1", firstname="Anne")
    customers.synchronize_customers(shop)
    third = person(shop, guid(1), store="S1", firstname="Anno", relationshiptype=3)
    result = customers.synchronize_customers(shop)
    assert accounts(shop) == {guid(1): "C000000001"}
    assert customer(shop, "C000000001")["firstname"] == "Anna", "the earliest creation"
    assert [status(shop, CUSTOMERS, row)[0] for row in (first, second, third)] == [1, 1, 1]
    assert result.counts["converted"] == 0


def test_numbers_go_out_in_guid_order_from_the_groups_own_sequence(shop: Engine) -> None:
    with shop.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.numbersequencetable (dataareaid, numbersequence, format, lowest, highest, nextrec)"
                " VALUES ('USMF', 'Business', :format, 1, 99, 7)"
            ),
            {"format": "B'##:A%"},
        )
        connection.execute(
            text(
                "INSERT INTO ax.custgroup (dataareaid, custgroup, name, custaccountnumseq)"
                " VALUES ('USMF', 'B2B', 'Business', 'Business')"
            )
        )
    for number in (5, 3, 4, 1, 2):
        person(shop, guid(number), custgroup="B2B" if number % 2 else "")
    customers.synchronize_customers(shop)
    assert accounts(shop) == {
        guid(1): "B'07:A%",
        guid(2): "C000000001",
        guid(3): "B'08:A%",
        guid(4): "C000000002",
        guid(5): "B'09:A%",
    }
    assert rows(shop, "SELECT numbersequence, nextrec FROM ax.numbersequencetable WHERE nextrec > 1 ORDER BY 1") == [
        ("Business", 10),
        ("CustomerAccount", 3),
    ]


def test_only_the_companies_asked_for(shop: Engine) -> None:
    add_company(shop, "DEMF", currency="EUR")
    add_store(shop, "D1", "DEMF")
    person(shop, guid(1), store="D1", company="DEMF")
    person(shop, guid(1))
    result = customers.synchronize_customers(shop, companies=["DEMF"])
    assert set(result.stores) == {"D1"}
    assert (len(accounts(shop, "DEMF")), len(accounts(shop))) == (1, 0)
    assert accounts(shop, "DEMF") == {guid(1): "C000000001"}, "numbers are a company's own"


def test_many_customers_take_several_transactions(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commerce.customers.conversion.CHUNK", 7)
    for number in range(20):
        person(shop, guid(number))
    steps: list[tuple[str, int, int | None]] = []
    customers.synchronize_customers(shop, progress=lambda step, done, total=None: steps.append((step, done, total)))
    assert list(accounts(shop).values()) == [f"C{number:09}" for number in range(1, 21)]
    assert [step for step in steps if step[0] == "customers"] == [
        ("customers", 7, 20),
        ("customers", 14, 20),
        ("customers", 20, 20),
    ]
    assert rows(shop, "SELECT count(DISTINCT xmin::text) FROM ax.custtable WHERE accountnum LIKE 'C0%'") == [(3,)]


def test_nothing_to_do(shop: Engine) -> None:
    result = customers.synchronize_customers(shop)
    assert result.ok
    assert set(result.counts.values()) == {0}


def test_an_ignored_row_stays_ignored(shop: Engine) -> None:
    row = person(shop, guid(1))
    with shop.begin() as connection:
        connection.execute(text("UPDATE ax.retailasynccustomerv2 SET syncstatus = 3"))
    customers.synchronize_customers(shop)
    assert status(shop, CUSTOMERS, row)[0] == 3
    assert accounts(shop) == {}


@pytest.mark.parametrize("after", [0, 1500])
def test_the_next_guids_are_found_in_a_table_without_statistics(shop: Engine, after: int) -> None:
    """After the first upload the planner knows nothing of the table: each row must not be compared with all before."""
    made = text(
        "INSERT INTO ax.retailasynccustomerv2 (dataareaid, custaccountasync, operation, createddatetime,"
        " relationshiptype, origin, incarnation, replicationcounterfromorigin, contenthash, uploadsession, recid)"
        " SELECT 'USMF', gen_random_uuid()::text, 1, now(), 1, 1, 1, n, gen_random_uuid(), 1, n"
        " FROM generate_series(1, 3000) AS n"
    )
    with shop.begin() as connection:
        connection.execute(made)
        values = {"company": "USMF", "after": after, "size": 2_000}
        plan = connection.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {candidates.NEXT_GUIDS}"), values)
    read = [
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes(plan[0]["Plan"])
    ]
    assert sum(read) < 10 * 3_000


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]
