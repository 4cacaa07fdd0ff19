"""Taxes are posted as receipts say: there is no tax difference, and no maximum of it."""

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.drop_constraint("maxima", "retailstoretable", schema="ax", type_="check")
    op.drop_column("retailstoretable", "maxroundingtaxamount", schema="ax")
    op.create_check_constraint(
        "maxima",
        "retailstoretable",
        "least(maximumpostingdifference, maxshiftdifferenceamount, maxtransactiondifferenceamount) >= 0",
        schema="ax",
    )
