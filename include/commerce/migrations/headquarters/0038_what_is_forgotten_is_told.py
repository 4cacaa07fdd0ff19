"""Which customers travelled in an old session is forgotten, too; how many rows the forgotten one had is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.add_column(
        "retailcdxdatagroup", sa.Column("forgottenuntil", sa.DateTime(timezone=True), nullable=True), schema="cdx"
    )
    op.create_table_comment(
        "retailcdxdatagroup",
        "channel database group: every database in it receives the customers of the group's company;"
        " forgottenuntil: of its sessions up to here it is not known any more which customers travelled in them",
        schema="cdx",
    )
    op.add_column(
        "retailconndatabaseprofile",
        sa.Column("forgottenrows", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="cdx",
    )
    op.create_table_comment(
        "retailconndatabaseprofile",
        "a channel database; stopreason is set when it was restored from a backup and waits for a new incarnation,"
        " fullsyncreason when it needs a full resynchronization; comparedownloads: it may have lost download sessions;"
        " incomplete: a person has canceled its full resynchronization; forgottensession: the highest of the applied"
        " download sessions that are not kept any more; forgottenrows: the rows of that one",
        schema="cdx",
    )
