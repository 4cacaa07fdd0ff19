"""Asynchronous customers in any number, the same at every run: as registers write them, and as an upload leaves them.

Proportions follow the demo: everybody has an address and an e-mail address or a phone number, every fortieth is an
organization, every ninth has an attribute, every sixth an affiliation and every fifth one more contact.
"""

from __future__ import annotations

from pathlib import Path

import adbc_driver_sqlite.dbapi
import duckdb
import psycopg

from bench.installation import conninfo
from commerce.demo.setup_document import SHOE_SIZE, STAFF, VIP
from commerce.schema.enums import AttributeDataType
from commerce.schema.headquarters.uploads import UPLOADS

BATCH_ROWS = 50_000
_GUID = "regexp_replace(md5({text}), '(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})', '\\1-\\2-\\3-\\4-\\5')"


def _guid(kind: str) -> str:
    return _GUID.format(text=f"'{kind}' || i")


_PEOPLE = f"""
CREATE TEMP TABLE person AS
SELECT i, {_guid("customer")} AS guid, i % 40 = 0 AS organization,
       ['Anna', 'Jan', 'Kari', 'Ola', 'Ingrid', 'Erik', 'Maria', 'Lars', 'Eva', 'Nils'][1 + i % 10] AS firstname,
       ['Hansen', 'Berg', 'Lund', 'Dahl', 'Moen', 'Holm', 'Vik'][1 + i // 10 % 7] || i // 70 AS lastname,
       strftime(TIMESTAMP '2026-03-02 09:00:00' + to_milliseconds(i * 10), '%Y-%m-%dT%H:%M:%S.%fZ') AS createddatetime,
       '+47' || lpad((i * 7919 % 100000000)::text, 8, '0') AS phone
FROM range(?, ?) AS r (i)
"""
_OF = "guid AS custaccountasync, 1 AS operation, createddatetime, 'USMF' AS dataareaid"
ROWS: dict[str, str] = {
    "retailasynccustomerv2": f"""
        SELECT {_OF}, CASE WHEN organization THEN lastname || ' Trading LLC' ELSE firstname || ' ' || lastname END
                   AS custname,
               CASE WHEN organization THEN '' ELSE firstname END AS firstname,
               CASE WHEN organization THEN '' ELSE lastname END AS lastname,
               CASE WHEN organization THEN 2 ELSE 1 END AS relationshiptype,
               CASE WHEN organization THEN '40' ELSE '' END AS custgroup,
               CASE WHEN i % 10 = 1 THEN '' ELSE 'USD' END AS currency, 'en-US' AS languageid,
               phone, CASE WHEN i % 3 = 0 THEN phone ELSE '' END AS cellularphone,
               lower(firstname || '.' || lastname) || '@example.com' AS email,
               CASE WHEN i % 2 = 0 THEN lower(firstname || '.' || lastname) || '@example.com' ELSE '' END
                   AS receiptemail,
               CASE WHEN i % 2 = 0 THEN 1 ELSE 0 END AS receiptoption
        FROM person ORDER BY i""",
    "retailasyncaddressv2": f"""
        SELECT {_OF}, {_guid("address")} AS addressid, firstname || ' ' || lastname AS custname,
               'Storgata' AS street, (1 + i % 199)::text AS streetnumber, 'Oslo' AS city, 'OSLO' AS county,
               lpad((i % 1300)::text, 4, '0') AS zip, 'NOR' AS country, 1 AS makepostaladdressprimary
        FROM person ORDER BY i""",
    "retailasynccustomercontact": f"""
        SELECT {_OF}, {_guid("contact")} AS contactid, 2 AS contacttype, 'home' || i || '@example.com' AS locator,
               'Private e-mail' AS description, 0 AS isprimary, 0 AS retailmarketingoptin
        FROM person WHERE i % 5 = 0 ORDER BY i""",
    "retailasynccustomeraffiliation": f"""
        SELECT {_OF}, CASE WHEN i % 12 = 0 THEN {VIP} ELSE {STAFF} END AS retailaffiliationid
        FROM person WHERE i % 6 = 0 ORDER BY i""",
    "retailasynccustomerattributev2": f"""
        SELECT {_OF}, {SHOE_SIZE} AS attributerecid, {AttributeDataType.TEXT} AS attributedatatype,
               (36 + i % 12)::text AS attributevaluestring
        FROM person WHERE i % 9 = 0 ORDER BY i""",
}
"""Channel table to the query of its rows; columns are named as the table's, what is missing is blank."""


def fill_channel(path: Path, number: int, *, first: int = 0) -> int:
    """Write customers `first` to `first + number` into a SQLite file, as registers do; returns the rows written."""
    rows = 0
    with duckdb.connect() as source, adbc_driver_sqlite.dbapi.connect(str(path), autocommit=True) as channel:
        source.execute(_PEOPLE, [first, first + number])
        with channel.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")  # nobody reads this file yet
            for table, query in ROWS.items():
                batches = source.execute(query).fetch_record_batch(BATCH_ROWS)
                rows += cursor.adbc_ingest(table, batches, mode="append")
    return rows


def stage(url: str, work: Path, number: int) -> int:
    """Copy `number` customers into headquarters' staging tables, as an upload of the first store's database leaves
    them; returns the rows written.

    Args:
        work: folder for a file that is removed again.
    """
    rows = 0
    file = work / "staging.csv"
    with duckdb.connect() as source, psycopg.connect(conninfo(url)) as hq:
        (origin,) = hq.execute("SELECT min(recid) FROM cdx.retailconndatabaseprofile").fetchone() or (0,)
        source.execute(_PEOPLE, [0, number])
        for table, query in ROWS.items():
            exchange = (
                f"{origin} AS origin, 1 AS incarnation, row_number() OVER () AS replicationcounterfromorigin,"
                f" {_GUID.format(text='custaccountasync')} AS contenthash, 1 AS uploadsession"
            )
            source.execute(f"COPY (SELECT r.*, {exchange} FROM ({query}) AS r) TO '{file}' (HEADER)")
            with file.open("rb") as data, hq.cursor() as cursor:
                columns = data.readline().decode().strip()
                with cursor.copy(f"COPY ax.{UPLOADS[table].name} ({columns}) FROM STDIN (FORMAT csv)") as copy:
                    while block := data.read(1 << 20):
                        copy.write(block)
                rows += cursor.rowcount
            hq.execute(f"ANALYZE ax.{table}")
    file.unlink()
    return rows
