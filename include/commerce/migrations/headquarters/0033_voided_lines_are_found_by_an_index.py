"""Voided sales lines, and those that sell gift cards, are few and found by indexes of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    for name, condition in (("voided", "transactionstatus = 1"), ("giftcard", "giftcard <> 0")):
        op.create_index(
            f"ix_retailtransactionsalestrans_{name}",
            "retailtransactionsalestrans",
            ["store", "terminalid", "transactionid", "linenum"],
            schema="ax",
            postgresql_where=sa.text(condition),
        )
