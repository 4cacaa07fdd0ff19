"""Sessions of a channel on PostgreSQL: an upload that is read again, and deletions that a package brings."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.exchange.dialects import postgresql
from commerce.exchange.outbox import enqueue
from commerce.schema.enums import UploadSessionStatus as Status
from support.company import add_company
from support.registers import GUID, PostgresqlRegister, add_postgresql_register, rows, scalar
from support.twin_channels import add_customers

SESSIONS = "SELECT uploadsessionid, status, rowsaffected, rerunfor FROM cdx.retailcdxuploadsession ORDER BY 1"
HELD = "SELECT 'USMF' AS dataareaid, 'C0000001' AS accountnum"


@pytest.fixture
def register(hq: Engine, postgresql_channel: Callable[[str], Engine]) -> PostgresqlRegister:
    add_company(hq)
    return add_postgresql_register(hq, postgresql_channel)


def test_an_upload_session_is_read_again(hq: Engine, register: PostgresqlRegister) -> None:
    for number in (1, 2, 3):
        register.customer(number)
        register.sale(number)
    assert exchange.upload(hq, stores=["S1"]).ok
    ((customers, *_), (sales, *_)) = rows(hq, SESSIONS)
    with hq.begin() as connection:
        connection.execute(
            text("DELETE FROM ax.retailasynccustomerv2 WHERE custaccountasync = :guid"), {"guid": GUID.format(2)}
        )
    register.customer(4)
    again = exchange.rerun_upload(hq, customers)
    assert exchange.upload(hq, stores=["S1"]).ok
    found = {session: rest for session, *rest in rows(hq, SESSIONS)}
    assert found[again] == [Status.APPLIED, 1, customers], "what is here is skipped"
    assert scalar(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == 4
    of_sales = exchange.rerun_upload(hq, sales)
    assert exchange.upload(hq, stores=["S1"]).ok
    assert rows(hq, f"SELECT rowsaffected FROM cdx.retailcdxuploadsession WHERE uploadsessionid = {of_sales}") == [(0,)]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactiontable") == 3


@pytest.mark.parametrize("together", [True, False], ids=["with the other parts", "by itself"])
def test_what_was_deleted_is_deleted_on_the_channel(
    hq: Engine, register: PostgresqlRegister, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    add_customers(hq, 1, 2)
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.retailaffiliation (recid, name) VALUES (7, 'Gold'), (8, 'Silver')"))
        connection.execute(
            text(
                "INSERT INTO ax.retailcustaffiliation (dataareaid, custaccountnum, retailaffiliationid) VALUES"
                " ('USMF', 'C0000001', 7), ('USMF', 'C0000001', 8), ('USMF', 'C0000002', 7)"
            )
        )
    assert exchange.distribute(hq, stores=["S1"]).ok
    affiliations = "SELECT custaccountnum, retailaffiliationid FROM retailcustaffiliation ORDER BY 1, 2"
    assert register.execute(affiliations) == [("C0000001", 7), ("C0000001", 8), ("C0000002", 7)]
    ((email,),) = register.execute(
        "SELECT e.recid FROM logisticselectronicaddress AS e JOIN dirpartylocation AS l USING (location)"
        " JOIN custtable AS c ON c.party = l.party WHERE c.accountnum = 'C0000001'"
    )
    with hq.begin() as connection:
        connection.execute(
            text("DELETE FROM ax.retailcustaffiliation WHERE custaccountnum = 'C0000001' AND retailaffiliationid = 7")
        )
        connection.execute(text("DELETE FROM ax.logisticselectronicaddress WHERE recid = :recid"), {"recid": email})
        connection.execute(
            text(
                "INSERT INTO cdx.tombstone (dataareaid, accountnum, tablename, recid) VALUES"
                " ('USMF', 'C0000001', 'retailcustaffiliation', 7),"
                " ('USMF', 'C0000001', 'retailcustaffiliation', 8),"
                " ('USMF', 'C0000001', 'logisticselectronicaddress', :recid)"
            ),
            {"recid": email},
        )
        enqueue(connection, HELD)
    if not together:
        monkeypatch.setattr(postgresql, "ROWS_AT_ONCE", 1)
    for _ in range(2):  # a second package carries the same tombstones and does no harm
        assert exchange.distribute(hq, stores=["S1"]).stores["S1"].message == ""
        assert register.execute(affiliations) == [("C0000001", 8), ("C0000002", 7)], "8 is held again"
        left = f"SELECT count(*), count(*) FILTER (WHERE recid = {email}) FROM logisticselectronicaddress"
        assert register.execute(left) == [(1, 0)]
        with hq.begin() as connection:
            enqueue(connection, HELD)
    record = "SELECT sum(rowsaffected) FROM downloadsession"
    sent = "SELECT sum(rowsaffected) FROM cdx.retailcdxdownloadsession"
    assert register.execute(record) == rows(hq, sent)
