"""The customer master: what a conversion writes (customer, party, names, locations, addresses), and the GUID map."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from commerce.schema.enums import AuditKind
from commerce.schema.fields import MONEY
from commerce.schema.headquarters.base import created, metadata, moment, recid
from commerce.schema.uploaded import ADDRESS_ID_WIDTH, GUID_WIDTH


def _blank(name: str, width: int) -> Column:  # type: ignore[type-arg]
    return Column(name, String(width), nullable=False, server_default=text("''"))


def _zero(name: str, type_: type[Integer] = Integer) -> Column:  # type: ignore[type-arg]
    return Column(name, type_, nullable=False, server_default=text("0"))


def _money(name: str) -> Column:  # type: ignore[type-arg]
    return Column(name, MONEY, nullable=False, server_default=text("0"))


PARTY = Table(
    "dirpartytable",
    metadata,
    recid(),
    Column("instancerelationtype", Integer, nullable=False),
    Column("partynumber", String(40), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    _blank("namealias", 100),
    _blank("languageid", 7),
    Column("primaryaddresslocation", BigInteger),
    Column("primarycontactphone", BigInteger),
    Column("primarycontactemail", BigInteger),
    Column("primarycontacturl", BigInteger),
    created(),
    CheckConstraint("instancerelationtype IN (1, 2)", name="instancerelationtype"),
    schema="ax",
    postgresql_with={"fillfactor": 45},
)

PERSON = Table(
    "dirperson",
    metadata,
    Column("recid", BigInteger, ForeignKey("ax.dirpartytable.recid"), primary_key=True, autoincrement=False),
    _zero("personaltitle", BigInteger),
    schema="ax",
)

PERSON_NAME = Table(
    "dirpersonname",
    metadata,
    recid(),
    Column("person", BigInteger, ForeignKey("ax.dirperson.recid"), nullable=False, index=True),
    _blank("firstname", 25),
    _blank("middlename", 25),
    _blank("lastname", 25),
    Column("validfrom", DateTime(timezone=True), nullable=False),
    moment("validto"),
    schema="ax",
)

ORGANIZATION = Table(
    "dirorganization",
    metadata,
    Column("recid", BigInteger, ForeignKey("ax.dirpartytable.recid"), primary_key=True, autoincrement=False),
    _blank("orgnumber", 20),
    schema="ax",
)

CUSTOMER = Table(
    "custtable",
    metadata,
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("party", BigInteger, ForeignKey("ax.dirpartytable.recid"), nullable=False, index=True),
    Column("custgroup", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    _blank("taxgroup", 10),
    _blank("vatnum", 20),
    _blank("pricegroup", 10),
    _blank("linedisc", 10),
    _blank("multilinedisc", 10),
    _blank("enddisc", 10),
    _money("creditmax"),
    _zero("mandatorycreditlimit"),
    _zero("blocked"),
    _blank("invoiceaccount", 20),
    _blank("identificationnumber", 50),
    _blank("orgid", 20),
    _zero("usepurchrequest"),
    _blank("contactpersonid", 20),
    _blank("paymtermid", 10),
    _zero("defaultdimension", BigInteger),
    created(),
    PrimaryKeyConstraint("dataareaid", "accountnum"),
    ForeignKeyConstraint(["dataareaid", "custgroup"], ["ax.custgroup.dataareaid", "ax.custgroup.custgroup"]),
    CheckConstraint("currency <> '' AND custgroup <> '' AND accountnum <> ''", name="mandatory"),
    schema="ax",
)

RETAIL_CUSTOMER = Table(
    "retailcusttable",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    _blank("custaccountasync", GUID_WIDTH),
    _blank("receiptemail", 80),
    _zero("receiptoption"),
    _zero("isb2badmin"),
    Column("deactivateddatetime", DateTime(timezone=True), nullable=True, info={"inferred": True}),
    created(),
    PrimaryKeyConstraint("dataareaid", "accountnum"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    schema="ax",
)
Index(
    "uq_retailcusttable_custaccountasync",
    RETAIL_CUSTOMER.c.dataareaid,
    RETAIL_CUSTOMER.c.custaccountasync,
    unique=True,
    postgresql_where=text("custaccountasync <> ''"),
)

GUID_MAP = Table(
    "custaccountasyncmap",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("custaccountasync", String(GUID_WIDTH), nullable=False),
    Column(
        "accountnum",
        String(20),
        nullable=True,
        info={"why": "null only inside the transaction that takes the number; `commerce hq verify` proves it"},
    ),
    Column("origin", BigInteger, nullable=False),
    Column("mappedhow", String(7), nullable=False),
    Column("mappedby", String(40), nullable=False),
    created(),
    PrimaryKeyConstraint("dataareaid", "custaccountasync"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    CheckConstraint("mappedhow IN ('created', 'linked')", name="mappedhow"),
    CheckConstraint("custaccountasync <> ''", name="custaccountasync"),
    Index("ix_custaccountasyncmap_accountnum", "dataareaid", "accountnum"),
    schema="ax",
)

LOCATION = Table(
    "logisticslocation",
    metadata,
    recid(),
    Column("locationid", String(30), nullable=False, unique=True),
    _zero("ispostaladdress"),
    _blank("description", 100),
    schema="ax",
)

POSTAL_ADDRESS = Table(
    "logisticspostaladdress",
    metadata,
    recid(),
    Column("location", BigInteger, ForeignKey("ax.logisticslocation.recid"), nullable=False),
    _blank("street", 250),
    _blank("streetnumber", 20),
    _blank("buildingcompliment", 60),
    _blank("districtname", 60),
    _blank("city", 60),
    _blank("county", 10),
    _blank("state", 10),
    _blank("zipcode", 10),
    Column("countryregionid", String(10), nullable=False),
    Column("address", String(500), nullable=False),
    Column("validfrom", DateTime(timezone=True), nullable=False),
    moment("validto"),
    UniqueConstraint("location", "validto", postgresql_nulls_not_distinct=True),
    CheckConstraint("validto > validfrom", name="validity"),
    schema="ax",
    comment="date-effective: an edit ends one version and begins the next; one per location has no end",
)

ELECTRONIC_ADDRESS = Table(
    "logisticselectronicaddress",
    metadata,
    recid(),
    Column("location", BigInteger, ForeignKey("ax.logisticslocation.recid"), nullable=False, index=True),
    Column("type", Integer, nullable=False),
    Column("locator", String(255), nullable=False),
    _blank("locatorextension", 10),
    _blank("description", 60),
    _zero("isprimary"),
    _zero("ismobilephone"),
    _zero("retailmarketingoptin"),
    schema="ax",
)

PARTY_LOCATION = Table(
    "dirpartylocation",
    metadata,
    recid(),
    Column("party", BigInteger, ForeignKey("ax.dirpartytable.recid"), nullable=False),
    Column("location", BigInteger, ForeignKey("ax.logisticslocation.recid"), nullable=False, index=True),
    _zero("ispostaladdress"),
    _zero("isprimary"),
    _zero("isrolehome"),
    _zero("isrolebusiness"),
    _zero("isroledelivery"),
    _zero("isroleinvoice"),
    UniqueConstraint("party", "location"),
    schema="ax",
)

Index(
    "uq_dirpartylocation_primary",
    PARTY_LOCATION.c.party,
    unique=True,
    postgresql_where=text("ispostaladdress = 1 AND isprimary = 1"),
)

ADDRESS_MAP = Table(
    "asyncaddressmap",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("addressid", String(ADDRESS_ID_WIDTH), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("logisticspostaladdress", BigInteger, ForeignKey("ax.logisticspostaladdress.recid"), nullable=False),
    Column("origin", BigInteger, nullable=False),
    Column("mappedby", String(40), nullable=False),
    created(),
    PrimaryKeyConstraint("dataareaid", "addressid"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    schema="ax",
)

CONTACT_MAP = Table(
    "asynccontactmap",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("contactid", String(ADDRESS_ID_WIDTH), nullable=False),
    Column("logisticselectronicaddress", BigInteger, ForeignKey("ax.logisticselectronicaddress.recid"), unique=True),
    Column("origin", BigInteger, nullable=False),
    Column("mappedby", String(40), nullable=False),
    created(),
    PrimaryKeyConstraint("dataareaid", "accountnum", "contactid"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    schema="ax",
    comment="which contact of a customer an asynchronous contact became; without an electronic address: deactivated",
)

CUSTOMER_AFFILIATION = Table(
    "retailcustaffiliation",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("custaccountnum", String(20), nullable=False),
    Column("retailaffiliationid", BigInteger, ForeignKey("ax.retailaffiliation.recid"), nullable=False),
    PrimaryKeyConstraint("dataareaid", "custaccountnum", "retailaffiliationid"),
    ForeignKeyConstraint(["dataareaid", "custaccountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    schema="ax",
)

CUSTOMER_ATTRIBUTE = Table(
    "retailcustattributevalue",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("attribute", BigInteger, ForeignKey("ax.ecoresattribute.recid"), nullable=False),
    Column("attributedatatype", Integer, nullable=False),
    Column("textvalue", String(1000), nullable=False),
    PrimaryKeyConstraint("dataareaid", "accountnum", "attribute"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    schema="ax",
)

EXTERNAL_IDENTITY_MAP = Table(
    "retailexternalidtocustomermap",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("externalidentityid", String(255), nullable=False),
    Column("providerid", BigInteger, nullable=False),
    Column("accountnum", String(20), nullable=False),
    PrimaryKeyConstraint("dataareaid", "externalidentityid", "providerid"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    schema="ax",
)

AUDIT = Table(
    "asyncoperationaudit",
    metadata,
    Column("auditid", BigInteger, Identity(), primary_key=True),
    Column("tablename", String(60), nullable=False),
    Column("staged", BigInteger, nullable=True),
    Column("dataareaid", String(4), nullable=False),
    _blank("custaccountasync", GUID_WIDTH),
    _blank("accountnum", 20),
    _blank("field", 60),
    Column("oldvalue", Text, nullable=True),
    Column("newvalue", Text, nullable=True),
    Column("kind", String(10), nullable=False),
    Column("changedby", String(60), nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    created(),
    CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in AuditKind)})", name="kind"),
    Index("ix_asyncoperationaudit_accountnum", "dataareaid", "accountnum"),
    Index("ix_asyncoperationaudit_custaccountasync", "dataareaid", "custaccountasync"),
    Index("ix_asyncoperationaudit_staged", "tablename", "staged"),
    schema="ax",
    comment="what operations and people changed, field by field; staged: recid of the asynchronous row in tablename",
)
"""Old and new values are personal data: they never leave this table for logs or messages. Only appended to, except
that an erasure empties values."""
