"""What validation looks transactions up in: fiscal periods, items with variants, barcodes and units, and tax groups.

A company that has no row in one of them does without the rules that need it (`commerce.transactions.applicability`).
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from commerce.schema.headquarters.base import metadata


def _company() -> Column[str]:
    return Column("dataareaid", String(4), ForeignKey("ax.dataarea.dataareaid"), nullable=False)


def _blank(name: str, width: int) -> Column[str]:
    return Column(name, String(width), nullable=False, server_default=text("''"))


def _flag(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"), info={"inferred": True})


def _item(*columns: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["dataareaid", *columns], ["ax.inventtable.dataareaid", "ax.inventtable.itemid"])


FISCAL_PERIOD = Table(
    "ledgerfiscalcalendarperiod",
    metadata,
    _company(),
    Column("startdate", Date, nullable=False),
    Column("enddate", Date, nullable=False),
    _blank("name", 60),
    Column("status", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("dataareaid", "startdate"),
    CheckConstraint("startdate <= enddate", name="dates"),
    CheckConstraint("status BETWEEN 0 AND 2", name="status"),
    schema="ax",
    comment="periods of a company do not overlap (setup refuses it)",
)

TRACKING_DIMENSION_GROUP = Table(
    "ecorestrackingdimensiongroup",
    metadata,
    Column("name", String(10), primary_key=True),
    _flag("isserialnumberactive"),
    _flag("isserialnumbercontrolled"),
    CheckConstraint("isserialnumberactive IN (0, 1) AND isserialnumbercontrolled IN (0, 1)", name="flags"),
    CheckConstraint("isserialnumbercontrolled <= isserialnumberactive", name="controlled"),
    schema="ax",
)

ITEM = Table(
    "inventtable",
    metadata,
    _company(),
    Column("itemid", String(20), nullable=False),
    Column("unitid", String(10), nullable=False, info={"inferred": True}, comment="the inventory unit of measure"),
    Column("trackingdimensiongroup", String(10), ForeignKey("ax.ecorestrackingdimensiongroup.name"), nullable=True),
    PrimaryKeyConstraint("dataareaid", "itemid"),
    Index("ix_inventtable_trackingdimensiongroup", "trackingdimensiongroup"),
    schema="ax",
)

VARIANT = Table(
    "inventdimcombination",
    metadata,
    _company(),
    Column("itemid", String(20), nullable=False),
    Column("retailvariantid", String(10), nullable=False),
    PrimaryKeyConstraint("dataareaid", "itemid", "retailvariantid"),
    _item("itemid"),
    schema="ax",
)

BARCODE = Table(
    "inventitembarcode",
    metadata,
    _company(),
    Column("itembarcode", String(80), nullable=False),
    Column("itemid", String(20), nullable=False),
    _blank("retailvariantid", 10),
    _blank("unitid", 10),
    PrimaryKeyConstraint("dataareaid", "itembarcode"),
    _item("itemid"),
    Index(None, "dataareaid", "itemid"),
    schema="ax",
)

UNIT_CONVERSION = Table(
    "unitofmeasureconversion",
    metadata,
    _company(),
    _blank("itemid", 20),
    Column("fromunitofmeasure", String(10), nullable=False),
    Column("tounitofmeasure", String(10), nullable=False),
    Column("factor", Numeric(32, 12), nullable=False),
    PrimaryKeyConstraint("dataareaid", "itemid", "fromunitofmeasure", "tounitofmeasure"),
    CheckConstraint("factor > 0 AND fromunitofmeasure <> tounitofmeasure", name="factor"),
    schema="ax",
    comment="itemid '': of every item; a conversion works both ways",
)

TAX_GROUP = Table(
    "taxgroupdata",
    metadata,
    _company(),
    Column("taxgroup", String(10), nullable=False),
    Column("taxcode", String(10), nullable=False),
    PrimaryKeyConstraint("dataareaid", "taxgroup", "taxcode"),
    schema="ax",
    comment="sales tax group: its tax codes",
)

ITEM_TAX_GROUP = Table(
    "taxonitem",
    metadata,
    _company(),
    Column("taxitemgroup", String(10), nullable=False),
    Column("taxcode", String(10), nullable=False),
    PrimaryKeyConstraint("dataareaid", "taxitemgroup", "taxcode"),
    schema="ax",
    comment="item sales tax group: its tax codes",
)
