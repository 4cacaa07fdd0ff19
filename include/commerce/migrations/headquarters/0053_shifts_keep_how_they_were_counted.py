"""Shifts in statements keep which of their declarations, starting amounts and bank drops count; those that are stated
already get what their store has now."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"

_SHIFT = "retailstatementshift"
_NAMES = ("tenderdeclarationcalculation", "startamountcalculation", "bankdropcalculation")

KNOWN = """
UPDATE ax.retailstatementshift AS m
SET tenderdeclarationcalculation = st.tenderdeclarationcalculation,
    startamountcalculation = st.startamountcalculation, bankdropcalculation = st.bankdropcalculation
FROM ax.retailstoretable AS st WHERE st.storenumber = m.storeid"""


def upgrade() -> None:
    for name in _NAMES:
        op.add_column(_SHIFT, sa.Column(name, sa.Integer(), nullable=True), schema="ax")
    op.execute(KNOWN)
    for name in _NAMES:
        op.alter_column(_SHIFT, name, nullable=False, schema="ax")
    op.create_check_constraint("calculation", _SHIFT, " AND ".join(f"{name} IN (0, 1)" for name in _NAMES), schema="ax")
    op.create_table_comment(
        _SHIFT,
        "the closed shifts of a financial statement, and which of their declarations, starting amounts and bank drops"
        " it counts; what comes late for a shift goes into a further statement, which counts the same",
        schema="ax",
    )
