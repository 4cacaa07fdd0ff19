"""Parameters of companies and stores (domain B4), and posting types and journals of all that a statement yields."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

_STORE_FLAGS = {
    "statementmethod": "2",
    "onestatementperday": "0",
    "separatestmtperstaffterminal": "0",
    "closingmethod": "1",
    "tenderdeclarationcalculation": "1",
    "startamountcalculation": "0",
    "bankdropcalculation": "0",
}
_STORE_AMOUNTS = (
    "maxroundingtaxamount",
    "maximumpostingdifference",
    "maxshiftdifferenceamount",
    "maxtransactiondifferenceamount",
)


def upgrade() -> None:
    op.create_table(
        "retailparameters",
        sa.Column("dataareaid", sa.String(4), nullable=False),
        sa.Column("disablecountingrequired", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("disableroundingdifferenceposting", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("maxlinesperaggregation", sa.Integer(), server_default=sa.text("1000"), nullable=False),
        sa.Column("donotaggregatereturns", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("orderholdcode", sa.String(10), server_default=sa.text("''"), nullable=False),
        sa.Column("pendingreferencehours", sa.Integer(), server_default=sa.text("24"), nullable=False),
        sa.CheckConstraint(
            "maxlinesperaggregation > 0 AND pendingreferencehours > 0", name=op.f("ck_retailparameters_positive")
        ),
        sa.ForeignKeyConstraint(
            ["dataareaid"], ["ax.dataarea.dataareaid"], name=op.f("fk_retailparameters_dataareaid")
        ),
        sa.PrimaryKeyConstraint("dataareaid", name=op.f("pk_retailparameters")),
        schema="ax",
        comment="Commerce parameters of a company; every company has a row",
    )
    op.execute("INSERT INTO ax.retailparameters (dataareaid) SELECT dataareaid FROM ax.dataarea")
    for name, default in _STORE_FLAGS.items():
        op.add_column(
            "retailstoretable",
            sa.Column(name, sa.Integer(), server_default=sa.text(default), nullable=False),
            schema="ax",
        )
    for name in _STORE_AMOUNTS:
        op.add_column(
            "retailstoretable",
            sa.Column(name, sa.Numeric(32, 6), server_default=sa.text("0"), nullable=False),
            schema="ax",
        )
    _check("retailstoretable", "method", "statementmethod BETWEEN 0 AND 3 AND closingmethod IN (0, 1)")
    _check(
        "retailstoretable",
        "calculation",
        "tenderdeclarationcalculation IN (0, 1) AND startamountcalculation IN (0, 1) AND bankdropcalculation IN (0, 1)",
    )
    _check(
        "retailstoretable",
        "maxima",
        "least(maxroundingtaxamount, maximumpostingdifference, maxshiftdifferenceamount,"
        " maxtransactiondifferenceamount) >= 0",
    )
    op.drop_constraint("postingtype", "ledgerposting", schema="ax", type_="check")
    _check(
        "ledgerposting",
        "postingtype",
        "postingtype IN ('CustomerBalance', 'Revenue', 'SalesTax', 'ChargeRevenue', 'RoundingDifference', "
        "'PeriodicDiscount', 'GiftCard', 'CountingDifference', 'Safe', 'Bank')",
    )
    op.drop_constraint("journalcategory", "generaljournalentry", schema="ax", type_="check")
    _check(
        "generaljournalentry",
        "journalcategory",
        "journalcategory IN ('invoice', 'payment', 'incomeexpense', 'deposit', 'rounding', 'discount', 'giftcard', "
        "'difference', 'cashmanagement')",
    )


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(name, table, condition, schema="ax")
