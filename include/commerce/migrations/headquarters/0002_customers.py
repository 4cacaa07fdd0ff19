"""The customer master and the GUID map."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "dirpartytable",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("instancerelationtype", sa.Integer(), nullable=False),
        sa.Column("partynumber", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("namealias", sa.String(length=100), server_default=sa.text("''"), nullable=False),
        sa.Column("languageid", sa.String(length=7), server_default=sa.text("''"), nullable=False),
        sa.Column("primaryaddresslocation", sa.BigInteger(), nullable=True),
        sa.Column("primarycontactphone", sa.BigInteger(), nullable=True),
        sa.Column("primarycontactemail", sa.BigInteger(), nullable=True),
        sa.Column("primarycontacturl", sa.BigInteger(), nullable=True),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("instancerelationtype IN (1, 2)", name=op.f("ck_dirpartytable_instancerelationtype")),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpartytable")),
        sa.UniqueConstraint("partynumber", name=op.f("uq_dirpartytable_partynumber")),
        schema="ax",
    )
    op.create_table(
        "logisticslocation",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("locationid", sa.String(length=30), nullable=False),
        sa.Column("ispostaladdress", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("description", sa.String(length=100), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticslocation")),
        sa.UniqueConstraint("locationid", name=op.f("uq_logisticslocation_locationid")),
        schema="ax",
    )
    op.create_table(
        "dirorganization",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("orgnumber", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["recid"], ["ax.dirpartytable.recid"], name=op.f("fk_dirorganization_recid")),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirorganization")),
        schema="ax",
    )
    op.create_table(
        "dirpartylocation",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("party", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.BigInteger(), nullable=False),
        sa.Column("ispostaladdress", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("isprimary", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("isrolehome", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("isrolebusiness", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("isroledelivery", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("isroleinvoice", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["location"], ["ax.logisticslocation.recid"], name=op.f("fk_dirpartylocation_location")
        ),
        sa.ForeignKeyConstraint(["party"], ["ax.dirpartytable.recid"], name=op.f("fk_dirpartylocation_party")),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpartylocation")),
        sa.UniqueConstraint("party", "location", name=op.f("uq_dirpartylocation_party_location")),
        schema="ax",
    )
    op.create_index(op.f("ix_dirpartylocation_location"), "dirpartylocation", ["location"], unique=False, schema="ax")
    op.create_index(
        "uq_dirpartylocation_primary",
        "dirpartylocation",
        ["party"],
        unique=True,
        schema="ax",
        postgresql_where=sa.text("ispostaladdress = 1 AND isprimary = 1"),
    )
    op.create_table(
        "dirperson",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("personaltitle", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["recid"], ["ax.dirpartytable.recid"], name=op.f("fk_dirperson_recid")),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirperson")),
        schema="ax",
    )
    op.create_table(
        "logisticselectronicaddress",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("location", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("locator", sa.String(length=255), nullable=False),
        sa.Column("locatorextension", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("description", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("isprimary", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ismobilephone", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("retailmarketingoptin", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["location"], ["ax.logisticslocation.recid"], name=op.f("fk_logisticselectronicaddress_location")
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticselectronicaddress")),
        schema="ax",
    )
    op.create_index(
        op.f("ix_logisticselectronicaddress_location"),
        "logisticselectronicaddress",
        ["location"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "logisticspostaladdress",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("location", sa.BigInteger(), nullable=False),
        sa.Column("street", sa.String(length=250), server_default=sa.text("''"), nullable=False),
        sa.Column("streetnumber", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("buildingcompliment", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("districtname", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("city", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("county", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("state", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("zipcode", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("countryregionid", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("validfrom", sa.DateTime(timezone=True), nullable=False),
        sa.Column("validto", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["location"], ["ax.logisticslocation.recid"], name=op.f("fk_logisticspostaladdress_location")
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticspostaladdress")),
        schema="ax",
    )
    op.create_index(
        op.f("ix_logisticspostaladdress_location"), "logisticspostaladdress", ["location"], unique=False, schema="ax"
    )
    op.create_table(
        "dirpersonname",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("firstname", sa.String(length=25), server_default=sa.text("''"), nullable=False),
        sa.Column("middlename", sa.String(length=25), server_default=sa.text("''"), nullable=False),
        sa.Column("lastname", sa.String(length=25), server_default=sa.text("''"), nullable=False),
        sa.Column("validfrom", sa.DateTime(timezone=True), nullable=False),
        sa.Column("validto", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["ax.dirperson.recid"], name=op.f("fk_dirpersonname_person")),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpersonname")),
        schema="ax",
    )
    op.create_index(op.f("ix_dirpersonname_person"), "dirpersonname", ["person"], unique=False, schema="ax")
    op.create_table(
        "custtable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("party", sa.BigInteger(), nullable=False),
        sa.Column("custgroup", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taxgroup", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("vatnum", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("pricegroup", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("linedisc", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("multilinedisc", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("enddisc", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("creditmax", sa.Numeric(precision=32, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("mandatorycreditlimit", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("blocked", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("invoiceaccount", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("identificationnumber", sa.String(length=50), server_default=sa.text("''"), nullable=False),
        sa.Column("orgid", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("usepurchrequest", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("contactpersonid", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("paymtermid", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("defaultdimension", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "currency <> '' AND custgroup <> '' AND accountnum <> ''", name=op.f("ck_custtable_mandatory")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custgroup"],
            ["ax.custgroup.dataareaid", "ax.custgroup.custgroup"],
            name=op.f("fk_custtable_dataareaid_custgroup"),
        ),
        sa.ForeignKeyConstraint(["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_custtable_dataareaid")),
        sa.ForeignKeyConstraint(["party"], ["ax.dirpartytable.recid"], name=op.f("fk_custtable_party")),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_custtable")),
        schema="ax",
    )
    op.create_index(op.f("ix_custtable_party"), "custtable", ["party"], unique=False, schema="ax")
    op.create_table(
        "asyncaddressmap",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("addressid", sa.String(length=44), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("logisticspostaladdress", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("mappedby", sa.String(length=40), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_asyncaddressmap_dataareaid_accountnum"),
        ),
        sa.ForeignKeyConstraint(
            ["logisticspostaladdress"],
            ["ax.logisticspostaladdress.recid"],
            name=op.f("fk_asyncaddressmap_logisticspostaladdress"),
        ),
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
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("custaccountasync <> ''", name=op.f("ck_custaccountasyncmap_custaccountasync")),
        sa.CheckConstraint("mappedhow IN ('created', 'linked')", name=op.f("ck_custaccountasyncmap_mappedhow")),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_custaccountasyncmap_dataareaid_accountnum"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "custaccountasync", name=op.f("pk_custaccountasyncmap")),
        schema="ax",
    )
    op.create_index(
        "ix_custaccountasyncmap_accountnum",
        "custaccountasyncmap",
        ["dataareaid", "accountnum"],
        unique=False,
        schema="ax",
    )
    op.create_table(
        "retailcustaffiliation",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("custaccountnum", sa.String(length=20), nullable=False),
        sa.Column("retailaffiliationid", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "custaccountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retailcustaffiliation_dataareaid_custaccountnum"),
        ),
        sa.ForeignKeyConstraint(
            ["retailaffiliationid"],
            ["ax.retailaffiliation.recid"],
            name=op.f("fk_retailcustaffiliation_retailaffiliationid"),
        ),
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
        sa.ForeignKeyConstraint(
            ["attribute"], ["ax.ecoresattribute.recid"], name=op.f("fk_retailcustattributevalue_attribute")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retailcustattributevalue_dataareaid_accountnum"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", "attribute", name=op.f("pk_retailcustattributevalue")),
        schema="ax",
    )
    op.create_table(
        "retailcusttable",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.Column("custaccountasync", sa.String(length=38), server_default=sa.text("''"), nullable=False),
        sa.Column("receiptemail", sa.String(length=80), server_default=sa.text("''"), nullable=False),
        sa.Column("receiptoption", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retailcusttable_dataareaid_accountnum"),
        ),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_retailcusttable")),
        schema="ax",
    )
    op.create_index(
        "uq_retailcusttable_custaccountasync",
        "retailcusttable",
        ["dataareaid", "custaccountasync"],
        unique=True,
        schema="ax",
        postgresql_where=sa.text("custaccountasync <> ''"),
    )
    op.create_table(
        "retailexternalidtocustomermap",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("externalidentityid", sa.String(length=255), nullable=False),
        sa.Column("providerid", sa.BigInteger(), nullable=False),
        sa.Column("accountnum", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "accountnum"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retailexternalidtocustomermap_dataareaid_accountnum"),
        ),
        sa.PrimaryKeyConstraint(
            "dataareaid", "externalidentityid", "providerid", name=op.f("pk_retailexternalidtocustomermap")
        ),
        schema="ax",
    )
