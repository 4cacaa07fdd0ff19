"""What has been handed to the general ledger: exports, and the vouchers that each of them holds."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from commerce.schema.headquarters.base import created, metadata

LEDGER_EXPORT = Table(
    "ledgerexport",
    metadata,
    Column("export", BigInteger, Identity(), primary_key=True),
    Column("datefrom", Date, nullable=True),
    Column("dateto", Date, nullable=True),
    Column("dataareaid", String(4), nullable=True),
    Column("store", String(10), nullable=True),
    Column("vouchers", BigInteger, nullable=False, server_default=text("0")),
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("checksum", String(64), nullable=False, server_default=text("''")),
    created(),
    CheckConstraint("datefrom <= dateto", name="dates"),
    schema="cdx",
    comment="an export that takes each voucher once; checksum: SHA-256 of its file, which can be written again",
)

LEDGER_EXPORT_VOUCHER = Table(
    "ledgerexportvoucher",
    metadata,
    Column("dataareaid", String(4), nullable=False),
    Column("voucher", String(20), nullable=False),
    Column("export", BigInteger, ForeignKey("cdx.ledgerexport.export"), nullable=False),
    PrimaryKeyConstraint("dataareaid", "voucher"),
    ForeignKeyConstraint(
        ["dataareaid", "voucher"], ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"]
    ),
    Index("ix_ledgerexportvoucher_export", "export"),
    schema="cdx",
    comment="the primary key holds a voucher to one export",
)
