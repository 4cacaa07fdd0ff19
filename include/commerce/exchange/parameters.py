"""Parameters of Commerce Data Exchange (domain C5: RetailConnParameters). Where nothing is set, the defaults hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection, Engine, text

from commerce.errors import UsageError


@dataclass(frozen=True)
class Parameters:
    """How the exchange works."""

    try_count: int = 3
    """Tries of a session: then a download is Suspended for the database, an upload Canceled."""
    package_retention_days: int = 30
    """A channel that has not applied a package by then gets a full resynchronization instead."""
    sessions_per_call: int = 100
    """Download sessions that one distribution applies to one channel database; the next one goes on."""
    seconds_per_call: int = 60
    """After this time a distribution begins no further session of a channel database, nor a further batch of customers
    for a full resynchronization; the next one goes on."""
    behind_minutes: int = 60
    """A channel whose oldest waiting session is older is "behind"."""
    away_hours: int = 24
    """A channel that nobody has reached for so long is "away"."""
    session_retention_days: int = 400
    """Settled sessions are kept for so long (`commerce.exchange.retention`)."""


_NAMES = tuple(field.name for field in fields(Parameters))
_COLUMNS = {name: name.replace("_", "") for name in _NAMES}
_READ = text(
    f"SELECT {', '.join(f'{column} AS {name}' for name, column in _COLUMNS.items())} FROM cdx.retailconnparameters"
)
_CHANGE = text(
    f"INSERT INTO cdx.retailconnparameters ({', '.join(_COLUMNS.values())})"
    f" VALUES ({', '.join(f':{name}' for name in _NAMES)}) ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.values())
)
LARGEST = 1_000_000


def read(connection: Connection) -> Parameters:
    row = connection.execute(_READ).mappings().one_or_none()
    return Parameters() if row is None else Parameters(**row)


def change(hq: Engine, **values: int) -> Parameters:
    """Set the parameters named in `values` (fields of `Parameters`); the others stay.

    Raises:
        UsageError: a value is not a positive number of a sensible size.
    """
    for name, value in values.items():
        if not 1 <= value <= LARGEST:
            raise UsageError(f"{name.replace('_', ' ')} must be between 1 and {LARGEST}.")
    with hq.begin() as connection:
        changed = Parameters(**{**asdict(read(connection)), **values})
        connection.execute(_CHANGE, asdict(changed))
    return changed
