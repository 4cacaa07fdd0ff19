"""SQL that both the search for duplicates and the conversion use: parsing, names, and what counts as too common."""

from __future__ import annotations

from sqlalchemy import Connection, text

from commerce.schema.enums import ContactType

HOLDERS = {"email": 20, "phone": 20, "taxid": 20, "address": 100, "addressname": 100}
"""A value that more customers have than this identifies nobody (a cashier's own number, a shopping mall's address): it
makes no pair. So the pairs of a customer are bounded, however many share a value."""

PUNCTUATION = r"[\s.,;()_''-]"

LIMIT = "CASE kind " + " ".join(f"WHEN '{kind}' THEN {limit}" for kind, limit in HOLDERS.items()) + " END"


def name_sql(name: str) -> str:
    """A name for comparing: lower case, single spaces, no punctuation."""
    return f"btrim(regexp_replace(lower({name}), '{PUNCTUATION}+', ' ', 'g'))"


def value_sql(normalized: str) -> str:
    return f"md5({normalized})::uuid"


def taxid_sql(entered: str) -> str:
    """A tax id for comparing: letters and digits only, in capitals."""
    return f"upper(regexp_replace({entered}, '[^0-9A-Za-z]', '', 'g'))"


def common_sql(row: str) -> str:
    """Condition: more customers have the value of `row` (dataareaid, kind, value) than `HOLDERS` allows. Counting stops
    there: an address of 100,000 people costs no more than one of a hundred."""
    limit = LIMIT.replace("CASE kind", f"CASE {row}.kind")
    return f"""((SELECT count(*) FROM (
        SELECT FROM ax.customermatchkey AS h
        WHERE (h.dataareaid, h.kind, h.value) = ({row}.dataareaid, {row}.kind, {row}.value)
        LIMIT {limit} + 1) AS holder) > {limit})"""


_DISTINCT = """
    SELECT DISTINCT CAST(type AS int) AS type, CAST(country AS text) AS country, CAST(locator AS text) AS locator
    FROM {source}
"""
"""Cast, because the driver prepares a statement that comes often, and its result must have the same types always: the
temporary tables of a conversion and of a search are made from other columns."""


def parse_into_form(connection: Connection, source: str) -> int:
    """Parse the distinct values (type, country, locator) of temporary table `source` into a new temporary table `form`
    with the columns normalized and problem beside them; returns their number."""
    from commerce.customers.duplicates.forms import Entered, parse  # loads the libraries that know all countries

    found = connection.execute(text(_DISTINCT.format(source=source))).all()
    forms = parse(Entered(row.type, row.country, row.locator) for row in found)
    connection.execute(
        text(
            "CREATE TEMP TABLE form (type int, country text, locator text, normalized text, problem text)"
            " ON COMMIT DROP"
        )
    )
    connection.execute(
        text(
            "INSERT INTO form SELECT * FROM unnest(CAST(:types AS int[]), CAST(:countries AS text[]),"
            " CAST(:locators AS text[]), CAST(:forms AS text[]), CAST(:problems AS text[]))"
        ),
        {
            "types": [value.type for value in forms],
            "countries": [value.country for value in forms],
            "locators": [value.locator for value in forms],
            "forms": [form.normalized for form in forms.values()],
            "problems": [form.problem for form in forms.values()],
        },
    )
    connection.execute(text("ANALYZE form"))
    return len(forms)


KIND_OF_TYPE = f"CASE {{type}} WHEN {ContactType.EMAIL} THEN 'email' ELSE 'phone' END"
