"""What a channel file means for the registry: every store is compared with headquarters as it is, all at once, and with
the stores before it in the file. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping

from commerce import connections
from commerce.database import parse_url, refuse_password, safe_url
from commerce.errors import UsageError
from commerce.exchange import rereading
from commerce.setup import registry
from commerce.setup.channel_models import Channel, ChannelSetup

DIALECTS = ("sqlite", "postgresql")
"""Channel databases that the exchange speaks to."""


@dataclass
class Plan:
    """`stores`: values of every channel to write; `refused`: why others cannot be; the rest says what follows from
    them: data groups, databases (`profiles`: name, url, group), links, databases that move, customers to send."""

    stores: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    profiles: list[dict[str, str]] = field(default_factory=list)
    links: list[dict[str, str]] = field(default_factory=list)
    moves: list[dict[str, str]] = field(default_factory=list)
    joined: set[int] = field(default_factory=set)
    customers: set[tuple[str, str, str]] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """The registry as it stands, as far as a file can touch it."""

    channels: dict[str, Channel]
    companies: dict[str, str]
    customers: set[tuple[str, str]]
    groups: dict[str, str]
    profiles: dict[str, tuple[int, str, str]]
    profile_of: dict[str, int]
    cut_over_used: set[int]


def channels_of(connection: Connection, names: Sequence[str] | None = None) -> dict[str, Channel]:
    """Registered channels by name, in order of their names; None: all."""
    wanted = None if names is None else list(names)
    return {row["name"]: channel(row) for row in connection.execute(registry.CHANNELS, {"names": wanted}).mappings()}


def channel(row: RowMapping) -> Channel:
    values = dict(row)
    url = values.pop("url")
    return Channel(**values, url=safe_url(url), dialect=parse_url(url).get_backend_name())


def plan(connection: Connection, setups: Sequence[ChannelSetup], places: Sequence[str]) -> Plan:
    """What applying `setups` would write, and which of them are refused.

    Args:
        places: where each stands, for messages: "line 17" or "channels[3]".

    Raises:
        CommerceError: an upload of a database is running whose cut-over date is to change.
    """
    made = Plan()
    known = _look(connection, setups)
    for place, setup in zip(places, setups, strict=True):
        try:
            _plan(made, known, setup)
        except UsageError as error:
            made.refused.append(f"{place}: {error}")
    return made


def _look(connection: Connection, setups: Sequence[ChannelSetup]) -> _Known:
    channels = channels_of(connection, [setup.name for setup in setups])
    profile_of = {row.name: row.profile for row in connection.execute(registry.PROFILES_OF, {"names": list(channels)})}
    later = {
        profile_of[one.name] for one in setups if one.name in channels and channels[one.name].cut_over != one.cut_over
    }
    customers = {(one.default_customer_company or one.company, one.default_customer) for one in setups}
    values = {
        "companies": [company for company, _ in sorted(customers)],
        "accounts": [account for _, account in sorted(customers)],
    }
    return _Known(
        channels,
        {row.dataareaid: row.currency for row in connection.execute(registry.COMPANIES)},
        {(row.dataareaid, row.accountnum) for row in connection.execute(registry.CUSTOMERS_THAT_EXIST, values)},
        {row.name: row.dataareaid for row in connection.execute(registry.DATA_GROUPS)},
        {row.connectionstring: (row.recid, row.name, row.datagroup) for row in connection.execute(registry.PROFILES)},
        profile_of,
        rereading.taken_transactions(connection, sorted(later)) if later else set(),
    )


def _plan(made: Plan, known: _Known, setup: ChannelSetup) -> None:
    """One store; what it adds to headquarters is known to the stores after it."""
    url = channel_url(setup.url)
    before = known.channels.get(setup.name)
    company = setup.default_customer_company or setup.company
    if setup.company not in known.companies:
        raise UsageError(f"company {setup.company} does not exist. Add it with `commerce setup apply`.")
    if (company, setup.default_customer) not in known.customers:
        raise UsageError(
            f"customer {setup.default_customer} does not exist in company {company}. "
            "Add it under default_customers with `commerce setup apply`."
        )
    group = setup.data_group or setup.company
    if before is not None:
        _refuse_moves(before, {"company": setup.company, "data_group": group})
        if before.cut_over != setup.cut_over and known.profile_of[setup.name] in known.cut_over_used:
            raise UsageError(
                f"the cut-over date of channel {before.name} ({before.cut_over or 'none'}) cannot change any "
                "more: uploads have read its database by that date, and sales between the old and the new one "
                "would never be read. Keep it."
            )
    if known.groups.get(group, setup.company) != setup.company:
        raise UsageError(f"data group {group} belongs to company {known.groups[group]}. Name another one.")
    _place(made, known, setup.name, before, url, group)
    if group not in known.groups:
        known.groups[group] = made.groups[group] = setup.company
    values: dict[str, Any] = setup.model_dump(mode="json")
    values |= {
        "title": setup.title or setup.name,
        "default_customer_company": company,
        "currency": setup.currency or known.companies[setup.company],
    }
    made.stores.append(values)
    if before is None or (before.default_customer_company, before.default_customer) != (
        company,
        setup.default_customer,
    ):
        made.customers.add((group, company, setup.default_customer))


def _place(made: Plan, known: _Known, name: str, before: Channel | None, url: str, group: str) -> None:
    """Its database: that of others with the same URL, a new one, or a database that has moved."""
    shared = known.profiles.get(url)
    if before is None:
        if shared is None:
            if any(called == name for _, called, _ in known.profiles.values()):
                raise UsageError(f"another channel database is called {name} already. Take another name.")
            shared = known.profiles[url] = (0, name, group)
            made.profiles.append({"name": name, "url": url, "data_group": group})
        elif shared[2] != group:
            raise UsageError(f"its database is that of {shared[1]}, which is in another data group.")
        elif shared[0]:
            made.joined.add(shared[0])
        made.links.append({"name": name, "profile": shared[1]})
    elif shared is None or shared[0] != known.profile_of[name]:
        if shared is not None:
            raise UsageError(f"the database of the new URL is that of {shared[1]} already.")
        old = next(key for key, value in known.profiles.items() if value[0] == known.profile_of[name])
        known.profiles[url] = known.profiles.pop(old)
        made.moves.append({"name": name, "url": url})


def _refuse_moves(before: Channel, values: Mapping[str, Any]) -> None:
    for name, label in (("company", "company"), ("data_group", "data group")):
        if getattr(before, name) != values[name]:
            raise UsageError(
                f"channel {before.name} belongs to {label} {getattr(before, name)} and cannot move to "
                f"{values[name]}. Register a new channel."
            )


def channel_url(url: str) -> str:
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
