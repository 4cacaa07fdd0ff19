"""Synchronization of orders and what people do to transactions: order status, holds, waiting references, audit."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from commerce.schema.enums import ErrorClass, OrderStatus, RepairAction, WaitingReason
from commerce.schema.headquarters.base import created, metadata, moment, recid
from commerce.schema.uploaded import ADDRESS_ID_WIDTH


def _blank(name: str, width: int) -> Column:  # type: ignore[type-arg]
    return Column(name, String(width), nullable=False, server_default=text("''"))


def _transaction_columns() -> list[Column]:  # type: ignore[type-arg]
    return [
        Column("store", String(10), nullable=False),
        Column("terminal", String(10), nullable=False),
        Column("transactionid", String(44), nullable=False),
    ]


def _transaction() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["store", "terminal", "transactionid"],
        [
            "ax.retailtransactiontable.store",
            "ax.retailtransactiontable.terminal",
            "ax.retailtransactiontable.transactionid",
        ],
    )


def _one_of(column: str, values: type[ErrorClass] | type[RepairAction] | type[WaitingReason], *more: str) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in (*more, *values))})"


ORDER_STATUS = Table(
    "retailtransactionorderstatus",
    metadata,
    *_transaction_columns(),
    Column("dataareaid", String(4), nullable=False),
    Column("status", Integer, nullable=False),
    Column("salesid", String(20), nullable=True),
    Column("errorclass", Text, nullable=False, server_default=text("''")),
    _blank("errordetail", 1024),
    Column("retrycount", Integer, nullable=False, server_default=text("0")),
    moment("nextattempt"),
    moment("failingsince"),
    Column("manuallymodified", Integer, nullable=False, server_default=text("0")),
    _blank("lastedituser", 60),
    Column("putonhold", Integer, nullable=False, server_default=text("0")),
    moment("modifieddatetime"),
    PrimaryKeyConstraint("store", "terminal", "transactionid"),
    _transaction(),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    CheckConstraint("(status = 2) = (salesid IS NOT NULL)", name="succeeded_has_order"),
    CheckConstraint("status BETWEEN 0 AND 3", name="status"),
    CheckConstraint(_one_of("errorclass", ErrorClass, ""), name="errorclass"),
    Index(
        "ix_retailtransactionorderstatus_unsettled",
        "store",
        postgresql_where=text(f"status <> {OrderStatus.SUCCEEDED}"),
    ),
    schema="ax",
    comment="nextattempt: a transient error is tried again then; failingsince: the error has this class since then;"
    " putonhold: the sales order was put on hold because a person had edited the order",
)

HOLD = Table(
    "mcrholdcodetrans",
    metadata,
    recid(),
    Column("dataareaid", String(4), nullable=False),
    Column("salesid", String(20), nullable=False),
    Column("mcrholdcode", String(10), nullable=False),
    Column("mcrcleared", Integer, nullable=False, server_default=text("0")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("createdby", String(60), nullable=False),
    created(),
    _blank("clearedby", 60),
    Column("clearreason", Text, nullable=False, server_default=text("''")),
    moment("cleareddatetime"),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    CheckConstraint("(mcrcleared = 1) = (cleareddatetime IS NOT NULL)", name="mcrcleared"),
    Index(
        "uq_mcrholdcodetrans_open",
        "dataareaid",
        "salesid",
        "mcrholdcode",
        unique=True,
        postgresql_where=text("mcrcleared = 0"),
    ),
    schema="ax",
    comment="holds of sales orders; mcrcleared: a person has removed the hold",
)

WAITING_REFERENCE = Table(
    "retailtransactionwaitingreference",
    metadata,
    *_transaction_columns(),
    Column("kind", String(10), nullable=False),
    Column("reference", String(ADDRESS_ID_WIDTH), nullable=False),
    Column("dataareaid", String(4), nullable=False),
    Column("reason", Text, nullable=False),
    Column("quarantineid", BigInteger, ForeignKey("cdx.quarantine.quarantineid"), nullable=True),
    created("waitingsince"),
    PrimaryKeyConstraint("store", "terminal", "transactionid", "kind", "reference"),
    _transaction(),
    CheckConstraint("kind IN ('customer', 'address')", name="kind"),
    CheckConstraint(_one_of("reason", WaitingReason), name="reason"),
    CheckConstraint(f"(reason = '{WaitingReason.QUARANTINED}') = (quarantineid IS NOT NULL)", name="quarantineid"),
    schema="ax",
    comment="references of unposted transactions to asynchronous customers and addresses that lead nowhere yet, as late"
    " binding found them last (inferred)",
)

AUDIT_LOG = Table(
    "retailtransactionauditlogtable",
    metadata,
    recid(),
    *_transaction_columns(),
    Column("dataareaid", String(4), nullable=False),
    _blank("reftable", 60),
    _blank("refkey", 60),
    Column("action", Text, nullable=False),
    _blank("fieldname", 60),
    Column("oldvalue", Text, nullable=True),
    Column("newvalue", Text, nullable=True),
    Column("changedby", String(60), nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    created(),
    _transaction(),
    CheckConstraint(_one_of("action", RepairAction), name="action"),
    Index("ix_retailtransactionauditlogtable_transaction", "store", "terminal", "transactionid"),
    schema="ax",
    comment="what people did to transactions, field by field; reftable and refkey: the row of the transaction, such as"
    " retailtransactionsalestrans and linenum=2",
)
"""Only appended to, except that an erasure empties personal values."""
