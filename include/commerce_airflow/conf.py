"""The configuration of a run (Airflow's `conf`), checked before anything happens.

Airflow checks the keys that it knows against the form; keys that it does not know pass silently, and a misspelt
`store` would run for every store. So `open_run` validates everything once more with these models, which know every
key.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from commerce.errors import UsageError
from commerce_airflow.steps import SKIPPABLE

Model = TypeVar("Model", bound=BaseModel)
Store = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10)]


def _calendar_date(value: Any) -> Any:
    """A date as `YYYY-MM-DD` and nothing else: pydantic alone would read 20260301 as seconds since 1970."""
    if value is None or type(value) is date:
        return value
    try:
        if isinstance(value, str) and len(value) == len("2026-03-01"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("calendar_date", "must be a date written as YYYY-MM-DD, such as 2026-03-01")


def _step(value: Any) -> Any:
    if value not in SKIPPABLE:
        raise PydanticCustomError("step", "can hold only these steps: {steps}", {"steps": ", ".join(SKIPPABLE)})
    return value


class EndOfDayConf(BaseModel):
    """`end_of_day`: one business date of all or some stores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    business_date: Annotated[date | None, BeforeValidator(_calendar_date)] = None
    """None: the date on which the run's data interval starts, in the company's time zone."""

    stores: Annotated[tuple[Store, ...], Field(min_length=1)] | None = None
    """Keys of the stores to work on; None: all that are neither paused nor removed."""

    dry_run: bool = False
    skip: tuple[Annotated[str, BeforeValidator(_step)], ...] | None = None


class TrickleFeedConf(BaseModel):
    """`trickle_feed`: what there is so far, of all or some stores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    business_date: Annotated[date | None, BeforeValidator(_calendar_date)] = None
    """None: the date on which the run's data interval starts, in the company's time zone."""

    stores: Annotated[tuple[Store, ...], Field(min_length=1)] | None = None


class CustomerSyncConf(BaseModel):
    """`customer_sync`: only a choice of stores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stores: Annotated[tuple[Store, ...], Field(min_length=1)] | None = None


class HistoricalConf(BaseModel):
    """`historical_end_of_day`: the stores are named, the days come from the backfill."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stores: Annotated[tuple[Store, ...], Field(min_length=1)]
    dry_run: bool = False


MODELS: dict[str, type[BaseModel]] = {
    "end_of_day": EndOfDayConf,
    "customer_sync": CustomerSyncConf,
    "historical": HistoricalConf,
    "trickle_feed": TrickleFeedConf,
}


def parse_conf(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Check `values` (the form's defaults overlaid with the run's conf).

    Raises:
        UsageError: names each wrong key and what it should be; never repeats a value.
    """
    try:
        return model.model_validate_json(json.dumps(dict(values), default=str))
    except ValidationError as error:
        problems = [_problem(model, detail["type"], detail["loc"], detail["msg"]) for detail in error.errors()]
        raise UsageError(f"The run's configuration cannot be used: {'; '.join(problems)}. Nothing was done.") from None


def _problem(model: type[BaseModel], kind: str, location: tuple[int | str, ...], message: str) -> str:
    key = str(location[0]) if location else "it"
    if kind == "extra_forbidden":
        known = list(model.model_fields)
        near = difflib.get_close_matches(key, known, n=1)
        return f"'{key}' is not known" + (f", did you mean '{near[0]}'?" if near else f" (known: {', '.join(known)})")
    if kind == "missing":
        return f"'{key}' is missing"
    return f"'{key}' {message[:1].lower()}{message[1:]}"
