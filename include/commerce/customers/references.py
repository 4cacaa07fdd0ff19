"""References of transactions to asynchronous customers and addresses: find the unknown ones, late-bind, resolve.

Used by *Synchronize orders* and by late binding of cash-and-carry transactions (domain.md B1, B2, F 7-10). A register
leaves a GUID in `custaccountasync`, or in `custaccount` itself, and an address id in `addressidasync`. Resolving sets
`custaccount` and `logisticspostaladdress` from the maps and keeps GUID and address id; until then `custaccount` is
empty. The map decides: an account that contradicts the GUID beside it is replaced. A posted transaction is never
selected, so never touched.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from commerce.customers import waiting
from commerce.customers.duplicates.known import KeysNotMadeError
from commerce.customers.late_binding import convert_referenced
from commerce.database import retry_transient
from commerce.errors import ConfigurationError
from commerce.progress import Progress, silent
from commerce.schema.enums import TransactionType
from commerce.schema.uploaded import ACCOUNT_DEPOSIT, DELIVERY_ADDRESS, SALES_LINE, TRANSACTION, UploadedTable
from commerce.scope import Scope, key_sql

ACCOUNT_WIDTH = 20
"""A longer text in `custaccount` is a GUID: no account number can be that long."""

PLACES = (TRANSACTION, SALES_LINE, DELIVERY_ADDRESS, ACCOUNT_DEPOSIT)
"""Where references stand (alias r, its transaction s): delivery addresses name no customer, deposits no address."""

_GUID = (
    f"CASE WHEN r.custaccountasync = '' AND length(r.custaccount) > {ACCOUNT_WIDTH}"
    " THEN r.custaccount ELSE r.custaccountasync END"
)


@dataclass(frozen=True)
class StoreReferences:
    """Late binding of one store: customers and addresses that became known, transactions whose references were
    filled in, and transactions that still refer to something unknown; `message`: what setup keeps them unknown."""

    customers: int = 0
    addresses: int = 0
    transactions: int = 0
    unresolved: int = 0
    message: str = ""

    @property
    def counts(self) -> dict[str, int]:
        return {name: count for name, count in vars(self).items() if name != "message"}


def selected_sql(scope: Scope, types: Collection[TransactionType], condition: str = "TRUE") -> str:
    """The unposted real transactions of `types` in scope (header alias t); bind values are `scope.parameters`."""
    return (
        "SELECT t.store, t.terminal, t.transactionid, t.dataareaid, t.custaccountasync AS header_guid"
        " FROM ax.retailtransactiontable AS t JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store"
        f" WHERE t.type IN ({', '.join(str(int(kind)) for kind in types)}) AND {scope.unposted_sql()} AND {condition}"
    )


def unbound_sql(selected: str) -> str:
    """References that no map knows: store, terminal, transactionid, dataareaid, custaccountasync, addressidasync.

    A row has both references of its place when one of them is unknown; `customer_known` and `address_known` say which.
    """
    places = " UNION ALL ".join(_references(place) for place in PLACES)
    return f"""
        WITH selected AS MATERIALIZED ({selected}), reference AS ({places})
        SELECT r.store, r.terminal, r.transactionid, r.dataareaid,
               r.guid AS custaccountasync, r.address AS addressidasync,
               (r.guid = '' OR c.accountnum IS NOT NULL) AS customer_known,
               (r.address = '' OR a.addressid IS NOT NULL) AS address_known
        FROM reference AS r
        LEFT JOIN ax.custaccountasyncmap AS c ON c.dataareaid = r.dataareaid AND c.custaccountasync = r.guid
        LEFT JOIN ax.asyncaddressmap AS a ON a.dataareaid = r.dataareaid AND a.addressid = r.address
        WHERE (r.guid <> '' AND c.accountnum IS NULL) OR (r.address <> '' AND a.addressid IS NULL)
    """


def bind(
    hq: Engine,
    *,
    scope: Scope,
    types: Collection[TransactionType],
    job: str,
    condition: str = "TRUE",
    progress: Progress = silent,
) -> dict[str, StoreReferences]:
    """Late-bind and resolve all references of the selected transactions (see `selected_sql`); returns counts by store.

    Customers and addresses are converted between two transactions of this function, never inside one (rule 9). Missing
    setup (exhausted account numbers), or match keys that cannot be made, is the message of the stores whose customers
    it keeps waiting. What stays unknown is remembered (`waiting`). A store without anything to report is left out.
    """
    selected = selected_sql(scope, types, condition)
    with hq.connect() as connection:
        connection.detach()  # the temporary table `unbound` lives as long as this session
        progress("find references", 0)
        with connection.begin():
            connection.execute(text(f"CREATE TEMP TABLE unbound AS {unbound_sql(selected)}"), scope.parameters)
            connection.execute(text("ANALYZE unbound"))
            unknown = connection.scalar(text("SELECT count(*) FROM unbound")) or 0
        problem = ""
        if unknown:
            progress("convert customers and addresses", 0, unknown)
            try:
                convert_referenced(
                    hq,
                    references_sql="SELECT dataareaid, custaccountasync, addressidasync"
                    f" FROM ({unbound_sql(selected)}) AS unbound",
                    parameters=scope.parameters,
                    job=job,
                )
            except (ConfigurationError, KeysNotMadeError) as error:
                problem = str(error)
        progress("resolve references", 0)

        def work() -> dict[str, StoreReferences]:
            with connection.begin():
                _resolve(connection, selected, scope)
                waiting.remember(connection, scope, [int(kind) for kind in types])
                rows = connection.execute(text(_COUNTS))
                return {
                    row.store: StoreReferences(**row.counts, message=problem if row.waiting else "") for row in rows
                }

        return retry_transient(work)


def _resolve(connection: Connection, selected: str, scope: Scope) -> None:
    """Write accounts and addresses where the maps have them; temp table `resolved` keeps the touched transactions."""
    connection.execute(text(f"CREATE TEMP TABLE selected ON COMMIT DROP AS {selected}"), scope.parameters)
    connection.execute(text("ANALYZE selected"))
    connection.execute(
        text("CREATE TEMP TABLE resolved (store text, terminal text, transactionid text) ON COMMIT DROP")
    )
    for place in PLACES:
        target, update = _resolution(place)
        connection.execute(text(f"CREATE TEMP TABLE target ON COMMIT DROP AS {target}"))
        connection.execute(text("ANALYZE target"))
        connection.execute(text(update))
        connection.execute(
            text("INSERT INTO resolved SELECT DISTINCT s_store, s_terminal, s_transactionid FROM target")
        )
        connection.execute(text("DROP TABLE target"))


def _references(place: UploadedTable) -> str:
    """SQL: the references of `place` in the transactions of relation `selected`."""
    has_customer, has_address = _has(place)
    guid = _GUID if has_customer else "s.header_guid"
    address = "r.addressidasync" if has_address else "''"
    asked = " OR ".join(
        condition for condition, asks in ((f"{guid} <> ''", has_customer), (f"{address} <> ''", has_address)) if asks
    )
    return (
        f"SELECT s.store, s.terminal, s.transactionid, s.dataareaid, {guid} AS guid, {address} AS address"
        f" FROM selected AS s JOIN ax.{place.name} AS r ON {_of_transaction(place)} WHERE {asked}"
    )


def _resolution(place: UploadedTable) -> tuple[str, str]:
    """Two statements: the rows of `place` that do not say what the maps say, with what they are to say (relation
    `target`), and the update that makes them say it."""
    has_customer, has_address = _has(place)
    wanted: dict[str, str] = {}
    joins = ""
    condition = "TRUE"
    if has_customer:
        wanted["custaccountasync"] = _GUID
        wanted["custaccount"] = (
            f"COALESCE(c.accountnum, CASE WHEN r.custaccount = {_GUID} THEN '' ELSE r.custaccount END)"
        )
        joins += (
            f" LEFT JOIN ax.custaccountasyncmap AS c ON c.dataareaid = s.dataareaid AND c.custaccountasync = {_GUID}"
        )
        # two different GUIDs in one row: nobody knows which one is meant; validation reports it
        condition = f"(length(r.custaccount) <= {ACCOUNT_WIDTH} OR r.custaccount = {_GUID})"
    if has_address:
        wanted["logisticspostaladdress"] = "COALESCE(a.logisticspostaladdress, r.logisticspostaladdress)"
        joins += " LEFT JOIN ax.asyncaddressmap AS a ON a.dataareaid = s.dataareaid AND a.addressid = r.addressidasync"
    differs = " OR ".join(f"r.{column} <> {value}" for column, value in wanted.items())
    keys = ", ".join(f"r.{column} AS key_{column}" for column in place.natural_key)
    values = ", ".join(f"{value} AS new_{column}" for column, value in wanted.items())
    target = (
        f"SELECT s.store AS s_store, s.terminal AS s_terminal, s.transactionid AS s_transactionid, r.xmin AS version,"
        f" {keys}, {values}"
        f" FROM selected AS s JOIN ax.{place.name} AS r ON {_of_transaction(place)}{joins}"
        f" WHERE {condition} AND ({differs})"
    )
    assignments = ", ".join(f"{column} = n.new_{column}" for column in wanted)
    same_row = " AND ".join(f"r.{column} = n.key_{column}" for column in place.natural_key)
    # a row that somebody edits meanwhile keeps what they wrote; the next run resolves it
    update = f"UPDATE ax.{place.name} AS r SET {assignments} FROM target AS n WHERE {same_row} AND r.xmin = n.version"
    return target, update


def _has(place: UploadedTable) -> tuple[bool, bool]:
    return "custaccountasync" in place.column_names, "addressidasync" in place.column_names


def _of_transaction(place: UploadedTable) -> str:
    assert place.transaction_key is not None
    return f"{key_sql('r', place.transaction_key)} = {key_sql('s')}"


_COUNTS = """
    WITH outcome AS (
        SELECT u.store, u.terminal, u.transactionid, u.dataareaid, u.custaccountasync, u.addressidasync,
               NOT u.customer_known AND c.accountnum IS NOT NULL AS customer_bound,
               NOT u.address_known AND a.addressid IS NOT NULL AS address_bound,
               (NOT u.customer_known AND c.accountnum IS NULL)
                   OR (NOT u.address_known AND a.addressid IS NULL) AS unresolved,
               c.accountnum IS NULL AND EXISTS (
                   SELECT FROM ax.retailasynccustomerv2 AS s
                   WHERE s.dataareaid = u.dataareaid AND s.custaccountasync = u.custaccountasync AND s.syncstatus = 0
               ) AS waiting
        FROM unbound AS u
        LEFT JOIN ax.custaccountasyncmap AS c
            ON c.dataareaid = u.dataareaid AND c.custaccountasync = u.custaccountasync
        LEFT JOIN ax.asyncaddressmap AS a ON a.dataareaid = u.dataareaid AND a.addressid = u.addressidasync
    ), bound AS (
        SELECT store, count(DISTINCT (dataareaid, custaccountasync)) FILTER (WHERE customer_bound) AS customers,
               count(DISTINCT (dataareaid, addressidasync)) FILTER (WHERE address_bound) AS addresses,
               count(DISTINCT (terminal, transactionid)) FILTER (WHERE unresolved) AS unresolved,
               bool_or(waiting) AS waiting
        FROM outcome GROUP BY store
    ), filled AS (
        SELECT store, count(DISTINCT (terminal, transactionid)) AS transactions FROM resolved GROUP BY store
    )
    SELECT store, jsonb_build_object(
               'customers', COALESCE(customers, 0), 'addresses', COALESCE(addresses, 0),
               'transactions', COALESCE(transactions, 0), 'unresolved', COALESCE(unresolved, 0)) AS counts,
           COALESCE(waiting, FALSE) AS waiting
    FROM bound FULL JOIN filled USING (store)
"""
