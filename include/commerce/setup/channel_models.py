"""A channel as a person describes it, and as the registry shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from commerce.setup.fields import Code10, Code20, Company, Currency, Optional10

State = Literal["active", "paused", "stopped", "suspended", "behind", "away"]
Place = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class ChannelSetup(BaseModel):
    """A channel as a person describes it.

    `closing_time`: when its business day ends, in its own time zone (00:00: midnight at the end of the day; up to
    12:00: that time on the next day; later: that time on the same day). `cut_over`: earlier business dates are history.
    `default_customer_company`: where the default customer lives, if not in the channel's company.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Code10, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    url: str
    company: Company
    default_customer: Code20
    default_customer_company: Company | None = None
    title: Place | None = None
    cut_over: date | None = None
    time_zone: Place = "UTC"
    closing_time: time = time(0)
    currency: Currency | None = None
    data_group: Place | None = None
    tax_group: Optional10 = ""
    max_rounding: Annotated[Decimal, Field(ge=0)] = Decimal("0.05")
    rounding_unit: Annotated[Decimal, Field(gt=0)] = Decimal("0.01")

    @field_validator("closing_time", mode="before")
    @classmethod
    def _minutes_of_yaml(cls, value: object) -> object:
        """YAML 1.1 reads an unquoted 22:30 as a base-60 number."""
        return f"{value // 60:02}:{value % 60:02}" if isinstance(value, int) and 0 <= value < 1440 else value

    @field_validator("closing_time")
    @classmethod
    def _local(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("is local to the channel; give hours and minutes only, such as 22:30")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone; use an IANA name such as Europe/Oslo") from None
        return value


@dataclass(frozen=True)
class Channel:
    """A registered channel. `url` has no credentials.

    `state`, the gravest that holds (since `state_since`): stopped: its database was restored from a backup and waits
    for a new incarnation (`stop_reason`); suspended: a download session waits for a person; away: nobody has reached it
    for long; behind: download sessions wait for long, or it needs a full resynchronization.
    """

    name: str
    title: str
    url: str
    dialect: str
    company: str
    state: State
    stop_reason: str
    database: str
    data_group: str
    currency: str
    time_zone: str
    closing_time: time
    cut_over: date | None
    default_customer: str
    default_customer_company: str
    max_rounding: Decimal
    rounding_unit: Decimal
    tax_group: str
    incarnation: int
    last_contact_at: datetime | None
    last_upload_at: datetime | None
    last_download_at: datetime | None
    waiting_sessions: int
    state_since: datetime | None
    warnings: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """All fields; dates and times as ISO text, amounts as decimal text."""
        return {**{name: _plain(value) for name, value in asdict(self).items()}, "warnings": list(self.warnings)}


def _plain(value: object) -> str | int | None:
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if isinstance(value, (date, datetime, time)) else str(value)
