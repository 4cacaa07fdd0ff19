"""Where a person's data is in headquarters, and the statements that erase it there.

Bind values: company, account ('' without one), guids, customers (both), personal (names of personal columns). What
belongs to the account is in the temporary tables of `exchange.erasing.CLAIM`. Each statement touches only rows that
hold something, so their number is what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from commerce.exchange.checking import literal
from commerce.exchange.content import raw_hash_sql
from commerce.exchange.erased import REASON
from commerce.exchange.erasing import IS_SETTLED, SETTLED
from commerce.exchange.packages import ROWS
from commerce.schema.enums import QuarantineStatus, SyncStatus
from commerce.schema.personal import AUDITED, DOCUMENTS, MASTER, blank, personal_columns
from commerce.schema.uploaded import BY_NAME, CUSTOMER_TABLES, UploadedTable


def blank_all(connection: Connection, values: dict[str, Any]) -> dict[str, int]:
    """Blank everything in headquarters' tables; returns rows by table, of those that held something."""
    found: dict[str, int] = {}
    for place, statements in {**_master(), **_staged(), **_documents(), **_derived()}.items():
        found[place] = sum(connection.execute(text(statement), values).rowcount for statement in statements)
    return found


def _filled(columns: Sequence[str], alias: str = "t") -> str:
    return " OR ".join(f"{alias}.{column} <> {literal(blank(column))}" for column in columns)


def _blanks(columns: Sequence[str]) -> str:
    return ", ".join(f"{column} = {literal(blank(column))}" for column in columns)


def _master() -> dict[str, list[str]]:
    places = {
        table: [f"UPDATE ax.{table} AS t SET {_blanks(columns)} WHERE {ROWS[table]} AND ({_filled(columns)})"]
        for table, columns in MASTER.items()
    }
    mine = "t.recid IN (SELECT p.recid FROM claimed_party AS p)"
    places["dirperson"] = [f"UPDATE ax.dirperson AS t SET personaltitle = 0 WHERE {mine} AND personaltitle <> 0"]
    places["dirorganization"] = [f"UPDATE ax.dirorganization AS t SET orgnumber = '' WHERE {mine} AND orgnumber <> ''"]
    places["retailexternalidtocustomermap"] = [
        "DELETE FROM ax.retailexternalidtocustomermap WHERE dataareaid = :company AND accountnum = :account"
    ]
    return places


def _owned(table: UploadedTable) -> str:
    owners = [n for n in ("custaccountasync", "custaccount", "asynccustomeraccountnumber") if n in table.column_names]
    return "t.dataareaid = :company AND (" + " OR ".join(f"t.{name} = ANY(:customers)" for name in owners) + ")"


def _staged() -> dict[str, list[str]]:
    """Rows that wait or failed are given up: nothing of them is to be done any more."""
    places = {}
    for table in CUSTOMER_TABLES:
        columns = personal_columns(table.column_names)
        give_up = (
            f"UPDATE ax.{table.name} AS t SET syncstatus = {int(SyncStatus.IGNORED)}, errorclass = '',"
            f" lasterror = {literal(REASON)}, syncdatetime = now() WHERE {_owned(table)}"
            f" AND t.syncstatus IN ({int(SyncStatus.PENDING)}, {int(SyncStatus.FAILED)})"
        )
        clear = f"UPDATE ax.{table.name} AS t SET {_blanks(columns)} WHERE {_owned(table)} AND ({_filled(columns)})"
        places[table.name] = [clear, give_up] if columns else [give_up]
    return places


def _documents() -> dict[str, list[str]]:
    settled = SETTLED.format(settled=IS_SETTLED)
    return {
        table: [
            f"UPDATE ax.{table} AS t SET {_blanks(columns)}"
            f" WHERE ({', '.join(f't.{name}' for name in BY_NAME[table].transaction_key or ())}) IN ({settled})"
            f" AND ({_filled(columns)})"
        ]
        for table, columns in DOCUMENTS.items()
    }


_QUARANTINED = """
    q.tablename = {table} AND q.rawdata ->> 'dataareaid' = :company AND (
        lower(q.rawdata ->> 'custaccountasync') = ANY(:guids) OR q.rawdata ->> 'custaccount' = ANY(:customers)
        OR lower(q.rawdata ->> 'asynccustomeraccountnumber') = ANY(:guids)
        OR ({transaction}) IN ({settled}))
"""
_AUDITED = "t.dataareaid = :company AND (t.accountnum = :account OR t.custaccountasync = ANY(:guids))"
_PAIR = "dataareaid = :company AND :account IN (accountnum1, accountnum2)"


def _quarantined(table: UploadedTable) -> str:
    keys = ", ".join(f"q.rawdata ->> {literal(name)}" for name in table.transaction_key or ())
    settled = SETTLED.format(settled=IS_SETTLED)
    mine = _QUARANTINED.format(table=literal(table.name), transaction=keys or "NULL, NULL, NULL", settled=settled)
    return f"""
        WITH mine AS (
            UPDATE cdx.quarantine AS q SET rawhash = coalesce(q.rawhash, {raw_hash_sql(table)}),
                   rawdata = q.rawdata - CAST(:personal AS text[]),
                   status = CASE q.status WHEN {int(QuarantineStatus.OPEN)} THEN {int(QuarantineStatus.IGNORED)}
                                          ELSE q.status END,
                   resolveddatetime = coalesce(q.resolveddatetime, now())
            WHERE {mine} AND q.rawdata ?| CAST(:personal AS text[]) RETURNING q.quarantineid
        ), audited AS (
            UPDATE cdx.quarantineaudit AS a SET oldvalue = NULL, newvalue = NULL FROM mine AS m
            WHERE a.quarantineid = m.quarantineid AND a.field = ANY(:personal))
        SELECT quarantineid FROM mine"""


def _derived() -> dict[str, list[str]]:
    """Quarantine, audits, normal forms, match keys and duplicates."""
    return {
        "quarantine": [_quarantined(table) for table in BY_NAME.values()],
        "asyncoperationaudit": [
            f"UPDATE ax.asyncoperationaudit AS t SET oldvalue = NULL, newvalue = NULL WHERE {_AUDITED}"
            " AND t.field <> 'custaccountasync' AND (t.oldvalue IS NOT NULL OR t.newvalue IS NOT NULL)"
        ],
        "retailtransactionauditlogtable": [
            "UPDATE ax.retailtransactionauditlogtable AS t SET oldvalue = NULL, newvalue = NULL"
            f" WHERE (t.store, t.terminal, t.transactionid) IN ({SETTLED.format(settled=IS_SETTLED)})"
            f" AND t.fieldname IN ({', '.join(map(literal, sorted(AUDITED)))})"
            " AND (t.oldvalue IS NOT NULL OR t.newvalue IS NOT NULL)"
        ],
        "electronicaddressform": [
            "DELETE FROM ax.electronicaddressform AS f USING ax.logisticselectronicaddress AS t"
            f" WHERE f.recid = t.recid AND {ROWS['logisticselectronicaddress']}"
        ],
        "customermatchkey": ["DELETE FROM ax.customermatchkey WHERE dataareaid = :company AND accountnum = :account"],
        "duplicatecustomer": [f"DELETE FROM ax.duplicatecustomer WHERE {_PAIR}"],
        "heldcustomer": [
            "DELETE FROM ax.heldcustomer WHERE dataareaid = :company"
            " AND (accountnum = :account OR custaccountasync = ANY(:guids))"
        ],
    }
