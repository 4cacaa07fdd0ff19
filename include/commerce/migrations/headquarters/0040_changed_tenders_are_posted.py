"""Changed tenders are posted from one tender's account to the other's."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.add_column(
        "retailstatementshiftline",
        sa.Column("changetendermst", sa.Numeric(32, 6), server_default=sa.text("0"), nullable=False),
        schema="ax",
    )
