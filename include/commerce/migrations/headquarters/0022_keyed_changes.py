"""A change whose match keys are made waits for the search for pairs only."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column(
        "customerchange", sa.Column("keyed", sa.Boolean(), server_default=sa.text("false"), nullable=False), schema="ax"
    )
    op.create_table_comment(
        "customerchange",
        "customers to look at again, written with the change itself; keyed: match keys made, pairs not searched",
        schema="ax",
    )
