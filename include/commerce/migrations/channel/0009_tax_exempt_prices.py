"""Tax exemption where prices include tax: the original price, and what the exemption takes off."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

COLUMNS = ("taxexemptpriceinclusiveoriginalprice", "taxexemptpriceinclusivereductionamount")


def upgrade() -> None:
    on_postgresql = op.get_context().dialect.name == "postgresql"
    kind, schema = (sa.Numeric(32, 6), "ax") if on_postgresql else (sa.Text(), None)
    for table in ("retailtransactionsalestrans", "retailtransactionmarkuptrans"):
        for column in COLUMNS:
            op.add_column(table, sa.Column(column, kind, nullable=True), schema=schema)
