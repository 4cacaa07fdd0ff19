"""A run's summary as text, for the log of `close_run`."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

WIDTH = 130
"""Columns that Airflow's page of a log shows on a usual screen; it does not wrap lines."""


def as_text(summary: dict[str, Any]) -> str:
    """The table that `commerce end-of-day` shows, without colours."""
    from commerce.cli.tables import run_summary_table

    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(run_summary_table(summary))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]
