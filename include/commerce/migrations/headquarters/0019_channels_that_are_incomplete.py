"""A channel whose full resynchronization was canceled is known as incomplete."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column(
        "retailconndatabaseprofile",
        sa.Column("incomplete", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.create_table_comment(
        "retailconndatabaseprofile",
        "a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation, fullsyncreason when it needs a full resynchronization; comparedownloads: it may have lost download sessions; incomplete: a person has canceled its full resynchronization",
        existing_comment="a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation, fullsyncreason when it needs a full resynchronization; comparedownloads: it may have lost download sessions",
        schema="cdx",
    )
