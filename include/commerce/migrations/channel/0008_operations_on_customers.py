"""Operations on customers: administrators of business partners; a deactivated customer is not shown any more."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

VIEW = """
    CREATE VIEW {view} AS
    SELECT c.dataareaid, c.accountnum, r.custaccountasync, p.name, p.instancerelationtype AS relationshiptype,
           c.custgroup, c.currency, p.languageid, r.receiptemail, 0 AS isasynccustomer
    FROM {ax}custtable AS c
    JOIN {ax}dirpartytable AS p ON p.recid = c.party
    LEFT JOIN {ax}retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
    WHERE r.deactivateddatetime IS NULL
    UNION ALL
    SELECT a.dataareaid, a.custaccountasync, a.custaccountasync, a.custname, a.relationshiptype,
           a.custgroup, a.currency, a.languageid, a.receiptemail, 1
    FROM {ax}retailasynccustomerv2 AS a
    WHERE a.custaccountasync <> ''
      AND a.replicationcounterfromorigin = (
          SELECT max(latest.replicationcounterfromorigin) FROM {ax}retailasynccustomerv2 AS latest
          WHERE latest.custaccountasync = a.custaccountasync AND latest.dataareaid = a.dataareaid)
      AND a.operation <> 3
      AND NOT EXISTS (
          SELECT 1 FROM {ax}custaccountasyncmap AS m
          WHERE m.dataareaid = a.dataareaid AND m.custaccountasync = a.custaccountasync)
"""


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        _upgrade_postgresql()
    else:
        _upgrade_sqlite()


def _upgrade_postgresql() -> None:
    op.execute("DROP VIEW crt.customersview")
    op.add_column("retailasynccustomerv2", sa.Column("isb2badmin", sa.Integer(), nullable=True), schema="ax")
    # With a default for the rows that are there; job 1010 always brings a value.
    op.add_column(
        "retailcusttable", sa.Column("isb2badmin", sa.Integer(), server_default="0", nullable=False), schema="ax"
    )
    op.alter_column("retailcusttable", "isb2badmin", server_default=None, schema="ax")
    op.add_column(
        "retailcusttable", sa.Column("deactivateddatetime", sa.DateTime(timezone=True), nullable=True), schema="ax"
    )
    op.execute(VIEW.format(view="crt.customersview", ax="ax."))


def _upgrade_sqlite() -> None:
    op.execute("DROP VIEW customersview")
    # Never made anew: the table remembers the counters that it has handed out.
    op.add_column("retailasynccustomerv2", sa.Column("isb2badmin", sa.Integer(), nullable=True))
    with op.batch_alter_table("retailcusttable", recreate="always") as table:
        table.add_column(
            sa.Column("isb2badmin", sa.Integer(), server_default="0", nullable=False), insert_after="receiptoption"
        )
        table.add_column(sa.Column("deactivateddatetime", sa.Text(), nullable=True), insert_after="isb2badmin")
    with op.batch_alter_table("retailcusttable") as table:
        table.alter_column("isb2badmin", server_default=None)
    op.execute(VIEW.format(view="customersview", ax=""))
