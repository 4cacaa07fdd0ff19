"""A customer may have several aggregated transactions in a statement; gift cards, and money in other currencies, have
a place in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

ZERO = sa.text("0")
MONEY = sa.Numeric(precision=32, scale=6)


def upgrade() -> None:
    _number_aggregations()
    for table in ("retaileodstatementaggregation", "salestable", "generaljournalentry"):
        op.add_column(
            table,
            sa.Column("defaultdimension", sa.BigInteger(), server_default=ZERO, nullable=False),
            schema="ax",
        )
    _amounts_in_two_currencies()
    op.drop_constraint("function", "retailtendertypetable", schema="ax", type_="check")
    op.create_check_constraint("function", "retailtendertypetable", "function IN (0, 1, 3, 5)", schema="ax")


def _number_aggregations() -> None:
    """Until now a statement had one aggregated transaction a customer."""
    op.add_column("retaileodstatementaggregation", sa.Column("aggregation", sa.Integer(), nullable=True), schema="ax")
    op.execute(
        "UPDATE ax.retaileodstatementaggregation AS a SET aggregation = n.aggregation"
        " FROM (SELECT dataareaid, statementid, custaccount, row_number() OVER ("
        '           PARTITION BY dataareaid, statementid ORDER BY custaccount COLLATE "C") AS aggregation'
        "       FROM ax.retaileodstatementaggregation) AS n"
        " WHERE (a.dataareaid, a.statementid, a.custaccount) = (n.dataareaid, n.statementid, n.custaccount)"
    )
    op.alter_column("retaileodstatementaggregation", "aggregation", nullable=False, schema="ax")
    op.drop_constraint("pk_retaileodstatementaggregation", "retaileodstatementaggregation", schema="ax")
    op.create_primary_key(
        op.f("pk_retaileodstatementaggregation"),
        "retaileodstatementaggregation",
        ["dataareaid", "statementid", "aggregation"],
        schema="ax",
    )
    op.create_check_constraint("aggregation", "retaileodstatementaggregation", "aggregation > 0", schema="ax")
    op.create_table_comment(
        "retaileodstatementaggregation",
        "one sales order and invoice each; the store's default customer gathers the nameless sales",
        schema="ax",
    )
    op.add_column("retaileodtransactiontable", sa.Column("aggregation", sa.Integer(), nullable=True), schema="ax")
    op.execute(
        "UPDATE ax.retaileodtransactiontable AS e SET aggregation = a.aggregation"
        " FROM ax.retaileodstatementaggregation AS a WHERE e.type = 2"
        " AND (e.dataareaid, e.statementid, e.custaccount) = (a.dataareaid, a.statementid, a.custaccount)"
    )
    op.create_table_comment(
        "retaileodtransactiontable",
        "the primary key holds a transaction to one statement; the foreign key holds it to a synchronized customer,"
        " whom only cash management has none of; aggregation: the aggregated transaction that a sale went into",
        schema="ax",
    )


def _amounts_in_two_currencies() -> None:
    """Until now everything was in the store's currency."""
    for table, column, amount, comment in (
        (
            "retailstatementline",
            "transamountmst",
            "transamount",
            "a financial statement has a line per tender and staff, terminal or shift, as the store's statement method"
            " says; transamountmst is transamount in the statement's currency",
        ),
        (
            "ledgerjournaltrans",
            "amountmst",
            "amount",
            "amount: what was paid with the tender, change already taken off; negative when money went back;"
            " amountmst: the same in the voucher's currency",
        ),
    ):
        op.add_column(table, sa.Column(column, MONEY, server_default=ZERO, nullable=False), schema="ax")
        op.execute(f"UPDATE ax.{table} SET {column} = {amount}")
        op.create_table_comment(table, comment, schema="ax")
    entry = "generaljournalaccountentry"
    op.add_column(entry, sa.Column("transactioncurrency", sa.String(length=3), nullable=True), schema="ax")
    op.add_column(entry, sa.Column("transactioncurrencyamount", MONEY, nullable=True), schema="ax")
    op.create_table_comment(
        entry,
        "transactioncurrency and its amount (positive on the debit side): where money was paid in another currency than"
        " the voucher's",
        schema="ax",
    )
