"""Attributes of asynchronous customers (domain A2): known attributes only, and values of the attribute's type."""

from __future__ import annotations

from commerce.customers.dependents import Kind
from commerce.schema.enums import AttributeDataType

_DECIMAL = r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)\s*$"
_INTEGER = r"^\s*[+-]?\d{1,18}\s*$"
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?"
_DATE_TIME = f"^{_DATE}([T ]{_TIME})?$"
_TRUE_FALSE = "^(true|false|yes|no|0|1)$"

_FORMS = {
    AttributeDataType.CURRENCY: _DECIMAL,
    AttributeDataType.DECIMAL: _DECIMAL,
    AttributeDataType.INTEGER: _INTEGER,
    AttributeDataType.DATE_TIME: _DATE_TIME,
    AttributeDataType.TRUE_FALSE: _TRUE_FALSE,
}
_WRONG_VALUE = " OR ".join(
    f"(a.datatype = {int(kind)} AND s.attributevaluestring !~* '{form}')" for kind, form in _FORMS.items()
).replace(":", r"\:")
"""Colons escaped: SQLAlchemy would take them for bind parameters."""

_ADD = """
    WITH chosen AS (
        SELECT DISTINCT ON (accountnum, attribute) * FROM work WHERE reason = '' ORDER BY accountnum, attribute, ordinal
    ), added AS (
        INSERT INTO ax.retailcustattributevalue (dataareaid, accountnum, attribute, attributedatatype, textvalue)
        SELECT dataareaid, accountnum, attribute, datatype, value FROM chosen ORDER BY accountnum, attribute
        ON CONFLICT DO NOTHING
        RETURNING accountnum, attribute)
    UPDATE work SET made = TRUE FROM chosen JOIN added USING (accountnum, attribute) WHERE work.recid = chosen.recid
"""

ATTRIBUTES = Kind(
    table="retailasynccustomerattributev2",
    counted="attributes",
    columns="s.attributerecid AS attribute, a.datatype, s.attributevaluestring AS value",
    reason=f"""CASE WHEN a.recid IS NULL THEN 'attributerecid: attribute ' || s.attributerecid || ' is not set up'
                    WHEN s.attributedatatype NOT IN (0, a.datatype)
                    THEN 'attributedatatype: ' || s.attributedatatype || ' is not the attribute''s type ' || a.datatype
                    WHEN {_WRONG_VALUE} THEN 'attributevaluestring: not a value of the attribute''s type ' || a.datatype
                    ELSE '' END""",
    joins="LEFT JOIN ax.ecoresattribute AS a ON a.recid = s.attributerecid",
    statements=(_ADD,),
    shared_key="attributerecid",
)
