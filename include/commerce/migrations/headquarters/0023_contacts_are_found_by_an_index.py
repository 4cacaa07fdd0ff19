"""E-mail addresses and phone numbers are found by an index on their normal form, those of addresses, too."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column(
        "electronicaddressform",
        sa.Column("plain", sa.String(length=255), server_default=sa.text("''"), nullable=False),
        schema="ax",
    )
    op.create_table_comment(
        "electronicaddressform",
        "beside what was entered; what does not parse has a problem, and plain: lower case, no separators",
        existing_comment="beside the e-mail address or phone number as entered; one that does not parse has a problem and no form",
        schema="ax",
    )
    op.execute(
        r"""
        UPDATE ax.electronicaddressform AS f
        SET plain = CASE e.type WHEN 1 THEN lower(translate(e.locator, E' +-()./\u00a0', ''))
                                ELSE lower(btrim(e.locator)) END
        FROM ax.logisticselectronicaddress AS e WHERE e.recid = f.recid AND f.problem <> ''
        """
    )
    op.execute(
        "CREATE INDEX ix_electronicaddressform_lookup ON ax.electronicaddressform"
        " (reverse(normalized || plain) text_pattern_ops)"
    )
    op.execute(
        """
        INSERT INTO ax.customerchange (dataareaid, accountnum)
        SELECT DISTINCT c.dataareaid, c.accountnum FROM ax.logisticselectronicaddress AS e
        JOIN ax.dirpartylocation AS l ON l.location = e.location AND l.ispostaladdress = 1
        JOIN ax.custtable AS c ON c.party = l.party
        WHERE e.type IN (1, 2) AND e.locator <> ''
        ORDER BY 1, 2
        """
    )
