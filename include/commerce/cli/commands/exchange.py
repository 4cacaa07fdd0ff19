"""`commerce sessions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commerce.cli import options, output

if TYPE_CHECKING:
    from rich.console import RenderableType

Direction = Annotated[Literal["upload", "download"] | None, typer.Option("--direction", help="Only these sessions.")]
Database = Annotated[
    str | None, typer.Option("--channel", metavar="NAME", help="Only this store, or the channel database of this name.")
]
State = Annotated[
    Literal[
        "started",
        "available",
        "uploaded",
        "requested",
        "downloaded",
        "applied",
        "canceled",
        "create_failed",
        "upload_failed",
        "download_failed",
        "apply_failed",
        "no_data",
        "suspended",
    ]
    | None,
    typer.Option("--state", help="Only in this state."),
]
Session = Annotated[str, typer.Argument(metavar="SESSION", help="U17 is an upload, D4 a download.")]

sessions = typer.Typer(help="Upload and download sessions of Commerce Data Exchange.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(sessions, name="sessions")


@sessions.command("list")
def list_sessions(
    direction: Direction = None,
    channel: Database = None,
    state: State = None,
    limit: options.Limit = 50,
    as_json: options.Json = False,
) -> None:
    """Sessions, the newest first; a download with a row for each channel database."""
    from commerce.cli.queries import exchange

    with output.headquarters() as hq:
        found = exchange.list_sessions(hq, direction=direction, channel=channel, state=state, limit=limit)
    columns = ("session", "job", "channel", "stream", "state", "rows", "tries", "created_at", "message")
    output.rows(found, as_json, columns, nothing="No sessions.")


@sessions.command("show")
def show_session(session: Session, as_json: options.Json = False) -> None:
    """Everything of one session: states, times, checksum, tables, and for a download each channel database."""
    from commerce.cli.queries import exchange

    with output.headquarters() as hq:
        found = exchange.show_session(hq, session)

    def render() -> RenderableType:
        from rich.console import Group

        from commerce.cli.tables import details_table, plain_table

        lists = {name: rows for name, rows in found.items() if isinstance(rows, list)}
        own = {name: value for name, value in found.items() if name not in lists}
        return Group(details_table(own), *(plain_table(rows, list(rows[0])) for rows in lists.values() if rows))

    output.show(found, as_json, render)


@sessions.command("rerun")
def rerun_session(session: Session, channel: Database = None, as_json: options.Json = False) -> None:
    """Let a session be worked again, after its cause was mended.

    A download that is suspended or failed is applied again. An upload is read again: rows that are here with the same
    key and content are skipped.
    """
    from commerce import exchange
    from commerce.cli.queries.exchange import parse

    direction, number = parse(session)
    with output.headquarters() as hq:
        if direction == "upload":
            _refuse_channel(channel)
            reading = exchange.rerun_upload(hq, number)
            found: dict[str, Any] = {"session": f"U{number}", "read_by": f"U{reading}"}
            sentence = f"The next upload reads the rows of session U{number}, as session U{reading}."
        else:
            names = exchange.rerun_download(hq, number, channel)
            found = {"session": f"D{number}", "channels": list(names)}
            sentence = f"Session D{number} waits again for {', '.join(names)}; `commerce distribute` applies it."
    output.done(found, as_json, sentence)


@sessions.command("cancel")
def cancel_session(session: Session, channel: Database = None, as_json: options.Json = False) -> None:
    """Give a session up; what is behind it goes on, and nothing is lost.

    The customers of a download are sent again by a new session. The rows of an upload are read by a new session.
    """
    from commerce import exchange
    from commerce.cli.queries.exchange import parse

    direction, number = parse(session)
    with output.headquarters() as hq:
        if direction == "upload":
            _refuse_channel(channel)
            exchange.cancel_upload(hq, number)
            found: dict[str, Any] = {"session": f"U{number}"}
            sentence = f"Session U{number} is canceled; the next upload reads its rows in a new session."
        else:
            names = exchange.cancel_download(hq, number, channel)
            found = {"session": f"D{number}", "channels": list(names)}
            sentence = f"Session D{number} is canceled for {', '.join(names)}."
    output.done(found, as_json, sentence)


@sessions.command("parameters")
def parameters_(
    try_count: Annotated[int | None, typer.Option("--try-count", help="Tries of a session.")] = None,
    package_days: Annotated[int | None, typer.Option("--package-days", help="Days that packages are kept.")] = None,
    sessions_per_call: Annotated[
        int | None, typer.Option("--sessions-per-call", help="Sessions a channel applies in one distribution.")
    ] = None,
    seconds_per_call: Annotated[
        int | None, typer.Option("--seconds-per-call", help="Seconds a channel is worked in one distribution.")
    ] = None,
    behind_minutes: Annotated[
        int | None, typer.Option("--behind-minutes", help="A channel with an older waiting session is behind.")
    ] = None,
    away_hours: Annotated[
        int | None, typer.Option("--away-hours", help="A channel that nobody reached for so long is away.")
    ] = None,
    session_days: Annotated[
        int | None, typer.Option("--session-days", help="Days that settled sessions are kept.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show the parameters of Commerce Data Exchange, or change those that are given."""
    from dataclasses import asdict

    from commerce.exchange import parameters

    given = {
        "try_count": try_count,
        "package_retention_days": package_days,
        "sessions_per_call": sessions_per_call,
        "seconds_per_call": seconds_per_call,
        "behind_minutes": behind_minutes,
        "away_hours": away_hours,
        "session_retention_days": session_days,
    }
    with output.headquarters() as hq:
        found = parameters.change(hq, **{name: value for name, value in given.items() if value is not None})
    output.details([asdict(found)], as_json)


def _refuse_channel(channel: str | None) -> None:
    from commerce.errors import UsageError

    if channel is not None:
        raise UsageError("An upload session belongs to one channel database; leave --channel out.")
