"""The tables, straight from the metadata, while they are still being designed."""

from alembic import op

from commerce.schema.channel import CUSTOMERS_VIEW, CUSTOMERS_VIEW_SQL, metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.execute(f"CREATE VIEW {CUSTOMERS_VIEW} AS {CUSTOMERS_VIEW_SQL}")
