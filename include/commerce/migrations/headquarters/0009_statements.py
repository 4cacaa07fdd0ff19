"""Statements, vouchers and customer transactions."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "generaljournalentry",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.Column("accountingdate", sa.Date(), nullable=False),
        sa.Column("journalcategory", sa.String(length=20), nullable=False),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("debitamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("creditamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "journalcategory IN ('invoice', 'payment', 'incomeexpense', 'deposit', 'rounding')",
            name=op.f("ck_generaljournalentry_journalcategory"),
        ),
        sa.CheckConstraint("debitamount = creditamount", name=op.f("ck_generaljournalentry_balanced")),
        sa.PrimaryKeyConstraint("dataareaid", "voucher", name=op.f("pk_generaljournalentry")),
        schema="ax",
        comment="a voucher; debitamount and creditamount are the sums over its lines",
    )
    op.create_table(
        "generaljournalaccountentry",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.Column("linenum", sa.Integer(), nullable=False),
        sa.Column("mainaccount", sa.String(length=20), nullable=False),
        sa.Column("postingtype", sa.String(length=30), nullable=False),
        sa.Column("debitamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("creditamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("tendertypeid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("taxcode", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "debitamount >= 0 AND creditamount >= 0 AND (debitamount = 0 OR creditamount = 0)",
            name=op.f("ck_generaljournalaccountentry_side"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "mainaccount"],
            ["ax.mainaccount.dataareaid", "ax.mainaccount.mainaccountid"],
            name=op.f("fk_generaljournalaccountentry_dataareaid_mainaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "voucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_generaljournalaccountentry_dataareaid_voucher"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "voucher", "linenum", name=op.f("pk_generaljournalaccountentry")),
        schema="ax",
    )
    op.create_table(
        "custtrans",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.Column("transdate", sa.Date(), nullable=False),
        sa.Column("transtype", sa.String(length=10), nullable=False),
        sa.Column("invoiceid", sa.String(length=20), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amountcur", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("transtype IN ('invoice', 'payment', 'rounding')", name=op.f("ck_custtrans_transtype")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_custtrans_dataareaid_accountnum"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "voucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_custtrans_dataareaid_voucher"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_custtrans")),
        schema="ax",
        comment="customer subledger: an invoice raises what the customer owes, a payment lowers it",
    )
    op.create_index("ix_custtrans_accountnum", "custtrans", ["dataareaid", "accountnum"], unique=False, schema="ax")
    op.create_table(
        "retailstatementtable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("storeid", sa.String(length=10), nullable=False),
        sa.Column("statementtype", sa.Integer(), nullable=False),
        sa.Column("businessdate", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("postingstatus", sa.Integer(), nullable=False),
        sa.Column("postingerrorstatus", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("postingerrorcode", sa.String(length=40), server_default=sa.text("''"), nullable=False),
        sa.Column("postingerrormessage", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=True),
        sa.Column("transactioncount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("salesamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("taxamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("paymentamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("calculateddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posteddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "postingstatus IN (1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)",
            name=op.f("ck_retailstatementtable_postingstatus"),
        ),
        sa.CheckConstraint("statementtype IN (1, 2)", name=op.f("ck_retailstatementtable_statementtype")),
        sa.ForeignKeyConstraint(
            ["storeid"], ["ax.retailchanneltable.retailchannelid"], name=op.f("fk_retailstatementtable_storeid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "statementid", name=op.f("pk_retailstatementtable")),
        schema="ax",
    )
    op.create_index(
        "ix_retailstatementtable_storeid",
        "retailstatementtable",
        ["storeid", "businessdate"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "ledgerjournaltable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("journalnum", sa.String(length=20), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("journaldate", sa.Date(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "statementid"],
            ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
            name=op.f("fk_ledgerjournaltable_dataareaid_statementid"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "journalnum", name=op.f("pk_ledgerjournaltable")),
        schema="ax",
    )
    op.create_table(
        "retaileodstatementcontrollerlog",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("postingstatus", sa.Integer(), nullable=False),
        sa.Column("postingstatemessage", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("createdon", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "statementid"],
            ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
            name=op.f("fk_retaileodstatementcontrollerlog_dataareaid_statementid"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retaileodstatementcontrollerlog")),
        schema="ax",
    )
    op.create_index(
        "ix_retaileodstatementcontrollerlog_statementid",
        "retaileodstatementcontrollerlog",
        ["dataareaid", "statementid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retaileodtransactiontable",
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("businessdate", sa.Date(), nullable=False),
        sa.Column("custaccount", sa.String(length=20), nullable=False),
        sa.Column("netamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("grossamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("paymentamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retaileodtransactiontable_dataareaid_custaccount"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "statementid"],
            ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
            name=op.f("fk_retaileodtransactiontable_dataareaid_statementid"),
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retaileodtransactiontable_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint("store", "terminal", "transactionid", name=op.f("pk_retaileodtransactiontable")),
        schema="ax",
        comment="the primary key holds a transaction to one statement; the foreign key holds it to a synchronized customer",
    )
    op.create_index(
        "ix_retaileodtransactiontable_statementid",
        "retaileodtransactiontable",
        ["dataareaid", "statementid", "custaccount"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailstatementline",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("tendertypeid", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("transamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("transcount", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "statementid"],
            ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
            name=op.f("fk_retailstatementline_dataareaid_statementid"),
        ),
        sa.PrimaryKeyConstraint(
            "dataareaid", "statementid", "tendertypeid", "currency", name=op.f("pk_retailstatementline")
        ),
        schema="ax",
    )
    op.create_table(
        "retailstatementvoucher",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("statementid", sa.String(length=20), nullable=False),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.Column("voucherdate", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "statementid"],
            ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
            name=op.f("fk_retailstatementvoucher_dataareaid_statementid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "voucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_retailstatementvoucher_dataareaid_voucher"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "voucher", name=op.f("pk_retailstatementvoucher")),
        schema="ax",
    )
