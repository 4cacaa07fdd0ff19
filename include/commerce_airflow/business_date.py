"""Which business date a run works on."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from commerce.errors import UsageError


def business_date(given: date | None, interval_start: datetime | None, zone: tzinfo) -> date:
    """The business date of a run: what was asked for, else the date on which its data interval starts.

    The date is taken in the timetable's own zone: a midnight schedule in Oslo has an interval that starts at 22:00 or
    23:00 UTC of the day before. Neither the clock nor the run's logical date has a say.

    Args:
        given: the `business_date` of the run's configuration.
        interval_start: start of the run's data interval, with a zone; None for a run without one (triggered by hand).
        zone: the timetable's zone: the company's for the daily run, UTC for history.

    Raises:
        UsageError: neither is there.
    """
    if given is not None:
        return given
    if interval_start is None:
        raise UsageError(
            "This run has neither a business date nor a data interval. "
            "Start it again with a 'business_date' (YYYY-MM-DD)."
        )
    if interval_start.tzinfo is None:
        raise ValueError("the start of a data interval needs a time zone")
    return interval_start.astimezone(zone).date()
