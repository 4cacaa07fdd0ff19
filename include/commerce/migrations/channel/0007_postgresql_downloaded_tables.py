"""Channel databases on PostgreSQL: what job 1010 brings, and the view of all customers."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.create_table(
        "asyncaddressmap",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("addressid", sa.String(length=44), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("logisticspostaladdress", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("mappedby", sa.String(length=40), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "addressid", name=op.f("pk_asyncaddressmap")),
        schema="ax",
    )
    op.create_table(
        "custaccountasyncmap",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("custaccountasync", sa.String(length=38), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=True),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("mappedhow", sa.String(length=7), nullable=False),
        sa.Column("mappedby", sa.String(length=40), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "custaccountasync", name=op.f("pk_custaccountasyncmap")),
        schema="ax",
    )
    op.create_table(
        "custtable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("party", sa.BigInteger(), nullable=False),
        sa.Column("custgroup", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taxgroup", sa.String(length=10), nullable=False),
        sa.Column("vatnum", sa.String(length=20), nullable=False),
        sa.Column("pricegroup", sa.String(length=10), nullable=False),
        sa.Column("linedisc", sa.String(length=10), nullable=False),
        sa.Column("multilinedisc", sa.String(length=10), nullable=False),
        sa.Column("enddisc", sa.String(length=10), nullable=False),
        sa.Column("creditmax", sa.Numeric(precision=32, scale=6), nullable=False),
        sa.Column("mandatorycreditlimit", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("invoiceaccount", sa.String(length=20), nullable=False),
        sa.Column("identificationnumber", sa.String(length=50), nullable=False),
        sa.Column("orgid", sa.String(length=20), nullable=False),
        sa.Column("usepurchrequest", sa.Integer(), nullable=False),
        sa.Column("contactpersonid", sa.String(length=20), nullable=False),
        sa.Column("paymtermid", sa.String(length=10), nullable=False),
        sa.Column("defaultdimension", sa.BigInteger(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_custtable")),
        schema="ax",
    )
    op.create_index("ix_custtable_party", "custtable", ["party"], unique=False, schema="ax")
    op.create_table(
        "dirpartylocation",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("party", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.BigInteger(), nullable=False),
        sa.Column("ispostaladdress", sa.Integer(), nullable=False),
        sa.Column("isprimary", sa.Integer(), nullable=False),
        sa.Column("isrolehome", sa.Integer(), nullable=False),
        sa.Column("isrolebusiness", sa.Integer(), nullable=False),
        sa.Column("isroledelivery", sa.Integer(), nullable=False),
        sa.Column("isroleinvoice", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpartylocation")),
        schema="ax",
    )
    op.create_index("ix_dirpartylocation_party", "dirpartylocation", ["party"], unique=False, schema="ax")
    op.create_table(
        "dirpartytable",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instancerelationtype", sa.Integer(), nullable=False),
        sa.Column("partynumber", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("namealias", sa.String(length=100), nullable=False),
        sa.Column("languageid", sa.String(length=7), nullable=False),
        sa.Column("primaryaddresslocation", sa.BigInteger(), nullable=True),
        sa.Column("primarycontactphone", sa.BigInteger(), nullable=True),
        sa.Column("primarycontactemail", sa.BigInteger(), nullable=True),
        sa.Column("primarycontacturl", sa.BigInteger(), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpartytable")),
        schema="ax",
    )
    op.create_table(
        "dirpersonname",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("firstname", sa.String(length=25), nullable=False),
        sa.Column("middlename", sa.String(length=25), nullable=False),
        sa.Column("lastname", sa.String(length=25), nullable=False),
        sa.Column("validfrom", sa.DateTime(timezone=True), nullable=False),
        sa.Column("validto", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpersonname")),
        schema="ax",
    )
    op.create_table(
        "logisticselectronicaddress",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("location", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("locator", sa.String(length=255), nullable=False),
        sa.Column("locatorextension", sa.String(length=10), nullable=False),
        sa.Column("description", sa.String(length=60), nullable=False),
        sa.Column("isprimary", sa.Integer(), nullable=False),
        sa.Column("ismobilephone", sa.Integer(), nullable=False),
        sa.Column("retailmarketingoptin", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticselectronicaddress")),
        schema="ax",
    )
    op.create_table(
        "logisticslocation",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("locationid", sa.String(length=30), nullable=False),
        sa.Column("ispostaladdress", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticslocation")),
        schema="ax",
    )
    op.create_table(
        "logisticspostaladdress",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("location", sa.BigInteger(), nullable=False),
        sa.Column("street", sa.String(length=250), nullable=False),
        sa.Column("streetnumber", sa.String(length=20), nullable=False),
        sa.Column("buildingcompliment", sa.String(length=60), nullable=False),
        sa.Column("districtname", sa.String(length=60), nullable=False),
        sa.Column("city", sa.String(length=60), nullable=False),
        sa.Column("county", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("zipcode", sa.String(length=10), nullable=False),
        sa.Column("countryregionid", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("validfrom", sa.DateTime(timezone=True), nullable=False),
        sa.Column("validto", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticspostaladdress")),
        schema="ax",
    )
    op.create_table(
        "retailcustaffiliation",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("custaccountnum", sa.String(length=20), nullable=False),
        sa.Column("retailaffiliationid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "dataareaid", "custaccountnum", "retailaffiliationid", name=op.f("pk_retailcustaffiliation")
        ),
        schema="ax",
    )
    op.create_table(
        "retailcustattributevalue",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("attribute", sa.BigInteger(), nullable=False),
        sa.Column("attributedatatype", sa.Integer(), nullable=False),
        sa.Column("textvalue", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", "attribute", name=op.f("pk_retailcustattributevalue")),
        schema="ax",
    )
    op.create_table(
        "retailcusttable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("custaccountasync", sa.String(length=38), nullable=False),
        sa.Column("receiptemail", sa.String(length=80), nullable=False),
        sa.Column("receiptoption", sa.Integer(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_retailcusttable")),
        schema="ax",
    )
    op.create_index(
        "ix_retailcusttable_custaccountasync", "retailcusttable", ["custaccountasync"], unique=False, schema="ax"
    )
    op.create_table(
        "downloadsession",
        sa.Column("session", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("rowsaffected", sa.BigInteger(), nullable=False),
        sa.Column("dateapplied", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session", "part", name=op.f("pk_downloadsession")),
        schema="crt",
    )
    op.execute(
        """
        CREATE VIEW crt.customersview AS
        SELECT c.dataareaid, c.accountnum, r.custaccountasync, p.name, p.instancerelationtype AS relationshiptype,
               c.custgroup, c.currency, p.languageid, r.receiptemail, 0 AS isasynccustomer
        FROM ax.custtable AS c
        JOIN ax.dirpartytable AS p ON p.recid = c.party
        LEFT JOIN ax.retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
        UNION ALL
        SELECT a.dataareaid, a.custaccountasync, a.custaccountasync, a.custname, a.relationshiptype,
               a.custgroup, a.currency, a.languageid, a.receiptemail, 1
        FROM ax.retailasynccustomerv2 AS a
        WHERE a.custaccountasync <> ''
          AND a.replicationcounterfromorigin = (
              SELECT max(latest.replicationcounterfromorigin) FROM ax.retailasynccustomerv2 AS latest
              WHERE latest.custaccountasync = a.custaccountasync AND latest.dataareaid = a.dataareaid)
          AND a.operation <> 3
          AND NOT EXISTS (
              SELECT 1 FROM ax.custaccountasyncmap AS m
              WHERE m.dataareaid = a.dataareaid AND m.custaccountasync = a.custaccountasync)
        """
    )
