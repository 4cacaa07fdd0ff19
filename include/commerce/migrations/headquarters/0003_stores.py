"""Stores and their channels."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "retailchanneltable",
        sa.Column(
            "recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), autoincrement=False, nullable=False
        ),
        sa.Column("retailchannelid", sa.String(length=10), nullable=False),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("channeltimezoneinfoid", sa.String(length=60), nullable=False),
        sa.Column("defaultcustaccount", sa.String(length=20), nullable=False),
        sa.Column("defaultcustdataareaid", sa.String(length=4), nullable=False),
        sa.Column("inventlocation", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("cutoverdate", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_retailchanneltable_dataareaid")
        ),
        sa.ForeignKeyConstraint(
            ["defaultcustdataareaid", "defaultcustaccount"],
            ["ax.custtable.dataareaid", "ax.custtable.accountnum"],
            name=op.f("fk_retailchanneltable_defaultcustdataareaid_defaultcustaccount"),
        ),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailchanneltable")),
        sa.UniqueConstraint(
            "retailchannelid", "dataareaid", name=op.f("uq_retailchanneltable_retailchannelid_dataareaid")
        ),
        sa.UniqueConstraint("retailchannelid", name=op.f("uq_retailchanneltable_retailchannelid")),
        schema="ax",
    )
    op.create_table(
        "retailstoretable",
        sa.Column("recid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("storenumber", sa.String(length=10), nullable=False),
        sa.Column("taxgroup", sa.String(length=10), server_default=sa.text("''"), nullable=False),
        sa.Column("stmtcalcbatchendtime", sa.Time(), server_default=sa.text("'00:00'"), nullable=False),
        sa.Column("stmtpostasbusinessday", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "maxroundingamount", sa.Numeric(precision=32, scale=6), server_default=sa.text("0.05"), nullable=False
        ),
        sa.Column("roundingunit", sa.Numeric(precision=32, scale=6), server_default=sa.text("0.01"), nullable=False),
        sa.CheckConstraint("maxroundingamount >= 0 AND roundingunit > 0", name=op.f("ck_retailstoretable_rounding")),
        sa.ForeignKeyConstraint(["recid"], ["ax.retailchanneltable.recid"], name=op.f("fk_retailstoretable_recid")),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailstoretable")),
        sa.UniqueConstraint("storenumber", name=op.f("uq_retailstoretable_storenumber")),
        schema="ax",
    )
