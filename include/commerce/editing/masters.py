"""What an edited value must be beside its type and width: the account, tender or item that it names must exist.

Conditions in SQL over `n`, the row as it would be (columns of its table as texts), and its company `n.company`. Items
and tax groups are looked up only where a company has loaded them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from commerce.schema.enums import EntryStatus

_STATUSES = ", ".join(f"'{int(status)}'" for status in EntryStatus)
_CURRENCIES = "SELECT currency FROM ax.dataarea UNION SELECT currency FROM ax.retailchanneltable"


def _in_company(table: str, column: str, value: str) -> str:
    return f"SELECT FROM ax.{table} AS m WHERE m.dataareaid = n.company AND m.{column} = n.{value}"


def _if_loaded(table: str, column: str, value: str) -> str:
    return (
        f"SELECT WHERE EXISTS ({_in_company(table, column, value)})"
        f" OR NOT EXISTS (SELECT FROM ax.{table} AS m WHERE m.dataareaid = n.company)"
    )


_EXISTS: Mapping[str, tuple[str, str]] = {
    "custaccount": (_in_company("custtable", "accountnum", "custaccount"), "no customer of the company"),
    "custaccountasync": (
        f"SELECT WHERE EXISTS ({_in_company('custaccountasyncmap', 'custaccountasync', 'custaccountasync')})"
        f" OR EXISTS ({_in_company('retailasynccustomerv2', 'custaccountasync', 'custaccountasync')})",
        "no asynchronous customer that has arrived",
    ),
    "addressidasync": (
        f"SELECT WHERE EXISTS ({_in_company('asyncaddressmap', 'addressid', 'addressidasync')})"
        f" OR EXISTS ({_in_company('retailasyncaddressv2', 'addressid', 'addressidasync')})",
        "no asynchronous address that has arrived",
    ),
    "logisticspostaladdress": (
        "SELECT WHERE n.logisticspostaladdress = '0' OR EXISTS (SELECT FROM ax.logisticspostaladdress AS m"
        " WHERE m.recid::text = n.logisticspostaladdress)",
        "no postal address",
    ),
    "tendertype": (_in_company("retailtendertypetable", "tendertypeid", "tendertype"), "no tender of the company"),
    "incomeexepenseaccount": (
        _in_company("retailincomeexpenseaccounttable", "accountnum", "incomeexepenseaccount"),
        "no income or expense account of the company",
    ),
    "currency": (
        f"SELECT FROM ({_CURRENCIES}) AS m WHERE m.currency = n.currency",
        "no currency of a company or store",
    ),
    "currencycode": (
        f"SELECT FROM ({_CURRENCIES}) AS m WHERE m.currency = n.currencycode",
        "no currency of a company or store",
    ),
    "itemid": (_if_loaded("inventtable", "itemid", "itemid"), "no item of the company"),
    "taxgroup": (_if_loaded("taxgroupdata", "taxgroup", "taxgroup"), "no sales tax group of the company"),
    "taxitemgroup": (_if_loaded("taxonitem", "taxitemgroup", "taxitemgroup"), "no item sales tax group of the company"),
    "transactionstatus": (f"SELECT WHERE n.transactionstatus IN ({_STATUSES})", "no entry status"),
    "voidstatus": ("SELECT WHERE n.voidstatus IN ('0', '1')", "neither 0 nor 1"),
}
"""Column -> query that finds a row where the value exists, and what is said where it does not."""

_PAIRS = (
    (
        "custaccount",
        "custaccountasync",
        "SELECT FROM ax.custaccountasyncmap AS m WHERE m.dataareaid = n.company"
        " AND m.custaccountasync = n.custaccountasync AND m.accountnum = n.custaccount",
    ),
    (
        "logisticspostaladdress",
        "addressidasync",
        "SELECT FROM ax.asyncaddressmap AS m WHERE m.dataareaid = n.company AND m.addressid = n.addressidasync"
        " AND m.logisticspostaladdress::text = n.logisticspostaladdress",
    ),
)
"""What late binding fills in, and from which column: a value that the map does not say would be written over."""


def faults_sql(editable: Collection[str]) -> str:
    """SQL expression: what is wrong with the changed columns (jsonb object `n.changes`); '' where nothing is."""
    faults = [
        f"CASE WHEN n.changes ? '{column}' AND coalesce(n.{column}, '') <> '' AND NOT EXISTS ({exists})"
        f" THEN '{column}: {words}' END"
        for column, (exists, words) in _EXISTS.items()
        if column in editable
    ]
    faults += [
        f"CASE WHEN n.changes ?| ARRAY['{filled}', '{named}'] AND coalesce(n.{named}, '') <> ''"
        f" AND coalesce(n.{filled}, '') NOT IN ('', '0') AND NOT EXISTS ({mapped})"
        f" THEN '{filled}: {named} beside it decides; take one of them away' END"
        for filled, named, mapped in _PAIRS
        if filled in editable and named in editable
    ]
    return f"concat_ws('; ', {', '.join(faults)})" if faults else "''"
