"""`commerce channel`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commerce.cli import options, output
from commerce.cli.progress import working

if TYPE_CHECKING:
    from rich.console import RenderableType

    from commerce.setup import SetupResult

Name = Annotated[str, typer.Argument(metavar="NAME", help="The store's key.")]

commands = typer.Typer(help="The channel registry: stores and their databases.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="channel")


@commands.command()
def add(
    name: Name,
    company: Annotated[str, typer.Option("--company", help="The company (data area) it belongs to.")],
    default_customer: Annotated[str, typer.Option("--default-customer", help="Account of its default customer.")],
    url: Annotated[
        str | None, typer.Option("--url", help="SQLAlchemy URL of its database, without a password.")
    ] = None,
    connection: Annotated[
        str | None,
        typer.Option("--connection", metavar="ID", help="Instead of --url: id of a connection to PostgreSQL."),
    ] = None,
    cut_over: Annotated[
        date | None,
        typer.Option(
            "--cut-over", parser=options.calendar_date, metavar="YYYY-MM-DD", help="Earlier business dates are history."
        ),
    ] = None,
    time_zone: Annotated[str, typer.Option("--time-zone", help="IANA name, such as Europe/Oslo.")] = "UTC",
    closing_time: Annotated[
        str,
        typer.Option("--closing-time", metavar="HH:MM", help="When its business day ends; up to 12:00: the next day."),
    ] = "00:00",
    currency: Annotated[str | None, typer.Option("--currency", help="Default: the company's.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="A name for people. Default: NAME.")] = None,
    as_json: options.Json = False,
) -> None:
    """Register a store. A database that is out of reach now is a warning: a store may be offline."""
    from commerce import connections
    from commerce.errors import UsageError
    from commerce.setup import channels

    if (url is None) == (connection is None):
        raise UsageError("Say where the store's database is: either --url or --connection.")
    url = url or connections.url_of(connection or "")
    settings = {"cut_over": cut_over, "time_zone": time_zone, "closing_time": closing_time, "currency": currency}
    with output.headquarters() as hq:
        added = channels.add(
            hq, name, url=url, company=company, default_customer=default_customer, title=title, **settings
        )
    output.details([added.as_dict()], as_json)


@commands.command()
def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML with `channels` and `remove`, or a .csv table of stores.")
    ],
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Add, change and, where named, remove stores as a file says; applying it twice changes nothing.

    --dry-run is the plan: what would change, and what would be refused and why (exit code 1 then). A file with a
    mistake changes nothing.
    """
    from commerce import setup
    from commerce.setup import channel_files

    with output.headquarters() as hq, working("apply the file"):
        given = channel_files.read(file)
        result = setup.channels.apply(hq, given.document, dry_run=dry_run, places=given.places)
    show_changes(result, as_json)
    output.exit_unless(not result.refused)


@commands.command("list")
def list_(as_json: options.Json = False) -> None:
    """All stores with database (without credentials), company and state."""
    from commerce.setup import channels

    with output.headquarters() as hq:
        found = [channel.as_dict() for channel in channels.list_channels(hq)]
    columns = (
        "name",
        "company",
        "state",
        "state_since",
        "last_contact_at",
        "last_upload_at",
        "last_download_at",
        "waiting_sessions",
        "url",
    )
    output.rows(found, as_json, columns, nothing="No channels. `commerce channel add` registers one.")


@commands.command()
def upgrade(name: Name, as_json: options.Json = False) -> None:
    """Create or upgrade the tables of a store's channel database: of a new store, or after a new version."""
    from commerce.setup import channels

    with output.headquarters() as hq, working("upgrade the channel's tables"):
        revision = channels.upgrade(hq, name)
    output.done({"channel": name, "revision": revision}, as_json, f"{name} has the tables of revision {revision}.")


@commands.command()
def remove(name: Name, as_json: options.Json = False) -> None:
    """Forget a store that never sent anything."""
    from commerce.setup import channels

    with output.headquarters() as hq:
        channels.remove(hq, name)
    output.done({"removed": name}, as_json, f"Channel {name} is removed.")


@commands.command()
def pause(name: Name, as_json: options.Json = False) -> None:
    """Stop exchanging data with a store's database."""
    from commerce.setup import channels

    with output.headquarters() as hq:
        channel = channels.pause(hq, name)
    output.done(channel.as_dict(), as_json, f"Channel {name} is paused.")


@commands.command()
def resume(name: Name, as_json: options.Json = False) -> None:
    """Exchange data with a store's database again."""
    from commerce.setup import channels

    with output.headquarters() as hq:
        channel = channels.resume(hq, name)
    output.done(channel.as_dict(), as_json, f"Channel {name} is active.")


@commands.command("open-incarnation")
def open_incarnation(name: Name, as_json: options.Json = False) -> None:
    """Accept that a channel database was restored from a backup: its counters begin anew."""
    from commerce import exchange

    with output.headquarters() as hq:
        number = exchange.open_incarnation(hq, name)
    found: dict[str, Any] = {"channel": name, "incarnation": number}
    output.done(found, as_json, f"Channel database {name} is in incarnation {number}; the next upload reads it again.")


@commands.command()
def resync(name: Name, as_json: options.Json = False) -> None:
    """Send a channel database every customer anew: a lost or new database. It goes on in small steps."""
    from commerce import exchange

    with output.headquarters() as hq:
        database = exchange.resynchronize(hq, name)
    output.done(
        {"channel": name, "database": database},
        as_json,
        f"Channel database {database} gets a full resynchronization; each `commerce distribute` goes on with it.",
    )


def show_changes(result: SetupResult, as_json: bool) -> None:
    """Print what a setup or channel file changed, or would change."""

    def render() -> RenderableType:
        from commerce.cli.tables import changes_table

        return changes_table(result.as_dict())

    output.show(result.as_dict(), as_json, render)
