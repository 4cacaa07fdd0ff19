"""`commerce server`: the embedded PostgreSQL."""

from __future__ import annotations

from typing import Any

import typer

from commerce.cli import options, output
from commerce.cli.progress import working

commands = typer.Typer(help="The embedded PostgreSQL, for a machine that has no database server.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="server")


@commands.command()
def start(as_json: options.Json = False) -> None:
    """Start it and wait until it accepts connections."""
    from commerce import server
    from commerce.settings import Settings

    with working("start the server"):
        server.start(Settings.from_environment().home)
    _show(as_json)


@commands.command()
def stop(as_json: options.Json = False) -> None:
    """Stop it; open transactions are rolled back."""
    from commerce import server
    from commerce.settings import Settings

    server.stop(Settings.from_environment().home)
    _show(as_json)


@commands.command()
def status(as_json: options.Json = False) -> None:
    """Whether it runs, and where its data and its log are."""
    _show(as_json)


def _show(as_json: bool) -> None:
    from commerce import server
    from commerce.settings import Settings

    found = server.status(Settings.from_environment().home)
    values: dict[str, Any] = {
        "state": found.state,
        "pid": found.pid,
        "data": str(found.data),
        "socket_folder": None if found.socket_folder is None else str(found.socket_folder),
        "log": str(found.log),
    }
    output.details([values], as_json)
