"""Which business date a run works on: one function, one table of cases."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from commerce.errors import UsageError
from commerce_airflow.business_date import business_date


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("given", "interval_start", "zone", "expected"),
    [
        pytest.param(date(2026, 3, 1), None, "UTC", date(2026, 3, 1), id="asked for, no interval"),
        pytest.param(date(2026, 3, 1), utc(2026, 5, 5), "Europe/Oslo", date(2026, 3, 1), id="asked for goes first"),
        pytest.param(None, utc(2026, 3, 1), "UTC", date(2026, 3, 1), id="UTC midnight"),
        pytest.param(None, utc(2026, 2, 28, 23), "Europe/Oslo", date(2026, 3, 1), id="Oslo midnight in winter"),
        pytest.param(None, utc(2026, 6, 30, 22), "Europe/Oslo", date(2026, 7, 1), id="Oslo midnight in summer"),
        pytest.param(
            None, utc(2026, 3, 29, 2), "Europe/Oslo", date(2026, 3, 29), id="04:00 on the day the clocks go forward"
        ),
        pytest.param(
            None, utc(2026, 10, 25, 3), "Europe/Oslo", date(2026, 10, 25), id="04:00 on the day the clocks go back"
        ),
        pytest.param(None, utc(2026, 3, 1, 9), "America/New_York", date(2026, 3, 1), id="04:00 in New York"),
        pytest.param(None, utc(2026, 3, 1, 3), "America/New_York", date(2026, 2, 28), id="evening in New York"),
        pytest.param(None, utc(2026, 2, 28, 19), "Asia/Tokyo", date(2026, 3, 1), id="04:00 in Tokyo"),
        pytest.param(None, utc(2025, 12, 31, 15), "Pacific/Auckland", date(2026, 1, 1), id="new year in Auckland"),
        pytest.param(
            None,
            datetime(2026, 3, 1, 0, 30, tzinfo=ZoneInfo("Asia/Tokyo")),
            "UTC",
            date(2026, 2, 28),
            id="interval in another zone",
        ),
    ],
)
def test_business_date(given: date | None, interval_start: datetime | None, zone: str, expected: date) -> None:
    assert business_date(given, interval_start, ZoneInfo(zone)) == expected


def test_neither_date_nor_interval_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="'business_date' \\(YYYY-MM-DD\\)"):
        business_date(None, None, UTC)


def test_an_interval_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        business_date(None, datetime(2026, 3, 1), UTC)  # noqa: DTZ001
