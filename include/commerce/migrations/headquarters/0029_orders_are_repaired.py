"""Orders are retried, edited and put on hold; what transactions wait for is remembered; edits are audited."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


CHECKS = (
    ("salestable", "salesstatus", "salesstatus BETWEEN 1 AND 4"),
    ("salestable", "hold_before_fulfilment", "mcrorderstopped = 0 OR salesstatus NOT IN (2, 3)"),
    ("retailtransactionorderstatus", "errorclass", "errorclass IN ('', 'transient', 'pending', 'permanent')"),
)


def upgrade() -> None:
    op.create_table(
        "retailtransactionauditlogtable",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("reftable", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("refkey", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("fieldname", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("oldvalue", sa.Text(), nullable=True),
        sa.Column("newvalue", sa.Text(), nullable=True),
        sa.Column("changedby", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "action IN ('edited', 'editing', 'returned', 'retried', 'released', 'ignored')",
            name=op.f("ck_retailtransactionauditlogtable_action"),
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retailtransactionauditlogtable_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailtransactionauditlogtable")),
        schema="ax",
        comment="what people did to transactions, field by field; reftable and refkey: the row of the transaction, such as retailtransactionsalestrans and linenum=2",
    )
    op.create_index(
        "ix_retailtransactionauditlogtable_transaction",
        "retailtransactionauditlogtable",
        ["store", "terminal", "transactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailtransactionwaitingreference",
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("reference", sa.String(length=44), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("quarantineid", sa.BigInteger(), nullable=True),
        sa.Column("waitingsince", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(reason = 'quarantined') = (quarantineid IS NOT NULL)",
            name=op.f("ck_retailtransactionwaitingreference_quarantineid"),
        ),
        sa.CheckConstraint("kind IN ('customer', 'address')", name=op.f("ck_retailtransactionwaitingreference_kind")),
        sa.CheckConstraint(
            "reason IN ('missing', 'quarantined', 'failed', 'ignored', 'unconverted')",
            name=op.f("ck_retailtransactionwaitingreference_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["quarantineid"],
            ["cdx.quarantine.quarantineid"],
            name=op.f("fk_retailtransactionwaitingreference_quarantineid"),
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retailtransactionwaitingreference_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint(
            "store", "terminal", "transactionid", "kind", "reference", name=op.f("pk_retailtransactionwaitingreference")
        ),
        schema="ax",
        comment="references of unposted transactions to asynchronous customers and addresses that lead nowhere yet, as late binding found them last (inferred)",
    )
    op.create_table(
        "mcrholdcodetrans",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=False),
        sa.Column("mcrholdcode", sa.String(length=10), nullable=False),
        sa.Column("mcrcleared", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("createdby", sa.String(length=60), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("clearedby", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("clearreason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("cleareddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(mcrcleared = 1) = (cleareddatetime IS NOT NULL)", name=op.f("ck_mcrholdcodetrans_mcrcleared")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_mcrholdcodetrans_dataareaid_salesid"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_mcrholdcodetrans")),
        schema="ax",
        comment="holds of sales orders; mcrcleared: a person has removed the hold",
    )
    op.create_index(
        "uq_mcrholdcodetrans_open",
        "mcrholdcodetrans",
        ["dataareaid", "salesid", "mcrholdcode"],
        unique=True,
        schema="ax",
        postgresql_where=sa.text("mcrcleared = 0"),
    )
    op.add_column(
        "retailparameters",
        sa.Column("ordertrycount", sa.Integer(), server_default=sa.text("5"), nullable=False),
        schema="ax",
    )
    op.add_column(
        "retailtransactionorderstatus", sa.Column("nextattempt", sa.DateTime(timezone=True), nullable=True), schema="ax"
    )
    op.add_column(
        "retailtransactionorderstatus",
        sa.Column("failingsince", sa.DateTime(timezone=True), nullable=True),
        schema="ax",
    )
    op.add_column(
        "retailtransactionorderstatus",
        sa.Column("manuallymodified", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
    op.add_column(
        "retailtransactionorderstatus",
        sa.Column("lastedituser", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        schema="ax",
    )
    op.add_column(
        "retailtransactionorderstatus",
        sa.Column("putonhold", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
    op.create_index(
        "ix_retailtransactionorderstatus_unsettled",
        "retailtransactionorderstatus",
        ["store"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("status <> 2"),
    )
    op.create_table_comment(
        "retailtransactionorderstatus",
        "nextattempt: a transient error is tried again then; failingsince: the error has this class since then; putonhold: the sales order was put on hold because a person had edited the order",
        existing_comment=None,
        schema="ax",
    )
    op.add_column(
        "salestable", sa.Column("salesstatus", sa.Integer(), server_default=sa.text("1"), nullable=False), schema="ax"
    )
    op.add_column(
        "salestable",
        sa.Column("mcrorderstopped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
    op.create_table_comment(
        "salestable",
        "netamount includes charges (chargeamount says how much of it); mcrorderstopped: a hold keeps the order, and whoever delivers or invoices it is refused; salesstatus: of an order of a channel, one of a statement follows its statement",
        existing_comment="netamount includes charges (chargeamount says how much of it)",
        schema="ax",
    )
    for table, name, condition in CHECKS:
        op.create_check_constraint(name, table, condition, schema="ax")
    op.drop_constraint("positive", "retailparameters", schema="ax", type_="check")
    op.create_check_constraint(
        "positive",
        "retailparameters",
        "least(maxlinesperaggregation, pendingreferencehours, ordertrycount) > 0",
        schema="ax",
    )
