"""A company with stores and customers, straight into headquarters' tables: where a test of a job begins."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from commerce.schema.headquarters import customers as c
from commerce.schema.headquarters import exchange as x
from commerce.schema.headquarters import organization as o

NUMBERS = {
    "CustomerAccount": "C#########",
    "SalesOrder": "SO########",
    "SalesQuotation": "SQ########",
    "CustomerInvoice": "INV########",
    "LedgerVoucher": "V#########",
    "PaymentJournal": "PJ#######",
    "Statement": "ST########",
}
POSTING = {
    "CustomerBalance": "130100",
    "Revenue": "401100",
    "SalesTax": "202100",
    "ChargeRevenue": "401200",
    "RoundingDifference": "618900",
    "CountingDifference": "618500",
    "Safe": "110130",
    "Bank": "110140",
}
CASH, CARD = "1", "2"
INCOME, EXPENSE = "INC1", "EXP1"
DEFAULT_CUSTOMER = "DEFAULT"
NEVER = sa.text("timestamptz '2020-01-01'")


def add_company(hq: Engine, company: str = "USMF", *, currency: str = "USD") -> None:
    """A company with number sequences, a customer group (RETAIL), ledger accounts, tenders and a default customer."""
    with hq.begin() as connection:
        connection.execute(
            o.COMPANY.insert(),
            {
                "dataareaid": company,
                "name": company,
                "currency": currency,
                "countryregionid": "USA",
                "languageid": "en-us",
            },
        )
        connection.execute(o.COMPANY_PARAMETERS.insert(), {"dataareaid": company})
        for reference, number_format in NUMBERS.items():
            code = reference[:20]
            values = {"dataareaid": company, "numbersequence": code}
            connection.execute(
                o.NUMBER_SEQUENCE.insert(),
                {**values, "format": number_format, "lowest": 1, "highest": 9_999_999, "nextrec": 1},
            )
            connection.execute(o.NUMBER_SEQUENCE_REFERENCE.insert(), {**values, "reference": reference})
        connection.execute(o.CUSTOMER_GROUP.insert(), {"dataareaid": company, "custgroup": "RETAIL", "name": "Retail"})
        accounts = {*POSTING.values(), "110110", "110120", "420100", "606300"}
        connection.execute(
            o.MAIN_ACCOUNT.insert(),
            [{"dataareaid": company, "mainaccountid": account, "name": account} for account in sorted(accounts)],
        )
        connection.execute(
            o.LEDGER_POSTING.insert(),
            [{"dataareaid": company, "postingtype": kind, "mainaccount": account} for kind, account in POSTING.items()],
        )
        for tender, name, function, account in ((CASH, "Cash", 0, "110110"), (CARD, "Card", 1, "110120")):
            connection.execute(
                o.TENDER_TYPE.insert(),
                {
                    "dataareaid": company,
                    "tendertypeid": tender,
                    "name": name,
                    "function": function,
                    "mainaccount": account,
                    "countingrequired": int(function == 0),
                },
            )
        for number, kind, account in ((INCOME, 0, "420100"), (EXPENSE, 1, "606300")):
            connection.execute(
                o.INCOME_EXPENSE_ACCOUNT.insert(),
                {
                    "dataareaid": company,
                    "accountnum": number,
                    "name": number,
                    "accounttype": kind,
                    "mainaccount": account,
                },
            )
        connection.execute(x.DATA_GROUP.insert(), {"name": company, "dataareaid": company})
        _customer(connection, company, DEFAULT_CUSTOMER, currency)


def add_store(
    hq: Engine, store: str, company: str = "USMF", *, cut_over: date | None = None, rounding_unit: Decimal | None = None
) -> None:
    """A store whose channel database has the store's name and a company's default customer."""
    with hq.begin() as connection:
        channel = connection.execute(
            o.CHANNEL.insert().returning(o.CHANNEL.c.recid),
            {
                "retailchannelid": store,
                "dataareaid": company,
                "name": f"Store {store}",
                "currency": connection.scalar(sa.select(o.COMPANY.c.currency).where(o.COMPANY.c.dataareaid == company)),
                "channeltimezoneinfoid": "UTC",
                "defaultcustaccount": DEFAULT_CUSTOMER,
                "defaultcustdataareaid": company,
                "cutoverdate": cut_over,
            },
        ).scalar_one()
        unit = {} if rounding_unit is None else {"roundingunit": rounding_unit}
        connection.execute(o.STORE.insert(), {"recid": channel, "storenumber": store, **unit})
        group = connection.scalar(sa.select(x.DATA_GROUP.c.recid).where(x.DATA_GROUP.c.name == company))
        profile = connection.execute(
            x.DATABASE_PROFILE.insert().returning(x.DATABASE_PROFILE.c.recid),
            {"name": store, "connectionstring": f"sqlite:///{store}.db", "datagroup": group},
        ).scalar_one()
        connection.execute(x.DATA_STORE_CHANNEL.insert(), {"channel": channel, "databaseprofile": profile})


def add_customer(hq: Engine, account: str, company: str = "USMF", *, guid: str = "") -> None:
    """A customer that exists in headquarters; with `guid`, one that was converted from an asynchronous one."""
    with hq.begin() as connection:
        _customer(connection, company, account, "USD", guid)


def map_guid(hq: Engine, guid: str, account: str, company: str = "USMF", *, how: str = "linked") -> None:
    """A GUID leads to `account`."""
    with hq.begin() as connection:
        _map(connection, company, guid, account, how)


def add_address(hq: Engine, address: str, account: str, company: str = "USMF") -> int:
    """A postal address of `account`, converted from the asynchronous address `address`; returns its record id."""
    with hq.begin() as connection:
        location = connection.execute(
            c.LOCATION.insert().returning(c.LOCATION.c.recid), {"locationid": f"L-{address}", "ispostaladdress": 1}
        ).scalar_one()
        postal = connection.execute(
            c.POSTAL_ADDRESS.insert().returning(c.POSTAL_ADDRESS.c.recid).values(validfrom=NEVER),
            {"location": location, "countryregionid": "USA", "address": "1 Main St"},
        ).scalar_one()
        connection.execute(
            c.ADDRESS_MAP.insert(),
            {
                "dataareaid": company,
                "addressid": address,
                "accountnum": account,
                "logisticspostaladdress": postal,
                "origin": 1,
                "mappedby": "test",
            },
        )
    return int(postal)


def _customer(connection: Connection, company: str, account: str, currency: str, guid: str = "") -> None:
    party = connection.execute(
        c.PARTY.insert().returning(c.PARTY.c.recid),
        {"instancerelationtype": 1, "partynumber": f"P-{company}-{account}", "name": f"Customer {account}"},
    ).scalar_one()
    key = {"dataareaid": company, "accountnum": account}
    connection.execute(c.CUSTOMER.insert(), {**key, "party": party, "custgroup": "RETAIL", "currency": currency})
    connection.execute(c.RETAIL_CUSTOMER.insert(), {**key, "custaccountasync": guid})
    if guid:
        _map(connection, company, guid, account, "created")


def _map(connection: Connection, company: str, guid: str, account: str, how: str) -> None:
    connection.execute(
        c.GUID_MAP.insert(),
        {
            "dataareaid": company,
            "custaccountasync": guid,
            "accountnum": account,
            "origin": 1,
            "mappedhow": how,
            "mappedby": "test",
        },
    )
