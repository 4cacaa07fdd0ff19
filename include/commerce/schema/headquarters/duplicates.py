"""Normal forms of e-mail addresses and phone numbers, and customers that may be one person (domain A6, D12, F12)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from commerce.schema.headquarters.base import created, metadata, moment
from commerce.schema.uploaded import GUID_WIDTH

CUSTOMER_PARAMETERS = Table(
    "custparameters",
    metadata,
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), primary_key=True),
    Column("duplicatepolicy", String(4), nullable=False, server_default=text("'flag'"), info={"inferred": True}),
    Column("personaldatadays", Integer, nullable=True, info={"inferred": True}),
    CheckConstraint("duplicatepolicy IN ('flag', 'link', 'hold')", name="duplicatepolicy"),
    CheckConstraint("personaldatadays >= 0", name="personaldatadays"),
    schema="ax",
    comment="accounts receivable parameters of a company; without a row: duplicates are flagged, nothing is purged",
)

CUSTOMER_CHANGE = Table(
    "customerchange",
    metadata,
    Column("changeid", BigInteger, Identity(cache=1000), primary_key=True),
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("keyed", Boolean, nullable=False, server_default=text("false")),
    schema="ax",
    comment="customers to look at again, written with the change itself; keyed: match keys made, pairs not searched",
)

ELECTRONIC_ADDRESS_FORM = Table(
    "electronicaddressform",
    metadata,
    Column(
        "recid",
        BigInteger,
        ForeignKey("ax.logisticselectronicaddress.recid", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("normalized", String(320), nullable=False),
    Column("problem", String(40), nullable=False, server_default=text("''")),
    Column("plain", String(255), nullable=False, server_default=text("''")),
    Index("ix_electronicaddressform_problem", "recid", postgresql_where=text("problem <> ''")),
    schema="ax",
    comment="beside what was entered; what does not parse has a problem, and plain: lower case, no separators",
)

Index(
    "ix_electronicaddressform_lookup",
    func.reverse(ELECTRONIC_ADDRESS_FORM.c.normalized + ELECTRONIC_ADDRESS_FORM.c.plain).label("lookup"),
    postgresql_ops={"lookup": "text_pattern_ops"},
)
"""Back to front: a phone number is looked for by its last digits, with the country code or without."""

MATCH_KEY = Table(
    "customermatchkey",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("kind", String(11), nullable=False),
    Column("value", Uuid, nullable=False),
    Column("accountnum", String(20), nullable=False),
    PrimaryKeyConstraint("dataareaid", "kind", "value", "accountnum"),
    CheckConstraint("kind IN ('email', 'phone', 'taxid', 'address', 'addressname')", name="kind"),
    Index("ix_customermatchkey_accountnum", "dataareaid", "accountnum"),
    schema="ax",
    comment="what a customer can be recognised by, as a hash of the normal form; made anew when the customer changes",
)

_STATUSES = "status IN ('open', 'same', 'different')"

DUPLICATE = Table(
    "duplicatecustomer",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("accountnum1", String(20, collation="C"), nullable=False),
    Column("accountnum2", String(20, collation="C"), nullable=False),
    Column("score", Numeric(4, 3), nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("status", String(9), nullable=False, server_default=text("'open'")),
    Column("decidedby", String(40), nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    moment("decideddatetime"),
    created(),
    PrimaryKeyConstraint("dataareaid", "accountnum1", "accountnum2"),
    CheckConstraint("accountnum1 < accountnum2", name="pair"),
    CheckConstraint(_STATUSES, name="status"),
    CheckConstraint("(status = 'open') = (decideddatetime IS NULL)", name="decided"),
    Index("ix_duplicatecustomer_accountnum2", "dataareaid", "accountnum2"),
    Index("ix_duplicatecustomer_open", "dataareaid", "score", postgresql_where=text("status = 'open'")),
    schema="ax",
    comment='evidence: what both have, {"email": 1, "name": 0.94}, never the values themselves',
)

HELD_CUSTOMER = Table(
    "heldcustomer",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("custaccountasync", String(GUID_WIDTH), nullable=False),
    Column("accountnum", String(20), nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("status", String(6), nullable=False, server_default=text("'open'")),
    Column("decidedby", String(40), nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("decideddatetime", DateTime(timezone=True), nullable=True),
    created(),
    PrimaryKeyConstraint("dataareaid", "custaccountasync"),
    ForeignKeyConstraint(["dataareaid", "accountnum"], ["ax.custtable.dataareaid", "ax.custtable.accountnum"]),
    CheckConstraint("status IN ('open', 'create', 'link')", name="status"),
    CheckConstraint("(status = 'open') = (decideddatetime IS NULL)", name="decided"),
    schema="ax",
    comment="policy hold: a new customer that is known as accountnum already and waits for a person's decision",
)
