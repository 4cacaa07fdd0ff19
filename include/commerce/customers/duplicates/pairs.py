"""Pairs of customers that may be one person: found by what both have, scored, kept until a person decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rapidfuzz.fuzz import token_sort_ratio
from rapidfuzz.process import cpdist
from sqlalchemy import Connection, text

from commerce.customers.duplicates.sql import common_sql, name_sql

NEAR = 0.85
"""Names that are alike by this much are near; at one address a pair needs it, with the same e-mail it adds to it."""

WEIGHTS = {"taxid": 0.6, "email": 0.5, "phone": 0.35, "address": 0.2, "name": 0.6}
"""How far each piece of evidence closes the gap to certainty."""

PAGE = 50_000

_SHARED = text(
    f"""
    CREATE TEMP TABLE shared ON COMMIT DROP AS
    SELECT s.dataareaid, s.kind, s.value, {common_sql("s")} AS common
    FROM (SELECT DISTINCT m.dataareaid, m.kind, m.value FROM changed AS k
          JOIN ax.customermatchkey AS m USING (dataareaid, accountnum)) AS s
    """
)
_COMMON = text("SELECT count(*) FROM shared WHERE common AND kind <> 'address'")
_PAIRS = text(
    """
    CREATE TEMP TABLE pair ON COMMIT DROP AS
    SELECT m.dataareaid, least(m.accountnum COLLATE "C", o.accountnum COLLATE "C") AS accountnum1,
           greatest(m.accountnum COLLATE "C", o.accountnum COLLATE "C") AS accountnum2,
           array_agg(DISTINCT CASE s.kind WHEN 'addressname' THEN 'address' ELSE s.kind END) AS kinds
    FROM shared AS s
    JOIN ax.customermatchkey AS m USING (dataareaid, kind, value)
    JOIN ax.customermatchkey AS o USING (dataareaid, kind, value)
    WHERE NOT s.common AND o.accountnum <> m.accountnum
      AND EXISTS (SELECT FROM changed AS k WHERE (k.dataareaid, k.accountnum) = (m.dataareaid, m.accountnum))
    GROUP BY 1, 2, 3
    """
)
_NAMES = f"""
    SELECT x.dataareaid, x.accountnum1, x.accountnum2, x.kinds,
           {name_sql("p1.name")} AS name1, {name_sql("p2.name")} AS name2,
           p1.instancerelationtype = p2.instancerelationtype AS alike
    FROM pair AS x
    JOIN ax.custtable AS c1 ON (c1.dataareaid, c1.accountnum) = (x.dataareaid, x.accountnum1)
    JOIN ax.custtable AS c2 ON (c2.dataareaid, c2.accountnum) = (x.dataareaid, x.accountnum2)
    JOIN ax.dirpartytable AS p1 ON p1.recid = c1.party
    JOIN ax.dirpartytable AS p2 ON p2.recid = c2.party
"""
_FOUND = text(
    """
    CREATE TEMP TABLE found (dataareaid text, accountnum1 text COLLATE "C", accountnum2 text COLLATE "C",
                             score numeric, evidence jsonb) ON COMMIT DROP
    """
)
_ADD = text(
    "INSERT INTO found SELECT * FROM unnest(CAST(:companies AS text[]), CAST(:firsts AS text[]),"
    " CAST(:seconds AS text[]), CAST(:scores AS numeric[]), CAST(:evidence AS jsonb[]))"
)
_FORGET = tuple(
    text(
        f"""
        DELETE FROM ax.duplicatecustomer AS d USING changed AS k
        WHERE d.status = 'open' AND (d.dataareaid, d.{account}) = (k.dataareaid, k.accountnum)
          AND NOT EXISTS (SELECT FROM found AS f WHERE (f.dataareaid, f.accountnum1, f.accountnum2)
                                                     = (d.dataareaid, d.accountnum1, d.accountnum2))
        """
    )
    for account in ("accountnum1", "accountnum2")
)
"""One for each of the two, because each has an index."""

_KEEP = text(
    """
    WITH kept AS (
        INSERT INTO ax.duplicatecustomer AS d (dataareaid, accountnum1, accountnum2, score, evidence)
        SELECT dataareaid, accountnum1, accountnum2, score, evidence FROM found ORDER BY 1, 2, 3
        ON CONFLICT (dataareaid, accountnum1, accountnum2) DO UPDATE
            SET score = excluded.score, evidence = excluded.evidence
            WHERE d.status = 'open' AND d.evidence <> excluded.evidence
        RETURNING (xmax = 0) AS new)
    SELECT count(*) FILTER (WHERE new) FROM kept
    """
)


def search(connection: Connection) -> tuple[int, int]:
    """Find the pairs that the customers in `changed` make, in the caller's transaction; match keys are up to date.

    A decision that a person has made stays. An open pair that has nothing in common any more goes.

    Returns:
        New pairs, and values that too many customers share to mean anything.
    """
    for statement in (_SHARED, text("ANALYZE shared"), _PAIRS, text("ANALYZE pair"), _FOUND):
        connection.execute(statement)
    common: int = connection.scalars(_COMMON).one()
    names = connection.execute(text(_NAMES), execution_options={"stream_results": True})
    for page in names.partitions(PAGE):
        _add(connection, page)
    connection.execute(text("ANALYZE found"))
    for statement in _FORGET:
        connection.execute(statement)
    new: int = connection.scalars(_KEEP).one()
    return new, common


def _add(connection: Connection, page: Sequence[Any]) -> None:
    alike = cpdist(
        [row.name1 for row in page], [row.name2 for row in page], scorer=token_sort_ratio, processor=str.casefold
    )
    kept = []
    for row, percent in zip(page, alike, strict=True):
        near = round(float(percent) / 100, 2) if row.alike and row.name1 else 0.0
        if near >= NEAR or row.kinds != ["address"]:
            evidence = dict.fromkeys(row.kinds, 1.0) | ({"name": near} if near >= NEAR else {})
            kept.append((row, evidence))
    connection.execute(
        _ADD,
        {
            "companies": [row.dataareaid for row, _ in kept],
            "firsts": [row.accountnum1 for row, _ in kept],
            "seconds": [row.accountnum2 for row, _ in kept],
            "scores": [score(evidence) for _, evidence in kept],
            "evidence": [json.dumps(evidence) for _, evidence in kept],
        },
    )


def score(evidence: dict[str, float]) -> float:
    """From 0 (nothing in common) towards 1. Each piece closes part of the gap: two weak ones make one strong."""
    gap = 1.0
    for kind, strength in evidence.items():
        gap *= 1 - WEIGHTS[kind] * strength
    return round(1 - gap, 3)
