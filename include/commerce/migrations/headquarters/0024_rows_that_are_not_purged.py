"""Settled rows that still have personal data are found by an index, until they are purged."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

PERSONAL = {
    "retailasynccustomerv2": (
        "custname firstname middlename lastname phone phoneextension cellularphone email url receiptemail vatnum"
        " identificationnumber organizationid contactpersonid"
    ),
    "retailasyncaddressv2": (
        "custname street streetnumber buildingcompliment districtname city county zip phone email url"
    ),
    "retailasynccustomercontact": "locator locatorextension description",
    "retailasynccustomerattributev2": "attributevaluestring",
    "retailexternalidtoasynccustomermap": "externalidentityid",
}


def upgrade() -> None:
    for table, columns in PERSONAL.items():
        filled = " OR ".join(f"{column} <> ''" for column in columns.split())
        op.create_index(
            f"ix_{table}_unpurged",
            table,
            ["dataareaid", "syncdatetime"],
            unique=False,
            schema="ax",
            postgresql_where=sa.text(f"syncstatus IN (1, 3) AND ({filled})"),
        )
    op.create_index(
        "ix_quarantine_unpurged",
        "quarantine",
        [
            sa.literal_column("(rawdata ->> 'dataareaid')"),
            "tablename",
            sa.literal_column("coalesce(resolveddatetime, createddatetime)"),
        ],
        unique=False,
        schema="cdx",
        postgresql_where=sa.text("status <> 0 AND rawhash IS NULL"),
    )
