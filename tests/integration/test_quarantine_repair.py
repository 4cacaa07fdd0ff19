"""Rows in quarantine are fixed, retried or given up by a person, and no later reading of the channel undoes it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from threading import Thread

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.customers import synchronize_customers
from commerce.customers.purging import purge_personal_data
from commerce.errors import UsageError
from commerce.exchange.repairing import Repair
from commerce.run import status
from commerce.setup import channels
from support.company import DEFAULT_CUSTOMER, add_company
from support.registers import GUID, Register, add_register, cast, rows, scalar

LONG = "9" * 30
CUSTOMERS = "SELECT custaccountasync, vatnum FROM ax.retailasynccustomerv2 ORDER BY 1"
POSTED = (
    "INSERT INTO ax.retailtransactionorderstatus (store, terminal, transactionid, dataareaid, status, salesid)"
    " VALUES ('S1', 'T1', 'T-000002', 'USMF', 2, 'SO1')"
)
AUDIT = "SELECT kind, field, oldvalue, newvalue, changedby, reason FROM cdx.quarantineaudit ORDER BY auditid"


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


def upload(hq: Engine) -> dict[str, int]:
    result = exchange.upload(hq, stores=["S1"])
    assert result.ok, result.as_dict()
    return dict(result.counts)


def the_row(hq: Engine) -> int:
    (row,) = exchange.quarantined.listed(hq)
    return row.quarantineid


def fix(hq: Engine, **changes: str | None) -> exchange.repairing.Repaired:
    (done,) = exchange.repairing.repair(hq, [Repair(the_row(hq), changes)], by="Ola", reason="asked the store")
    return done


def read_again(hq: Engine) -> None:
    """As when a store joins the database: the next upload begins at the first counter."""
    with hq.begin() as connection:
        connection.execute(text("UPDATE cdx.uploadwatermark SET replicationcounter = 0, contenthash = NULL"))


def test_one_bad_row_among_many_is_repaired_and_converted(hq: Engine, register: Register) -> None:
    for number in range(1, 41):
        register.customer(number, currency="USD", custgroup="RETAIL", **({"vatnum": LONG} if number == 17 else {}))
    assert upload(hq)["quarantined"] == 1
    assert synchronize_customers(hq).counts["converted"] == 39
    assert status(hq)["customers"] == {"uploaded": 40, "converted": 39, "pending": 0, "failed": 1, "ignored": 0}
    assert fix(hq, vatnum="99").outcome == "taken"
    assert status(hq)["customers"]["pending"] == 1
    assert synchronize_customers(hq).counts["converted"] == 1
    assert status(hq)["customers"] == {"uploaded": 40, "converted": 40, "pending": 0, "failed": 0, "ignored": 0}
    assert rows(hq, AUDIT) == [("fixed", "vatnum", LONG, "99", "Ola", "asked the store")]
    assert upload(hq)["rows"] == 0


def test_a_fix_that_is_still_wrong_changes_nothing(hq: Engine, register: Register) -> None:
    register.customer(1, vatnum=LONG)
    upload(hq)
    refused = fix(hq, vatnum="8" * 21, relationshiptype="person")
    assert refused.outcome == "refused"
    assert refused.reason == "relationshiptype: missing or no integer; vatnum: longer than 20"
    assert "8888" not in refused.reason
    assert fix(hq, relationshiptype=None, vatnum="1").reason == "relationshiptype: missing or no integer"
    assert exchange.quarantined.listed(hq)[0].reason == "vatnum: longer than 20"
    assert rows(hq, AUDIT) == []
    assert rows(hq, CUSTOMERS) == []


def test_bytes_that_are_no_text_must_be_replaced(hq: Engine, register: Register) -> None:
    register.customer(1, custname=cast(b"\xff\xfeJoe"))
    upload(hq)
    assert fix(hq, email="x@example.com").reason == "no text (a blob, a NUL character or invalid UTF-8): custname"
    assert fix(hq, custname="Joe").outcome == "taken"
    assert rows(hq, AUDIT)[0][1:4] == ("custname", "hex:fffe4a6f65", "Joe")
    read_again(hq)
    assert upload(hq) == {"customers": 0, "transactions": 0, "rows": 0, "quarantined": 0}


def test_a_dry_run_says_the_same_and_writes_nothing(hq: Engine, register: Register) -> None:
    register.customer(1, vatnum=LONG)
    upload(hq)
    number = the_row(hq)
    (planned,) = exchange.repairing.repair(hq, [Repair(number, {"vatnum": "1"})], by="Ola", dry_run=True)
    assert planned.outcome == "taken"
    assert (rows(hq, CUSTOMERS), rows(hq, AUDIT), the_row(hq)) == ([], [], number)


@pytest.mark.parametrize("changes", [{"vatnum": "1"}, {"vatnum": "1", "custaccountasync": GUID.format(7)}])
def test_reading_the_channel_again_does_not_bring_a_fixed_row_twice(
    hq: Engine, register: Register, changes: dict[str, str]
) -> None:
    """Neither in this incarnation nor after a restore, even where the fix changed by what a customer is known."""
    register.customer(1, vatnum=LONG)
    register.customer(2)
    upload(hq)
    assert fix(hq, **changes).outcome == "taken"
    once = rows(hq, CUSTOMERS)
    assert len(once) == 2
    nothing = {"customers": 0, "transactions": 0, "rows": 0, "quarantined": 0}
    read_again(hq)
    assert upload(hq) == nothing
    exchange.open_incarnation(hq, "S1")
    assert upload(hq) == nothing
    exchange.open_incarnation(hq, "S1")
    assert upload(hq) == nothing
    assert rows(hq, CUSTOMERS) == once


def test_a_restored_backup_after_a_fix_is_read_again_without_harm(hq: Engine, register: Register) -> None:
    register.customer(1, vatnum=LONG)
    register.sale(1, receiptid="x" * 40)
    copy = register.path.with_suffix(".backup")
    with closing(sqlite3.connect(register.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    register.customer(2)
    upload(hq)
    numbers = [row.quarantineid for row in exchange.quarantined.listed(hq)]
    done = exchange.repairing.repair(
        hq, [Repair(numbers[0], {"vatnum": "1"}), Repair(numbers[1], {"receiptid": "R1"})], by="Ola"
    )
    assert [one.outcome for one in done] == ["taken", "taken"]
    for suffix in ("-wal", "-shm"):
        register.path.with_name(register.path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, register.path)
    register.customer(3)
    assert not exchange.upload(hq, stores=["S1"]).ok
    exchange.open_incarnation(hq, "S1")
    assert upload(hq)["customers"] == 1
    assert [guid for guid, _ in rows(hq, CUSTOMERS)] == [GUID.format(number) for number in (1, 2, 3)]
    assert rows(hq, "SELECT transactionid, receiptid FROM ax.retailtransactiontable") == [("T-000001", "R1")]
    assert exchange.quarantined.count(hq) == 0


def test_a_header_that_is_fixed_finds_its_lines(hq: Engine, register: Register) -> None:
    register.sale(1, receiptid="x" * 40)
    upload(hq)
    assert fix(hq, receiptid="R1").outcome == "taken"
    assert scalar(hq, "SELECT receiptid FROM ax.retailtransactiontable") == "R1"
    key = "SELECT origin, incarnation, replicationcounterfromorigin FROM ax.retailtransactiontable"
    assert rows(hq, key) == rows(hq, "SELECT datastore, incarnation, replicationcounterfromorigin FROM cdx.quarantine")


def test_a_late_line_is_validated_again_or_refused_when_its_transaction_is_posted(
    hq: Engine, register: Register
) -> None:
    register.sale(1)
    register.sale(2)
    register.line(1, 9, unit="x" * 11)
    register.line(2, 9, unit="x" * 11)
    upload(hq)
    with hq.begin() as connection:
        connection.execute(text("UPDATE ax.retailtransactiontable SET validationstatus = 1"))
    with hq.begin() as connection:
        connection.execute(text("ALTER TABLE ax.retailtransactionorderstatus DISABLE TRIGGER ALL"))  # no order behind
        connection.execute(text(POSTED))
    first, second = (row.quarantineid for row in exchange.quarantined.listed(hq))
    done = exchange.repairing.repair(hq, [Repair(first, {"unit": "ea"}), Repair(second, {"unit": "ea"})], by="Ola")
    assert [(one.outcome, one.reason) for one in done] == [
        ("taken", ""),
        ("refused", "belongs to a posted transaction"),
    ]
    validated = "SELECT transactionid, validationstatus FROM ax.retailtransactiontable ORDER BY 1"
    assert rows(hq, validated) == [("T-000001", 0), ("T-000002", 1)]
    assert scalar(hq, "SELECT count(*) FROM ax.retailtransactionsalestrans WHERE linenum = 9") == 1


def test_a_retry_takes_what_setup_has_allowed_meanwhile(hq: Engine, register: Register) -> None:
    register.customer(1)
    register.customer(2, dataareaid="NORT")
    register.customer(3, dataareaid="XX")
    upload(hq)
    numbers = [row.quarantineid for row in exchange.quarantined.listed(hq)]
    add_company(hq, "NORT")
    shared = {"url": f"sqlite:///{register.path}", "company": "NORT", "default_customer": DEFAULT_CUSTOMER}
    with hq.begin() as connection:  # a database that stores of two companies share
        connection.execute(text("UPDATE cdx.retailcdxdatagroup SET name = 'ALL' WHERE name = 'USMF'"))
    channels.add(hq, "N1", **{**shared, "url": "sqlite:////nowhere/n1.db"})
    with hq.begin() as connection:
        connection.execute(
            text(
                "UPDATE cdx.retailcdxdatastorechannel SET databaseprofile ="
                " (SELECT recid FROM cdx.retailconndatabaseprofile WHERE name = 'S1')"
            )
        )
    done = exchange.repairing.repair(hq, [Repair(number) for number in numbers], by="Ola")
    assert [one.outcome for one in done] == ["taken", "refused"]
    assert rows(hq, AUDIT) == [("retried", "", None, None, "Ola", "")]
    read_again(hq)
    assert upload(hq)["rows"] == 0
    exchange.open_incarnation(hq, "S1")
    assert upload(hq)["rows"] == 0
    assert exchange.quarantined.count(hq) == 1


def test_a_row_that_its_channel_sent_again_is_settled(hq: Engine, register: Register) -> None:
    register.customer(1, vatnum=LONG)
    upload(hq)
    number = the_row(hq)
    register.customer(1)
    upload(hq)
    (late,) = exchange.repairing.repair(hq, [Repair(number, {"vatnum": "1"})], by="Ola")
    assert late.outcome == "settled"
    (given_up,) = exchange.repairing.ignore(hq, [number], by="Ola", reason="test customer")
    assert given_up.outcome == "settled"
    assert rows(hq, "SELECT count(*) FROM ax.retailasynccustomerv2") == [(1,)]


def test_an_upload_that_settles_the_row_right_now_is_waited_for(hq: Engine, register: Register) -> None:
    register.customer(1, vatnum=LONG)
    upload(hq)
    number = the_row(hq)
    outcomes: list[str] = []

    def mend() -> None:
        outcomes.extend(
            one.outcome for one in exchange.repairing.repair(hq, [Repair(number, {"vatnum": "1"})], by="Ola")
        )

    with hq.begin() as connection:  # a slice that has settled it and is about to commit
        connection.execute(text("UPDATE cdx.quarantine SET status = 1"))
        mending = Thread(target=mend)
        mending.start()
        mending.join(1)
        assert mending.is_alive()
    mending.join(30)
    assert outcomes == ["settled"]
    assert rows(hq, CUSTOMERS) == []


def test_a_row_given_up_stays_away_until_somebody_wants_it(hq: Engine, register: Register) -> None:
    register.customer(1, dataareaid="XX")
    upload(hq)
    number = the_row(hq)
    with pytest.raises(UsageError, match="--reason"):
        exchange.repairing.ignore(hq, [number], by="Ola", reason=" ")
    assert exchange.repairing.ignore(hq, [number], by="Ola", reason="a test")[0].outcome == "ignored"
    read_again(hq)
    assert upload(hq)["quarantined"] == 0
    exchange.open_incarnation(hq, "S1")
    assert upload(hq)["quarantined"] == 0
    assert exchange.quarantined.count(hq) == 0
    (wanted,) = exchange.repairing.repair(hq, [Repair(number, {"dataareaid": "USMF"})], by="Kari")
    assert wanted.outcome == "taken"
    assert [row[0] for row in rows(hq, AUDIT)] == ["ignored", "fixed"]


def test_a_row_whose_personal_data_was_purged_cannot_be_taken_up_again(hq: Engine, register: Register) -> None:
    """It would be a customer without a name, under the hash of one who had one."""
    register.customer(1, vatnum=LONG)
    upload(hq)
    number = the_row(hq)
    exchange.repairing.ignore(hq, [number], by="Ola", reason="left the country")
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.custparameters (dataareaid, personaldatadays) VALUES ('USMF', 0)"))
        connection.execute(text("UPDATE cdx.quarantine SET resolveddatetime = now() - interval '1 day'"))
    assert purge_personal_data(hq).counts["quarantine"] == 1
    (refused,) = exchange.repairing.repair(hq, [Repair(number, {"vatnum": "1"})], by="Ola")
    assert refused.reason == "its personal data was purged; only its channel can send it again"
    read_again(hq)
    assert upload(hq)["quarantined"] == 0, "and its channel's row is still known"


def test_what_cannot_be_meant_is_refused_before_anything_is_done(hq: Engine, register: Register) -> None:
    register.customer(1, vatnum=LONG)
    upload(hq)
    number = the_row(hq)
    for repairs, message in (
        ([Repair(number, {"vatnumber": "1"})], "has no column vatnumber"),
        ([Repair(number), Repair(number)], "named twice"),
        ([Repair(number, {"vatnum": "1"}), Repair(99)], "has the number 99"),
    ):
        with pytest.raises(UsageError, match=message):
            exchange.repairing.repair(hq, repairs, by="Ola")
    with pytest.raises(UsageError, match="--by"):
        exchange.repairing.repair(hq, [Repair(number)], by=" ")
    assert rows(hq, CUSTOMERS) == []
