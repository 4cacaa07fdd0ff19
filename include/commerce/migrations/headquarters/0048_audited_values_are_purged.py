"""Lines of the audit of transactions that still have a personal value are found by an index, until they are purged."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"

PERSONAL = (
    "attentiontoaddressline attributevaluestring buildingcompliment cardoraccount cellularphone city "
    "comment contactpersonid county custname deliveryname description districtname email "
    "externalidentityid firstname identificationnumber lastname locator locatorextension loyaltycardid "
    "middlename name organizationid phone phoneextension receiptemail salesname state street streetnumber "
    "url vatnum zip zipcode"
)


def upgrade() -> None:
    names = ", ".join(f"'{name}'" for name in PERSONAL.split())
    op.create_index(
        "ix_retailtransactionauditlogtable_unpurged",
        "retailtransactionauditlogtable",
        ["dataareaid", "createddatetime"],
        unique=False,
        schema="ax",
        postgresql_where=sa.text(f"fieldname IN ({names}) AND num_nonnulls(oldvalue, newvalue) > 0"),
    )
