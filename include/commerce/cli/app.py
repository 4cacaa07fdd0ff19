"""The tree of commands, and what happens to an error that reaches the top."""

from __future__ import annotations

import logging
import os
import sys

import typer

from commerce.cli.commands import (
    channels,
    customer_repair,
    customers,
    day,
    demo,
    documents,
    exchange,
    headquarters,
    judging,
    ledger,
    orders,
    posting,
    quarantine,
    server,
    single_steps,
    standing,
    transaction_repair,
)
from commerce.errors import CommerceError

NOT_OF_THIS_VERSION = ("3F000", "42P01", "42703")
"""SQLSTATEs of a schema, table or column that is not there."""

app = typer.Typer(
    name="commerce",
    help="Turns asynchronous customers of Dynamics 365 Commerce into synchronous ones, and posts the day.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (
    day,
    single_steps,
    standing,
    customers,
    customer_repair,
    orders,
    documents,
    transaction_repair,
    posting,
    ledger,
    exchange,
    quarantine,
    channels,
    headquarters,
    judging,
    server,
    demo,
):
    commands.add_to(app)


def run() -> None:
    """Run the command line; expected errors become a message and an exit code, others a message without data."""
    debug = bool(os.environ.get("COMMERCE_DEBUG"))
    if debug:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(name)s: %(message)s")
        logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    try:
        app()
    except CommerceError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("Interrupted. What was committed stays; running it again goes on from there.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads any more: be quiet about it
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _say(_unexpected(error))
        sys.exit(1)


def _say(message: str) -> None:
    print(message, file=sys.stderr)  # noqa: T201


def _unexpected(error: Exception) -> str:
    """An error that nobody foresaw, without the data that its text may quote."""
    from sqlalchemy.exc import DBAPIError, OperationalError

    from commerce.database import describe_error, sqlstate

    hint = "COMMERCE_DEBUG=1 shows where."
    if isinstance(error, OperationalError):
        return (
            f"The database cannot be reached or gave up ({describe_error(error)}). Is headquarters running? "
            f"`commerce server status` tells of the embedded one. {hint}"
        )
    if isinstance(error, DBAPIError) and sqlstate(error) in NOT_OF_THIS_VERSION:
        return f"Headquarters does not have the tables of this version. Run `commerce hq init` once. {hint}"
    if isinstance(error, DBAPIError):
        return f"The database refused a statement ({describe_error(error)}). {hint}"
    return f"Internal error ({type(error).__name__}). {hint}"
