"""`commerce customers purge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commerce.cli import options, output
from commerce.cli.progress import progress_bars

if TYPE_CHECKING:
    from rich.console import RenderableType


def add_to(customers: typer.Typer) -> None:
    customers.command("purge")(purge)


def purge(as_json: options.Json = False) -> None:
    """Blank personal data in staging and quarantine rows that are older than their company keeps it."""
    from commerce.customers import purge_personal_data

    with output.headquarters() as hq, progress_bars() as progress:
        found = purge_personal_data(hq, progress=progress).as_dict()

    def render() -> RenderableType:
        rows = sum(found["counts"].values())
        return f"{rows} rows blanked." if found["counts"] else "No company has a number of days in its parameters."

    output.show(found, as_json, render)
