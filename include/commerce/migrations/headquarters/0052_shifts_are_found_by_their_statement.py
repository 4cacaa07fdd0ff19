"""Shifts in statements and their lines are found by their statement first, by one index that the foreign key uses, too."""

from alembic import op

revision = "0052"
down_revision = "0051"

_SHIFT = ("storeid", "terminalid", "batchid")
_STATED = ("dataareaid", "statementid", *_SHIFT)
_REFERENCE = "fk_retailstatementshiftline_shift"
_TABLES = {"retailstatementshift": _STATED, "retailstatementshiftline": (*_STATED, "tendertypeid", "currency")}


def upgrade() -> None:
    op.drop_constraint(_REFERENCE, "retailstatementshiftline", schema="ax", type_="foreignkey")
    for table, key in _TABLES.items():
        op.drop_constraint(f"pk_{table}", table, schema="ax", type_="primary")
        op.create_primary_key(f"pk_{table}", table, [*key], schema="ax")
        op.create_index(f"ix_{table}_storeid", table, [*_SHIFT], schema="ax")
        op.drop_index(f"ix_{table}_statementid", table, schema="ax")
    op.create_foreign_key(
        _REFERENCE,
        "retailstatementshiftline",
        "retailstatementshift",
        [*_STATED],
        [*_STATED],
        source_schema="ax",
        referent_schema="ax",
    )
