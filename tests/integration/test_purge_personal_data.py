"""Retention: personal data leaves staging and quarantine some days after the conversion; keys and hashes stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from commerce import customers, exchange
from commerce.customers import purging
from commerce.editing.editing import Edit, edit
from commerce.exchange import incarnations
from commerce.orders import synchronize_orders
from commerce.schema.uploaded import ASYNC_CONTACT
from commerce.scope import Scope
from commerce.verify import verify
from support.company import add_company, add_store
from support.registers import GUID, Register, add_register, rows, scalar
from support.staging import person
from support.transactions import DAY, add_order, change

SECRET = "Zebediah"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def keep(hq: Engine, days: int) -> None:
    with hq.begin() as connection:
        connection.execute(
            text("INSERT INTO ax.custparameters (dataareaid, personaldatadays) VALUES ('USMF', :days)"), {"days": days}
        )


def grow_older(hq: Engine, days: int) -> None:
    with hq.begin() as connection:
        for table in ("retailasynccustomerv2", "retailasyncaddressv2", "retailasynccustomercontact"):
            connection.execute(
                text(f"UPDATE ax.{table} SET syncdatetime = syncdatetime - make_interval(days => {days})")
            )
        connection.execute(
            text(
                "UPDATE cdx.quarantine SET createddatetime = createddatetime - make_interval(days => :days),"
                " resolveddatetime = resolveddatetime - make_interval(days => :days)"
            ),
            {"days": days},
        )


def bring_in(hq: Engine, register: Register) -> None:
    register.customer(1, custname=SECRET, email="z@example.com", phone="425 555 0100")
    register.address(1, street=SECRET)
    register.put(
        ASYNC_CONTACT, custaccountasync=GUID.format(1), contactid="C1", contacttype=2, locator=SECRET, operation=1
    )
    register.customer(2, custname=SECRET, relationshiptype=9)
    assert exchange.upload(hq, stores=["S1"]).ok
    customers.synchronize_customers(hq)


def test_data_older_than_the_company_keeps_it_goes_and_keys_hashes_and_statuses_stay(
    hq: Engine, register: Register
) -> None:
    bring_in(hq, register)
    keep(hq, 30)
    grow_older(hq, 31)
    kept = "SELECT custaccountasync, syncstatus, contenthash FROM ax.retailasynccustomerv2 ORDER BY 1"
    before = rows(hq, kept)

    result = customers.purge_personal_data(hq)

    assert result.counts == {
        "retailasynccustomerv2": 1,
        "retailasyncaddressv2": 1,
        "retailasynccustomercontact": 1,
        "retailasynccustomerattributev2": 0,
        "retailexternalidtoasynccustomermap": 0,
        "quarantine": 0,
        "retailtransactionauditlogtable": 0,
    }
    assert rows(hq, "SELECT custname, email, phone FROM ax.retailasynccustomerv2 ORDER BY custaccountasync") == [
        ("", "", ""),
        (SECRET, "c2@example.com", ""),
    ], "the second one has failed: a person has still to mend it"
    assert rows(hq, "SELECT street, city, addressid FROM ax.retailasyncaddressv2") == [("", "", "A-1")]
    assert rows(hq, "SELECT locator, contactid FROM ax.retailasynccustomercontact") == [("", "C1")]
    assert rows(hq, kept) == before
    assert scalar(hq, "SELECT name FROM ax.dirpartytable WHERE name LIKE 'Z%'") == SECRET
    assert sum(customers.purge_personal_data(hq).counts.values()) == 0


def test_younger_data_stays_and_so_does_all_without_a_number_of_days(hq: Engine, register: Register) -> None:
    bring_in(hq, register)
    grow_older(hq, 1000)
    assert customers.purge_personal_data(hq).counts == {}
    keep(hq, 1001)
    assert sum(customers.purge_personal_data(hq).counts.values()) == 0


def test_a_row_that_is_sent_again_after_the_purge_is_still_the_same_row(hq: Engine, register: Register) -> None:
    bring_in(hq, register)
    keep(hq, 0)
    grow_older(hq, 1)
    customers.purge_personal_data(hq)
    incarnations.open_incarnation(hq, "S1")

    assert exchange.upload(hq, stores=["S1"]).ok

    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 2
    assert scalar(hq, "SELECT count(*) FROM ax.retailasyncaddressv2") == 1


def test_settled_rows_in_quarantine_keep_their_keys_and_are_known_when_they_come_again(
    hq: Engine, register: Register
) -> None:
    register.customer(1, custname=SECRET * 20)
    exchange.upload(hq, stores=["S1"])
    (number,) = rows(hq, "SELECT quarantineid FROM cdx.quarantine")[0]
    keep(hq, 0)
    grow_older(hq, 1)
    assert customers.purge_personal_data(hq).counts["quarantine"] == 0, "it waits for a person"
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.quarantine SET status = 2, resolveddatetime = now() - interval '1 day'"))

    assert customers.purge_personal_data(hq).counts["quarantine"] == 1

    raw = scalar(hq, "SELECT rawdata FROM cdx.quarantine WHERE quarantineid = :number", number=number)
    assert raw["custaccountasync"] == GUID.format(1)
    assert SECRET not in str(raw)
    incarnations.open_incarnation(hq, "S1")
    assert exchange.upload(hq, stores=["S1"]).ok
    assert scalar(hq, "SELECT count(*) FROM cdx.quarantine") == 1
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 0


def test_rows_that_were_settled_without_a_time_are_as_old_as_their_upload(hq: Engine, register: Register) -> None:
    bring_in(hq, register)
    keep(hq, 30)
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailasynccustomerv2 SET syncdatetime = NULL WHERE syncstatus = 1"))
    assert sum(customers.purge_personal_data(hq).counts.values()) == 0
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.retailcdxuploadsession SET datecreated = datecreated - interval '31 days'"))
    assert customers.purge_personal_data(hq).counts["retailasynccustomerv2"] == 1


def test_personal_values_leave_the_audit_of_transactions_and_who_when_and_what_stay(hq: Engine) -> None:
    """Of other fields nothing goes, and what the transaction has neither."""
    add_company(hq)
    add_store(hq, "S1")
    order = add_order(hq, "S1", 1)
    change(hq, "retailtransactiontable", order, netamount=9)
    synchronize_orders(hq, scope=Scope(("S1",), DAY))
    who: dict[str, Any] = {"by": "kari", "reason": "asked at the store"}
    edit(hq, [Edit(order, "header", {}, {"receiptemail": "z@example.com", "netamount": "8"})], "orders", **who)
    keep(hq, 30)
    assert customers.purge_personal_data(hq).counts[purging.AUDIT] == 0, "too young"
    grow = text("UPDATE ax.retailtransactionauditlogtable SET createddatetime = createddatetime - interval '31 days'")
    with hq.begin() as connection:
        connection.execute(grow)
    edit(hq, [Edit(order, "header", {}, {"receiptemail": SECRET, "netamount": "10"})], "orders", **who)

    assert customers.purge_personal_data(hq).counts[purging.AUDIT] == 1

    columns = "fieldname, oldvalue, newvalue, changedby, reason, action"
    audit = f"SELECT {columns} FROM ax.retailtransactionauditlogtable WHERE fieldname <> 'status' ORDER BY auditid"
    told = ("kari", "asked at the store", "edited")
    assert rows(hq, audit) == [
        ("netamount", "9.000000", "8.000000", *told),
        ("receiptemail", None, None, *told),
        ("netamount", "8.000000", "10.000000", *told),
        ("receiptemail", "z@example.com", SECRET, *told),
    ]
    assert scalar(hq, "SELECT receiptemail FROM ax.retailtransactiontable") == SECRET
    assert customers.purge_personal_data(hq).counts[purging.AUDIT] == 0
    assert "edit_lost" not in {finding.check for finding in verify(hq)}
    with hq.begin() as connection:
        connection.execute(grow)
    assert customers.purge_personal_data(hq).counts[purging.AUDIT] == 1
    assert "edit_lost" not in {finding.check for finding in verify(hq)}


def test_a_purge_that_finds_nothing_in_the_audit_reads_nothing(hq: Engine) -> None:
    add_company(hq)
    add_store(hq, "S1")
    store, terminal, transaction = add_order(hq, "S1", 1)
    key = {"store": store, "terminal": terminal, "transaction": transaction}
    with hq.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ax.retailtransactionauditlogtable (store, terminal, transactionid, dataareaid, action,"
                " fieldname, oldvalue, changedby, createddatetime) SELECT :store, :terminal, :transaction, 'USMF',"
                " 'edited', CASE n % 2 WHEN 0 THEN 'receiptemail' ELSE 'netamount' END,"
                " CASE WHEN n % 2 = 1 OR n % 60 < 30 THEN 'x' END, 'kari', now() - (n % 60) * interval '1 day'"
                " FROM generate_series(1, 20000) AS n"
            ),
            key,
        )
    with hq.begin() as connection:
        connection.execute(text("ANALYZE ax.retailtransactionauditlogtable"))
        values = {"company": "USMF", "before": datetime.now(UTC) - timedelta(days=30), "chunk": 10_000}
        plan = connection.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {purging.AUDIT_SQL}"), values)
    table = "retailtransactionauditlogtable"
    scans = [
        node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == table and "Scan" in node["Node Type"]
    ]
    read = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans if node["Actual Loops"]]
    assert sum(read) < 10
    assert f"ix_{table}_unpurged" in {node.get("Index Name") for node in nodes(plan[0]["Plan"])}


def test_what_is_kept_goes_in_chunks_and_each_company_by_its_own_days(
    hq: Engine, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "CHUNK", 2)
    add_company(hq, "DEMF", currency="EUR")
    for number in range(1, 6):
        for company in ("USMF", "DEMF"):
            person(hq, GUID.format(number), company=company, custname=SECRET, custgroup="RETAIL", currency="EUR")
    assert customers.synchronize_customers(hq).counts["converted"] == 10
    grow_older(hq, 31)
    keep(hq, 30)
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.custparameters (dataareaid, personaldatadays) VALUES ('DEMF', 32)"))

    assert customers.purge_personal_data(hq).counts["retailasynccustomerv2"] == 5
    assert rows(hq, "SELECT dataareaid, count(*) FROM ax.retailasynccustomerv2 WHERE custname <> '' GROUP BY 1") == [
        ("DEMF", 5)
    ]


@pytest.mark.parametrize("table", ["retailasynccustomerv2", "retailasyncaddressv2"])
def test_a_purge_that_finds_nothing_reads_no_table(hq: Engine, register: Register, table: str) -> None:
    """Most rows are purged, the others too young: neither are read."""
    bring_in(hq, register)
    columns = "dataareaid, operation, createddatetime, origin, incarnation, contenthash, uploadsession, syncstatus,"
    columns += " onlineoperationcompleted, syncdatetime, replicationcounterfromorigin"
    needed = "relationshiptype" if table == "retailasynccustomerv2" else "addressid"
    with hq.begin() as connection:
        connection.execute(text(f"ALTER TABLE ax.{table} DISABLE TRIGGER ALL"))
        connection.execute(
            text(
                f"INSERT INTO ax.{table} ({columns}, {needed}, custname)"
                " SELECT 'USMF', 1, now(), 1, 1, gen_random_uuid(), 1, 1, 1, now() - (n % 60) * interval '1 day',"
                " 1000 + n, 1,"
                " CASE WHEN n % 60 < 30 THEN 'x' ELSE '' END FROM generate_series(1, 20000) AS n"
            )
        )
    keep(hq, 30)
    with hq.begin() as connection:
        connection.execute(text(f"ANALYZE ax.{table}"))
        plan = connection.scalar(
            text(f"EXPLAIN (ANALYZE, FORMAT JSON) {purging.staged_sql(table)}"),
            {"company": "USMF", "before": datetime.now(UTC) - timedelta(days=30), "chunk": 10_000},
        )
    scans = [
        node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == table and "Scan" in node["Node Type"]
    ]
    assert scans
    assert [node for node in scans if node["Node Type"] == "Seq Scan" and node["Actual Loops"]] == []
    read = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans if node["Actual Loops"]]
    assert sum(read) < 10
    assert f"ix_{table}_unpurged" in {node.get("Index Name") for node in nodes(plan[0]["Plan"])}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
