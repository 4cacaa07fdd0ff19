"""An export that is written again keeps the columns that it had: files have more now."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    op.add_column("ledgerexport", sa.Column("format", sa.Integer(), server_default="1", nullable=False), schema="cdx")
    op.alter_column("ledgerexport", "format", server_default=None, schema="cdx")
    op.create_table_comment(
        "ledgerexport",
        "an export that takes each voucher once; checksum: SHA-256 of its file, which can be written again; format:"
        " which columns that has",
        schema="cdx",
    )
