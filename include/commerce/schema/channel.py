"""A channel database on SQLite: what registers write (uploaded tables) and what job 1010 brings (customer tables).

SQLite has no schemas: names stand unqualified. Amounts are decimal text, dates and times ISO 8601 text, and
`replicationcounterfromorigin` is an AUTOINCREMENT key, so a counter is never handed out twice.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Numeric, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeEngine

from commerce.schema.headquarters import customers
from commerce.schema.headquarters.base import NAMING
from commerce.schema.uploaded import TRANSACTION, UPLOADED_TABLES, UploadedTable

metadata = MetaData(naming_convention=NAMING)


def _uploaded(table: UploadedTable) -> Table:
    made = Table(
        table.name,
        metadata,
        Column("replicationcounterfromorigin", Integer, primary_key=True, autoincrement=True),
        *(field.channel_column() for field in table.fields),
        sqlite_autoincrement=True,
    )
    if table.natural_key:
        made.append_constraint(UniqueConstraint(*table.natural_key))
    if table.name == "retailasynccustomerv2":
        Index("ix_retailasynccustomerv2_custaccountasync", made.c.custaccountasync)
    if table is TRANSACTION:
        Index("ix_retailtransactiontable_businessdate", made.c.businessdate)
    return made


UPLOADS: dict[str, Table] = {table.name: _uploaded(table) for table in UPLOADED_TABLES}

DOWNLOADED_TABLES: tuple[Table, ...] = (
    customers.PARTY,
    customers.PERSON_NAME,
    customers.CUSTOMER,
    customers.RETAIL_CUSTOMER,
    customers.GUID_MAP,
    customers.LOCATION,
    customers.POSTAL_ADDRESS,
    customers.ELECTRONIC_ADDRESS,
    customers.PARTY_LOCATION,
    customers.ADDRESS_MAP,
    customers.CUSTOMER_AFFILIATION,
    customers.CUSTOMER_ATTRIBUTE,
)
"""Headquarters tables that job 1010 (Customers) sends, in the order in which a channel applies them."""


def _channel_type(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(type_, Numeric):
        return Text()  # SQLite would make a float of it
    return Integer() if isinstance(type_, (Integer, BigInteger)) else Text()


def _downloaded(source: Table) -> Table:
    return Table(
        source.name,
        metadata,
        *(
            Column(
                column.name,
                _channel_type(column.type),
                primary_key=column.primary_key,
                nullable=column.nullable,
                autoincrement=False,
            )
            for column in source.columns
        ),
    )


DOWNLOADS: dict[str, Table] = {source.name: _downloaded(source) for source in DOWNLOADED_TABLES}

Index("ix_custtable_party", DOWNLOADS["custtable"].c.party)
Index("ix_retailcusttable_custaccountasync", DOWNLOADS["retailcusttable"].c.custaccountasync)
Index("ix_dirpartylocation_party", DOWNLOADS["dirpartylocation"].c.party)

DOWNLOAD_SESSION = Table(
    "downloadsession",
    metadata,
    Column("session", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("rowsaffected", Integer, nullable=False),
    Column("dateapplied", Text, nullable=False),
)
"""What job 1010 applied here. A row is written in the transaction that applies the part: no part is applied twice."""

CUSTOMERS_VIEW = "customersview"
CUSTOMERS_VIEW_SQL = """
SELECT c.dataareaid, c.accountnum, r.custaccountasync, p.name, p.instancerelationtype AS relationshiptype,
       c.custgroup, c.currency, p.languageid, r.receiptemail, 0 AS isasynccustomer
FROM custtable AS c
JOIN dirpartytable AS p ON p.recid = c.party
LEFT JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
UNION ALL
SELECT a.dataareaid, a.custaccountasync, a.custaccountasync, a.custname, a.relationshiptype,
       a.custgroup, a.currency, a.languageid, a.receiptemail, 1
FROM retailasynccustomerv2 AS a
WHERE a.custaccountasync <> ''
  AND a.replicationcounterfromorigin = (
      SELECT max(latest.replicationcounterfromorigin) FROM retailasynccustomerv2 AS latest
      WHERE latest.custaccountasync = a.custaccountasync AND latest.dataareaid = a.dataareaid)
  AND a.operation <> 3
  AND NOT EXISTS (
      SELECT 1 FROM custaccountasyncmap AS m
      WHERE m.dataareaid = a.dataareaid AND m.custaccountasync = a.custaccountasync)
"""
"""Every customer once: real ones, and asynchronous ones whose account has not arrived (domain A1, the read model)."""
