"""Uploads of channels on PostgreSQL go in rounds between two snapshots."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "uploadwatermark",
        sa.Column("roundcounter", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.add_column(
        "uploadwatermark",
        sa.Column("openshifts", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        schema="cdx",
    )
    op.create_table_comment(
        "uploadwatermark",
        "contenthash: of the row at the counter, read again by the next upload to notice a restored backup; roundcounter: how far the round under way is taken (uploadround); openshifts: counters of shifts that were passed while they were open",
        schema="cdx",
    )
    op.create_table(
        "uploadround",
        sa.Column("datastore", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=10), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("taken", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("underway", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["datastore"],
            ["cdx.retailconndatabaseprofile.recid"],
            name=op.f("fk_uploadround_datastore"),
        ),
        sa.PrimaryKeyConstraint("datastore", "incarnation", "stream", name=op.f("pk_uploadround")),
        schema="cdx",
        comment="channels on PostgreSQL, snapshots (pg_snapshot) of the channel: all rows visible in taken are taken; those visible in underway are being taken, slice by slice; server: whose transaction ids they are",
    )
