"""What job 1010 brings, and the view of all customers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "dirpartytable",
        sa.Column("recid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instancerelationtype", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partynumber", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("namealias", sa.Text(), nullable=False),
        sa.Column("languageid", sa.Text(), nullable=False),
        sa.Column("primaryaddresslocation", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("primarycontactphone", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("primarycontactemail", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("primarycontacturl", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("createddatetime", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpartytable")),
    )
    op.create_table(
        "dirpersonname",
        sa.Column("recid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("firstname", sa.Text(), nullable=False),
        sa.Column("middlename", sa.Text(), nullable=False),
        sa.Column("lastname", sa.Text(), nullable=False),
        sa.Column("validfrom", sa.Text(), nullable=False),
        sa.Column("validto", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpersonname")),
    )
    op.create_table(
        "custtable",
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column("accountnum", sa.Text(), nullable=False),
        sa.Column("party", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("custgroup", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("taxgroup", sa.Text(), nullable=False),
        sa.Column("vatnum", sa.Text(), nullable=False),
        sa.Column("pricegroup", sa.Text(), nullable=False),
        sa.Column("linedisc", sa.Text(), nullable=False),
        sa.Column("multilinedisc", sa.Text(), nullable=False),
        sa.Column("enddisc", sa.Text(), nullable=False),
        sa.Column("creditmax", sa.Text(), nullable=False),
        sa.Column("mandatorycreditlimit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("blocked", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoiceaccount", sa.Text(), nullable=False),
        sa.Column("identificationnumber", sa.Text(), nullable=False),
        sa.Column("orgid", sa.Text(), nullable=False),
        sa.Column("usepurchrequest", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contactpersonid", sa.Text(), nullable=False),
        sa.Column("paymtermid", sa.Text(), nullable=False),
        sa.Column("defaultdimension", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("createddatetime", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_custtable")),
    )
    op.create_index("ix_custtable_party", "custtable", ["party"], unique=False)
    op.create_table(
        "retailcusttable",
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column("accountnum", sa.Text(), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=False),
        sa.Column("receiptemail", sa.Text(), nullable=False),
        sa.Column("receiptoption", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("createddatetime", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", name=op.f("pk_retailcusttable")),
    )
    op.create_index("ix_retailcusttable_custaccountasync", "retailcusttable", ["custaccountasync"], unique=False)
    op.create_table(
        "custaccountasyncmap",
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column("custaccountasync", sa.Text(), nullable=False),
        sa.Column("accountnum", sa.Text(), nullable=True),
        sa.Column("origin", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mappedhow", sa.Text(), nullable=False),
        sa.Column("mappedby", sa.Text(), nullable=False),
        sa.Column("createddatetime", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "custaccountasync", name=op.f("pk_custaccountasyncmap")),
    )
    op.create_table(
        "logisticslocation",
        sa.Column("recid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locationid", sa.Text(), nullable=False),
        sa.Column("ispostaladdress", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticslocation")),
    )
    op.create_table(
        "logisticspostaladdress",
        sa.Column("recid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("location", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("streetnumber", sa.Text(), nullable=False),
        sa.Column("buildingcompliment", sa.Text(), nullable=False),
        sa.Column("districtname", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zipcode", sa.Text(), nullable=False),
        sa.Column("countryregionid", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("validfrom", sa.Text(), nullable=False),
        sa.Column("validto", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticspostaladdress")),
    )
    op.create_table(
        "logisticselectronicaddress",
        sa.Column("recid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("location", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locator", sa.Text(), nullable=False),
        sa.Column("locatorextension", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("isprimary", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ismobilephone", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("retailmarketingoptin", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_logisticselectronicaddress")),
    )
    op.create_table(
        "dirpartylocation",
        sa.Column("recid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("party", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("location", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ispostaladdress", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("isprimary", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("isrolehome", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("isrolebusiness", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("isroledelivery", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("isroleinvoice", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_dirpartylocation")),
    )
    op.create_index("ix_dirpartylocation_party", "dirpartylocation", ["party"], unique=False)
    op.create_table(
        "asyncaddressmap",
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column("addressid", sa.Text(), nullable=False),
        sa.Column("accountnum", sa.Text(), nullable=False),
        sa.Column("logisticspostaladdress", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mappedby", sa.Text(), nullable=False),
        sa.Column("createddatetime", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "addressid", name=op.f("pk_asyncaddressmap")),
    )
    op.create_table(
        "retailcustaffiliation",
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column("custaccountnum", sa.Text(), nullable=False),
        sa.Column("retailaffiliationid", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "dataareaid", "custaccountnum", "retailaffiliationid", name=op.f("pk_retailcustaffiliation")
        ),
    )
    op.create_table(
        "retailcustattributevalue",
        sa.Column("dataareaid", sa.Text(), nullable=False),
        sa.Column("accountnum", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attributedatatype", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("textvalue", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataareaid", "accountnum", "attribute", name=op.f("pk_retailcustattributevalue")),
    )
    op.create_table(
        "downloadsession",
        sa.Column("session", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rowsaffected", sa.Integer(), nullable=False),
        sa.Column("dateapplied", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session", "part", name=op.f("pk_downloadsession")),
    )
    op.execute(
        """
        CREATE VIEW customersview AS
        SELECT c.dataareaid, c.accountnum, r.custaccountasync, p.name, p.instancerelationtype AS relationshiptype,
               c.custgroup, c.currency, p.languageid, r.receiptemail, 0 AS isasynccustomer
        FROM custtable AS c
        JOIN dirpartytable AS p ON p.recid = c.party
        LEFT JOIN retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
        UNION ALL
        SELECT a.dataareaid, a.custaccountasync, a.custaccountasync, a.custname, a.relationshiptype,
               a.custgroup, a.currency, a.languageid, a.receiptemail, 1
        FROM retailasynccustomerv2 AS a
        WHERE a.custaccountasync <> ''
          AND a.replicationcounterfromorigin = (
              SELECT max(latest.replicationcounterfromorigin) FROM retailasynccustomerv2 AS latest
              WHERE latest.custaccountasync = a.custaccountasync AND latest.dataareaid = a.dataareaid)
          AND a.operation <> 3
          AND NOT EXISTS (
              SELECT 1 FROM custaccountasyncmap AS m
              WHERE m.dataareaid = a.dataareaid AND m.custaccountasync = a.custaccountasync)
        """
    )
