"""Build the demo: TPC-DS data as channel databases of a few dozen stores, registered in headquarters."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Engine

from commerce import setup
from commerce.demo import cash, customers, defects, orders, receipts, returns, sales, setup_document, tpcds, write
from commerce.demo.plan import HISTORY_STORE, UNKNOWN_STORE, DemoStore, Parameters
from commerce.errors import UsageError
from commerce.progress import Progress, silent
from commerce.schema.enums import AttributeDataType

MARKER = "complete.json"


@dataclass(frozen=True)
class DemoChannel:
    """One store of the demo: `name` is its key everywhere, `file` its SQLite database."""

    name: str
    url: str
    file: Path
    time_zone: str
    cut_over: date | None


@dataclass(frozen=True)
class DemoResult:
    """What there is to run. `business_dates` in order; `history_dates`: those before the history store's cut-over date.

    `written`: the stores whose files this build made (none, if all were there). `unknown_store`: the store that a run
    must block.
    """

    folder: Path
    setup_file: Path
    business_dates: tuple[date, ...]
    history_dates: tuple[date, ...]
    channels: tuple[DemoChannel, ...]
    written: tuple[str, ...]
    unknown_store: str | None
    history_store: str | None

    @property
    def stores(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {name: _plain(value) for name, value in asdict(self).items()} | {"stores": list(self.stores)}


def build(
    home: Path,
    hq: Engine,
    *,
    stores: int = 12,
    scale: float = 0.05,
    seed: int = 1,
    unknown_customer: bool = False,
    history_store: bool = False,
    days: int = 3,
    progress: Progress = silent,
) -> DemoResult:
    """Make channel databases from TPC-DS data under `home`/demo and register them, with their company, in headquarters.

    The same parameters give the same content. Stores that exist keep their files and their setup; `unknown_customer`
    and `history_store` each add one store to them. See docs for what the data contains.

    Raises:
        UsageError: a parameter is out of range, or headquarters holds the stores of another demo already.
    """
    extras = [name for name, wanted in ((UNKNOWN_STORE, unknown_customer), (HISTORY_STORE, history_store)) if wanted]
    parameters = Parameters(stores, scale, seed, days, frozenset(extras))
    folder = home.absolute() / "demo" / parameters.key
    _refuse_other_demo(hq, parameters, folder)
    done = _complete(folder)
    missing = [store for store in parameters.all_stores if store.name not in done]
    if missing:
        _generate(parameters, folder, missing, progress)
        setup_document.write(folder / "setup.yaml")
        _mark(folder, [*done, *(store.name for store in missing)])
    _register(hq, parameters, folder)
    return DemoResult(
        folder=folder,
        setup_file=folder / "setup.yaml",
        business_dates=parameters.business_dates,
        history_dates=parameters.history_dates if history_store else (),
        channels=tuple(_channel(store, folder) for store in parameters.all_stores),
        written=tuple(store.name for store in missing),
        unknown_store=UNKNOWN_STORE if unknown_customer else None,
        history_store=HISTORY_STORE if history_store else None,
    )


def _generate(parameters: Parameters, folder: Path, missing: list[DemoStore], progress: Progress) -> None:
    channels = folder / "channels"
    channels.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=folder))
    try:
        progress("Generating TPC-DS data", 0)
        with tpcds.generated(parameters, work) as connection:
            progress("Building transactions", 0)
            compose(connection, parameters)
            queries = channel_queries()
            template = work / "template.db"
            write.make_template(template)
            for position, store in enumerate(missing):
                progress("Writing channel databases", position, len(missing))
                if store.name == UNKNOWN_STORE:
                    _hold_back(connection, store, folder)
                write.write_store(
                    connection,
                    queries,
                    store.number,
                    template,
                    channels / f"{store.name}.db",
                    partial(defects.add_bad_customers, parameters, store.number),
                )
            progress("Writing channel databases", len(missing), len(missing))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def compose(connection: duckdb.DuckDBPyConnection, parameters: Parameters) -> None:
    """From TPC-DS tables to documents, receipts and customers; every step reads what the steps before it left."""
    sales.add_sales(connection)
    returns.add_returns(connection)
    orders.add_orders(connection)
    sales.assign(connection)
    for which, store in enumerate((parameters.history_store, parameters.unknown_store), start=1):
        if store in parameters.all_stores:
            sales.copy_to(connection, which=which, shop=store.number, first_day=store.first_day)
    cash.add_cash_management(connection)
    if UNKNOWN_STORE in parameters.extras:
        defects.forget_customer(connection, parameters.unknown_store.number)
    customers.add_customers(connection)
    receipts.add_receipts(connection)
    cash.count_tenders(connection)


def channel_queries() -> dict[str, str]:
    """Channel table to query, customers before transactions, headers before their lines."""
    return {
        **customers.channel_rows(
            vip=setup_document.VIP,
            staff=setup_document.STAFF,
            shoe_size=setup_document.SHOE_SIZE,
            text_type=AttributeDataType.TEXT,
        ),
        **receipts.CHANNEL_ROWS,
        **cash.channel_rows(income=setup_document.INCOME_ACCOUNT, expense=setup_document.EXPENSE_ACCOUNT),
    }


def _hold_back(connection: duckdb.DuckDBPyConnection, store: DemoStore, folder: Path) -> None:
    rows = defects.held_back_rows(connection, store.number, channel_queries())
    (folder / "unknown_customer.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _complete(folder: Path) -> list[str]:
    """Stores whose files are whole: the marker is written last."""
    marker = folder / MARKER
    return list(json.loads(marker.read_text(encoding="utf-8"))["stores"]) if marker.exists() else []


def _mark(folder: Path, stores: Iterable[str]) -> None:
    part = folder / f"{MARKER}.part"
    part.write_text(json.dumps({"stores": list(stores)}), encoding="utf-8")
    part.replace(folder / MARKER)


def _refuse_other_demo(hq: Engine, parameters: Parameters, folder: Path) -> None:
    registered = {channel.name: channel.url for channel in setup.channels.list_channels(hq)}
    for store in parameters.all_stores:
        url = _channel(store, folder).url
        if registered.get(store.name, url) != url:
            raise UsageError(
                f"Headquarters has a store {store.name} of another demo already, and two demos cannot share their "
                "numbers. Use the parameters of that demo, or another COMMERCE_HOME."
            )


def _register(hq: Engine, parameters: Parameters, folder: Path) -> None:
    """Set up the company and the stores that headquarters does not have; what it has stays as people left it."""
    registered = {channel.name for channel in setup.channels.list_channels(hq)}
    new = tuple(store for store in parameters.all_stores if store.name not in registered)
    if not new:
        return
    if not registered:
        setup.apply(hq, setup.read(folder / "setup.yaml"))
    setup.channels.apply(hq, setup_document.channels(new, folder / "channels"))


def _channel(store: DemoStore, folder: Path) -> DemoChannel:
    file = folder / "channels" / f"{store.name}.db"
    return DemoChannel(store.name, f"sqlite:///{file}", file, store.place.time_zone, store.cut_over)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
