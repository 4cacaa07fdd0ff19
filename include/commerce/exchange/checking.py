"""The exact check of landed rows, set-based in SQL and built from the field metadata: who fails is put into the `bad`
table.

Nothing is cut or replaced by a default on the way: a value is taken as it is or its row goes to quarantine. Reasons
name columns, never values.
"""

from __future__ import annotations

from commerce.exchange.channels import FOREIGN_STORE, ChannelDatabase
from commerce.exchange.dialects import COUNTER
from commerce.exchange.landing import BAD, landing_name
from commerce.exchange.screening import place_columns
from commerce.schema.fields import Field
from commerce.schema.uploaded import UploadedTable

_DATE = r"^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6}0*)?)?( ?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?))?)?$"
_DECIMAL = r"^-?(\d{1,26}(\.\d{0,6}0*)?|\.\d{1,6}0*)$"
"""numeric(32, 6): 26 digits, six decimals; zeros beyond lose nothing."""


def literal(value: str) -> str:
    """A string constant in SQL."""
    return "'" + value.replace("'", "''") + "'"


def check_statement(table: UploadedTable, database: ChannelDatabase) -> str:
    """INSERT into the `bad` table of every landed row of `table` that headquarters cannot take, with the reasons."""
    reasons = f"concat_ws('; ', {', '.join([*_value_faults(table), *_place_faults(table, database)])})"
    return (
        f"INSERT INTO {BAD} SELECT {literal(table.name)}, c.{COUNTER}, c.reason"
        f" FROM (SELECT l.{COUNTER}, {reasons} AS reason FROM {landing_name(table)} AS l) AS c WHERE c.reason <> ''"
    )


def value_faults_sql(table: UploadedTable) -> str:
    """SQL expression over a row l of text columns: what is wrong with its values; '' where nothing is."""
    return f"concat_ws('; ', {', '.join(_value_faults(table))})"


def _value_faults(table: UploadedTable) -> list[str]:
    return [f"CASE WHEN {_fault(field)} THEN {literal(_reason(field))} END" for field in table.fields]


def _fault(field: Field) -> str:
    """SQL condition, never NULL: the value of `field` cannot be taken."""
    value = f"l.{field.name}"
    wrong = f"({value} IS NOT NULL AND NOT {_valid(field, value)})"
    return f"({value} IS NULL OR {wrong})" if field.required else wrong


def _valid(field: Field, value: str) -> str:
    if field.kind == "text":
        return f"char_length({value}) <= {field.width}"
    if field.kind == "decimal":
        return f"{value} ~ '{_DECIMAL}'"
    if field.kind == "date":
        return _valid_date(value, _DATE + "$")
    if field.kind == "datetime":
        return _valid_date(value, _DATE + _TIME)
    digits, bits = (10, 31) if field.kind == "integer" else (19, 63)
    return (
        f"(CASE WHEN {value} ~ '^-?\\d{{1,{digits}}}$'"
        f" THEN {value}::numeric BETWEEN {-(2**bits)} AND {2**bits - 1} ELSE false END)"
    )


def _valid_date(value: str, pattern: str) -> str:
    """The pattern admits 31 days for every month; the last day of the month decides."""
    last_day = f"extract(day FROM (left({value}, 7) || '-01')::date + interval '1 month - 1 day')"
    return f"(CASE WHEN {value} ~ '{pattern}' THEN substr({value}, 9, 2)::integer <= {last_day} ELSE false END)"


def _reason(field: Field) -> str:
    wanted = {
        "text": f"longer than {field.width}",
        "integer": "no integer",
        "bigint": "no integer",
        "decimal": "no decimal number of at most six decimals",
        "date": "no date",
        "datetime": "no date and time",
    }[field.kind]
    return f"{field.name}: missing or {wanted}" if field.required else f"{field.name}: {wanted}"


def _place_faults(table: UploadedTable, database: ChannelDatabase) -> list[str]:
    """A row must be of a store that its database serves, and of that store's company."""
    store, company = place_columns(table)
    if store is None:
        companies = ", ".join(literal(name) for name in database.companies)
        return [
            f"CASE WHEN l.{company} NOT IN ({companies}) THEN '{company}: not a company of this channel database' END"
        ]
    stores = ", ".join(literal(served.store) for served in database.stores)
    pairs = ", ".join(f"({literal(served.store)}, {literal(served.company)})" for served in database.stores)
    return [
        f"CASE WHEN l.{store} NOT IN ({stores}) THEN '{store}: {FOREIGN_STORE}'"
        f" WHEN (l.{store}, l.{company}) NOT IN ({pairs}) THEN '{company}: not the company of the store' END"
    ]
