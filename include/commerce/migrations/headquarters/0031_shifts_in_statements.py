"""Financial statements: shifts, what was counted in them, and cash management; runs of the trickle feed; events have a
beginning and an end."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

_MONEY = sa.Numeric(32, 6)
_COUNTED = (
    "addedtodrawer",
    "removedfromdrawer",
    "changetender",
    "bankedamount",
    "safeamount",
    "countedamount",
    "differenceamount",
)
_DIFFERENCE = (
    "differenceamount = 0 OR differenceamount = countedamount + bankedamount + safeamount + removedfromdrawer"
    " - transamount - addedtodrawer - changetender"
)
_CASH_MANAGEMENT = "type IN (4, 5, 6, 7, 16, 17, 20)"
_SHIFT = ("storeid", "terminalid", "batchid")


def upgrade() -> None:
    _statements()
    _shifts()
    _entered_counts()
    _transactions()
    op.add_column(
        "retailtendertypetable",
        sa.Column("countingrequired", sa.Integer(), server_default=sa.text("1"), nullable=False),
        schema="ax",
    )
    op.execute("UPDATE ax.retailtendertypetable SET countingrequired = 0 WHERE function <> 0")
    op.drop_constraint("kind", "run", schema="cdx", type_="check")
    op.create_check_constraint(
        "kind",
        "run",
        "kind IN ('end_of_day', 'customer_sync', 'historical', 'history_upload', 'trickle_feed')",
        schema="cdx",
    )


def _statements() -> None:
    _add(
        "retailstatementtable",
        sa.Column("stafforterminal", sa.String(35), server_default=sa.text("''"), nullable=False),
    )
    op.create_table_comment(
        "retailstatementtable",
        "stafforterminal: the staff, terminal or shift (terminal:batch) that the statement is split off for",
        schema="ax",
    )
    for name, width in (("staffid", 25), ("terminalid", 10), ("uniqueshiftid", 35)):
        _add("retailstatementline", sa.Column(name, sa.String(width), server_default=sa.text("''"), nullable=False))
    for name in _COUNTED:
        _add("retailstatementline", _amount(name))
    op.drop_constraint("pk_retailstatementline", "retailstatementline", schema="ax", type_="primary")
    op.create_primary_key(
        "pk_retailstatementline",
        "retailstatementline",
        ["dataareaid", "statementid", "staffid", "terminalid", "uniqueshiftid", "tendertypeid", "currency"],
        schema="ax",
    )
    op.create_check_constraint("difference", "retailstatementline", _DIFFERENCE, schema="ax")
    op.create_table_comment(
        "retailstatementline",
        "a financial statement has a line per tender and staff, terminal or shift, as the store's statement method says",
        schema="ax",
    )
    log = "retaileodstatementcontrollerlog"
    _add(log, sa.Column("isendevent", sa.Integer(), server_default=sa.text("1"), nullable=False))
    _add(log, sa.Column("starteventid", sa.BigInteger(), nullable=True))
    _add(log, sa.Column("run", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        "isendevent", log, "isendevent IN (0, 1) AND (starteventid IS NULL OR isendevent = 1)", schema="ax"
    )


def _shifts() -> None:
    op.create_table(
        "retailstatementshift",
        sa.Column("dataareaid", sa.String(4), nullable=False),
        sa.Column("statementid", sa.String(20), nullable=False),
        *_shift_columns(),
        sa.PrimaryKeyConstraint(*_SHIFT, "statementid", "dataareaid", name=op.f("pk_retailstatementshift")),
        _statement("retailstatementshift"),
        _shift("retailstatementshift"),
        schema="ax",
        comment="the closed shifts of a financial statement; what comes late for a shift goes into a further statement",
    )
    op.create_index(
        "ix_retailstatementshift_statementid", "retailstatementshift", ["dataareaid", "statementid"], schema="ax"
    )
    op.create_table(
        "retailstatementshiftline",
        sa.Column("dataareaid", sa.String(4), nullable=False),
        sa.Column("statementid", sa.String(20), nullable=False),
        *_shift_columns(),
        sa.Column("tendertypeid", sa.String(10), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        _amount("transamount"),
        sa.Column("transcount", sa.Integer(), nullable=False),
        *(_amount(name) for name in _COUNTED),
        _amount("floatamount"),
        sa.Column("countedhow", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint(
            *_SHIFT, "tendertypeid", "currency", "statementid", "dataareaid", name=op.f("pk_retailstatementshiftline")
        ),
        sa.ForeignKeyConstraint(
            [*_SHIFT, "statementid", "dataareaid"],
            [f"ax.retailstatementshift.{column}" for column in (*_SHIFT, "statementid", "dataareaid")],
            name=op.f("fk_retailstatementshiftline_shift"),
        ),
        sa.CheckConstraint(_DIFFERENCE, name=op.f("ck_retailstatementshiftline_difference")),
        sa.CheckConstraint(
            "countedhow IN ('declared', 'entered', 'required', 'assumed')",
            name=op.f("ck_retailstatementshiftline_countedhow"),
        ),
        schema="ax",
        comment="what a financial statement says of a shift, per tender: what it adds to earlier statements of the"
        " shift; addedtodrawer is starting amounts and floatamount",
    )
    op.create_index(
        "ix_retailstatementshiftline_statementid",
        "retailstatementshiftline",
        ["dataareaid", "statementid"],
        schema="ax",
    )


def _entered_counts() -> None:
    op.create_table(
        "retailstatementcount",
        sa.Column("recid", sa.BigInteger(), server_default=sa.text("nextval('ax.recid')"), nullable=False),
        *_shift_columns(),
        sa.Column("tendertypeid", sa.String(10), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        _amount("countedamount"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("enteredby", sa.String(60), nullable=False),
        sa.Column("createddatetime", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("recid", name=op.f("pk_retailstatementcount")),
        _shift("retailstatementcount"),
        schema="ax",
        comment="amounts that a person in headquarters entered as counted; the last one of a tender and shift holds",
    )
    op.create_index("ix_retailstatementcount_storeid", "retailstatementcount", [*_SHIFT], schema="ax")


def _transactions() -> None:
    mark = "retaileodtransactiontable"
    op.alter_column(mark, "custaccount", nullable=True, schema="ax")
    op.create_check_constraint("custaccount", mark, f"(custaccount IS NULL) = ({_CASH_MANAGEMENT})", schema="ax")
    op.create_table_comment(
        mark,
        "the primary key holds a transaction to one statement; the foreign key holds it to a synchronized customer,"
        " whom only cash management has none of",
        schema="ax",
    )
    op.create_index(
        "ix_retailtransactiontable_cash",
        "retailtransactiontable",
        ["store", "businessdate"],
        schema="ax",
        postgresql_where=sa.text(_CASH_MANAGEMENT),
    )


def _add(table: str, column: sa.Column) -> None:  # type: ignore[type-arg]
    op.add_column(table, column, schema="ax")


def _amount(name: str) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, _MONEY, server_default=sa.text("0"), nullable=False)


def _shift_columns() -> list[sa.Column]:  # type: ignore[type-arg]
    return [
        sa.Column("storeid", sa.String(10), nullable=False),
        sa.Column("terminalid", sa.String(10), nullable=False),
        sa.Column("batchid", sa.BigInteger(), nullable=False),
    ]


def _statement(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["dataareaid", "statementid"],
        ["ax.retailstatementtable.dataareaid", "ax.retailstatementtable.statementid"],
        name=op.f(f"fk_{table}_dataareaid_statementid"),
    )


def _shift(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [*_SHIFT],
        [f"ax.retailposbatchtable.{column}" for column in _SHIFT],
        name=op.f(f"fk_{table}_storeid_terminalid_batchid"),
    )
