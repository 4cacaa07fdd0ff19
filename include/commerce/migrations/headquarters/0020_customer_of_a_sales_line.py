"""A sales line names a customer only where it is another than its order's."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.alter_column("salesline", "custaccount", existing_type=sa.String(length=20), nullable=True, schema="ax")
    op.create_table_comment(
        "salesline",
        "custaccount: where it is another customer than the order's, whose foreign key holds for the others; one key less to look up for each line",
        schema="ax",
    )
    op.execute(
        "UPDATE ax.salesline AS l SET custaccount = NULL FROM ax.salestable AS o"
        " WHERE (o.dataareaid, o.salesid, o.custaccount) = (l.dataareaid, l.salesid, l.custaccount)"
    )
