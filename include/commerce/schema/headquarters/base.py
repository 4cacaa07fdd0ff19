"""The headquarters metadata and the columns that many tables share."""

from typing import Any

from sqlalchemy import DDL, BigInteger, Column, DateTime, ForeignKeyConstraint, MetaData, Sequence, event, func, text

from commerce.schema.fields import MONEY

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

metadata = MetaData(naming_convention=NAMING)

SCHEMAS = ("ax", "cdx")
"""`ax`: business tables; `cdx`: exchange and run bookkeeping."""

RECID = Sequence("recid", schema="ax", metadata=metadata, start=5637144576, cache=100)
"""Internal record ids (RecId) of every `ax` table that has one. They have gaps; no business number comes from here."""

SUM_OF_FEW = DDL(  # type: ignore[no-untyped-call]
    "CREATE OR REPLACE AGGREGATE ax.sum_of_few (numeric)"
    " (SFUNC = numeric_add, STYPE = numeric, COMBINEFUNC = numeric_add, PARALLEL = SAFE)"
)
"""sum() without a state of its own, which costs more than it saves where most groups have one row or a few."""

event.listen(metadata, "before_create", SUM_OF_FEW)


def recid(*, primary_key: bool = True) -> Column[Any]:
    return Column(
        "recid",
        BigInteger,
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
        server_default=text("nextval('ax.recid')"),
    )


def created(name: str = "createddatetime") -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def moment(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=True)


def amount(name: str) -> Column[Any]:
    return Column(name, MONEY, nullable=False, server_default=text("0"))


def customer_key(column: str) -> ForeignKeyConstraint:
    """Nothing that is posted or ordered can refer to anything but an account that exists."""
    return ForeignKeyConstraint(["dataareaid", column], ["ax.custtable.dataareaid", "ax.custtable.accountnum"])


def statement_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["dataareaid", "statementid"], ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"]
    )
