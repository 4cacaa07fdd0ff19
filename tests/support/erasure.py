"""A person with everything that a register can know, and where it can still be found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from sqlalchemy import Engine, text

from commerce import customers, exchange, quality
from commerce.customers.erasing import erase_customer
from commerce.exchange.fetching import decode
from commerce.outcomes import JobResult
from commerce.schema.uploaded import ASYNC_ATTRIBUTE, ASYNC_CONTACT, DELIVERY_ADDRESS, EXTERNAL_IDENTITY
from commerce.scope import Scope
from support.company import add_company
from support.registers import GUID, Register, add_register, rows, scalar

MARK = "Zebediah"
PHONE = "425 555 0177"
NORMAL_PHONE = "+14255550177"
SECRETS = (MARK, MARK.lower(), PHONE, NORMAL_PHONE, "DE811907980")
DAY = date(2026, 3, 2)


def two_registers(hq: Engine, channel_db: Callable[[str], Engine]) -> tuple[Register, Register]:
    """Stores S1 and S2 of a company that has the attribute which `person` fills."""
    add_company(hq)
    with hq.begin() as connection:
        connection.execute(text("INSERT INTO ax.ecoresattribute (recid, name, datatype) VALUES (1, 'Hobby', 5)"))
    return add_register(hq, channel_db, "S1"), add_register(hq, channel_db, "S2")


def person(register: Register, number: int = 1) -> None:
    """Somebody with everything that a register can know, and a neighbour."""
    guid = GUID.format(number)
    register.customer(
        number,
        custname=f"{MARK} Quux",
        firstname=MARK,
        lastname="Quux",
        email=f"{MARK.lower()}@example.com",
        phone=PHONE,
        receiptemail=f"{MARK.lower()}@example.com",
        vatnum="DE811907980",
    )
    register.address(number, street=f"{MARK} Street", phone=PHONE)
    contact = {"custaccountasync": guid, "contactid": "C1", "contacttype": 2, "operation": 1}
    register.put(ASYNC_CONTACT, **contact, locator=f"{MARK}@work.example.com")
    register.put(ASYNC_ATTRIBUTE, custaccountasync=guid, attributerecid=1, attributevaluestring=MARK, operation=1)
    register.put(EXTERNAL_IDENTITY, asynccustomeraccountnumber=guid, externalidentityid=MARK, providerid=1)
    register.address(number, addressid="A-bad", street=MARK * 100)  # to quarantine
    register.customer(number + 1, phone="425 555 0188")
    sale = {"custaccountasync": guid, "receiptemail": f"{MARK.lower()}@example.com", "type": 2, "entrystatus": 1}
    register.header(number, **sale)  # voided: it never posts
    delivery(register, number)


def delivery(register: Register, number: int) -> None:
    where = {"transactionid": f"T-{number:06d}", "salelinenum": "1"}
    register.put(DELIVERY_ADDRESS, **where, deliveryname=MARK, street=f"{MARK} Street")


def bring_in(hq: Engine, *stores: str) -> str:
    """Everything as far as it goes; returns the person's account."""
    upload = exchange.upload(hq, stores=stores)
    assert upload.ok, upload.as_dict()
    customers.synchronize_customers(hq)
    customers.find_duplicates(hq)
    guid = {"guid": GUID.format(1)}
    return str(scalar(hq, "SELECT accountnum FROM ax.custaccountasyncmap WHERE custaccountasync = :guid", **guid))


def publish_a_block(hq: Engine, register: Register, docs: Path) -> None:
    """A sale of the person is blocked by the quality gate, and the Data Docs say so; then it is cancelled."""
    register.header(3, custaccountasync=GUID.format(1), entrystatus=0)
    assert exchange.upload(hq, stores=["S1"]).ok
    with hq.begin() as connection:
        begun = "INSERT INTO cdx.run (key, kind, businessdate) VALUES ('t', 'end_of_day', :day) RETURNING run"
        run = connection.scalar(text(begun), {"day": DAY})
    assert quality.check(hq, run=int(run or 0), scope=Scope(("S1",), DAY), docs_dir=docs).blocked_stores == ("S1",)
    with hq.begin() as connection:
        connection.execute(
            text("UPDATE ax.retailtransactiontable SET entrystatus = 4 WHERE transactionid = 'T-000003'")
        )


def distribute(hq: Engine, *stores: str) -> JobResult:
    return exchange.distribute(hq, stores=stores)


def erase(hq: Engine, key: str, **options: object) -> customers.Erasure:
    return erase_customer(hq, key, reason="asked for it", by="Ola", **options)  # type: ignore[arg-type]


def in_headquarters(hq: Engine) -> dict[str, int]:
    """Text columns of headquarters, and decoded packages, in which a secret stands: place -> rows."""
    found: dict[str, int] = {}
    columns = rows(
        hq,
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('ax', 'cdx') AND data_type IN ('text', 'character varying', 'jsonb')",
    )
    assert len(columns) > 300
    for schema, table, column in columns:
        hits = " OR ".join(f"strpos({column}::text, '{secret}') > 0" for secret in SECRETS)
        if number := scalar(hq, f"SELECT count(*) FROM {schema}.{table} WHERE {hits}"):
            found[f"{table}.{column}"] = number
    for session, part, data, checksum in rows(hq, "SELECT session, part, data, checksum FROM cdx.packagepart"):
        content = str(decode(bytes(data), checksum).to_pydict())
        if any(secret in content for secret in SECRETS):
            found[f"package {session}/{part}"] = 1
    return found


def in_files(*folders: Path) -> set[str]:
    """Names of files that hold a secret, byte by byte."""
    secrets = [secret.encode() for secret in SECRETS]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files if any(secret in path.read_bytes() for secret in secrets)}
