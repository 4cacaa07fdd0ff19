"""What a demo consists of: its parameters, its calendar and its stores. Nothing is random, nothing asks the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from commerce.errors import UsageError

COMPANY = "USMF"
CURRENCY = "USD"
DEFAULT_CUSTOMER = "WALKIN"
FIRST_DATE = date(2026, 3, 2)
"""A Monday before the switch to daylight saving time, so that a store's offset is the same on every demo day."""
MOST_DAYS = 3
HISTORY_DAYS = 3
SMALLEST_SCALE = 0.001
SMALLEST_GENERATED_SCALE = 0.01
"""Of TPC-DS, whose generator never ends somewhat below: a smaller demo takes a share of it."""

UNKNOWN_STORE = "ROSWELL"
HISTORY_STORE = "NEWPORT"

_EASTERN, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)


@dataclass(frozen=True)
class Place:
    """A city: time zone, state, and sales tax as (code, rate) of the state and, where there is one, of the city."""

    name: str
    time_zone: str
    state: str
    state_tax: str
    city_tax: str | None = None


PLACES = (
    Place("HOUSTON", _CENTRAL, "TX", "0.06250", "0.02000"),
    Place("SEATTLE", _PACIFIC, "WA", "0.06500", "0.03850"),
    Place("BOSTON", _EASTERN, "MA", "0.06250"),
    Place("DENVER", _MOUNTAIN, "CO", "0.02900", "0.05910"),
    Place("ATLANTA", _EASTERN, "GA", "0.04000", "0.04900"),
    Place("CHICAGO", _CENTRAL, "IL", "0.06250", "0.04000"),
    Place("PHOENIX", "America/Phoenix", "AZ", "0.05600", "0.03000"),
    Place("MIAMI", _EASTERN, "FL", "0.06000"),
    Place("DALLAS", _CENTRAL, "TX", "0.06250", "0.02000"),
    Place("RENO", _PACIFIC, "NV", "0.08265"),
    Place("OMAHA", _CENTRAL, "NE", "0.05500", "0.01500"),
    Place("DETROIT", "America/Detroit", "MI", "0.06000"),
    Place("AUSTIN", _CENTRAL, "TX", "0.06250", "0.02000"),
    Place("OAKLAND", _PACIFIC, "CA", "0.07250", "0.03000"),
    Place("TAMPA", _EASTERN, "FL", "0.06000", "0.01500"),
    Place("BOISE", "America/Boise", "ID", "0.06000"),
    Place("MEMPHIS", _CENTRAL, "TN", "0.07000", "0.02750"),
    Place("TUCSON", "America/Phoenix", "AZ", "0.05600", "0.03100"),
    Place("ALBANY", _EASTERN, "NY", "0.04000", "0.04000"),
    Place("FRESNO", _PACIFIC, "CA", "0.07250", "0.01100"),
    Place("TULSA", _CENTRAL, "OK", "0.04500", "0.04017"),
    Place("WICHITA", _CENTRAL, "KS", "0.06500", "0.01000"),
    Place("RALEIGH", _EASTERN, "NC", "0.04750", "0.02500"),
    Place("SPOKANE", _PACIFIC, "WA", "0.06500", "0.02500"),
    Place("MADISON", _CENTRAL, "WI", "0.05000", "0.00500"),
    Place("NEWARK", _EASTERN, "NJ", "0.06625"),
    Place("TOLEDO", _EASTERN, "OH", "0.05750", "0.02000"),
    Place("ELPASO", _MOUNTAIN, "TX", "0.06250", "0.02000"),
    Place("HONOLULU", "Pacific/Honolulu", "HI", "0.04000", "0.00500"),
    Place("JUNEAU", "America/Juneau", "AK", "0.05000"),
)
_HISTORY_PLACE = Place(HISTORY_STORE, _EASTERN, "RI", "0.07000")
_UNKNOWN_PLACE = Place(UNKNOWN_STORE, _MOUNTAIN, "NM", "0.04875", "0.03000")


@dataclass(frozen=True)
class DemoStore:
    """One store. `number`: its place in the demo; `first_day`: from the first business date (negative: history)."""

    number: int
    name: str
    place: Place
    first_day: int = 0
    cut_over: date | None = None

    @property
    def offset_seconds(self) -> int:
        """The store's time minus UTC on the demo days."""
        offset = datetime(
            FIRST_DATE.year, FIRST_DATE.month, FIRST_DATE.day, tzinfo=ZoneInfo(self.place.time_zone)
        ).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    @property
    def taxes(self) -> tuple[tuple[str, Decimal], ...]:
        """Tax codes with their rates as fractions."""
        taxes = [(f"{self.place.state}ST", Decimal(self.place.state_tax))]
        if self.place.city_tax:
            taxes.append((f"{self.place.state}CTY", Decimal(self.place.city_tax)))
        return tuple(taxes)


@dataclass(frozen=True)
class Parameters:
    """What decides the content of the channel files. `extras` names the two special stores that were asked for."""

    stores: int
    scale: float
    seed: int
    days: int
    extras: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 1 <= self.stores <= 900:
            raise UsageError(f"A demo has 1 to 900 stores, not {self.stores}.")
        if not SMALLEST_SCALE <= self.scale <= 100:
            raise UsageError(f"The TPC-DS scale is between {SMALLEST_SCALE} and 100, not {self.scale}.")
        if not 1 <= self.days <= MOST_DAYS:
            raise UsageError(f"A demo covers 1 to {MOST_DAYS} business dates, not {self.days}.")
        if self.seed < 0:
            raise UsageError(f"The seed is a whole number from 0, not {self.seed}.")

    @property
    def key(self) -> str:
        """Folder name, without the extra stores: they are added beside the others, whose content they do not touch."""
        return f"stores-{self.stores}_scale-{self.scale:g}_seed-{self.seed}_days-{self.days}"

    @property
    def business_dates(self) -> tuple[date, ...]:
        return tuple(FIRST_DATE + timedelta(days=day) for day in range(self.days))

    @property
    def history_dates(self) -> tuple[date, ...]:
        """Days before the history store's cut-over date."""
        return tuple(FIRST_DATE - timedelta(days=day) for day in range(HISTORY_DAYS, 0, -1))

    @cached_property
    def regular_stores(self) -> tuple[DemoStore, ...]:
        return tuple(DemoStore(number, _name(number), PLACES[number % len(PLACES)]) for number in range(self.stores))

    @property
    def history_store(self) -> DemoStore:
        return DemoStore(self.stores, HISTORY_STORE, _HISTORY_PLACE, first_day=-HISTORY_DAYS, cut_over=FIRST_DATE)

    @property
    def unknown_store(self) -> DemoStore:
        return DemoStore(self.stores + 1, UNKNOWN_STORE, _UNKNOWN_PLACE)

    @property
    def all_stores(self) -> tuple[DemoStore, ...]:
        extras = [store for store in (self.history_store, self.unknown_store) if store.name in self.extras]
        return (*self.regular_stores, *extras)


def _name(number: int) -> str:
    """HOUSTON, SEATTLE, ..., and HOUSTON2 when the list has run out: at most ten characters, as the column takes."""
    round_, index = divmod(number, len(PLACES))
    return PLACES[index].name + (str(round_ + 1) if round_ else "")
