"""Channel databases on PostgreSQL: the asynchronous tables, with a stamped transaction id. (They begin here.)"""

import sqlalchemy as sa
from alembic import op

from commerce.schema.channel import TransactionId

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.create_table(
        "retailasynccustomerv2",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=True),
        sa.Column("custaccount", sa.Text(), nullable=True),
        sa.Column("custname", sa.Text(), nullable=True),
        sa.Column("firstname", sa.Text(), nullable=True),
        sa.Column("middlename", sa.Text(), nullable=True),
        sa.Column("lastname", sa.Text(), nullable=True),
        sa.Column("relationshiptype", sa.Integer(), nullable=False),
        sa.Column("custgroup", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("languageid", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phoneextension", sa.Text(), nullable=True),
        sa.Column("cellularphone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("receiptemail", sa.Text(), nullable=True),
        sa.Column("receiptoption", sa.Integer(), nullable=True),
        sa.Column("taxgroup", sa.Text(), nullable=True),
        sa.Column("vatnum", sa.Text(), nullable=True),
        sa.Column("pricegroup", sa.Text(), nullable=True),
        sa.Column("linedisc", sa.Text(), nullable=True),
        sa.Column("multilinedisc", sa.Text(), nullable=True),
        sa.Column("enddisc", sa.Text(), nullable=True),
        sa.Column("creditmax", sa.Numeric(precision=32, scale=6), nullable=True),
        sa.Column("mandatorycreditlimit", sa.Integer(), nullable=True),
        sa.Column("blocked", sa.Integer(), nullable=True),
        sa.Column("invoiceaccount", sa.Text(), nullable=True),
        sa.Column("identificationnumber", sa.Text(), nullable=True),
        sa.Column("organizationid", sa.Text(), nullable=True),
        sa.Column("usepurchrequest", sa.Integer(), nullable=True),
        sa.Column("contactpersonid", sa.Text(), nullable=True),
        sa.Column("titlerecordid", sa.BigInteger(), nullable=True),
        sa.Column("originatingchannel", sa.BigInteger(), nullable=True),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailasynccustomerv2")),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailasynccustomerv2_custaccountasync",
        "retailasynccustomerv2",
        ["custaccountasync"],
        unique=False,
        schema="ax",
    )
    op.create_index(
        "ix_retailasynccustomerv2_stamp",
        "retailasynccustomerv2",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailasyncaddressv2",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=True),
        sa.Column("custaccount", sa.Text(), nullable=True),
        sa.Column("addressid", sa.Text(), nullable=False),
        sa.Column("custname", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("streetnumber", sa.Text(), nullable=True),
        sa.Column("buildingcompliment", sa.Text(), nullable=True),
        sa.Column("districtname", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("county", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("zip", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("taxgroup", sa.Text(), nullable=True),
        sa.Column("role", sa.Integer(), nullable=True),
        sa.Column("makepostaladdressprimary", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailasyncaddressv2")),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailasyncaddressv2_stamp", "retailasyncaddressv2", ["replicationtransactionid"], unique=False, schema="ax"
    )
    op.create_table(
        "retailasynccustomercontact",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=True),
        sa.Column("custaccount", sa.Text(), nullable=True),
        sa.Column("contactid", sa.Text(), nullable=False),
        sa.Column("contacttype", sa.Integer(), nullable=False),
        sa.Column("locator", sa.Text(), nullable=True),
        sa.Column("locatorextension", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("isprimary", sa.Integer(), nullable=True),
        sa.Column("retailmarketingoptin", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailasynccustomercontact")),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailasynccustomercontact_stamp",
        "retailasynccustomercontact",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailasynccustomeraffiliation",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=True),
        sa.Column("custaccount", sa.Text(), nullable=True),
        sa.Column("retailaffiliationid", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailasynccustomeraffiliation")),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailasynccustomeraffiliation_stamp",
        "retailasynccustomeraffiliation",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailasynccustomerattributev2",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=True),
        sa.Column("custaccount", sa.Text(), nullable=True),
        sa.Column("attributerecid", sa.BigInteger(), nullable=False),
        sa.Column("attributedatatype", sa.Integer(), nullable=True),
        sa.Column("attributevaluestring", sa.Text(), nullable=True),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailasynccustomerattributev2")),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailasynccustomerattributev2_stamp",
        "retailasynccustomerattributev2",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailexternalidtoasynccustomermap",
        sa.Column("replicationcounterfromorigin", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("externalidentityid", sa.Text(), nullable=False),
        sa.Column("providerid", sa.BigInteger(), nullable=False),
        sa.Column("asynccustomeraccountnumber", sa.Text(), nullable=False),
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column(
            "replicationtransactionid", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("replicationcounterfromorigin", name=op.f("pk_retailexternalidtoasynccustomermap")),
        schema="ax",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retailexternalidtoasynccustomermap_stamp",
        "retailexternalidtoasynccustomermap",
        ["replicationtransactionid"],
        unique=False,
        schema="ax",
    )
