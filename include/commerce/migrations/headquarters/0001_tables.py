"""The tables, straight from the metadata, while they are still being designed."""

from alembic import op

from commerce.schema.headquarters import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
