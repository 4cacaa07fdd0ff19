"""Who switched a validation rule off or on again, when and why."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"

# What is off already was switched off when its row came; who did it, and why, nobody has kept.
KNOWN = """
    INSERT INTO ax.retailtransactionvalidationrulechange
        (dataareaid, classid, methodname, state, changedby, reason, createddatetime)
    SELECT dataareaid, classid, methodname, 'disabled', 'unknown', 'from before reasons were kept', createddatetime
    FROM ax.retailtransactiondisabledvalidationrule ORDER BY createddatetime, dataareaid, classid, methodname
"""


def upgrade() -> None:
    op.create_table(
        "retailtransactionvalidationrulechange",
        sa.Column("changeid", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("dataareaid", sa.String(4), nullable=False),
        sa.Column("classid", sa.String(10), nullable=False),
        sa.Column("methodname", sa.String(40), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("changedby", sa.String(60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('disabled', 'enabled')", name=op.f("ck_retailtransactionvalidationrulechange_state")
        ),
        sa.CheckConstraint(
            "changedby <> '' AND reason <> ''", name=op.f("ck_retailtransactionvalidationrulechange_who_and_why")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"],
            ["ax.dataarea.dataareaid"],
            name=op.f("fk_retailtransactionvalidationrulechange_dataareaid"),
        ),
        sa.PrimaryKeyConstraint("changeid", name=op.f("pk_retailtransactionvalidationrulechange")),
        schema="ax",
        comment="who switched a validation rule off or on again, when and why; the last row of a rule says how it"
        " stands",
    )
    op.create_index(
        "ix_retailtransactionvalidationrulechange_rule",
        "retailtransactionvalidationrulechange",
        ["dataareaid", "classid", "methodname", "changeid"],
        schema="ax",
    )
    op.execute(KNOWN)
