"""`commerce customers`: look. Repair is in `customer_repair`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands import duplicates, personal_data

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy import Engine

    from commerce.customers.status.operations import OperationFilter

State = Annotated[
    Literal["pending", "converted", "failed", "ignored"] | None, typer.Option("--state", help="Only in this state.")
]
Kind = Annotated[
    Literal["customer", "address", "contact", "affiliation", "attribute", "identity", "all"],
    typer.Option("--kind", help="Which rows."),
]
Operation = Annotated[
    Literal["create", "update", "deactivate"] | None, typer.Option("--operation", help="Only this operation.")
]
ErrorClass = Annotated[
    Literal["transient", "pending", "permanent"] | None, typer.Option("--class", help="Only of this class of error.")
]
Words = Annotated[
    str | None, typer.Option("--text", metavar="TEXT", help="Only with this text in error, GUID, name or contact data.")
]
Key = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Account, GUID, receipt or transaction, e-mail, phone or name."),
]
DETAILED = 5
"""So many customers that one key leads to are shown with all details; more, as a list to choose from."""
TABLE_COLUMNS = ("id", "kind", "company", "guid", "account", "store", "operation", "created_at", "state", "error")

commands = typer.Typer(help="Asynchronous customers, what became of them, and repair.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    commands.add_typer(duplicates.commands, name="duplicates")
    personal_data.add_to(commands)
    app.add_typer(commands, name="customers")


def chosen(
    state: Any,
    channel: str | None,
    kind: str,
    operation: str | None,
    error_class: str | None,
    older_than: timedelta | None,
    words: str | None,
) -> OperationFilter:
    """The filter that options describe."""
    from commerce.customers.status.kinds import OPERATIONS
    from commerce.customers.status.operations import OperationFilter

    numbers = {name: number for number, name in OPERATIONS.items()}
    before = datetime.now(UTC) - older_than if older_than else None
    kind_or_all = None if kind == "all" else kind
    return OperationFilter(state, channel, kind_or_all, numbers.get(operation or ""), error_class, before, words)


@commands.command("list")
def list_(
    state: State = None,
    channel: options.Channel = None,
    kind: Kind = "customer",
    operation: Operation = None,
    error_class: ErrorClass = None,
    older_than: options.OlderThan = None,
    text: Words = None,
    limit: options.Limit = 100,
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """Operations of asynchronous customers with channel, customer, time, status, error and changed values, by GUID.

    Rows in quarantine are included: their numbers begin with Q.
    """
    from commerce.customers.status.operations import list_operations, words_of

    with output.headquarters() as hq:
        wanted = chosen(state, channel, kind, operation, error_class, older_than, text)
        found = list_operations(hq, wanted, limit=limit, personal=personal)
    if not as_json:
        found = [{**row, "changes": words_of(row["changes"])} for row in found]
    columns = (*TABLE_COLUMNS, *(name for name in ("name", "changes") if any(row[name] for row in found)))
    output.rows(found, as_json, columns, nothing="No operations of asynchronous customers.")


@commands.command()
def show(
    key: Key,
    personal: options.Personal = False,
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="Ask the channel databases for what is not uploaded yet.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """A customer: where it is, what its operations became, which channels have it, which transactions refer to it.

    KEY may also be the number of an operation in `commerce customers list`: then its values and their history.
    """
    from commerce.customers.status import finding, pipeline
    from commerce.customers.status.history import show_operation

    with output.headquarters() as hq:
        operation = show_operation(hq, key, personal=personal)
        if operation is not None:
            output.details([operation], as_json)
            return
        found = finding.find(hq, key)
        if len(found) > DETAILED:
            rows = pipeline.candidates(hq, found, personal=personal)
            output.rows(rows, as_json, ("company", "account", "guid", "name", "state"), nothing="")
            return
        shown = [pipeline.describe(hq, one, look=look, personal=personal) for one in found]
        shown = shown or [_unseen(hq, key, look)]
    output.details(shown, as_json)


@commands.command()
def resolve(
    guid: Annotated[str, typer.Argument(metavar="GUID")],
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="Ask the channel databases for what is not uploaded yet.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """The account of a temporary GUID account, or where its customer is stuck. Exit code 1: it has no account yet."""
    from commerce.customers.status import pipeline
    from commerce.customers.status.finding import find_guid

    with output.headquarters() as hq:
        found = [pipeline.describe(hq, one, look=look) for one in find_guid(hq, guid)] or [_unseen(hq, guid, look)]
    answers = [_answer(guid.lower(), one) for one in found]

    def render() -> RenderableType:
        return "\n".join(_sentence(answer) for answer in answers)

    output.show(answers[0] if len(answers) == 1 else answers, as_json, render)
    output.exit_unless(all(answer["account"] for answer in answers))


def _answer(guid: str, one: dict[str, Any]) -> dict[str, Any]:
    mapping: dict[str, Any] = next((row for row in one["guids"] if row["guid"] == guid), {})
    return {
        "guid": guid,
        "company": one["company"],
        "account": one["account"],
        "state": one["state"],
        "how": mapping.get("how"),
        "by": mapping.get("by"),
        "at": mapping.get("at"),
        "errors": sorted({row["error"] for row in [*one["operations"], *one.get("quarantine", ())] if row["error"]}),
        "in_channel": one["in_channel"],
        "waiting_channels": [row["database"] for row in one.get("channels", ()) if row["waiting"]],
        "unreachable": one["unreachable"],
        "totals": one["totals"],
        "next": one["next"],
    }


def _sentence(answer: dict[str, Any]) -> str:
    where = f"{answer['guid']} ({answer['company'] or 'company unknown'})"
    if answer["account"]:
        return f"{where} is account {answer['account']}, {answer['how']} by {answer['by']}; {answer['state']}."
    errors = f" {'; '.join(answer['errors'])}." if answer["errors"] else ""
    unreachable = f" Not reachable: {', '.join(answer['unreachable'])}." if answer["unreachable"] else ""
    return f"{where} has no account: {answer['state']}.{errors}{unreachable} {answer['next']}"


def _unseen(hq: Engine, key: str, look: bool) -> dict[str, Any]:
    from commerce.customers.status import pipeline
    from commerce.errors import UsageError

    found = pipeline.unseen(hq, key) if look else None
    if found is None:
        raise UsageError(
            "Nobody has this account, GUID, receipt, e-mail, phone or name, and no channel database that can be "
            "reached knows it as a GUID. `commerce customers list` shows asynchronous customers, `commerce quarantine "
            "list` rows that headquarters could not take."
        )
    return found
