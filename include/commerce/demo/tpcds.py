"""TPC-DS retail data in a DuckDB file, and the macros that all demo SQL uses.

The extension comes as a Python package, so nothing is downloaded at run time. TPC-DS leaves about 4.4 % of every
nullable column NULL, line by line, and below scale 1 some keys point beyond their table: the SQL of this package
never trusts one row's key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

from commerce.demo.plan import FIRST_DATE, SMALLEST_GENERATED_SCALE, DemoStore, Parameters
from commerce.errors import CommerceError

MEMORY_LIMIT = "2GB"
"""DuckDB's own; what does not fit goes to its temporary folder."""
THREADS = 2

MACROS = """
-- A number below `parts`, always the same for the same seed, purpose and key.
CREATE MACRO share(purpose, id, parts) AS
    CAST(md5_number_lower(concat_ws(':', {seed}, purpose, id)) % parts AS INTEGER);
CREATE MACRO digest(purpose, id) AS md5(concat_ws(':', {seed}, purpose, id));
CREATE MACRO guid(purpose, id) AS concat_ws('-',
    substr(digest(purpose, id), 1, 8), substr(digest(purpose, id), 9, 4), substr(digest(purpose, id), 13, 4),
    substr(digest(purpose, id), 17, 4), substr(digest(purpose, id), 21, 12));
CREATE MACRO money(amount) AS CAST(amount AS DECIMAL(18, 2));
CREATE MACRO business_date(day) AS CAST(DATE '{first_date}' + CAST(day AS INTEGER) AS DATE);
CREATE MACRO utc(day, second, offset_seconds) AS
    CAST(business_date(day) AS TIMESTAMP) + to_seconds(second - offset_seconds);
CREATE MACRO iso(moment) AS strftime(moment, '%Y-%m-%dT%H:%M:%SZ');
CREATE MACRO store_count() AS {stores};
CREATE MACRO day_count() AS {days};
CREATE MACRO customer_count() AS {customers};
CREATE MACRO address_count() AS {addresses};
"""

# Whole tickets, orders and customers, `parts` in ten thousand of each; keys beyond the customers are mapped onto them.
KEEP = """
DELETE FROM store_sales WHERE md5_number_lower(concat('ticket', ss_ticket_number)) % 10000 >= {parts};
DELETE FROM store_returns WHERE md5_number_lower(concat('ticket', sr_ticket_number)) % 10000 >= {parts};
DELETE FROM catalog_sales WHERE md5_number_lower(concat('order', cs_order_number)) % 10000 >= {parts};
DELETE FROM web_sales WHERE md5_number_lower(concat('order', ws_order_number)) % 10000 >= {parts};
DELETE FROM customer WHERE c_customer_sk > (SELECT count(*) FROM customer) * {parts} // 10000;
DELETE FROM customer_address WHERE ca_address_sk > (SELECT count(*) FROM customer_address) * {parts} // 10000;
"""

SIZES = "SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM customer_address)"

SHOP = """
CREATE TABLE shop (
    shop INTEGER, store VARCHAR, offset_seconds INTEGER, state VARCHAR, first_day INTEGER,
    state_code VARCHAR, state_rate DECIMAL(6, 5), city_code VARCHAR, city_rate DECIMAL(6, 5))
"""


@contextmanager
def generated(parameters: Parameters, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a DuckDB file in `folder` that holds the TPC-DS tables of the wanted scale, table `shop` and
    the macros.

    The file is the caller's to delete, with the folder.
    """
    connection = duckdb.connect(
        folder / "tpcds.duckdb",
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
            "temp_directory": str(folder / "spill"),
            "extension_directory": str(folder / "extensions"),  # not the user's home, where DuckDB keeps them
        },
    )
    try:
        try:
            import_extension("tpcds", con=connection)
            connection.execute("LOAD tpcds")
        except (duckdb.Error, ImportError) as error:
            raise CommerceError(
                "DuckDB cannot load its TPC-DS extension. Install duckdb, duckdb-extensions and duckdb-extension-tpcds "
                "in the same version (requirements.txt names it)."
            ) from error
        connection.execute(f"CALL dsdgen(sf = {max(parameters.scale, SMALLEST_GENERATED_SCALE)})")
        if parameters.scale < SMALLEST_GENERATED_SCALE:
            connection.execute(KEEP.format(parts=round(parameters.scale / SMALLEST_GENERATED_SCALE * 10000)))
        customers, addresses = connection.execute(SIZES).fetchall()[0]
        connection.execute(
            MACROS.format(
                seed=parameters.seed,
                first_date=FIRST_DATE.isoformat(),
                stores=parameters.stores,
                days=parameters.days,
                customers=customers,
                addresses=addresses,
            )
        )
        _create_shops(connection, parameters.all_stores)
        yield connection
    finally:
        connection.close()


def _create_shops(connection: duckdb.DuckDBPyConnection, stores: tuple[DemoStore, ...]) -> None:
    connection.execute(SHOP)
    rows = []
    for store in stores:
        (state_code, state_rate), *more = store.taxes
        city_code, city_rate = more[0] if more else (None, None)
        rows.append(
            (
                store.number,
                store.name,
                store.offset_seconds,
                store.place.state,
                store.first_day,
                state_code,
                state_rate,
                city_code,
                city_rate,
            )
        )
    connection.executemany("INSERT INTO shop VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
