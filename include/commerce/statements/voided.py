"""The voided lines among a batch's sales: their taxes and discounts do not count (domain B3)."""

from sqlalchemy import Connection, text

from commerce.scope import key_sql, live_line_sql

_LINE_KEY = ("store", "terminalid", "transactionid")

CREATE_VOIDED_LINE = f"""
CREATE TEMP TABLE voided_line ON COMMIT DROP AS
SELECT s.{{number}}, s.store, s.terminal, s.transactionid, l.linenum
FROM {{sales}} AS s
JOIN ax.retailtransactionsalestrans AS l
     ON {key_sql("l", _LINE_KEY)} = {key_sql("s")} AND NOT ({live_line_sql("l")})"""


def gather_voided_lines(connection: Connection, sales: str = "sale", number: str = "orderno") -> None:
    """Temp table `voided_line`: those of the temp table `sales`, with its `number`, found by an index of voided
    lines."""
    connection.execute(text(CREATE_VOIDED_LINE.format(sales=sales, number=number)))
    connection.execute(text("ANALYZE voided_line"))
