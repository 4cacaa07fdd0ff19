"""Which channel databases serve which stores, as headquarters knows them (domain A7: channel database)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine, text

from commerce.errors import UsageError

FOREIGN_STORE = "not a store of this channel database"
"""Why a row is refused whose store its database does not serve."""

DATABASES = text("""
SELECT p.recid, p.name, p.connectionstring, p.datagroup, p.incarnation, p.pausedatasync, p.stopreason,
       c.retailchannelid, c.dataareaid, c.cutoverdate
FROM cdx.retailconndatabaseprofile AS p
JOIN cdx.retailcdxdatastorechannel AS d ON d.databaseprofile = p.recid
JOIN ax.retailchanneltable AS c ON c.recid = d.channel
WHERE p.recid IN (
    SELECT ds.databaseprofile FROM cdx.retailcdxdatastorechannel AS ds
    JOIN ax.retailchanneltable AS ch ON ch.recid = ds.channel
    WHERE ch.retailchannelid = ANY(:stores))
ORDER BY p.name, c.retailchannelid
""")
UNKNOWN_STORES = text("""
SELECT s.store FROM unnest(CAST(:stores AS text[])) AS s(store)
WHERE NOT EXISTS (SELECT FROM ax.retailchanneltable AS c WHERE c.retailchannelid = s.store)
ORDER BY s.store
""")


@dataclass(frozen=True)
class ServedStore:
    """A store in a channel database: rows of it belong to `company`; business dates before `cut_over` are history."""

    store: str
    company: str
    cut_over: date | None


@dataclass(frozen=True)
class ChannelDatabase:
    """A channel database and every store that it serves."""

    recid: int
    name: str
    url: str
    data_group: int
    incarnation: int
    paused: bool
    stop_reason: str
    stores: tuple[ServedStore, ...]

    @property
    def companies(self) -> tuple[str, ...]:
        return tuple(sorted({store.company for store in self.stores}))


def databases_of(hq: Engine, stores: Sequence[str]) -> list[ChannelDatabase]:
    """The databases that serve `stores`, each with all stores it serves; a store without a database is in none of them.

    Raises:
        UsageError: headquarters does not know one of the stores.
    """
    wanted = {"stores": list(stores)}
    with hq.connect() as connection:
        unknown = [str(store) for store in connection.scalars(UNKNOWN_STORES, wanted)]
        if unknown:
            raise UsageError(
                f"Unknown store: {', '.join(unknown)}. `commerce channel list` shows the stores; "
                "`commerce channel add` adds one."
            )
        rows = connection.execute(DATABASES, wanted).all()
    served: dict[int, list[ServedStore]] = {}
    for row in rows:
        served.setdefault(row.recid, []).append(ServedStore(row.retailchannelid, row.dataareaid, row.cutoverdate))
    profiles = {row.recid: row for row in rows}
    return [
        ChannelDatabase(
            recid=row.recid,
            name=row.name,
            url=row.connectionstring,
            data_group=row.datagroup,
            incarnation=row.incarnation,
            paused=bool(row.pausedatasync),
            stop_reason=row.stopreason,
            stores=tuple(served[recid]),
        )
        for recid, row in profiles.items()
    ]
