"""A store that does not post as business day posts what was sold after midnight on its calendar date."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("retailstatementtable", sa.Column("postingdate", sa.Date(), nullable=True), schema="ax")
    op.create_table_comment(
        "retailstatementtable",
        "stafforterminal: the staff, terminal or shift (terminal:batch) that the statement is split off for;"
        " postingdate: the date of its documents where that is not the business date",
        schema="ax",
    )
