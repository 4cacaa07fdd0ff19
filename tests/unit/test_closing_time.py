"""When a business day ends: time zones, changes of the clock, closing after midnight."""

from datetime import UTC, date, datetime, time

import pytest

from commerce.errors import ConfigurationError
from commerce.run.closing_time import business_day_end, has_begun


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "zone", "closing", "end"),
    [
        ("2026-03-02", "UTC", time(0), "2026-03-03 00:00"),
        ("2026-03-02", "Europe/Oslo", time(0), "2026-03-02 23:00"),
        ("2026-07-01", "Europe/Oslo", time(0), "2026-07-01 22:00"),
        ("2026-03-02", "Asia/Tokyo", time(0), "2026-03-02 15:00"),
        ("2026-03-02", "Pacific/Auckland", time(0), "2026-03-02 11:00"),
        ("2026-03-02", "America/Los_Angeles", time(0), "2026-03-03 08:00"),
        # after midnight: a bar's day ends on the next calendar day
        ("2026-03-02", "Europe/Oslo", time(4), "2026-03-03 03:00"),
        ("2026-03-02", "Europe/Oslo", time(12), "2026-03-03 11:00"),
        # before midnight: on the business date itself
        ("2026-03-02", "Europe/Oslo", time(22, 30), "2026-03-02 21:30"),
        # the last Sunday of March: 02:30 does not exist in Oslo, it is 03:30 summer time
        ("2026-03-28", "Europe/Oslo", time(2, 30), "2026-03-29 01:30"),
        # the last Sunday of October: 02:30 comes twice, the second one counts
        ("2026-10-24", "Europe/Oslo", time(2, 30), "2026-10-25 01:30"),
        # midnight itself does not exist in Beirut on this day
        ("2026-03-28", "Asia/Beirut", time(0), "2026-03-28 22:00"),
    ],
)
def test_the_end_of_a_business_day(day: str, zone: str, closing: time, end: str) -> None:
    assert business_day_end(date.fromisoformat(day), zone, closing) == utc(end)


def test_an_unknown_zone_is_a_matter_of_setup() -> None:
    with pytest.raises(ConfigurationError, match="Europe/Atlantis"):
        business_day_end(date(2026, 3, 2), "Europe/Atlantis", time(0))


def test_a_day_begins_where_the_store_is() -> None:
    now = utc("2026-03-01 15:30")
    assert has_begun(date(2026, 3, 2), "Asia/Tokyo", now)
    assert not has_begun(date(2026, 3, 2), "Europe/Oslo", now)
