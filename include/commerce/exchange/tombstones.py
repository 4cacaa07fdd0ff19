"""Rows that headquarters has deleted, so that channels delete them too: a part of a package beside its rows.

A package upserts; what is gone it would never mention. Who deletes a row of a customer leaves a tombstone in the same
transaction, and every package that carries the customer carries its tombstones: applying one twice does no harm.
"""

from __future__ import annotations

TABLE = "tombstone"

_KEYS = {
    "retailcustaffiliation": ("dataareaid", "custaccountnum", "retailaffiliationid"),
    "retailcustattributevalue": ("dataareaid", "accountnum", "attribute"),
    "dirpartylocation": ("recid",),
    "logisticselectronicaddress": ("recid",),
    "logisticslocation": ("recid",),
}
"""Tables of a channel that rows are deleted from, and their keys: a record id, or company, account and what is held."""

_BACK = " ".join(
    f"""WHEN '{table}' THEN EXISTS (SELECT FROM ax.{table} AS r
        WHERE (r.{", r.".join(key)}) = (d.dataareaid, d.accountnum, d.recid))"""
    for table, key in _KEYS.items()
    if len(key) > 1
)
OF_CLAIMED = f"""
    SELECT d.tablename::text AS tablename, d.dataareaid::text AS dataareaid, d.accountnum::text AS accountnum, d.recid
    FROM cdx.tombstone AS d JOIN claimed AS k ON k.dataareaid = d.dataareaid AND k.accountnum = d.accountnum
    WHERE NOT CASE d.tablename {_BACK} ELSE FALSE END
    ORDER BY d.tablename, d.dataareaid, d.accountnum, d.recid
"""
"""Of the customers in a package; an affiliation or attribute that has been added again is no deletion any more."""


def deletions(incoming: str, prefix: str = "") -> list[str]:
    """SQL statements that delete from a channel's tables (names after `prefix`) what relation `incoming` (columns as
    `OF_CLAIMED`) names."""
    statements = []
    for table, key in _KEYS.items():
        given = "recid" if len(key) == 1 else "dataareaid, accountnum, recid"
        statements.append(
            f"DELETE FROM {prefix}{table} WHERE ({', '.join(key)}) IN"
            f" (SELECT {given} FROM {incoming} WHERE tablename = '{table}')"
        )
    return statements
