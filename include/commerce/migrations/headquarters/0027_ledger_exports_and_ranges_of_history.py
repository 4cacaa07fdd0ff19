"""Vouchers go to the general ledger once; a historical run may work several business dates."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "ledgerexport",
        sa.Column("export", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("datefrom", sa.Date(), nullable=True),
        sa.Column("dateto", sa.Date(), nullable=True),
        sa.Column("dataareaid", sa.String(length=4), nullable=True),
        sa.Column("store", sa.String(length=10), nullable=True),
        sa.Column("vouchers", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("checksum", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("datefrom <= dateto", name=op.f("ck_ledgerexport_dates")),
        sa.PrimaryKeyConstraint("export", name=op.f("pk_ledgerexport")),
        schema="cdx",
        comment="an export that takes each voucher once; checksum: SHA-256 of its file, which can be written again",
    )
    op.create_table(
        "ledgerexportvoucher",
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("voucher", sa.String(length=20), nullable=False),
        sa.Column("export", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataareaid", "voucher"],
            ["ax.generaljournalentry.dataareaid", "ax.generaljournalentry.voucher"],
            name=op.f("fk_ledgerexportvoucher_dataareaid_voucher"),
        ),
        sa.ForeignKeyConstraint(["export"], ["cdx.ledgerexport.export"], name=op.f("fk_ledgerexportvoucher_export")),
        sa.PrimaryKeyConstraint("dataareaid", "voucher", name=op.f("pk_ledgerexportvoucher")),
        schema="cdx",
        comment="the primary key holds a voucher to one export",
    )
    op.create_index("ix_ledgerexportvoucher_export", "ledgerexportvoucher", ["export"], unique=False, schema="cdx")

    op.add_column("run", sa.Column("businessdatefrom", sa.Date(), nullable=True), schema="cdx")
    op.create_table_comment(
        "run",
        "businessdatefrom: the first business date of a historical run that works several, to businessdate",
        schema="cdx",
    )
    op.drop_constraint("kind", "run", schema="cdx", type_="check")
    op.drop_constraint("businessdate", "run", schema="cdx", type_="check")
    op.create_check_constraint(
        "kind", "run", "kind IN ('end_of_day', 'customer_sync', 'historical', 'history_upload')", schema="cdx"
    )
    op.create_check_constraint(
        "businessdate",
        "run",
        "(kind IN ('customer_sync', 'history_upload')) = (businessdate IS NULL)",
        schema="cdx",
    )
    op.create_check_constraint(
        "businessdatefrom",
        "run",
        "businessdatefrom IS NULL OR (kind = 'historical' AND businessdatefrom <= businessdate)",
        schema="cdx",
    )
