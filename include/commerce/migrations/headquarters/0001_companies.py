"""Companies, their number sequences, ledger accounts, tenders and customer groups."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE ax.recid START WITH 5637144576 CACHE 100")
    op.create_table(
        "dataarea",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("countryregionid", sa.String(length=10), nullable=False),
        sa.Column("languageid", sa.String(length=7), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", name=op.f("pk_dataarea")),
        schema="ax",
    )
    op.create_table(
        "ecoresattribute",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("datatype", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_ecoresattribute")),
        sa.UniqueConstraint("name", name=op.f("uq_ecoresattribute_name")),
        schema="ax",
    )
    op.create_table(
        "retailaffiliation",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailaffiliation")),
        sa.UniqueConstraint("name", name=op.f("uq_retailaffiliation_name")),
        schema="ax",
    )
    op.create_table(
        "mainaccount",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("mainaccountid", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_mainaccount_dataareaid")),
        sa.PrimaryKeyConstraint("dataareaid", "mainaccountid", name=op.f("pk_mainaccount")),
        schema="ax",
    )
    op.create_table(
        "numbersequencetable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("numbersequence", sa.String(length=20), nullable=False),
        sa.Column("format", sa.String(length=30), nullable=False),
        sa.Column("lowest", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("nextrec", sa.BigInteger(), nullable=False),
        sa.Column("manual", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("blocked", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("format ~ '^[^#]*#+[^#]*$'", name=op.f("ck_numbersequencetable_format")),
        sa.CheckConstraint("lowest <= nextrec AND nextrec <= highest + 1", name=op.f("ck_numbersequencetable_range")),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_numbersequencetable_dataareaid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "numbersequence", name=op.f("pk_numbersequencetable")),
        schema="ax",
    )
    op.create_table(
        "custgroup",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("custgroup", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("paymtermid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("taxgroupid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("defaultdimension", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("custaccountnumseq", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccountnumseq"],
            ["ax.numbersequencetable.dataareaid", "ax.numbersequencetable.numbersequence"],
            name=op.f("fk_custgroup_dataareaid_custaccountnumseq"),
        ),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_custgroup_dataareaid")),
        sa.PrimaryKeyConstraint("dataareaid", "custgroup", name=op.f("pk_custgroup")),
        schema="ax",
    )
    op.create_table(
        "ledgerposting",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("postingtype", sa.String(length=30), nullable=False),
        sa.Column("mainaccount", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "postingtype IN ('CustomerBalance', 'Revenue', 'SalesTax', 'ChargeRevenue', 'RoundingDifference')",
            name=op.f("ck_ledgerposting_postingtype"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "mainaccount"],
            ["ax.mainaccount.dataareaid", "ax.mainaccount.mainaccountid"],
            name=op.f("fk_ledgerposting_dataareaid_mainaccount"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "postingtype", name=op.f("pk_ledgerposting")),
        schema="ax",
    )
    op.create_table(
        "numbersequencereference",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("numbersequence", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "reference IN ('CustomerAccount', 'SalesOrder', 'SalesQuotation', 'CustomerInvoice', 'LedgerVoucher', 'PaymentJournal', 'Statement')",
            name=op.f("ck_numbersequencereference_reference"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "numbersequence"],
            ["ax.numbersequencetable.dataareaid", "ax.numbersequencetable.numbersequence"],
            name=op.f("fk_numbersequencereference_dataareaid_numbersequence"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "reference", name=op.f("pk_numbersequencereference")),
        schema="ax",
    )
    op.create_table(
        "retailincomeexpenseaccounttable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("accounttype", sa.Integer(), nullable=False),
        sa.Column("mainaccount", sa.String(length=20), nullable=False),
        sa.CheckConstraint("accounttype IN (0, 1)", name=op.f("ck_retailincomeexpenseaccounttable_accounttype")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "mainaccount"],
            ["ax.mainaccount.dataareaid", "ax.mainaccount.mainaccountid"],
            name=op.f("fk_retailincomeexpenseaccounttable_dataareaid_mainaccount"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_retailincomeexpenseaccounttable")),
        schema="ax",
    )
    op.create_table(
        "retailtendertypetable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("tendertypeid", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("function", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("mainaccount", sa.String(length=20), nullable=False),
        sa.CheckConstraint("function IN (0, 1, 3)", name=op.f("ck_retailtendertypetable_function")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "mainaccount"],
            ["ax.mainaccount.dataareaid", "ax.mainaccount.mainaccountid"],
            name=op.f("fk_retailtendertypetable_dataareaid_mainaccount"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "tendertypeid", name=op.f("pk_retailtendertypetable")),
        schema="ax",
    )
