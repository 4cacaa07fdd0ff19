"""Tenders are counted in their own currency; what goes to the ledger is in the statement's."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"

_OF_SHIFT = (
    "transamountmst",
    "floatamountmst",
    "removedfromdrawermst",
    "bankedamountmst",
    "safeamountmst",
    "differenceamountmst",
)


def upgrade() -> None:
    for name in _OF_SHIFT:
        _add("retailstatementshiftline", name)
    _add("retailstatementline", "differenceamountmst")
    op.create_table_comment(
        "retailstatementline",
        "a financial statement has a line per tender and staff, terminal or shift, as the store's statement method says;"
        " amounts are in the tender's currency, those in -mst in the statement's",
        schema="ax",
    )
    op.create_table_comment(
        "retailstatementshiftline",
        "what a financial statement says of a shift, per tender: what it adds to earlier statements of the shift;"
        " addedtodrawer is starting amounts and floatamount; amounts are in the tender's currency, those in -mst in the"
        " statement's",
        schema="ax",
    )


def _add(table: str, name: str) -> None:
    op.add_column(table, sa.Column(name, sa.Numeric(32, 6), server_default=sa.text("0"), nullable=False), schema="ax")
