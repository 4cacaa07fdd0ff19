"""Shifts get financial statements from a date on; in stores that worked without these, from the day after their last
statement."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"

START = """
UPDATE ax.retailstoretable AS st SET financialstatementsfrom = s.latest + 1
FROM (SELECT storeid, max(businessdate) AS latest, bool_or(statementtype = 2) AS stated
      FROM ax.retailstatementtable GROUP BY storeid) AS s
WHERE s.storeid = st.storenumber AND NOT s.stated
  AND NOT EXISTS (SELECT FROM cdx.runstep AS r
                  WHERE r.step = 'calculate_statements' AND r.store = st.storenumber AND r.counts ? 'shifts')"""
"""A store that a version with financial statements has worked in (it counts shifts) goes on as it is: shifts of it may
still be open."""


def upgrade() -> None:
    op.add_column("retailstoretable", sa.Column("financialstatementsfrom", sa.Date(), nullable=True), schema="ax")
    op.create_table_comment(
        "retailstoretable",
        "financialstatementsfrom: shifts of earlier business dates get no financial statement; without it those of"
        " all dates that runs work on do",
        schema="ax",
    )
    op.execute(START)
