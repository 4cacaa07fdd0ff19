"""A channel database: what registers write (uploaded tables) and what job 1010 brings (customer tables), by dialect.

PostgreSQL: schemas `ax` (tables) and `crt` (the view, what was applied, the revision), real types, and a stamped
transaction id in each uploaded table. SQLite has no schemas: names stand unqualified; amounts are decimal text, dates
and times ISO 8601 text. `replicationcounterfromorigin` is never handed out twice on either.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine, UserDefinedType

from commerce.schema.fields import Dialect
from commerce.schema.headquarters import customers
from commerce.schema.headquarters.base import NAMING
from commerce.schema.uploaded import TRANSACTION, UPLOADED_TABLES, UploadedTable

SCHEMAS = ("ax", "crt")
"""Schemas of a channel on PostgreSQL. An unqualified name is looked for in them in this order."""

STAMP = "replicationtransactionid"
"""Uploaded tables on PostgreSQL: the transaction that wrote the row, stamped by the database (inferred: SQL Server's
`rowversion` does this in the product). The order of counters is not that of commits; this tells what came late."""

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


class TransactionId(UserDefinedType[Any]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


@dataclass(frozen=True)
class ChannelTables:
    """The tables of a channel database of one dialect, by name.

    `download_session`: what job 1010 applied here; a row is written in the transaction that applies the part, so no
    part is applied twice.
    """

    dialect: Dialect
    metadata: MetaData
    uploads: dict[str, Table]
    downloads: dict[str, Table]
    download_session: Table


def _tables(dialect: Dialect) -> ChannelTables:
    metadata = MetaData(naming_convention=NAMING)
    uploads = {table.name: _uploaded(table, dialect, metadata) for table in UPLOADED_TABLES}
    downloads = {source.name: _downloaded(source, dialect, metadata) for source in DOWNLOADED_TABLES}
    Index("ix_custtable_party", downloads["custtable"].c.party)
    Index("ix_retailcusttable_custaccountasync", downloads["retailcusttable"].c.custaccountasync)
    Index("ix_dirpartylocation_party", downloads["dirpartylocation"].c.party)
    return ChannelTables(dialect, metadata, uploads, downloads, _download_session(dialect, metadata))


def _uploaded(table: UploadedTable, dialect: Dialect, metadata: MetaData) -> Table:
    on_postgresql = dialect == "postgresql"
    made = Table(
        table.name,
        metadata,
        _counter(dialect),
        *(field.channel_column(dialect) for field in table.fields),
        sqlite_autoincrement=True,
        schema="ax" if on_postgresql else None,
    )
    if on_postgresql:
        stamp = text("pg_current_xact_id()")
        made.append_column(
            Column(STAMP, TransactionId(), nullable=False, server_default=stamp, info={"inferred": True})
        )
        Index(f"ix_{table.name}_stamp", made.c[STAMP])  # the column's name would be too long
    if table.natural_key:
        made.append_constraint(UniqueConstraint(*table.natural_key))
    if table.name == "retailasynccustomerv2":
        Index("ix_retailasynccustomerv2_custaccountasync", made.c.custaccountasync)
    if table is TRANSACTION:
        Index("ix_retailtransactiontable_businessdate", made.c.businessdate)
    return made


def _counter(dialect: Dialect) -> Column[Any]:
    name = "replicationcounterfromorigin"
    if dialect == "postgresql":
        return Column(name, BigInteger, Identity(), primary_key=True)
    return Column(name, Integer, primary_key=True, autoincrement=True)


def _downloaded(source: Table, dialect: Dialect, metadata: MetaData) -> Table:
    return Table(
        source.name,
        metadata,
        *(
            Column(
                column.name,
                column.type if dialect == "postgresql" else _sqlite_type(column.type),
                primary_key=column.primary_key,
                nullable=column.nullable,
                autoincrement=False,
            )
            for column in source.columns
        ),
        schema="ax" if dialect == "postgresql" else None,
    )


def _sqlite_type(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(type_, Numeric):
        return Text()  # SQLite would make a float of it
    return Integer() if isinstance(type_, (Integer, BigInteger)) else Text()


def _download_session(dialect: Dialect, metadata: MetaData) -> Table:
    on_postgresql = dialect == "postgresql"
    number, moment = (BigInteger(), DateTime(timezone=True)) if on_postgresql else (Integer(), Text())
    return Table(
        "downloadsession",
        metadata,
        Column("session", number, primary_key=True, autoincrement=False),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("rowsaffected", number, nullable=False),
        Column("dateapplied", moment, nullable=False),
        schema="crt" if on_postgresql else None,
    )


SQLITE = _tables("sqlite")
POSTGRESQL = _tables("postgresql")

TABLES: dict[str, ChannelTables] = {tables.dialect: tables for tables in (SQLITE, POSTGRESQL)}
"""By name of the SQLAlchemy dialect."""

CUSTOMERS_VIEW = "customersview"
CUSTOMERS_VIEW_SQL = """
SELECT c.dataareaid, c.accountnum, r.custaccountasync, p.name, p.instancerelationtype AS relationshiptype,
       c.custgroup, c.currency, p.languageid, r.receiptemail, 0 AS isasynccustomer
FROM custtable AS c
JOIN dirpartytable AS p ON p.recid = c.party
LEFT JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
WHERE r.deactivateddatetime IS NULL
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
