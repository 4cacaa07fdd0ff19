"""When a store's business day ends (domain B4: the end of the business day of a store's statements)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from commerce.errors import ConfigurationError

_NOON = time(12)


def business_day_end(business_date: date, time_zone: str, closing_time: time) -> datetime:
    """The moment (UTC) at which the business day `business_date` ends.

    A closing time up to noon belongs to the next calendar day: 00:00 is midnight at the end of the business date,
    03:00 a bar that closes at three in the morning. A later one is on the business date itself. Where clocks change,
    the later of the two readings counts: a day has ended only when it has surely ended.

    Raises:
        ConfigurationError: `time_zone` is no IANA time zone.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(
            f"'{time_zone}' is no time zone. Correct it in the channel's setup (`commerce channel apply FILE`)."
        ) from None
    day = business_date + timedelta(days=1) if closing_time <= _NOON else business_date
    local = datetime.combine(day, closing_time.replace(tzinfo=None), zone)
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def has_begun(business_date: date, time_zone: str, now: datetime) -> bool:
    """Whether the calendar day `business_date` has begun where the store is."""
    return now.astimezone(ZoneInfo(time_zone)).date() >= business_date
