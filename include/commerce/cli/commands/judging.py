"""`commerce reconcile` and `commerce hq verify`: judges that share no code with the jobs."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Filled in when they exist."""
