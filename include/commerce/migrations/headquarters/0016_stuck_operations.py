"""Failed and ignored operations are few among millions, and people look for just these."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

TABLES = {
    "retailasynccustomerv2": "custaccountasync",
    "retailasyncaddressv2": "custaccountasync",
    "retailasynccustomercontact": "custaccountasync",
    "retailasynccustomeraffiliation": "custaccountasync",
    "retailasynccustomerattributev2": "custaccountasync",
    "retailexternalidtoasynccustomermap": "asynccustomeraccountnumber",
}


def upgrade() -> None:
    for table, guid in TABLES.items():
        op.create_index(
            f"ix_{table}_stuck",
            table,
            ["dataareaid", guid],
            schema="ax",
            postgresql_where=sa.text("syncstatus IN (2, 3)"),
        )
