"""The channel registry: which stores there are, where their databases are, and whether data is exchanged with them.

A store is known by one name everywhere: retail channel id, store number and, for the first store of a channel database,
the database profile's name. Stores with the same URL share one database and one profile.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from commerce import connections
from commerce.database import describe_error, is_reachable_file, parse_url, safe_url
from commerce.errors import StoreError, UsageError
from commerce.exchange import rereading
from commerce.exchange.outbox import enqueue_for_groups
from commerce.setup import registry
from commerce.setup.changes import Change, SetupResult
from commerce.setup.channel_models import Channel, ChannelSetup
from commerce.setup.channel_plan import Plan, channel_url, channels_of, plan
from commerce.setup.document import mistakes, parse
from commerce.setup.upsert import LOCK

SHOWN = 20
"""So many refusals stand in a message."""

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
        if channels_of(connection, [setup.name]):
            raise UsageError(f"Channel {setup.name} exists already. Change it with `commerce channel apply FILE`.")
        planned = plan(connection, [setup], [f"Channel {setup.name}"])
        _refuse(planned.refused)
        _write(connection, planned)
        added = channels_of(connection, [setup.name])[setup.name]
    return Channel(**{**_fields(added), "warnings": _reachability(setup.url)})


def apply(
    hq: Engine, document: Mapping[str, Any], *, dry_run: bool = False, places: Sequence[str] | None = None
) -> SetupResult:
    """Add and change the channels of `document` ({"channels": [...], "remove": [...]}, each channel as `ChannelSetup`),
    in one transaction and a number of statements that does not depend on how many they are. Channels that it does not
    name stay; applying it twice changes nothing.

    Args:
        places: where each channel stands in its file, such as "line 17"; for messages.
        dry_run: the plan: what would change, and what would be refused.

    Raises:
        UsageError: something would be refused; the message names the places. Nothing is written then.
        CommerceError: an upload of a database is running that the change concerns.
    """
    removed, setups, places, refused = _checked(document, places)
    with hq.connect() as connection:
        connection.execute(LOCK)
        before = channels_of(connection, [setup.name for setup in setups])
        planned = plan(connection, setups, places)
        refused += planned.refused
        if not refused or dry_run:
            _write(connection, planned)
        after = channels_of(connection, [setup.name for setup in setups])
        changes = [change for setup in setups if (change := _change(setup.name, before, after))]
        gone, kept = _remove(connection, removed)
        refused += kept
        changes += [Change("channels", name, "remove") for name in gone]
        if dry_run:
            connection.rollback()
        else:
            _refuse(refused)
            connection.commit()
    with ThreadPoolExecutor(REACH_AT_ONCE, thread_name_prefix="reach") as pool:
        reached = pool.map(lambda values: (values["name"], _reachability(values["url"])), planned.stores)
        warnings = tuple(f"{name}: {warning}" for name, found in reached for warning in found)
    return SetupResult(tuple(changes), dry_run, warnings, tuple(refused))


def list_channels(hq: Engine) -> list[Channel]:
    """All registered channels by name."""
    with hq.connect() as connection:
        return list(channels_of(connection).values())


def pause(hq: Engine, name: str) -> Channel:
    """Stop exchanging data with the channel's database (and with the other channels in that database)."""
    return _set_paused(hq, name, 1)


def resume(hq: Engine, name: str) -> Channel:
    """Exchange data with the channel's database again."""
    return _set_paused(hq, name, 0)


def upgrade(hq: Engine, name: str) -> str:
    """Create or upgrade the tables of the channel's database; registers must be able to work with them.

    Returns:
        The revision that it has now.

    Raises:
        UsageError: no such channel.
        StoreError: the database cannot be reached, or refuses.
    """
    from commerce.migrations import channel_head, upgrade_channel  # brings Alembic along

    with hq.connect() as connection:
        found = channels_of(connection, [name])
    if name not in found:
        raise _unknown(name)
    url = found[name].url
    if parse_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url)
    else:
        conninfo = connections.conninfo(url, {})
        engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo))
    try:
        upgrade_channel(engine)
    except DBAPIError as error:
        raise StoreError(
            f"The tables of channel database {safe_url(url)} cannot be made or upgraded ({describe_error(error)}). "
            "Is it there, and may its user create schemas and tables?"
        ) from None
    finally:
        engine.dispose()
    return channel_head()


def remove(hq: Engine, name: str) -> None:
    """Forget a channel that never sent anything; its database too, unless other stores use it.

    Raises:
        UsageError: no such channel, or headquarters holds data of it.
        CommerceError: an upload of its database is running.
    """
    with hq.begin() as connection:
        connection.execute(LOCK)
        _, kept = _remove(connection, [name])
        _refuse(kept)


def _checked(
    document: Mapping[str, Any], places: Sequence[str] | None
) -> tuple[list[str], list[ChannelSetup], list[str], list[str]]:
    """The names to remove, the channels that are right with their places, and what is wrong with the others."""
    unknown = sorted(set(document) - {"channels", "remove"})
    given = document.get("channels", [])
    removed = document.get("remove", [])
    if unknown or not isinstance(given, (list, tuple)) or not isinstance(removed, (list, tuple)):
        raise UsageError("A channel file has two lists, `channels` and, if stores are to go, `remove`; nothing else.")
    setups: list[ChannelSetup] = []
    right: list[str] = []
    refused: list[str] = []
    first: dict[str, str] = {}
    for index, entry in enumerate(given):
        place = f"channels[{index}]" if places is None else places[index]
        try:
            setup = ChannelSetup.model_validate(entry)
        except ValidationError as error:
            refused += [
                f"{place}.{mistake}" if places is None else f"{place}: {mistake}" for mistake in mistakes(error)
            ]
            continue
        if setup.name in first:
            refused.append(f"{place} describes {setup.name} again, as {first[setup.name]} does.")
            continue
        first[setup.name] = place
        setups.append(setup)
        right.append(place)
    removed = [str(name) for name in removed]
    refused += [
        f"{first[name]}: {name} is to be removed, too. Say one of the two." for name in removed if name in first
    ]
    return removed, setups, right, refused


def _refuse(refused: Sequence[str]) -> None:
    """Raise what was refused, with its places."""
    if refused:
        more = f"\n  and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        lines = "\n  ".join(refused[:SHOWN])
        raise UsageError(refused[0] if len(refused) == 1 else f"Nothing was changed:\n  {lines}{more}")


def _write(connection: Connection, planned: Plan) -> None:
    """Write a plan: a statement for each table, however many stores there are."""
    stores = json.dumps(planned.stores)
    connection.execute(registry.PUT_GROUPS, {"names": list(planned.groups), "companies": list(planned.groups.values())})
    connection.execute(registry.PUT_CHANNELS, {"stores": stores})
    connection.execute(registry.PUT_STORES, {"stores": stores})
    connection.execute(registry.MOVE_PROFILES, {"moves": json.dumps(planned.moves)})
    connection.execute(registry.PUT_PROFILES, {"profiles": json.dumps(planned.profiles)})
    connection.execute(registry.LINK, {"links": json.dumps(planned.links)})
    if planned.joined:
        rereading.read_again(connection, sorted(planned.joined))
    enqueue_for_groups(connection, sorted(planned.customers))
    connection.execute(registry.RESYNCHRONIZE_NEW, {"profiles": json.dumps(planned.profiles)})


def _change(name: str, before: Mapping[str, Channel], after: Mapping[str, Channel]) -> Change | None:
    if name not in after:
        return None  # refused
    if name not in before:
        return Change("channels", name, "create")
    old, new = _fields(before[name]), _fields(after[name])
    differences = {key: (old[key], value) for key, value in new.items() if old[key] != value}
    return Change("channels", name, "change", differences) if differences else None


def _remove(connection: Connection, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Delete those of `names` that can go; returns their names, and why the others cannot."""
    if not names:
        return [], []
    found = {row.name: row for row in connection.execute(registry.REMOVALS, {"names": list(names)})}
    kept = [f"There is no channel {name}. `commerce channel list` shows them." for name in names if name not in found]
    profiles = sorted({row.profile for row in found.values()})
    rereading.lock(connection, profiles)
    whole = {row.profile for row in found.values() if row.whole}
    full = set(connection.scalars(registry.HOLDS_UPLOADS, {"profiles": sorted(whole)})) if whole else set()
    gone = []
    for name, row in found.items():
        if row.has_sold or row.profile in full:
            kept.append(
                f"Channel {name} cannot be removed: headquarters holds its customers or transactions. "
                f"Pause it instead: `commerce channel pause {name}`."
            )
        else:
            gone.append(name)
    empty = sorted(whole - full - {found[name].profile for name in found if name not in gone})
    values = {"channels": [found[name].channel for name in gone], "profiles": empty, "names": gone}
    for statement in (*registry.DELETE_CHANNELS, *registry.DELETE_PROFILES, registry.RENAME_PROFILES):
        connection.execute(statement, values)
    return gone, kept


def _reachability(url: str) -> tuple[str, ...]:
    with contextlib.suppress(StoreError):
        if _is_reachable(channel_url(url)):
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
        return channels_of(connection, [name])[name]


def _fields(channel: Channel) -> dict[str, Any]:
    return {name: getattr(channel, name) for name in Channel.__dataclass_fields__}


def _unknown(name: str) -> UsageError:
    return UsageError(f"There is no channel {name}. `commerce channel list` shows them.")
