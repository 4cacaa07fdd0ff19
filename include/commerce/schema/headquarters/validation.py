"""What validation found and left out: errors, rules that a company switched off or has no master for, held
transactions."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import created, metadata, moment, recid


def _transaction_columns() -> list[Column[str]]:
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


def _rule_columns() -> list[Column[str]]:
    return [
        Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
        Column("classid", String(10), nullable=False),
        Column("methodname", String(40), nullable=False),
    ]


VALIDATION_ERROR = Table(
    "retailtransactionvalidationerror",
    metadata,
    recid(),
    *_transaction_columns(),
    Column("linenum", MONEY, nullable=False, server_default=text("0")),
    Column("validationtype", String(40), nullable=False),
    Column("errormessage", Text, nullable=False),
    _transaction(),
    UniqueConstraint("store", "terminal", "transactionid", "linenum", "validationtype"),
    schema="ax",
)

DISABLED_RULE = Table(
    "retailtransactiondisabledvalidationrule",
    metadata,
    *_rule_columns(),
    created(),
    PrimaryKeyConstraint("dataareaid", "classid", "methodname"),
    CheckConstraint("classid IN ('header', 'line')", name="classid"),
    schema="ax",
    comment="classid: header or line (the product has the number of a class there); methodname: the rule",
)

RULE_CHANGE = Table(
    "retailtransactionvalidationrulechange",
    metadata,
    Column("changeid", BigInteger, Identity(), primary_key=True),
    *_rule_columns(),
    Column("state", String(20), nullable=False),
    Column("changedby", String(60), nullable=False),
    Column("reason", Text, nullable=False),
    created(),
    CheckConstraint("state IN ('disabled', 'enabled')", name="state"),
    CheckConstraint("changedby <> '' AND reason <> ''", name="who_and_why"),
    Index(
        "ix_retailtransactionvalidationrulechange_rule",
        "dataareaid",
        "classid",
        "methodname",
        "changeid",
    ),
    schema="ax",
    comment="who switched a validation rule off or on again, when and why; the last row of a rule says how it stands",
)

RULE_LOG = Table(
    "retailtransactionvalidationrulelog",
    metadata,
    *_rule_columns(),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("dataareaid", "classid", "methodname", "since"),
    CheckConstraint("state IN ('applied', 'disabled', 'not applicable')", name="state"),
    schema="ax",
    comment="which rules a company's transactions were judged by, and since when; a rule without a row is applied",
)

HOLD = Table(
    "retailtransactionhold",
    metadata,
    recid(),
    *_transaction_columns(),
    Column("reason", Text, nullable=False),
    Column("heldby", Text, nullable=False),
    created("helddatetime"),
    Column("releasereason", Text, nullable=False, server_default=text("''")),
    Column("releasedby", Text, nullable=True),
    moment("releaseddatetime"),
    _transaction(),
    CheckConstraint("reason <> ''", name="reason"),
    CheckConstraint("(releasedby IS NULL) = (releaseddatetime IS NULL)", name="released"),
    Index(
        "uq_retailtransactionhold_open",
        "store",
        "terminal",
        "transactionid",
        unique=True,
        postgresql_where=text("releaseddatetime IS NULL"),
    ),
    Index(None, "store", "terminal", "transactionid"),
    schema="ax",
    comment="every hold of a transaction, with its release; at most one of a transaction is open",
)
