"""Headquarters' copies of what channels upload. (Where rows land before: `commerce.exchange.landing`.)"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy import Text as TextType

from commerce.schema.enums import (
    CASH_MANAGEMENT_TYPES,
    CustomerAsyncOperation,
    EntryStatus,
    SyncStatus,
    TransactionOrderType,
    TransactionType,
)
from commerce.schema.headquarters.base import metadata, recid
from commerce.schema.personal import filled_sql
from commerce.schema.uploaded import (
    ASYNC_ADDRESS,
    CUSTOMER_TABLES,
    SALES_LINE,
    TRANSACTION,
    UPLOADED_TABLES,
    UploadedTable,
)

SETTLED = f"syncstatus IN ({int(SyncStatus.DONE)}, {int(SyncStatus.IGNORED)})"
"""Nobody has anything to do with the row any more: its personal data may go (`commerce.customers.purging`)."""

VOIDED_LINE = f"transactionstatus = {int(EntryStatus.VOIDED)}"
GIFT_CARD_LINE = "giftcard <> 0"
"""Sales lines that are few, and looked for among all of a day."""

UPDATED_IN_PLACE = {"fillfactor": 50}
"""Half of each page stays free for new versions of its rows. Validation changes every header of a day in one
transaction: where the new versions fit beside the old ones, no index gets an entry for them."""

EXCHANGE_KEY = ("origin", "incarnation", "replicationcounterfromorigin")


def _exchange_columns() -> list[Column]:  # type: ignore[type-arg]
    """Where a row came from: database profile, its incarnation, the counter there; and a hash of the row's content."""
    return [
        Column("origin", BigInteger, nullable=False),
        Column("incarnation", Integer, nullable=False),
        Column("replicationcounterfromorigin", BigInteger, nullable=False),
        Column("contenthash", Uuid, nullable=False),
        Column("uploadsession", BigInteger, nullable=False),
    ]


def _sync_columns() -> list[Column]:  # type: ignore[type-arg]
    """The product's flag, and the state behind it (Customer synchronization status)."""
    return [
        recid(primary_key=False),
        Column("onlineoperationcompleted", Integer, nullable=False, server_default=text("0")),
        Column("syncstatus", Integer, nullable=False, server_default=text("0")),
        Column("errorclass", TextType, nullable=False, server_default=text("''")),
        Column("lasterror", TextType, nullable=False, server_default=text("''")),
        Column("retrycount", Integer, nullable=False, server_default=text("0")),
        Column("syncdatetime", DateTime(timezone=True), nullable=True),
    ]


def _validation_columns() -> list[Column]:  # type: ignore[type-arg]
    """Result of Validate store transactions, the run whose quality gate has judged the transaction, and whether a
    person holds it (who, when and why: `ax.retailtransactionhold`)."""
    return [
        Column("validationstatus", Integer, nullable=False, server_default=text("0")),
        Column("validationdatetime", DateTime(timezone=True), nullable=True),
        Column("gaterun", BigInteger, nullable=True),
        Column("held", Integer, nullable=False, server_default=text("0")),
    ]


def _customer_table(table: UploadedTable) -> Table:
    key = Table(
        table.name,
        metadata,
        *(field.headquarters_column() for field in table.fields),
        *_exchange_columns(),
        *_sync_columns(),
        schema="ax",
    )
    key.append_constraint(UniqueConstraint(*EXCHANGE_KEY))
    key.append_constraint(UniqueConstraint("recid"))
    key.append_constraint(CheckConstraint("syncstatus BETWEEN 0 AND 3", name="syncstatus"))
    key.append_constraint(
        CheckConstraint("(onlineoperationcompleted = 1) = (syncstatus = 1)", name="onlineoperationcompleted")
    )
    guid = "asynccustomeraccountnumber" if "custaccountasync" not in table.column_names else "custaccountasync"
    Index(f"ix_{table.name}_guid", key.c.dataareaid, key.c[guid])
    Index(f"ix_{table.name}_pending", key.c.dataareaid, key.c.recid, postgresql_where=text("syncstatus = 0"))
    Index(f"ix_{table.name}_stuck", key.c.dataareaid, key.c[guid], postgresql_where=text("syncstatus IN (2, 3)"))
    if "operation" in table.column_names:
        edits = text(f"operation <> {CustomerAsyncOperation.CREATE}")
        Index(f"ix_{table.name}_edits", key.c.dataareaid, key.c.syncstatus, postgresql_where=edits)
        Index(
            f"ix_{table.name}_account", key.c.dataareaid, key.c.custaccount, postgresql_where=text("custaccount <> ''")
        )
    if filled := filled_sql(table.column_names):
        unpurged = text(f"{SETTLED} AND ({filled})")
        Index(f"ix_{table.name}_unpurged", key.c.dataareaid, key.c.syncdatetime, postgresql_where=unpurged)
    if table is ASYNC_ADDRESS:
        Index(f"ix_{table.name}_addressid", key.c.dataareaid, key.c.addressid)
    return key


def _transaction_table(table: UploadedTable) -> Table:
    columns = [field.headquarters_column() for field in table.fields]
    for column in columns:
        if column.name in table.natural_key:
            column.primary_key = True
    own = _validation_columns() if table is TRANSACTION else []
    storage = UPDATED_IN_PLACE if table is TRANSACTION else {}
    made = Table(table.name, metadata, *columns, *_exchange_columns(), *own, schema="ax", postgresql_with=storage)
    made.append_constraint(UniqueConstraint(*EXCHANGE_KEY))
    if table is SALES_LINE:
        for name, condition in (("voided", VOIDED_LINE), ("giftcard", GIFT_CARD_LINE)):
            key = (made.c[column] for column in table.natural_key)
            Index(f"ix_{table.name}_{name}", *key, postgresql_where=text(condition))
    if table is TRANSACTION:
        made.append_constraint(CheckConstraint("validationstatus BETWEEN 0 AND 2", name="validationstatus"))
        made.append_constraint(CheckConstraint("held IN (0, 1)", name="held"))
        Index(f"ix_{table.name}_businessdate", made.c.store, made.c.businessdate)
        cash = text(f"type IN ({', '.join(str(int(kind)) for kind in CASH_MANAGEMENT_TYPES)})")
        Index(f"ix_{table.name}_cash", made.c.store, made.c.businessdate, postgresql_where=cash)
        Index(
            f"ix_{table.name}_channelreferenceid",
            made.c.dataareaid,
            made.c.channelreferenceid,
            postgresql_where=text("channelreferenceid <> ''"),
        )
        cancellation = (
            f"type = {int(TransactionType.CUSTOMER_ORDER)}"
            f" AND transactionordertype = {int(TransactionOrderType.CANCELLATION)}"
        )
        Index(f"ix_{table.name}_cancellation", made.c.store, postgresql_where=text(cancellation))
        Index(f"ix_{table.name}_gaterun", made.c.gaterun, postgresql_where=text("gaterun IS NOT NULL"))
        Index(f"ix_{table.name}_held", made.c.store, postgresql_where=text("held = 1"))
    return made


UPLOADS: dict[str, Table] = {
    table.name: _customer_table(table) if table in CUSTOMER_TABLES else _transaction_table(table)
    for table in UPLOADED_TABLES
}
