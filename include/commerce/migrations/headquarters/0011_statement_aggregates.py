"""What a statement aggregates, and its journal lines."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "retaileodstatementaggregation",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("custaccount", sa.String(length=20), nullable=False),
        sa.Column("salesid", sa.String(length=20), nullable=True),
        sa.Column("invoiceid", sa.String(length=20), nullable=True),
        sa.Column("transactioncount", sa.Integer(), nullable=False),
        sa.Column("linecount", sa.Integer(), nullable=False),
        sa.Column("netamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("taxamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("chargeamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("grossamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retaileodstatementaggregation_dataareaid_custaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "invoiceid"],
            ["ax.custinvoicejour.dataareaid", "ax.custinvoicejour.invoiceid"],
            name=op.f("fk_retaileodstatementaggregation_dataareaid_invoiceid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "salesid"],
            ["ax.salestable.dataareaid", "ax.salestable.salesid"],
            name=op.f("fk_retaileodstatementaggregation_dataareaid_salesid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "statementid"],
            ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
            name=op.f("fk_retaileodstatementaggregation_dataareaid_statementid"),
        ),
        sa.PrimaryKeyConstraint(
            "dataareaid", "statementid", "custaccount", name=op.f("pk_retaileodstatementaggregation")
        ),
        schema="ax",
        comment="one sales order and invoice per statement and customer; the store's default customer gathers the nameless sales",
    )
    op.create_table(
        "ledgerjournaltrans",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("journalnum", sa.String(length=20), nullable=False),
        sa.Column("linenum", sa.Integer(), nullable=False),
        sa.Column("custaccount", sa.String(length=20), nullable=False),
        sa.Column("tendertypeid", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("invoiceid", sa.String(length=20), nullable=True),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_ledgerjournaltrans_dataareaid_custaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "invoiceid"],
            ["ax.custinvoicejour.dataareaid", "ax.custinvoicejour.invoiceid"],
            name=op.f("fk_ledgerjournaltrans_dataareaid_invoiceid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "journalnum"],
            ["ax.ledgerjournaltable.dataareaid", "ax.ledgerjournaltable.journalnum"],
            name=op.f("fk_ledgerjournaltrans_dataareaid_journalnum"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "voucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_ledgerjournaltrans_dataareaid_voucher"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "journalnum", "linenum", name=op.f("pk_ledgerjournaltrans")),
        schema="ax",
        comment="amount: what was paid with the tender, change already taken off; negative when money went back",
    )
