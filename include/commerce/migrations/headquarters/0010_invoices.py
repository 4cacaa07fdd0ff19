"""Invoices and their taxes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "custinvoicejour",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("invoiceid", sa.String(length=20), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=False),
        sa.Column("invoiceaccount", sa.String(length=20), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("invoicedate", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("netamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("taxamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("chargeamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("invoiceamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("ledgervoucher", sa.String(length=20), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("invoiceamount = netamount + taxamount", name=op.f("ck_custinvoicejour_invoiceamount")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "invoiceaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_custinvoicejour_dataareaid_invoiceaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "ledgervoucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_custinvoicejour_dataareaid_ledgervoucher"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_custinvoicejour_dataareaid_salesid"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "invoiceid", name=op.f("pk_custinvoicejour")),
        sa.UniqueConstraint("dataareaid", "salesid", name=op.f("uq_custinvoicejour_dataareaid_salesid")),
        schema="ax",
    )
    op.create_index(
        "ix_custinvoicejour_statementid", "custinvoicejour", ["dataareaid", "statementid"], unique=False, schema="ax"
    )
    op.create_table(
        "taxtrans",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("invoiceid", sa.String(length=20), nullable=False),
        sa.Column("taxcode", sa.String(length=10), nullable=False),
        sa.Column("taxbaseamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("taxamount", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "invoiceid"],
            ["ax.custinvoicejour.dataareaid", "ax.custinvoicejour.invoiceid"],
            name=op.f("fk_taxtrans_dataareaid_invoiceid"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "invoiceid", "taxcode", name=op.f("pk_taxtrans")),
        schema="ax",
    )
