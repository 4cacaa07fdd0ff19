"""The vouchers of a statement are found by an index."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_index(
        "ix_retailstatementvoucher_statementid", "retailstatementvoucher", ["dataareaid", "statementid"], schema="ax"
    )
