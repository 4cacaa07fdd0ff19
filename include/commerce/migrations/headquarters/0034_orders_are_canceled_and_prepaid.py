"""Cancellations that channels ask for, prepayments of orders; the audit of transactions in the order of what was done."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "mcrcustpaymtable",
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=False),
        sa.Column("tendertypeid", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_mcrcustpaymtable_dataareaid_salesid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "voucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_mcrcustpaymtable_dataareaid_voucher"),
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid", "linenum"],
            [
                "ax.retailtransactionpaymenttrans.store",
                "ax.retailtransactionpaymenttrans.terminal",
                "ax.retailtransactionpaymenttrans.transactionid",
                "ax.retailtransactionpaymenttrans.linenum",
            ],
            name=op.f("fk_mcrcustpaymtable_store_terminal_transactionid_linenum"),
        ),
        sa.PrimaryKeyConstraint("store", "terminal", "transactionid", "linenum", name=op.f("pk_mcrcustpaymtable")),
        schema="ax",
        comment="payments of sales orders: a payment of a channel's transaction stands here at most once; amount in the currency of the store, negative when money went back",
    )
    op.create_index(
        "ix_mcrcustpaymtable_salesid", "mcrcustpaymtable", ["dataareaid", "salesid"], unique=False, schema="ax"
    )
    op.create_table(
        "retaildocumentoperation",
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("operation", sa.String(length=10), nullable=False),
        sa.Column("channelreferenceid", sa.String(length=50), server_default=sa.text("''"), nullable=False),
        sa.Column("requestedsalesid", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=True),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("errorclass", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("errordetail", sa.String(length=1024), server_default=sa.text("''"), nullable=False),
        sa.Column("retrycount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("nextattempt", sa.DateTime(timezone=True), nullable=True),
        sa.Column("modifieddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "errorclass IN ('', 'transient', 'pending', 'permanent')",
            name=op.f("ck_retaildocumentoperation_errorclass"),
        ),
        sa.CheckConstraint("operation IN ('cancel')", name=op.f("ck_retaildocumentoperation_operation")),
        sa.CheckConstraint(
            "status <> 2 OR salesid IS NOT NULL", name=op.f("ck_retaildocumentoperation_succeeded_has_order")
        ),
        sa.CheckConstraint("status BETWEEN 0 AND 3", name=op.f("ck_retaildocumentoperation_status")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_retaildocumentoperation_dataareaid_salesid"),
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retaildocumentoperation_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint("store", "terminal", "transactionid", name=op.f("pk_retaildocumentoperation")),
        schema="ax",
        comment="what a channel asks to be done to a sales order: its cancellation; one for each transaction that asks",
    )
    op.create_index(
        "ix_retaildocumentoperation_unsettled",
        "retaildocumentoperation",
        ["store"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("status IN (0, 1)"),
    )
    op.add_column("custtrans", sa.Column("salesid", sa.String(length=20), nullable=True), schema="ax")
    op.create_foreign_key(
        op.f("fk_custtrans_dataareaid_salesid"),
        "custtrans",
        "salestable",
        ["dataareaid", "salesid"],
        ["dataareaid", "salesid"],
        source_schema="ax",
        referent_schema="ax",
    )
    op.create_table_comment(
        "custtrans",
        "customer subledger: an invoice raises what the customer owes, a payment lowers it; salesid: the order that a prepayment was made for",
        existing_comment="customer subledger: an invoice raises what the customer owes, a payment lowers it",
        schema="ax",
    )
    op.drop_column("retailtransactionauditlogtable", "recid", schema="ax")
    op.add_column(
        "retailtransactionauditlogtable",
        sa.Column("auditid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        schema="ax",
    )
    op.create_primary_key(
        "pk_retailtransactionauditlogtable", "retailtransactionauditlogtable", ["auditid"], schema="ax"
    )
    op.drop_constraint("journalcategory", "generaljournalentry", schema="ax", type_="check")
    op.create_check_constraint(
        "journalcategory",
        "generaljournalentry",
        "journalcategory IN ('invoice', 'payment', 'incomeexpense', 'deposit', 'rounding', 'discount', 'giftcard', "
        "'difference', 'cashmanagement', 'prepayment')",
        schema="ax",
    )
