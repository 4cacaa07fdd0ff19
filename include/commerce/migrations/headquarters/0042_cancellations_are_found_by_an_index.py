"""Requests for a cancellation are found without a look at every transaction of a store."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.create_index(
        "ix_retailtransactiontable_cancellation",
        "retailtransactiontable",
        ["store"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("type = 19 AND transactionordertype = 5"),
    )
