"""Who settled a row in quarantine, and what was changed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "quarantineaudit",
        sa.Column("auditid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("quarantineid", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("field", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("oldvalue", sa.Text(), nullable=True),
        sa.Column("newvalue", sa.Text(), nullable=True),
        sa.Column("changedby", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('fixed', 'retried', 'ignored')", name=op.f("ck_quarantineaudit_kind")),
        sa.ForeignKeyConstraint(
            ["quarantineid"],
            ["cdx.quarantine.quarantineid"],
            name=op.f("fk_quarantineaudit_quarantineid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("auditid", name=op.f("pk_quarantineaudit")),
        schema="cdx",
        comment="who settled a quarantined row, and what was changed; goes with the row",
    )
    op.create_index(
        op.f("ix_quarantineaudit_quarantineid"), "quarantineaudit", ["quarantineid"], unique=False, schema="cdx"
    )
