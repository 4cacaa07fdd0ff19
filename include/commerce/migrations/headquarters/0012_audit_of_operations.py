"""What operations and people changed at asynchronous rows and their customers."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "asyncoperationaudit",
        sa.Column("auditid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tablename", sa.String(length=60), nullable=False),
        sa.Column("staged", sa.BigInteger(), nullable=True),
        sa.Column("dataareaid", sa.String(length=4), nullable=False),
        sa.Column("custaccountasync", sa.String(length=38), server_default=sa.text("''"), nullable=False),
        sa.Column("accountnum", sa.String(length=20), server_default=sa.text("''"), nullable=False),
        sa.Column("field", sa.String(length=60), server_default=sa.text("''"), nullable=False),
        sa.Column("oldvalue", sa.Text(), nullable=True),
        sa.Column("newvalue", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("changedby", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('applied', 'conflict', 'edited', 'linked', 'ignored', 'retried', 'resolved', 'erased')",
            name=op.f("ck_asyncoperationaudit_kind"),
        ),
        sa.PrimaryKeyConstraint("auditid", name=op.f("pk_asyncoperationaudit")),
        schema="ax",
        comment="what operations and people changed, field by field; staged: recid of the asynchronous row in tablename",
    )
    op.create_index(
        "ix_asyncoperationaudit_accountnum", "asyncoperationaudit", ["dataareaid", "accountnum"], schema="ax"
    )
    op.create_index(
        "ix_asyncoperationaudit_custaccountasync",
        "asyncoperationaudit",
        ["dataareaid", "custaccountasync"],
        schema="ax",
    )
    op.create_index("ix_asyncoperationaudit_staged", "asyncoperationaudit", ["tablename", "staged"], schema="ax")
