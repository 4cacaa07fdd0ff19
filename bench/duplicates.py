"""`find_duplicates` beside a binary COPY of the rows it writes, and beside pandas with everything in memory.

Every twentieth customer is another one again, with the same e-mail address, the same phone number or both, and a name
that differs a little. Four persons live at an address; every fiftieth customer at one that they all share, and every
hundredth has the phone number of a cash desk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import phonenumbers
import psycopg
from rapidfuzz.fuzz import token_sort_ratio
from rapidfuzz.process import cpdist

from bench.comparing import Contestant, Entry, compare
from bench.copying import copy_in, copy_out
from bench.installation import COMPANY_TEMPLATE, Installation, conninfo, engine
from commerce.customers import find_duplicates
from commerce.customers.duplicates.pairs import NEAR, score
from commerce.customers.duplicates.sql import HOLDERS

CUSTOMERS_TEMPLATE = "template_customers"
WRITTEN = {
    "ax.electronicaddressform": "recid, normalized, problem, plain",
    "ax.customermatchkey": "dataareaid, kind, value, accountnum",
    "ax.duplicatecustomer": "dataareaid, accountnum1, accountnum2, score, evidence",
}
_FIRST = 1_000_000_000_000
"""Record ids from here on: no sequence has come so far."""

_PEOPLE = f"""
CREATE TEMP TABLE person AS
SELECT n, {_FIRST} + 10 * n AS id, 'D' || lpad(n::text, 9, '0') AS account, other,
       first || CASE WHEN n = other THEN ' ' ELSE ' M. ' END || 'Berg' || other / 4 AS name,
       CASE WHEN n %% 60 = 20 THEN first || n ELSE first || other END || '@example.com' AS email,
       CASE WHEN n %% 100 = 7 THEN '+47 22 22 55 55'
            ELSE '+479' || lpad(((CASE WHEN n %% 60 = 40 THEN n ELSE other END) * 7919 %% 10000000)::text, 7, '0')
            END AS phone,
       CASE WHEN n %% 50 = 3 THEN 0 ELSE 1 + n / 4 END AS house
FROM (SELECT n, CASE WHEN n %% 20 = 0 THEN n - 1 ELSE n END AS other
      FROM generate_series(1, %s::bigint) AS n) AS numbers
CROSS JOIN LATERAL (SELECT (ARRAY['Anna', 'Jan', 'Kari', 'Ola', 'Ingrid', 'Erik', 'Maria', 'Lars', 'Eva', 'Nils'])
                           [1 + other %% 10] AS first) AS names
"""
_FILL = (
    "INSERT INTO ax.dirpartytable (recid, partynumber, instancerelationtype, name) SELECT id, id::text, 1, name"
    " FROM person",
    "INSERT INTO ax.custtable (dataareaid, accountnum, party, custgroup, currency) SELECT 'USMF', account, id,"
    " (SELECT min(custgroup) FROM ax.custgroup WHERE dataareaid = 'USMF'), 'USD' FROM person",
    "INSERT INTO ax.logisticslocation (recid, locationid, ispostaladdress)"
    " SELECT id + kind, (id + kind)::text, (kind = 3)::int FROM person, generate_series(1, 3) AS kind",
    "INSERT INTO ax.dirpartylocation (recid, party, location, ispostaladdress, isprimary)"
    " SELECT id + kind, id, id + kind, (kind = 3)::int, (kind = 3)::int FROM person, generate_series(1, 3) AS kind",
    "INSERT INTO ax.logisticselectronicaddress (recid, location, type, locator)"
    " SELECT id + kind, id + kind, kind, CASE kind WHEN 1 THEN phone ELSE email END"
    " FROM person, generate_series(1, 2) AS kind",
    "INSERT INTO ax.logisticspostaladdress (recid, location, street, streetnumber, zipcode, city, countryregionid,"
    " address, validfrom) SELECT id, id + 3, 'Storgata', house::text, lpad((house % 10000)::text, 4, '0'), 'Oslo',"
    " 'NOR', '', now() FROM person",
    "DELETE FROM ax.customerchange",
    "INSERT INTO ax.customerchange (dataareaid, accountnum) SELECT 'USMF', account FROM person ORDER BY n",
)


def measure(installation: Installation, customers: int, repeats: int, say: Callable[[str], None]) -> Entry:
    """Compare on `customers` customers, none of which was looked at before."""
    make_template(installation, customers)
    written = installation.home / "found"
    written.mkdir()
    written.chmod(0o755)
    _keep_what_is_written(installation, written)

    def prepare(*arguments: Any) -> Callable[[], tuple[Any, ...]]:
        return lambda: (installation.clone(CUSTOMERS_TEMPLATE), *arguments)

    def clean(arguments: tuple[Any, ...]) -> None:
        installation.drop(arguments[0])

    contestants = [
        Contestant("product", find, prepare(), clean),
        Contestant("floor", copy_rows, prepare(written), clean),
        Contestant("peer", find_in_memory, prepare(), clean),
    ]
    return compare("duplicates", "customers", installation.postmaster, contestants, repeats, say)


def make_template(installation: Installation, customers: int) -> None:
    """Make the database `CUSTOMERS_TEMPLATE` from the company's, with so many customers."""
    url = installation.clone(COMPANY_TEMPLATE)
    with psycopg.connect(conninfo(url)) as hq:
        hq.execute(_PEOPLE, (customers,))
        for statement in _FILL:
            hq.execute(statement)
    with psycopg.connect(conninfo(url), autocommit=True) as hq:
        hq.execute("VACUUM ANALYZE")
    installation.keep_as_template(url, CUSTOMERS_TEMPLATE)


def find(url: str) -> int:
    """The product; returns the customers looked at."""
    with engine(url) as hq:
        counts = find_duplicates(hq).counts
    if not counts["pairs"] or counts["waiting"]:
        raise RuntimeError(str(dict(counts)))
    return int(counts["customers"])


def copy_rows(url: str, written: Path) -> int:
    """The floor: a binary COPY of the forms, keys and pairs, and one DELETE of the changes."""
    with psycopg.connect(conninfo(url)) as hq:
        for table, columns in WRITTEN.items():
            copy_in(hq, f"{table} ({columns})", written / table)
            hq.commit()
        return hq.execute("DELETE FROM ax.customerchange").rowcount


def find_in_memory(url: str) -> int:
    """The peer: all customers in data frames, blocks by merging each kind of value with itself, values that too many
    have left out; it writes the normal forms and the pairs."""
    with psycopg.connect(conninfo(url)) as hq:
        people = _read(
            hq,
            "SELECT c.accountnum, p.name FROM ax.custtable AS c JOIN ax.dirpartytable AS p"
            " ON p.recid = c.party WHERE c.accountnum LIKE 'D0%'",
        )
        values = _read(
            hq,
            "SELECT c.accountnum, e.recid, e.type, e.locator FROM ax.custtable AS c"
            " JOIN ax.dirpartylocation AS l ON l.party = c.party"
            " JOIN ax.logisticselectronicaddress AS e ON e.location = l.location"
            " WHERE c.accountnum LIKE 'D0%'",
        )
        homes = _read(
            hq,
            "SELECT c.accountnum, lower(concat_ws('|', a.zipcode, a.city, a.street, a.streetnumber))"
            " AS value FROM ax.custtable AS c JOIN ax.dirpartylocation AS l ON l.party = c.party"
            " JOIN ax.logisticspostaladdress AS a ON a.location = l.location"
            " WHERE c.accountnum LIKE 'D0%'",
        )
        values["value"] = values["locator"].where(values["type"] == 2).str.lower()
        phones = {phone: _e164(phone) for phone in values.loc[values["type"] == 1, "locator"].unique()}
        values["value"] = values["value"].fillna(values["locator"].map(phones))
        _write(hq, "ax.electronicaddressform (recid, normalized)", values[["recid", "value"]].itertuples(index=False))
        initials = people["name"].str.split().map(lambda words: "".join(sorted(word[0] for word in words)))
        homes = homes.merge(people.assign(initials=initials), on="accountnum")
        pairs = pd.concat(
            [
                _block(values.loc[values["type"] == 2], "email"),
                _block(values.loc[values["type"] == 1], "phone"),
                _block(homes, "address"),
                _block(homes.assign(value=homes["value"] + "|" + homes["initials"]), "addressname"),
            ]
        )
        pairs["kind"] = pairs["kind"].replace("addressname", "address")
        pairs = pairs.groupby(["accountnum_x", "accountnum_y"])["kind"].agg(frozenset).reset_index()
        names = people.set_index("accountnum")["name"].str.replace(".", "")
        alike = cpdist(
            list(pairs["accountnum_x"].map(names)),
            list(pairs["accountnum_y"].map(names)),
            scorer=token_sort_ratio,
            processor=str.casefold,
        )
        pairs["alike"] = (alike / 100).round(2)
        pairs = pairs[(pairs["alike"] >= NEAR) | (pairs["kind"] != frozenset({"address"}))]
        _write(
            hq,
            "ax.duplicatecustomer (dataareaid, accountnum1, accountnum2, score, evidence)",
            (("USMF", row.accountnum_x, row.accountnum_y, *_evidence(row)) for row in pairs.itertuples()),
        )
        return len(people)


def _read(hq: psycopg.Connection, query: str) -> pd.DataFrame:
    with hq.cursor() as cursor:
        cursor.execute(query)
        assert cursor.description is not None
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


def _write(hq: psycopg.Connection, target: str, rows: Iterable[Any]) -> None:
    with hq.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row))


def _e164(entered: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(entered), phonenumbers.PhoneNumberFormat.E164)


def _block(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    holders = rows.groupby("value")["accountnum"].transform("size")
    few = rows.loc[(holders > 1) & (holders <= HOLDERS[kind]), ["accountnum", "value"]]
    pairs = few.merge(few, on="value")
    return pairs.loc[pairs["accountnum_x"] < pairs["accountnum_y"], ["accountnum_x", "accountnum_y"]].assign(kind=kind)


def _evidence(row: Any) -> tuple[float, str]:
    evidence = dict.fromkeys(sorted(row.kind), 1.0) | ({"name": round(row.alike, 2)} if row.alike >= NEAR else {})
    return score(evidence), str(evidence).replace("'", '"')


def _keep_what_is_written(installation: Installation, folder: Path) -> None:
    url = installation.clone(CUSTOMERS_TEMPLATE)
    find(url)
    with psycopg.connect(conninfo(url)) as hq:
        for table, columns in WRITTEN.items():
            copy_out(hq, f"SELECT {columns} FROM {table}", folder / table)
    installation.drop(url)
