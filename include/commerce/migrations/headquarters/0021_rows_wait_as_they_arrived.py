"""Rows that wait are found as they arrived; a party has room on its page for its primary address."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TABLES = (
    "retailasynccustomerv2",
    "retailasyncaddressv2",
    "retailasynccustomercontact",
    "retailasynccustomeraffiliation",
    "retailasynccustomerattributev2",
    "retailexternalidtoasynccustomermap",
)


def upgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_pending", table_name=table, schema="ax")
        op.create_index(
            f"ix_{table}_pending",
            table,
            ["dataareaid", "recid"],
            unique=False,
            schema="ax",
            postgresql_where=sa.text("syncstatus = 0"),
        )
    op.execute("ALTER TABLE ax.dirpartytable SET (fillfactor = 45)")
