"""Orders are found by the confirmation number that a channel gave them."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_index(
        "ix_retailtransactiontable_channelreferenceid",
        "retailtransactiontable",
        ["dataareaid", "channelreferenceid"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("channelreferenceid <> ''"),
    )
    op.create_index(
        "ix_salestable_channelreferenceid",
        "salestable",
        ["dataareaid", "channelreferenceid"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text("channelreferenceid <> ''"),
    )
