"""A retailer with every kind of transaction that a statement takes, validated and passed by the quality gate."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.schema.headquarters.organization import TENDER_TYPE
from commerce.schema.headquarters.runs import RUN
from commerce.schema.uploaded import UPLOADED_TABLES
from commerce.scope import Scope
from commerce.verify import financial, ledger, numbers, statements, verify
from support import company, transactions
from support.transactions import DAY, Line

ON_ACCOUNT = "4"
ANNA, BERT = "C000000001", "C000000002"
ANNA_GUID, BERT_GUID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
STORES = ("S1", "S2")
SCOPE = Scope(STORES, DAY)
TOMORROW = DAY + timedelta(days=1)


def add_retailer(hq: Engine) -> None:
    """A company with a tender for sales on account, two stores, and two customers that came from GUIDs."""
    company.add_company(hq)
    with hq.begin() as connection:
        connection.execute(
            TENDER_TYPE.insert(),
            {
                "dataareaid": "USMF",
                "tendertypeid": ON_ACCOUNT,
                "name": "On account",
                "function": 3,
                "mainaccount": company.POSTING["CustomerBalance"],
            },
        )
        # The accounts below have the numbers that the conversion would have given them.
        connection.execute(
            sa.text("UPDATE ax.numbersequencetable SET nextrec = 3 WHERE numbersequence = 'CustomerAccount'")
        )
    for store in STORES:
        company.add_store(hq, store)
    company.add_customer(hq, ANNA, guid=ANNA_GUID)
    company.add_customer(hq, BERT, guid=BERT_GUID)


def add_day(hq: Engine, store: str, day: date = DAY, first: int = 1) -> None:
    """One of each: nameless sales, a named one, a return, charges, two tenders, on account, rounding, deposit, cash
    moves."""
    anna, bert = {"account": ANNA, "guid": ANNA_GUID}, {"account": BERT, "guid": BERT_GUID}
    sale = transactions.add_sale
    sale(hq, store, first, day=day)
    sale(hq, store, first + 1, day=day, lines=[Line(qty=Decimal(3), item="ITEM2"), Line(discount=Decimal("1.50"))])
    sale(
        hq,
        store,
        first + 2,
        day=day,
        lines=[Line(price=Decimal("20.00")), Line(item="ITEM3")],
        paid={company.CASH: Decimal("30.00"), company.CARD: Decimal("7.50")},
        **anna,
    )
    sale(hq, store, first + 3, day=day, lines=[Line(qty=Decimal(-1))], **anna)
    sale(hq, store, first + 4, day=day, charge=Decimal("5.00"), charge_tax=Decimal("1.25"), **bert)
    sale(hq, store, first + 5, day=day, paid={ON_ACCOUNT: Decimal("12.50")}, **bert)
    sale(hq, store, first + 6, day=day, paid={company.CASH: Decimal("12.52")}, **anna)
    sale(hq, store, first + 7, day=day, lines=[Line(qty=Decimal(-2), item="ITEM2")])
    transactions.add_deposit(hq, store, first + 8, day=day, **anna)
    transactions.add_income_expense(hq, store, first + 9, day=day)
    transactions.add_income_expense(
        hq, store, first + 10, day=day, amount=Decimal("-7.00"), account=company.EXPENSE, account_type=1
    )


def pass_gate(hq: Engine, key: str = "run", days: Iterable[date] = (DAY,)) -> int:
    """Validate every transaction that is not yet, and stamp the unposted ones of `days`; returns the run."""
    with hq.begin() as connection:
        run = connection.execute(
            RUN.insert().returning(RUN.c.run), {"key": key, "kind": "end_of_day", "businessdate": max(days)}
        ).scalar_one()
        connection.execute(
            sa.text(
                "UPDATE ax.retailtransactiontable AS t SET gaterun = :run,"
                " validationstatus = CASE validationstatus WHEN 0 THEN 1 ELSE validationstatus END"
                " WHERE businessdate = ANY(:days) AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e"
                " WHERE (e.store, e.terminal, e.transactionid) = (t.store, t.terminal, t.transactionid))"
            ),
            {"run": run, "days": list(days)},
        )
    return int(run)


def broken(hq: Engine) -> list[str]:
    """Rules of posting that headquarters breaks; those of the exchange do not hold for rows that a test wrote."""
    rules = {check.name for part in (statements, ledger, financial, numbers) for check in part.CHECKS}
    return [finding.check for finding in verify(hq) if finding.check in rules]


def block(hq: Engine, run: int, store: str) -> None:
    """The gate of `run` blocks `store`."""
    with hq.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO cdx.gateverdict (run, store, rule, severity, count, amount)"
                " VALUES (:run, :store, 'header_customer_unknown', 'critical', 1, 12.5)"
            ),
            {"run": run, "store": store},
        )


def settle_exchange(hq: Engine) -> None:
    """Make up sessions and watermarks for rows that a test wrote without an upload: as if each store had sent its
    own."""
    with hq.begin() as connection:
        for table in UPLOADED_TABLES:
            store = next((name for name in table.column_names if name in ("store", "storeid")), None)
            if store is None:
                continue
            connection.execute(
                sa.text(
                    f"UPDATE ax.{table.name} AS r SET origin = p.recid FROM cdx.retailconndatabaseprofile AS p"
                    f" WHERE p.name = r.{store}"
                )
            )
            connection.execute(
                sa.text(
                    "INSERT INTO cdx.retailcdxuploadsession (datastore, incarnation, stream, status)"
                    f" SELECT DISTINCT origin, 1, 'current', 3 FROM ax.{table.name}"
                )
            )
            connection.execute(
                sa.text(
                    f"UPDATE ax.{table.name} AS r SET uploadsession ="
                    " (SELECT max(uploadsessionid) FROM cdx.retailcdxuploadsession AS s WHERE s.datastore = r.origin)"
                )
            )
            connection.execute(
                sa.text(
                    "INSERT INTO cdx.uploadwatermark (datastore, incarnation, stream, tablename, replicationcounter)"
                    " SELECT origin, incarnation, 'current', :table, max(replicationcounterfromorigin)"
                    f" FROM ax.{table.name} GROUP BY origin, incarnation"
                ),
                {"table": table.name},
            )
