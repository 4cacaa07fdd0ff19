"""A run's summary as text, for the log of `close_run`."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console


def as_text(summary: dict[str, Any]) -> str:
    """The table that `commerce end-of-day` shows, without colours."""
    from commerce.cli.tables import run_summary_table

    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(run_summary_table(summary))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]
