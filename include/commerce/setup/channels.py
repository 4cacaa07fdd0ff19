"""The channel registry: which stores there are, where their databases are, and whether data is exchanged with them.

A store is known by one name everywhere: retail channel id, store number and, for the first store of a channel database,
the database profile's name. Stores with the same URL share one database and one profile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, RowMapping

from commerce import connections
from commerce.database import is_reachable_file, parse_url, refuse_password, safe_url
from commerce.errors import StoreError, UsageError
from commerce.exchange import rereading
from commerce.exchange.outbox import enqueue_for_group
from commerce.setup import registry
from commerce.setup.changes import Change, SetupResult
from commerce.setup.channel_models import Channel, ChannelsDocument, ChannelSetup, State
from commerce.setup.document import parse
from commerce.setup.upsert import LOCK
from commerce.setup.writing import refuse_repeated

DIALECTS = ("sqlite", "postgresql")
"""Channel databases that the exchange speaks to."""

REACH_SECONDS = 3
REACH_AT_ONCE = 16
"""How long a database may take to answer, and how many are asked at once, before a person is told that it is away."""


def add(hq: Engine, name: str, *, url: str, company: str, default_customer: str, **settings: Any) -> Channel:
    """Register a channel; `settings` are the other fields of `ChannelSetup` (cut_over, time_zone, closing_time, ...).

    A database that cannot be reached now is a warning in the result: a store may be offline.

    Raises:
        UsageError: the name exists already, the URL holds a password or its dialect is unknown, the company or the
            default customer does not exist, or a setting is wrong.
    """
    values = {"name": name, "url": url, "company": company, "default_customer": default_customer, **settings}
    setup = parse(ChannelSetup, {key: value for key, value in values.items() if value is not None})
    with hq.begin() as connection:
        connection.execute(LOCK)
        if _find(connection, setup.name) is not None:
            raise UsageError(f"Channel {setup.name} exists already. Change it with `commerce channel apply FILE`.")
        _put(connection, setup, f"Channel {setup.name}")
        added = _get(connection, setup.name)
    return Channel(**{**_fields(added), "warnings": _reachability(setup.url)})


def apply(hq: Engine, document: Mapping[str, Any], *, dry_run: bool = False) -> SetupResult:
    """Add and change the channels of `document` ({"channels": [...]}, each as `ChannelSetup`). Channels that it does
    not name stay; applying it twice changes nothing.

    Raises:
        UsageError: the document has mistakes, or would move a channel to another company. Nothing is written then.
    """
    setups = parse(ChannelsDocument, dict(document)).channels
    refuse_repeated("channels", [(setup.name,) for setup in setups])
    changes: list[Change] = []
    with hq.connect() as connection:
        connection.execute(LOCK)
        for index, setup in enumerate(setups):
            before = _find(connection, setup.name)
            _put(connection, setup, f"channels[{index}]", before)
            after = _get(connection, setup.name)
            old, new = _fields(before) if before else {}, _fields(after)
            differences = {key: (old[key], value) for key, value in new.items() if before and old[key] != value}
            if before is None or differences:
                changes.append(Change("channels", setup.name, "change" if before else "create", differences))
        if dry_run:
            connection.rollback()
        else:
            connection.commit()
    with ThreadPoolExecutor(REACH_AT_ONCE) as pool:
        reached = pool.map(_reachability, [setup.url for setup in setups])
        warnings = tuple(
            f"{setup.name}: {warning}" for setup, found in zip(setups, reached, strict=True) for warning in found
        )
    return SetupResult(tuple(changes), dry_run, warnings)


def list_channels(hq: Engine) -> list[Channel]:
    """All registered channels by name."""
    with hq.connect() as connection:
        return [_channel(row) for row in connection.execute(registry.CHANNELS, {"name": None}).mappings()]


def pause(hq: Engine, name: str) -> Channel:
    """Stop exchanging data with the channel's database (and with the other channels in that database)."""
    return _set_paused(hq, name, 1)


def resume(hq: Engine, name: str) -> Channel:
    """Exchange data with the channel's database again."""
    return _set_paused(hq, name, 0)


def remove(hq: Engine, name: str) -> None:
    """Forget a channel that never sent anything.

    Raises:
        UsageError: no such channel, or headquarters holds data of it.
    """
    with hq.begin() as connection:
        connection.execute(LOCK)
        place = connection.execute(registry.PLACE, {"name": name}).one_or_none()
        if place is None:
            raise _unknown(name)
        values = {"name": name, "channel": place.channel, "profile": place.profile}
        alone = place.channels == 1
        uploads = registry.HOLDS_UPLOADS if alone else registry.HOLDS_TRANSACTIONS
        if connection.execute(uploads, values).scalar_one():
            raise UsageError(
                f"Channel {name} cannot be removed: headquarters holds its customers or transactions. "
                f"Pause it instead: `commerce channel pause {name}`."
            )
        for statement in (*registry.DELETE_CHANNEL, *(registry.DELETE_PROFILE if alone else ())):
            connection.execute(statement, values)


def _put(connection: Connection, setup: ChannelSetup, place: str, before: Channel | None = None) -> None:
    url = _channel_url(setup.url)
    values: dict[str, Any] = setup.model_dump()
    values |= {
        "url": url,
        "title": setup.title or setup.name,
        "default_customer_company": setup.default_customer_company or setup.company,
        "data_group": setup.data_group or setup.company,
    }
    currency = connection.execute(registry.COMPANY, values).scalar_one_or_none()
    if currency is None:
        raise UsageError(f"{place}: company {setup.company} does not exist. Add it with `commerce setup apply`.")
    values["currency"] = setup.currency or currency
    if connection.execute(registry.CUSTOMER_EXISTS, values).first() is None:
        raise UsageError(
            f"{place}: customer {setup.default_customer} does not exist in company "
            f"{values['default_customer_company']}. Add it under default_customers with `commerce setup apply`."
        )
    if before is not None:
        _refuse_moves(place, before, values)
        if before.cut_over != setup.cut_over:
            _refuse_cut_over(connection, place, before)
    group = connection.execute(registry.DATA_GROUP, values).one()
    if group.dataareaid != setup.company:
        raise UsageError(
            f"{place}: data group {values['data_group']} belongs to company {group.dataareaid}. Name another one."
        )
    values["channel"] = connection.execute(registry.PUT_CHANNEL, values).scalar_one()
    connection.execute(registry.PUT_STORE, values)
    shared = connection.execute(registry.PROFILE_OF_URL, values).one_or_none()
    if before is None:
        if shared is not None and shared.datagroup != group.recid:
            raise UsageError(f"{place}: its database is that of {shared.name}, which is in another data group.")
        values["profile"] = (
            shared.recid
            if shared
            else connection.execute(registry.NEW_PROFILE, {**values, "group": group.recid}).scalar_one()
        )
        connection.execute(registry.LINK, values)
        if shared is not None:
            rereading.read_again(connection, shared.recid)
    elif before.url != url:
        if shared is not None:
            raise UsageError(f"{place}: the database of the new URL is that of {shared.name} already.")
        connection.execute(registry.MOVE_PROFILE, values)
    if before is None or _customer(before) != (values["default_customer_company"], setup.default_customer):
        enqueue_for_group(connection, group.recid, values["default_customer_company"], setup.default_customer)


def _customer(channel: Channel) -> tuple[str, str]:
    return channel.default_customer_company, channel.default_customer


def _refuse_moves(place: str, before: Channel, values: Mapping[str, Any]) -> None:
    for name, label in (("company", "company"), ("data_group", "data group")):
        if getattr(before, name) != values[name]:
            raise UsageError(
                f"{place}: channel {before.name} belongs to {label} {getattr(before, name)} and cannot move to "
                f"{values[name]}. Register a new channel."
            )


def _refuse_cut_over(connection: Connection, place: str, before: Channel) -> None:
    """Uploads pass transactions by the cut-over date: with another one, those between would be read by no stream."""
    profile = connection.execute(registry.PLACE, {"name": before.name}).one().profile
    if rereading.has_taken_transactions(connection, profile):
        raise UsageError(
            f"{place}: the cut-over date of channel {before.name} ({before.cut_over or 'none'}) cannot change any "
            "more: uploads have read its database by that date, and sales between the old and the new one "
            "would never be read. Keep it."
        )


def _channel_url(url: str) -> str:
    """The URL as it is stored: a file's path is made absolute, so that it means the same from every folder.

    Raises:
        UsageError: it holds a password, or its dialect is unknown, or it names no file.
    """
    refuse_password(url)
    parsed = parse_url(url)
    if parsed.get_backend_name() not in DIALECTS:
        raise UsageError(
            f"A channel database of dialect {parsed.get_backend_name()} is not supported. Supported: "
            f"{', '.join(DIALECTS)} (sqlite:///path/to/store.db, postgresql://user@host/database)."
        )
    if parsed.drivername == connections.DRIVER:
        return connections.url_of(parsed.host or "")
    if parsed.get_backend_name() == "postgresql":
        if not parsed.database:
            raise UsageError("The URL names no database. Its form is postgresql://user@host:5432/database.")
        return parsed.set(drivername="postgresql").render_as_string()
    if not parsed.database or parsed.database == ":memory:":
        raise UsageError("The URL names no database file. Its form is sqlite:///path/to/store.db.")
    return parsed.set(database=str(Path(parsed.database).expanduser().absolute())).render_as_string(hide_password=True)


def _reachability(url: str) -> tuple[str, ...]:
    with contextlib.suppress(StoreError):
        if _is_reachable(_channel_url(url)):
            return ()
    return ("its database cannot be reached now; it is read as soon as it is there.",)


def _is_reachable(url: str) -> bool:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return is_reachable_file(str(parsed.database))
    try:
        psycopg.connect(connections.conninfo(url, {}), connect_timeout=REACH_SECONDS).close()
    except psycopg.Error:
        return False
    return True


def _set_paused(hq: Engine, name: str, paused: int) -> Channel:
    with hq.begin() as connection:
        if connection.execute(registry.SET_PAUSED, {"name": name, "paused": paused}).rowcount == 0:
            raise _unknown(name)
        return _get(connection, name)


def _get(connection: Connection, name: str) -> Channel:
    channel = _find(connection, name)
    assert channel is not None
    return channel


def _find(connection: Connection, name: str) -> Channel | None:
    row = connection.execute(registry.CHANNELS, {"name": name}).mappings().one_or_none()
    return None if row is None else _channel(row)


def _channel(row: RowMapping) -> Channel:
    values = dict(row)
    paused = values.pop("paused")
    state: State = "stopped" if values["stop_reason"] else "paused" if paused else "active"
    url = values.pop("url")
    return Channel(**values, url=safe_url(url), dialect=parse_url(url).get_backend_name(), state=state)


def _fields(channel: Channel) -> dict[str, Any]:
    return {name: getattr(channel, name) for name in Channel.__dataclass_fields__}


def _unknown(name: str) -> UsageError:
    return UsageError(f"There is no channel {name}. `commerce channel list` shows them.")
