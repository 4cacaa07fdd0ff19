"""The forms in which a run is asked for. Airflow builds them when it parses the DAG file, so they cannot ask
headquarters."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import Param

from commerce_airflow.steps import SKIPPABLE


def stores(description: str) -> Param:
    """Choice of stores: a multiple selection from ``COMMERCE_STORES`` (`A,B,C`), else a field with a store a line."""
    known = [name.strip() for name in os.environ.get("COMMERCE_STORES", "").split(",") if name.strip()]
    choice: dict[str, Any] = {"examples": known} if known else {}
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1, "maxLength": 10},
        title="Stores",
        description=description,
        **choice,
    )


def business_date() -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="Business date",
        description="The day to post. Empty: the day of the run's data interval, in the company's time zone.",
    )


def dry_run() -> Param:
    return Param(
        False,
        type="boolean",
        title="Dry run",
        description="Change nothing; show in the log of open_run what each step would do.",
    )


def skip() -> Param:
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string", "enum": list(SKIPPABLE)},
        examples=list(SKIPPABLE),
        values_display={name: name.replace("_", " ") for name in SKIPPABLE},
        title="Leave out",
        description="Steps to leave out. Customers that orders and transactions refer to are converted all the same.",
        section="More",
    )
