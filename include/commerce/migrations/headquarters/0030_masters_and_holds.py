"""Masters that validation looks transactions up in, rules that are switched off, and held transactions."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "ecorestrackingdimensiongroup",
        sa.Column("name", sa.String(length=10), nullable=False),
        sa.Column("isserialnumberactive", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("isserialnumbercontrolled", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "isserialnumberactive IN (0, 1) AND isserialnumbercontrolled IN (0, 1)",
            name=op.f("ck_ecorestrackingdimensiongroup_flags"),
        ),
        sa.CheckConstraint(
            "isserialnumbercontrolled <= isserialnumberactive", name=op.f("ck_ecorestrackingdimensiongroup_controlled")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ecorestrackingdimensiongroup")),
        schema="ax",
    )
    op.create_table(
        "inventtable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("itemid", sa.String(length=20), nullable=False),
        sa.Column("unitid", sa.String(length=10), nullable=False, comment="the inventory unit of measure"),
        sa.Column("trackingdimensiongroup", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_inventtable_dataareaid")),
        sa.ForeignKeyConstraint(
            ["trackingdimensiongroup"],
            ["ax.ecorestrackingdimensiongroup.name"],
            name=op.f("fk_inventtable_trackingdimensiongroup"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "itemid", name=op.f("pk_inventtable")),
        schema="ax",
    )
    op.create_index(
        "ix_inventtable_trackingdimensiongroup", "inventtable", ["trackingdimensiongroup"], unique=False, schema="ax"
    )
    op.create_table(
        "ledgerfiscalcalendarperiod",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("startdate", sa.Date(), nullable=False),
        sa.Column("enddate", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("startdate <= enddate", name=op.f("ck_ledgerfiscalcalendarperiod_dates")),
        sa.CheckConstraint("status BETWEEN 0 AND 2", name=op.f("ck_ledgerfiscalcalendarperiod_status")),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_ledgerfiscalcalendarperiod_dataareaid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "startdate", name=op.f("pk_ledgerfiscalcalendarperiod")),
        schema="ax",
        comment="periods of a company do not overlap (setup refuses it)",
    )
    op.create_table(
        "retailtransactiondisabledvalidationrule",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("classid", sa.String(length=10), nullable=False),
        sa.Column("methodname", sa.String(length=40), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "classid IN ('header', 'line')", name=op.f("ck_retailtransactiondisabledvalidationrule_classid")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"],
            ["ax.dataarea.dataareaid"],
            name=op.f("fk_retailtransactiondisabledvalidationrule_dataareaid"),
        ),
        sa.PrimaryKeyConstraint(
            "dataareaid", "classid", "methodname", name=op.f("pk_retailtransactiondisabledvalidationrule")
        ),
        schema="ax",
        comment="classid: header or line (the product has the number of a class there); methodname: the rule",
    )
    op.create_table(
        "retailtransactionhold",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("store", sa.String(length=10), nullable=False),
        sa.Column("terminal", sa.String(length=10), nullable=False),
        sa.Column("transactionid", sa.String(length=44), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("heldby", sa.Text(), nullable=False),
        sa.Column("helddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("releasereason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("releasedby", sa.Text(), nullable=True),
        sa.Column("releaseddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_retailtransactionhold_reason")),
        sa.CheckConstraint(
            "(releasedby IS NULL) = (releaseddatetime IS NULL)", name=op.f("ck_retailtransactionhold_released")
        ),
        sa.ForeignKeyConstraint(
            ["store", "terminal", "transactionid"],
            [
                "ax.retailtransactiontable.store",
                "ax.retailtransactiontable.terminal",
                "ax.retailtransactiontable.transactionid",
            ],
            name=op.f("fk_retailtransactionhold_store_terminal_transactionid"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailtransactionhold")),
        schema="ax",
        comment="every hold of a transaction, with its release; at most one of a transaction is open",
    )
    op.create_index(
        op.f("ix_retailtransactionhold_store_terminal_transactionid"),
        "retailtransactionhold",
        ["store", "terminal", "transactionid"],
        unique=False,
        schema="ax",
    )
    op.create_index(
        "uq_retailtransactionhold_open",
        "retailtransactionhold",
        ["store", "terminal", "transactionid"],
        unique=True,
        schema="ax",
        postgresql_where=sa.text("releaseddatetime IS NULL"),
    )
    op.create_table(
        "retailtransactionvalidationrulelog",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("classid", sa.String(length=10), nullable=False),
        sa.Column("methodname", sa.String(length=40), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "state IN ('applied', 'disabled', 'not applicable')",
            name=op.f("ck_retailtransactionvalidationrulelog_state"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_retailtransactionvalidationrulelog_dataareaid")
        ),
        sa.PrimaryKeyConstraint(
            "dataareaid", "classid", "methodname", "since", name=op.f("pk_retailtransactionvalidationrulelog")
        ),
        schema="ax",
        comment="which rules a company's transactions were judged by, and since when; a rule without a row is applied",
    )
    op.create_table(
        "taxgroupdata",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("taxgroup", sa.String(length=10), nullable=False),
        sa.Column("taxcode", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_taxgroupdata_dataareaid")),
        sa.PrimaryKeyConstraint("dataareaid", "taxgroup", "taxcode", name=op.f("pk_taxgroupdata")),
        schema="ax",
        comment="sales tax group: its tax codes",
    )
    op.create_table(
        "taxonitem",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("taxitemgroup", sa.String(length=10), nullable=False),
        sa.Column("taxcode", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_taxonitem_dataareaid")),
        sa.PrimaryKeyConstraint("dataareaid", "taxitemgroup", "taxcode", name=op.f("pk_taxonitem")),
        schema="ax",
        comment="item sales tax group: its tax codes",
    )
    op.create_table(
        "unitofmeasureconversion",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("itemid", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("fromunitofmeasure", sa.String(length=10), nullable=False),
        sa.Column("tounitofmeasure", sa.String(length=10), nullable=False),
        sa.Column("factor", sa.Numeric(precision=32, scale=12), nullable=False),
        sa.CheckConstraint(
            "factor > 0 AND fromunitofmeasure <> tounitofmeasure", name=op.f("ck_unitofmeasureconversion_factor")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_unitofmeasureconversion_dataareaid")
        ),
        sa.PrimaryKeyConstraint(
            "dataareaid", "itemid", "fromunitofmeasure", "tounitofmeasure", name=op.f("pk_unitofmeasureconversion")
        ),
        schema="ax",
        comment="itemid '': of every item; a conversion works both ways",
    )
    op.create_table(
        "inventdimcombination",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("itemid", sa.String(length=20), nullable=False),
        sa.Column("retailvariantid", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "itemid"],
            ["ax.inventtable.dataareaid", "ax.inventtable.itemid"],
            name=op.f("fk_inventdimcombination_dataareaid_itemid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_inventdimcombination_dataareaid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "itemid", "retailvariantid", name=op.f("pk_inventdimcombination")),
        schema="ax",
    )
    op.create_table(
        "inventitembarcode",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("itembarcode", sa.String(length=80), nullable=False),
        sa.Column("itemid", sa.String(length=20), nullable=False),
        sa.Column("retailvariantid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("unitid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "itemid"],
            ["ax.inventtable.dataareaid", "ax.inventtable.itemid"],
            name=op.f("fk_inventitembarcode_dataareaid_itemid"),
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_inventitembarcode_dataareaid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "itembarcode", name=op.f("pk_inventitembarcode")),
        schema="ax",
    )
    op.create_index(
        op.f("ix_inventitembarcode_dataareaid_itemid"),
        "inventitembarcode",
        ["dataareaid", "itemid"],
        unique=False,
        schema="ax",
    )
    op.add_column(
        "retailtransactionmarkuptrans",
        sa.Column(
            "taxexemptpriceinclusiveoriginalprice",
            sa.Numeric(precision=32, scale=6),
            server_default=sa.text("0"),
            nullable=False,
        ),
        schema="ax",
    )
    op.add_column(
        "retailtransactionmarkuptrans",
        sa.Column(
            "taxexemptpriceinclusivereductionamount",
            sa.Numeric(precision=32, scale=6),
            server_default=sa.text("0"),
            nullable=False,
        ),
        schema="ax",
    )
    op.add_column(
        "retailtransactionsalestrans",
        sa.Column(
            "taxexemptpriceinclusiveoriginalprice",
            sa.Numeric(precision=32, scale=6),
            server_default=sa.text("0"),
            nullable=False,
        ),
        schema="ax",
    )
    op.add_column(
        "retailtransactionsalestrans",
        sa.Column(
            "taxexemptpriceinclusivereductionamount",
            sa.Numeric(precision=32, scale=6),
            server_default=sa.text("0"),
            nullable=False,
        ),
        schema="ax",
    )
    op.add_column(
        "retailtransactiontable",
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
    op.create_index(
        "ix_retailtransactiontable_held",
        "retailtransactiontable",
        ["store"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("held = 1"),
    )
    op.create_check_constraint("held", "retailtransactiontable", "held IN (0, 1)", schema="ax")
