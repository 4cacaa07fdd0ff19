"""Operations on customers: validity of addresses, contacts by their ids, titles, and what channels must delete."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "dirnameaffix",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("affix", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirnameaffix")),
        sa.UniqueConstraint("affix", name=op.f("uq_dirnameaffix_affix")),
        schema="ax",
        comment="personal titles; an asynchronous customer names one by its record id (titlerecordid)",
    )
    op.create_table(
        "tombstone",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("tablename", sa.String(length=60), nullable=False),
        sa.Column("recid", sa.BigInteger(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", "tablename", "recid", name=op.f("pk_tombstone")),
        schema="cdx",
        comment="a row of a customer that was deleted here: every package with the customer deletes it on the channels",
    )
    op.create_table(
        "asynccontactmap",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("contactid", sa.String(length=44), nullable=False),
        sa.Column("logisticselectronicaddress", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("mappedby", sa.String(length=40), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_asynccontactmap_dataareaid_accountnum"),
        ),
        sa.ForeignKeyConstraint(
            ["logisticselectronicaddress"],
            ["ax.logisticselectronicaddress.recid"],
            name=op.f("fk_asynccontactmap_logisticselectronicaddress"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", "contactid", name=op.f("pk_asynccontactmap")),
        sa.UniqueConstraint("logisticselectronicaddress", name=op.f("uq_asynccontactmap_logisticselectronicaddress")),
        schema="ax",
        comment="which contact of a customer an asynchronous contact became; without an electronic address: deactivated",
    )
    op.drop_index(op.f("ix_logisticspostaladdress_location"), table_name="logisticspostaladdress", schema="ax")
    op.create_unique_constraint(
        op.f("uq_logisticspostaladdress_location_validto"),
        "logisticspostaladdress",
        ["location", "validto"],
        schema="ax",
        postgresql_nulls_not_distinct=True,
    )
    op.create_table_comment(
        "logisticspostaladdress",
        "date-effective: an edit ends one version and begins the next; one per location has no end",
        existing_comment=None,
        schema="ax",
    )
    op.create_index(
        "ix_retailasyncaddressv2_account",
        "retailasyncaddressv2",
        ["dataareaid", "custaccount"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("custaccount <> ''"),
    )
    op.create_index(
        "ix_retailasyncaddressv2_edits",
        "retailasyncaddressv2",
        ["dataareaid", "syncstatus"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("operation <> 1"),
    )
    op.create_index(
        "ix_retailasynccustomeraffiliation_account",
        "retailasynccustomeraffiliation",
        ["dataareaid", "custaccount"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("custaccount <> ''"),
    )
    op.create_index(
        "ix_retailasynccustomeraffiliation_edits",
        "retailasynccustomeraffiliation",
        ["dataareaid", "syncstatus"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("operation <> 1"),
    )
    op.create_index(
        "ix_retailasynccustomerattributev2_account",
        "retailasynccustomerattributev2",
        ["dataareaid", "custaccount"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("custaccount <> ''"),
    )
    op.create_index(
        "ix_retailasynccustomerattributev2_edits",
        "retailasynccustomerattributev2",
        ["dataareaid", "syncstatus"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("operation <> 1"),
    )
    op.create_index(
        "ix_retailasynccustomercontact_account",
        "retailasynccustomercontact",
        ["dataareaid", "custaccount"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("custaccount <> ''"),
    )
    op.create_index(
        "ix_retailasynccustomercontact_edits",
        "retailasynccustomercontact",
        ["dataareaid", "syncstatus"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("operation <> 1"),
    )
    op.add_column(
        "retailasynccustomerv2",
        sa.Column("isb2badmin", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
    op.create_index(
        "ix_retailasynccustomerv2_account",
        "retailasynccustomerv2",
        ["dataareaid", "custaccount"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("custaccount <> ''"),
    )
    op.create_index(
        "ix_retailasynccustomerv2_edits",
        "retailasynccustomerv2",
        ["dataareaid", "syncstatus"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("operation <> 1"),
    )
    op.add_column(
        "retailcusttable",
        sa.Column("isb2badmin", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
    op.add_column(
        "retailcusttable", sa.Column("deactivateddatetime", sa.DateTime(timezone=True), nullable=True), schema="ax"
    )
    op.create_check_constraint(
        op.f("ck_logisticspostaladdress_validity"), "logisticspostaladdress", "validto > validfrom", schema="ax"
    )
