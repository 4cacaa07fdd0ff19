"""Normal forms, duplicates of customers, and the erasure of persons."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "customerchange",
        sa.Column("changeid", sa.BigInteger(), sa.Identity(always=False, cache=1000), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("changeid", name=op.f("pk_customerchange")),
        schema="ax",
        comment="customers whose normal forms and duplicates are to be looked at again; written with the change itself",
    )
    op.create_table(
        "customermatchkey",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("kind", sa.String(length=11), nullable=False),
        sa.Column("value", sa.Uuid(), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "kind IN ('email', 'phone', 'taxid', 'address', 'addressname')", name=op.f("ck_customermatchkey_kind")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "kind", "value", "accountnum", name=op.f("pk_customermatchkey")),
        schema="ax",
        comment="what a customer can be recognised by, as a hash of the normal form; made anew when the customer changes",
    )
    op.create_index(
        "ix_customermatchkey_accountnum", "customermatchkey", ["dataareaid", "accountnum"], unique=False, schema="ax"
    )
    op.create_table(
        "duplicatecustomer",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum1", sa.String(length=20, collation="C"), nullable=False),
        sa.Column("accountnum2", sa.String(length=20, collation="C"), nullable=False),
        sa.Column("score", sa.Numeric(precision=4, scale=3), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=9), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decidedby", sa.String(length=40), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("decideddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'open') = (decideddatetime IS NULL)", name=op.f("ck_duplicatecustomer_decided")),
        sa.CheckConstraint("status IN ('open', 'same', 'different')", name=op.f("ck_duplicatecustomer_status")),
        sa.CheckConstraint("accountnum1 < accountnum2", name=op.f("ck_duplicatecustomer_pair")),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum1", "accountnum2", name=op.f("pk_duplicatecustomer")),
        schema="ax",
        comment='evidence: what both have, {"email": 1, "name": 0.94}, never the values themselves',
    )
    op.create_index(
        "ix_duplicatecustomer_accountnum2",
        "duplicatecustomer",
        ["dataareaid", "accountnum2"],
        unique=False,
        schema="ax",
    )
    op.create_index(
        "ix_duplicatecustomer_open",
        "duplicatecustomer",
        ["dataareaid", "score"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "customererasure",
        sa.Column("erasureid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requestedby", sa.String(length=60), nullable=False),
        sa.Column("found", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_customererasure_dataareaid")),
        sa.PrimaryKeyConstraint("erasureid", name=op.f("pk_customererasure")),
        schema="ax",
        comment="found: rows by place; no personal data. accountnum is '' where the customer never got one",
    )
    op.create_table(
        "custparameters",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("duplicatepolicy", sa.String(length=4), server_default=sa.text("'flag'"), nullable=False),
        sa.Column("personaldatadays", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "duplicatepolicy IN ('flag', 'link', 'hold')", name=op.f("ck_custparameters_duplicatepolicy")
        ),
        sa.CheckConstraint("personaldatadays >= 0", name=op.f("ck_custparameters_personaldatadays")),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_custparameters_dataareaid")),
        sa.PrimaryKeyConstraint("dataareaid", name=op.f("pk_custparameters")),
        schema="ax",
        comment="accounts receivable parameters of a company; without a row: duplicates are flagged, nothing is purged",
    )
    op.create_table(
        "electronicaddressform",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("normalized", sa.String(length=320), nullable=False),
        sa.Column("problem", sa.String(length=40), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["recid"],
            ["ax.logisticselectronicaddress.recid"],
            name=op.f("fk_electronicaddressform_recid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_electronicaddressform")),
        schema="ax",
        comment="beside the e-mail address or phone number as entered; one that does not parse has a problem and no form",
    )
    op.create_index(
        "ix_electronicaddressform_problem",
        "electronicaddressform",
        ["recid"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("problem <> ''"),
    )
    op.create_table(
        "erasedcustomer",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("customer", sa.String(length=38), nullable=False),
        sa.Column("erasureid", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["erasureid"], ["ax.customererasure.erasureid"], name=op.f("fk_erasedcustomer_erasureid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", "customer", name=op.f("pk_erasedcustomer")),
        schema="ax",
        comment="customer: a GUID or an account; what a channel sends of it again arrives without personal data",
    )
    op.create_table(
        "channelerasure",
        sa.Column("erasureid", sa.BigInteger(), nullable=False),
        sa.Column("datastore", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=7), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("rowsaffected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("dateapplied", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'applied') = (dateapplied IS NOT NULL)", name=op.f("ck_channelerasure_applied")),
        sa.CheckConstraint("status IN ('pending', 'applied')", name=op.f("ck_channelerasure_status")),
        sa.ForeignKeyConstraint(
            ["datastore"], ["cdx.retailconndatabaseprofile.recid"], name=op.f("fk_channelerasure_datastore")
        ),
        sa.ForeignKeyConstraint(
            ["erasureid"], ["ax.customererasure.erasureid"], name=op.f("fk_channelerasure_erasureid")
        ),
        sa.PrimaryKeyConstraint("erasureid", "datastore", name=op.f("pk_channelerasure")),
        schema="cdx",
        comment="a channel database that is out of reach does it when it is distributed to the next time",
    )
    op.create_index(
        "ix_channelerasure_pending",
        "channelerasure",
        ["datastore"],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "heldcustomer",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("custaccountasync", sa.String(length=38), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=6), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decidedby", sa.String(length=40), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("decideddatetime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'open') = (decideddatetime IS NULL)", name=op.f("ck_heldcustomer_decided")),
        sa.CheckConstraint("status IN ('open', 'create', 'link')", name=op.f("ck_heldcustomer_status")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_heldcustomer_dataareaid_accountnum"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "custaccountasync", name=op.f("pk_heldcustomer")),
        schema="ax",
        comment="policy hold: a new customer that is known as accountnum already and waits for a person's decision",
    )
    op.add_column("quarantine", sa.Column("rawhash", sa.Uuid(), nullable=True), schema="cdx")
    op.create_table_comment(
        "quarantine",
        'rawdata: the row as read, text by column; bytes that are no text stand as {"hex": ...}; rawhash: of the rawdata that was here before its personal data was removed',
        existing_comment='rawdata: the row as read, text by column; bytes that are no text stand as {"hex": ...}',
        schema="cdx",
    )
    op.execute(
        """
        INSERT INTO ax.customerchange (dataareaid, accountnum)
        SELECT dataareaid, accountnum FROM ax.custtable AS c
        WHERE NOT EXISTS (SELECT FROM ax.retailchanneltable AS ch
                          WHERE (ch.defaultcustdataareaid, ch.defaultcustaccount) = (c.dataareaid, c.accountnum))
        ORDER BY dataareaid, accountnum
        """
    )
