"""Synchronization of orders and what people do to transactions: order status, holds, waiting references, audit."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from commerce.schema.enums import DocumentOperationStatus, ErrorClass, OrderStatus, RepairAction, WaitingReason
from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import created, metadata, moment, recid
from commerce.schema.personal import UNPURGED_AUDIT
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

ORDER_PAYMENT = Table(
    "mcrcustpaymtable",
    metadata,
    *_transaction_columns(),
    Column("linenum", MONEY, nullable=False),
    Column("dataareaid", String(4), nullable=False),
    Column("salesid", String(20), nullable=False),
    Column("tendertypeid", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("voucher", String(20), nullable=False),
    PrimaryKeyConstraint("store", "terminal", "transactionid", "linenum"),
    ForeignKeyConstraint(
        ["store", "terminal", "transactionid", "linenum"],
        [
            "ax.retailtransactionpaymenttrans.store",
            "ax.retailtransactionpaymenttrans.terminal",
            "ax.retailtransactionpaymenttrans.transactionid",
            "ax.retailtransactionpaymenttrans.linenum",
        ],
    ),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    Index("ix_mcrcustpaymtable_salesid", "dataareaid", "salesid"),
    schema="ax",
    comment="payments of sales orders: a payment of a channel's transaction stands here at most once; amount in the"
    " currency of the store, negative when money went back",
)

DOCUMENT_OPERATION = Table(
    "retaildocumentoperation",
    metadata,
    *_transaction_columns(),
    Column("dataareaid", String(4), nullable=False),
    Column("operation", String(10), nullable=False),
    _blank("channelreferenceid", 50),
    _blank("requestedsalesid", 20),
    Column("salesid", String(20), nullable=True),
    Column("status", Integer, nullable=False, server_default=text(str(int(DocumentOperationStatus.PENDING)))),
    Column("errorclass", Text, nullable=False, server_default=text("''")),
    _blank("errordetail", 1024),
    Column("retrycount", Integer, nullable=False, server_default=text("0")),
    moment("nextattempt"),
    moment("modifieddatetime"),
    created(),
    PrimaryKeyConstraint("store", "terminal", "transactionid"),
    _transaction(),
    ForeignKeyConstraint(["dataareaid", "salesid"], ["ax.salestable.dataareaid", "ax.salestable.salesid"]),
    CheckConstraint("operation IN ('cancel')", name="operation"),
    CheckConstraint("status BETWEEN 0 AND 3", name="status"),
    CheckConstraint(
        f"status <> {int(DocumentOperationStatus.SUCCEEDED)} OR salesid IS NOT NULL", name="succeeded_has_order"
    ),
    CheckConstraint(_one_of("errorclass", ErrorClass, ""), name="errorclass"),
    Index("ix_retaildocumentoperation_unsettled", "store", postgresql_where=text("status IN (0, 1)")),
    schema="ax",
    comment="what a channel asks to be done to a sales order: its cancellation; one for each transaction that asks",
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
    Column("auditid", BigInteger, Identity(), primary_key=True),
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
    Index(
        "ix_retailtransactionauditlogtable_unpurged",
        "dataareaid",
        "createddatetime",
        postgresql_where=text(UNPURGED_AUDIT),
    ),
    schema="ax",
    comment="what people did to transactions, field by field; reftable and refkey: the row of the transaction, such as"
    " retailtransactionsalestrans and linenum=2",
)
"""Only appended to, except that an erasure or the retention empties personal values."""
