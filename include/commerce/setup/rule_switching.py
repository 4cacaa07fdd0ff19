"""Switching validation rules off and on again, with who did it, when and why.

What is off stands in `ax.retailtransactiondisabledvalidationrule`, how it came there in
`ax.retailtransactionvalidationrulechange`. A rule that is so already stays as it is, and nothing is written.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, text

Switch = Literal["disabled", "enabled"]

_CHANGED = """
    INSERT INTO ax.retailtransactionvalidationrulechange (dataareaid, classid, methodname, state, changedby, reason)
    SELECT dataareaid, classid, methodname, :state, :by, :reason FROM switched
"""
_SWITCH = {
    "disabled": text(f"""
        WITH switched AS (
            INSERT INTO ax.retailtransactiondisabledvalidationrule (dataareaid, classid, methodname)
            VALUES (:company, :part, :rule) ON CONFLICT DO NOTHING RETURNING dataareaid, classid, methodname)
        {_CHANGED}
    """),
    "enabled": text(f"""
        WITH switched AS (
            DELETE FROM ax.retailtransactiondisabledvalidationrule
            WHERE (dataareaid, classid, methodname) = (:company, :part, :rule)
            RETURNING dataareaid, classid, methodname)
        {_CHANGED}
    """),
}


def switch_rule(
    connection: Connection, state: Switch, *, company: str, part: str, rule: str, by: str, reason: str
) -> bool:
    """Switch one rule of `company` in the caller's transaction; returns whether it was not so already."""
    values = {"company": company, "part": part, "rule": rule, "state": state, "by": by, "reason": reason.strip()}
    return connection.execute(_SWITCH[state], values).rowcount > 0
