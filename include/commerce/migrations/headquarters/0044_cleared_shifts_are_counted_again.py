"""A further financial statement of a shift is cleared, and the shift is counted again."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"

_SHIFT = ("storeid", "terminalid", "batchid")


def upgrade() -> None:
    op.create_table(
        "retailstatementlateshift",
        sa.Column("storeid", sa.String(10), nullable=False),
        sa.Column("terminalid", sa.String(10), nullable=False),
        sa.Column("batchid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*_SHIFT, name=op.f("pk_retailstatementlateshift")),
        sa.ForeignKeyConstraint(
            [*_SHIFT],
            [f"ax.retailposbatchtable.{column}" for column in _SHIFT],
            name=op.f("fk_retailstatementlateshift_storeid_terminalid_batchid"),
        ),
        schema="ax",
        comment="shifts of a financial statement that was cleared which stand in another one, too: the next"
        " calculation counts them again",
    )
