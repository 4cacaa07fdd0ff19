"""Runs of the trickle feed do not ask whether a store's business day has ended."""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.create_table_comment(
        "runstore",
        "closed: 1 when the store's business day had ended when the run was opened, or the run does not ask"
        " (trickle feed); 0: not yet closed, not posted",
        schema="cdx",
    )
