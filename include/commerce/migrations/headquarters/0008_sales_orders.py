"""Validation errors, and sales orders."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "retailtransactionvalidationerror",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("validationtype", sa.String(length=40), nullable=False),
        sa.Column("errormessage", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retailtransactionvalidationerror_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailtransactionvalidationerror")),
        sa.UniqueConstraint(
            "store",
            "terminal",
            "transactionid",
            "linenum",
            "validationtype",
            name=op.f("uq_retailtransactionvalidationerror_store_terminal_transactionid_linenum_validationtype"),
        ),
        schema="ax",
    )
    op.create_table(
        "salestable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=False),
        sa.Column("custaccount", sa.String(length=20), nullable=False),
        sa.Column("documenttype", sa.String(length=10), server_default=sa.text("'order'"), nullable=False),
        sa.Column("salesorigin", sa.String(length=10), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("businessdate", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("deliverypostaladdress", sa.BigInteger(), nullable=True),
        sa.Column("dlvmode", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("inventlocationid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("channelreferenceid", sa.String(length=50), server_default=sa.text("''"), nullable=False),
        sa.Column("statementid", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("netamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("taxamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("chargeamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("grossamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("documenttype IN ('order', 'quotation')", name=op.f("ck_salestable_documenttype")),
        sa.CheckConstraint("salesorigin IN ('channel', 'statement')", name=op.f("ck_salestable_salesorigin")),
        sa.CheckConstraint("grossamount = netamount + taxamount", name=op.f("ck_salestable_gross")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_salestable_dataareaid_custaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["deliverypostaladdress"],
            ["ax.logisticspostaladdress.recid"],
            name=op.f("fk_salestable_deliverypostaladdress"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "salesid", name=op.f("pk_salestable")),
        schema="ax",
        comment="netamount includes charges (chargeamount says how much of it)",
    )
    op.create_table(
        "retailsalestable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_retailsalestable_dataareaid_salesid"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "salesid", name=op.f("pk_retailsalestable")),
        sa.UniqueConstraint(
            "store", "terminal", "transactionid", name=op.f("uq_retailsalestable_store_terminal_transactionid")
        ),
        schema="ax",
        comment="the channel transaction that an order was created from: one order a transaction",
    )
    op.create_table(
        "retailtransactionorderstatus",
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=True),
        sa.Column("errorclass", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("errordetail", sa.String(length=1024), server_default=sa.text("''"), nullable=False),
        sa.Column("retrycount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("modifieddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 2) = (salesid IS NOT NULL)", name=op.f("ck_retailtransactionorderstatus_succeeded_has_order")
        ),
        sa.CheckConstraint("status BETWEEN 0 AND 3", name=op.f("ck_retailtransactionorderstatus_status")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_retailtransactionorderstatus_dataareaid_salesid"),
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retailtransactionorderstatus_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint("store", "terminal", "transactionid", name=op.f("pk_retailtransactionorderstatus")),
        schema="ax",
    )
    op.create_table(
        "salesline",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=False),
        sa.Column("linenum", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("itemid", sa.String(length=20), nullable=False),
        sa.Column("variantid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("unit", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("qty", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("netamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("taxamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("discamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("custaccount", sa.String(length=20), nullable=False),
        sa.Column("deliverypostaladdress", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_salesline_dataareaid_custaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_salesline_dataareaid_salesid"),
        ),
        sa.ForeignKeyConstraint(
            ["deliverypostaladdress"],
            ["ax.logisticspostaladdress.recid"],
            name=op.f("fk_salesline_deliverypostaladdress"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "salesid", "linenum", name=op.f("pk_salesline")),
        schema="ax",
    )
