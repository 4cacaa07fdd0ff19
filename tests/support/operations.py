"""Updates and deactivations as registers append them: whole rows that differ from the row before."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from support.staging import add_row, rows

CUSTOMERS = "retailasynccustomerv2"
ADDRESSES = "retailasyncaddressv2"
CONTACTS = "retailasynccustomercontact"
AFFILIATIONS = "retailasynccustomeraffiliation"
ATTRIBUTES = "retailasynccustomerattributev2"


def edit(hq: Engine, table: str, before: int, operation: int = 2, store: str = "S1", **columns: Any) -> int:
    """A row that repeats row `before` except for `columns`."""
    with hq.connect() as connection:
        row = connection.execute(sa.text(f"SELECT * FROM ax.{table} WHERE recid = :recid"), {"recid": before})
        values = dict(row.mappings().one())
    own = (
        "origin",
        "incarnation",
        "replicationcounterfromorigin",
        "contenthash",
        "uploadsession",
        "recid",
        "createddatetime",
    )
    sync = ("onlineoperationcompleted", "syncstatus", "errorclass", "lasterror", "retrycount", "syncdatetime")
    kept = {name: value for name, value in values.items() if name not in (*own, *sync, "dataareaid")}
    return add_row(hq, table, store=store, company=values["dataareaid"], **{**kept, "operation": operation, **columns})


def audited(hq: Engine, kind: str = "applied") -> list[tuple[Any, ...]]:
    """(field, oldvalue, newvalue) of the audit in order."""
    return rows(
        hq,
        "SELECT field, oldvalue, newvalue FROM ax.asyncoperationaudit WHERE kind = :kind ORDER BY auditid",
        {"kind": kind},
    )


def customer(hq: Engine, account: str, column: str) -> Any:
    """A column of a customer with its party and its open name."""
    (value,) = rows(
        hq,
        f"""SELECT {column} FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
            LEFT JOIN ax.retailcusttable AS r ON (r.dataareaid, r.accountnum) = (c.dataareaid, c.accountnum)
            LEFT JOIN ax.dirpersonname AS n ON n.person = p.recid AND n.validto IS NULL
            LEFT JOIN ax.dirperson AS d ON d.recid = p.recid
            WHERE c.accountnum = :account""",
        {"account": account},
    )
    return value[0]


def reachable(hq: Engine, account: str) -> list[tuple[Any, ...]]:
    """(type, locator, primary) of a customer's contacts; primary also as the party says."""
    return rows(
        hq,
        """SELECT e.type, e.locator, e.isprimary,
                  coalesce(e.recid IN (p.primarycontactphone, p.primarycontactemail, p.primarycontacturl), FALSE)
           FROM ax.custtable AS c JOIN ax.dirpartytable AS p ON p.recid = c.party
           JOIN ax.dirpartylocation AS l ON l.party = p.recid AND l.ispostaladdress = 0
           JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
           WHERE c.accountnum = :account ORDER BY e.type, e.locator""",
        {"account": account},
    )
