"""A sum that is cheap for groups of few rows."""

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    # sum() sets up a state for each group and takes it down again, which costs more than to add a few amounts up.
    op.execute(
        "CREATE AGGREGATE ax.sum_of_few (numeric)"
        " (SFUNC = numeric_add, STYPE = numeric, COMBINEFUNC = numeric_add, PARALLEL = SAFE)"
    )
