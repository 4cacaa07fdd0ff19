"""Transactions that a test built in headquarters, moved into the store's own database: where a real day begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from commerce.exchange import upload
from commerce.schema import channel
from commerce.schema.headquarters.uploads import UPLOADS
from commerce.schema.uploaded import SHIFT, UPLOADED_TABLES

ChannelFactory = Callable[[str], Engine]


def move_to_channels(hq: Engine, channel_db: ChannelFactory, *stores: str) -> dict[str, Engine]:
    """Move the transactions and shifts of `stores` from headquarters into their channel databases (as registers write
    them) and register the databases; returns their engines. Headquarters knows nothing of them then."""
    engines = {store: channel_db(store) for store in stores}
    for table in reversed(UPLOADED_TABLES):
        if table.transaction_key is None and table is not SHIFT:
            continue
        source = UPLOADS[table.name]
        store_column = source.c[(table.transaction_key or table.natural_key)[0]]
        for store, engine in engines.items():
            with hq.begin() as connection:
                rows = connection.execute(
                    sa.select(*(source.c[name] for name in table.column_names))
                    .where(store_column == store)
                    .order_by(source.c.replicationcounterfromorigin)
                ).mappings()
                own = engine.dialect.name == "postgresql"  # it has the types
                values = [
                    {name: value if own else _as_register_writes(value) for name, value in row.items()} for row in rows
                ]
                connection.execute(source.delete().where(store_column == store))
            if values:
                with engine.begin() as register:
                    register.execute(channel.TABLES[engine.dialect.name].uploads[table.name].insert(), values)
    with hq.begin() as connection:
        for store, engine in engines.items():
            connection.execute(
                sa.text("UPDATE cdx.retailconndatabaseprofile SET connectionstring = :url WHERE name = :store"),
                {"url": engine.url.set(drivername=engine.dialect.name).render_as_string(), "store": store},
            )
    return engines


def upload_all(hq: Engine, *stores: str) -> None:
    """Run the P-job of `stores`."""
    result = upload(hq, stores=stores)
    assert result.ok, result.as_dict()


def _as_register_writes(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
