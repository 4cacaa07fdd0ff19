"""A line of a sales order says whether it sells a gift card."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"

KNOWN = """
    UPDATE ax.salesline AS s SET giftcard = 1
    FROM ax.retailsalestable AS r
    JOIN ax.retailtransactionsalestrans AS l
        ON (l.store, l.terminalid, l.transactionid) = (r.store, r.terminal, r.transactionid) AND l.giftcard <> 0
    WHERE (s.dataareaid, s.salesid, s.linenum) = (r.dataareaid, r.salesid, l.linenum)
"""


def upgrade() -> None:
    op.add_column(
        "salesline", sa.Column("giftcard", sa.Integer(), server_default=sa.text("0"), nullable=False), schema="ax"
    )
    op.create_table_comment(
        "salesline",
        "custaccount: where it is another customer than the order's, whose foreign key holds for the others; one key"
        " less to look up for each line; giftcard: 1 for a line of a channel's order that sells a gift card, which is"
        " owed when it is invoiced (inferred; statements post their own gift cards)",
        schema="ax",
    )
    op.execute(KNOWN)
