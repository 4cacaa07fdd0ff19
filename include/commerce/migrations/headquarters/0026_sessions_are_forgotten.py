"""Settled sessions go after a number of days; what a channel must have had by then is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column(
        "retailconndatabaseprofile",
        sa.Column("forgottensession", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.create_table_comment(
        "retailconndatabaseprofile",
        "a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation,"
        " fullsyncreason when it needs a full resynchronization; comparedownloads: it may have lost download sessions;"
        " incomplete: a person has canceled its full resynchronization; forgottensession: the highest of the applied"
        " download sessions that are not kept any more",
        schema="cdx",
    )
    op.add_column(
        "retailconnparameters",
        sa.Column("sessionretentiondays", sa.Integer(), server_default=sa.text("400"), nullable=False),
        schema="cdx",
    )
    op.drop_constraint("positive", "retailconnparameters", schema="cdx", type_="check")
    op.create_check_constraint(
        "positive",
        "retailconnparameters",
        "least(trycount, packageretentiondays, sessionspercall, secondspercall, behindminutes, awayhours,"
        " sessionretentiondays) > 0",
        schema="cdx",
    )
