"""`commerce sessions`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commerce.cli import options, output

Direction = Annotated[Literal["upload", "download"] | None, typer.Option("--direction", help="Only these sessions.")]
Database = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Only this channel database.")]

sessions = typer.Typer(help="Upload and download sessions of Commerce Data Exchange.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(sessions, name="sessions")


@sessions.command("list")
def list_sessions(
    direction: Direction = None, channel: Database = None, limit: options.Limit = 50, as_json: options.Json = False
) -> None:
    """Sessions, the newest first."""
    from commerce.cli.queries import exchange

    with output.headquarters() as hq:
        found = exchange.list_sessions(hq, direction=direction, channel=channel, limit=limit)
    columns = ("session", "job", "channel", "stream", "state", "rows", "tries", "created_at", "message")
    output.rows(found, as_json, columns, nothing="No sessions.")


@sessions.command("show")
def show_session(session: Annotated[str, typer.Argument(metavar="SESSION")], as_json: options.Json = False) -> None:
    """One session: U17 is an upload, D4 a download with a row for each channel."""
    from commerce.cli.queries import exchange

    with output.headquarters() as hq:
        found = exchange.show_session(hq, session)
    output.details(found, as_json)


@sessions.command("rerun")
def rerun_session(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A download: D4, or 4.")],
    channel: Database = None,
    as_json: options.Json = False,
) -> None:
    """Let a suspended or failed download session be applied again, after its cause was mended."""
    from commerce import exchange
    from commerce.errors import UsageError

    number = session.upper().removeprefix("D")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise UsageError("Only a download session can be applied again: D4. `commerce sessions list` shows them.")
    with output.headquarters() as hq:
        names = exchange.rerun_download(hq, int(number), channel)
    found = {"session": f"D{number}", "channels": list(names)}
    output.done(
        found, as_json, f"Session D{number} waits again for {', '.join(names)}; `commerce distribute` applies it."
    )
