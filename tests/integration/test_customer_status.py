"""Where a customer is, from the register to every channel; found by whatever a person has at hand; shown masked."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from commerce import exchange
from commerce.customers import synchronize_customers
from commerce.exchange import full
from commerce.schema.uploaded import ASYNC_CUSTOMER
from commerce.setup import channels
from support.cli import Called, call
from support.company import add_company, add_store
from support.registers import GUID, Register, add_postgresql_register, add_register
from support.transactions import add_deposit, add_order, add_sale

Commerce = Callable[..., Called]
KARI = GUID.format(1)


@pytest.fixture
def register(hq: Engine, channel_db: Callable[[str], Engine]) -> Register:
    add_company(hq)
    return add_register(hq, channel_db)


@pytest.fixture
def commerce(hq_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commerce:
    monkeypatch.setenv("COMMERCE_HQ_URL", hq_url)
    return lambda *arguments: call(capsys, "customers", *arguments)


def kari(register: Register, **values: object) -> None:
    given = {"custname": "Kari Nordmann", "email": "Kari@example.com", "phone": "+47 22 33 44 55", "currency": "USD"}
    register.customer(1, **{"custgroup": "RETAIL", **given, **values})


def upload(hq: Engine) -> None:
    assert exchange.upload(hq, stores=["S1"]).ok


def resolve(commerce: Commerce, guid: str = KARI) -> tuple[int, str, str | None]:
    called = commerce("resolve", guid, "--json")
    return called.exit_code, called.json["state"], called.json["account"]


def test_the_way_of_a_customer(
    hq: Engine, register: Register, channel_db: Callable[[str], Engine], commerce: Commerce
) -> None:
    assert commerce("resolve", KARI).exit_code == 2, "nobody knows it"
    kari(register)
    assert resolve(commerce) == (1, "in channel", None)
    assert commerce("resolve", KARI, "--json").json["in_channel"][0] | {"at": ""} == {
        "channel": "S1",
        "company": "USMF",
        "kind": "customer",
        "operation": "create",
        "counter": 1,
        "at": "",
    }
    assert commerce("resolve", KARI, "--no-look").exit_code == 2
    upload(hq)
    assert resolve(commerce) == (1, "pending", None)
    synchronize_customers(hq)
    assert resolve(commerce) == (0, "converted", "C000000001")
    add_register(hq, channel_db, "S2")
    exchange.distribute(hq, stores=["S1"])
    shown = commerce("show", KARI, "--json").json
    assert [(row["database"], row["state"]) for row in shown["channels"]] == [("S1", "applied"), ("S2", "waiting")]
    assert shown["channels"][0]["applied_at"]
    exchange.distribute(hq, stores=["S2"])
    assert resolve(commerce) == (0, "distributed", "C000000001")
    add_register(hq, channel_db, "S3")
    assert {row["database"]: row["state"] for row in commerce("show", KARI, "--json").json["channels"]} == {
        "S1": "applied",
        "S2": "applied",
        "S3": "not sent",
    }, "a channel that came later has no package with it"
    full.resynchronize(hq, "S3")
    assert exchange.distribute(hq, stores=["S3"]).ok
    assert commerce("show", KARI, "--json").json["channels"][2]["state"] == "applied"
    channels.remove(hq, "S3")  # with what it was sent
    answer = commerce("resolve", KARI.upper()).stdout
    assert f"{KARI} (USMF) is account C000000001, created by synchronize-customers; distributed." in answer


def test_a_customer_that_a_register_committed_late_is_still_in_its_channel(
    hq: Engine, postgresql_channel: Callable[[str], Engine], commerce: Commerce
) -> None:
    """Its counter lies below the watermark of the upload that could not see it."""
    add_company(hq)
    register = add_postgresql_register(hq, postgresql_channel)
    values = {"custname": "Kari", "operation": 1, "relationshiptype": 1}
    with register.connect() as late:
        register.put_on(late, ASYNC_CUSTOMER, **values, custaccountasync=KARI)
        register.customer(2)
        upload(hq)
        late.commit()
    assert resolve(commerce) == (1, "in channel", None)
    upload(hq)
    assert resolve(commerce) == (1, "pending", None)
    assert commerce("resolve", KARI, "--json").json["in_channel"] == []


def test_a_customer_that_is_stuck_says_why_and_what_to_do(hq: Engine, register: Register, commerce: Commerce) -> None:
    kari(register, custgroup="NONE")
    register.customer(2, vatnum="9" * 30)
    upload(hq)
    synchronize_customers(hq)
    assert resolve(commerce) == (1, "failed", None)
    said = commerce("resolve", KARI)
    assert "custgroup: customer group NONE does not exist" in said.stdout
    assert "customers edit ID" in said.stdout
    assert resolve(commerce, GUID.format(2)) == (1, "quarantined", None)
    shown = commerce("show", GUID.format(2), "--json").json
    assert [(row["id"], row["error"]) for row in shown["quarantine"]] == [("Q1", "vatnum: longer than 20")]
    exchange.repairing.ignore(hq, [1], by="Ola", reason="test")
    assert resolve(commerce, GUID.format(2)) == (1, "ignored", None)


def test_channels_that_cannot_be_asked_are_named(hq: Engine, register: Register, commerce: Commerce) -> None:
    add_store(hq, "AWAY")
    add_sale(hq, "S1", 1, guid=KARI)
    called = commerce("resolve", KARI, "--json")
    assert (called.exit_code, called.json["state"]) == (1, "unknown")
    assert called.json["unreachable"] == ["AWAY"]
    assert called.json["totals"] == [{"state": "blocked", "transactions": 1, "amount": "12.50", "currency": "USD"}]
    assert "Not reachable: AWAY" in commerce("resolve", KARI).stdout


def test_transactions_that_refer_to_a_customer(hq: Engine, register: Register, commerce: Commerce) -> None:
    kari(register)
    upload(hq)
    sale = add_sale(hq, "S1", 1, guid=KARI, header={"receiptid": "R-77"})
    add_sale(hq, "S1", 2, account=KARI)  # the register left the GUID in the account
    add_deposit(hq, "S1", 3, guid=KARI, amount=Decimal("50.00"))
    add_sale(hq, "S1", 4, guid=KARI, header={"entrystatus": 1})
    add_sale(hq, "S1", 5, guid=GUID.format(9))
    states = {row["state"]: (row["transactions"], row["amount"]) for row in show(commerce, KARI)["totals"]}
    assert states == {"blocked": (3, "75.00"), "does not post": (1, "12.50")}
    synchronize_customers(hq)
    order = add_order(hq, "S1", 6, account="C000000001")
    with hq.begin() as connection:
        connection.execute(text("ALTER TABLE ax.retailtransactionorderstatus DISABLE TRIGGER ALL"))
        connection.execute(
            text(
                "INSERT INTO ax.retailtransactionorderstatus (store, terminal, transactionid, dataareaid, status,"
                " salesid) VALUES (:store, :terminal, :id, 'USMF', 2, 'SO1')"
            ),
            dict(zip(("store", "terminal", "id"), order, strict=True)),
        )
    found = show(commerce, "R-77")
    assert (found["account"], len(found["documents"])) == ("C000000001", 5)
    states = {row["state"]: row["transactions"] for row in found["totals"]}
    assert states == {"not posted yet": 3, "does not post": 1, "sales order": 1}
    assert show(commerce, sale[2])["account"] == "C000000001"


def show(commerce: Commerce, key: str) -> dict[str, object] | list[object]:
    called = commerce("show", key, "--json")
    assert called.exit_code == 0, called.stderr
    return called.json


KEYS = ["kari@EXAMPLE.com", "22334455", "+47 22 33 44 55", "004722334455", "nordmann", "kari nord", KARI.upper()]


@pytest.mark.parametrize("converted", [False, True])
def test_found_by_what_a_person_has_at_hand(
    hq: Engine, register: Register, commerce: Commerce, converted: bool
) -> None:
    kari(register)
    register.customer(2, custname="Ola Hansen", phone="99", currency="USD", custgroup="RETAIL")
    upload(hq)
    if converted:
        synchronize_customers(hq)
    for key in KEYS:
        assert show(commerce, key)["guids"][0]["guid"] == KARI, key
    if converted:
        assert show(commerce, "C000000001")["guids"][0]["guid"] == KARI
    for nobody in ("nobody@example.com", "55667788", "Unheardof", "100%", "C999", " "):
        called = commerce("show", nobody)
        assert called.exit_code == 2, nobody
        assert nobody.strip() not in called.stderr or not nobody.strip(), "a key may be personal data"


def test_a_name_of_many_gives_a_list_to_choose_from(hq: Engine, register: Register, commerce: Commerce) -> None:
    for number in range(1, 9):
        register.customer(number, custname=f"Kari Number{number}", currency="USD", custgroup="RETAIL")
    upload(hq)
    found = show(commerce, "kari")
    assert [row["name"] for row in found] == ["K*** N***"] * 8
    assert commerce("show", "kari", "--personal", "--json").json[2]["name"] == "Kari Number3"


def test_nothing_personal_unless_asked_for(hq: Engine, register: Register, commerce: Commerce) -> None:
    kari(register, custgroup="NONE")
    register.customer(3, custname="Per Secret", vatnum="9" * 30)
    upload(hq)
    synchronize_customers(hq)
    (number,) = (row["id"] for row in commerce("list", "--text", "nordmann", "--json").json)
    for arguments in (("list", "--kind", "all"), ("show", KARI), ("show", number), ("resolve", KARI)):
        for form in ((), ("--json",)):
            called = commerce(*arguments, *form)
            for secret in ("Nordmann", "example.com", "22 33", "Secret"):
                assert secret not in called.stdout + called.stderr, arguments
    assert "Kari Nordmann" in commerce("list", "--personal", "--json").stdout
    assert "Kari@example.com" in commerce("show", number, "--personal", "--json").stdout


def test_the_list_filters(hq: Engine, register: Register, commerce: Commerce) -> None:
    kari(register, custgroup="NONE")
    register.customer(2, custname="Ola", currency="USD", custgroup="RETAIL")
    register.customer(2, operation=2, custname="Ola B", currency="USD", custgroup="RETAIL")
    register.customer(3, vatnum="9" * 30)
    register.address(2)
    register.address(1)
    upload(hq)
    synchronize_customers(hq)

    def listed(*options: str) -> list[tuple[str, str, str]]:
        rows = commerce("list", *options, "--json").json
        return [(row["guid"][-1], row["kind"], row["state"]) for row in rows]

    assert listed("--operation", "create") == [
        ("1", "customer", "failed"),
        ("2", "customer", "converted"),
        ("3", "customer", "failed"),
    ]
    assert listed("--state", "failed", "--kind", "all") == [("1", "customer", "failed"), ("3", "customer", "failed")]
    assert listed("--kind", "address") == [("1", "address", "pending"), ("2", "address", "converted")]
    assert listed("--class", "pending", "--kind", "all") == [("1", "address", "pending")]
    assert listed("--text", "custgroup") == [("1", "customer", "failed")]
    assert listed("--text", "KARI") == [("1", "customer", "failed")]
    assert listed("--older-than", "1d", "--operation", "update") != []
    assert listed("--older-than", "9999d") == []
    assert len(listed("--limit", "1")) == 1
    assert commerce("list", "--channel", "NOPE").exit_code == 2
    row = commerce("list", "--state", "converted", "--json").json[0]
    assert {"id", "company", "guid", "account", "store", "operation", "state", "error", "created_at", "changes"} <= set(
        row
    )
    json.dumps(row)
