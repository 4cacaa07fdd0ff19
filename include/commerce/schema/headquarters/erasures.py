"""Persons whose data was erased on request, and which channel databases have done it already (domain F24)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from commerce.schema.headquarters.base import created, metadata, moment
from commerce.schema.uploaded import GUID_WIDTH

ERASURE = Table(
    "customererasure",
    metadata,
    Column("erasureid", BigInteger, Identity(), primary_key=True),
    Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False),
    Column("accountnum", String(20), nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False),
    Column("requestedby", String(60), nullable=False),
    Column("found", JSONB, nullable=False),
    created(),
    schema="ax",
    comment="found: rows by place; no personal data. accountnum is '' where the customer never got one",
)

ERASED_CUSTOMER = Table(
    "erasedcustomer",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("customer", String(GUID_WIDTH), nullable=False),
    Column("erasureid", BigInteger, ForeignKey("ax.customererasure.erasureid"), nullable=False),
    PrimaryKeyConstraint("dataareaid", "customer"),
    schema="ax",
    comment="customer: a GUID or an account; what a channel sends of it again arrives without personal data",
)

CHANNEL_ERASURE = Table(
    "channelerasure",
    metadata,
    Column("erasureid", BigInteger, ForeignKey("ax.customererasure.erasureid"), nullable=False),
    Column("datastore", BigInteger, ForeignKey("cdx.retailconndatabaseprofile.recid"), nullable=False),
    Column("status", String(7), nullable=False, server_default=text("'pending'")),
    Column("rowsaffected", BigInteger, nullable=False, server_default=text("0")),
    Column("message", Text, nullable=False, server_default=text("''")),
    moment("dateapplied"),
    PrimaryKeyConstraint("erasureid", "datastore"),
    CheckConstraint("status IN ('pending', 'applied')", name="status"),
    CheckConstraint("(status = 'applied') = (dateapplied IS NOT NULL)", name="applied"),
    Index("ix_channelerasure_pending", "datastore", postgresql_where=text("status = 'pending'")),
    schema="cdx",
    comment="a channel database that is out of reach does it when it is distributed to the next time",
)
