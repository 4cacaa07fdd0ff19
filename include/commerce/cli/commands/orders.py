"""`commerce orders`: look at orders of channels, try them again, edit them, release the sales orders that are held."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands import cancellations, editing
from commerce.cli.progress import working

if TYPE_CHECKING:
    from rich.console import RenderableType

    from commerce.orders.repair import Repaired

State = Annotated[
    Literal["pending", "synchronized", "failed", "editing", "held", "on-hold"] | None,
    typer.Option("--state", help="Only in this state; held: the transaction is held; on-hold: its sales order is."),
]
ErrorClass = Annotated[
    Literal["transient", "pending", "permanent"] | None, typer.Option("--class", help="Only of this class of error.")
]
Kind = Annotated[
    Literal["online", "customer", "quotation"] | None, typer.Option("--kind", help="Only orders of this kind.")
]
Words = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="Only with this text in the error.")]
Order = Annotated[str, typer.Argument(metavar="SALES-ORDER|TRANSACTION")]
Orders = Annotated[list[str], typer.Argument(metavar="ORDER...", help="Sales order numbers or transactions.")]
SomeOrders = Annotated[
    list[str] | None, typer.Argument(metavar="[ORDER]...", help="Sales order numbers or transactions.")
]
Store = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Of this store.")]

TABLE_COLUMNS = ("store", "transaction", "kind", "business_date", "sales_order", "state", "amount", "tries", "error")

commands = typer.Typer(help="Orders that channels sent, and their sales orders.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    commands.add_typer(cancellations.commands, name="cancellations")
    app.add_typer(commands, name="orders")


@commands.command("list")
def list_(
    state: State = None,
    channel: options.Channel = None,
    error_class: ErrorClass = None,
    kind: Kind = None,
    text: Words = None,
    older_than: options.OlderThan = None,
    limit: options.Limit = 100,
    as_json: options.Json = False,
) -> None:
    """Orders by transaction, with sales order number or error. --older-than: in this state or error for so long."""
    from commerce.cli.queries import orders

    before = datetime.now(UTC) - older_than if older_than else None
    with output.headquarters() as hq:
        found = orders.list_orders(
            hq,
            state=state,
            store=channel,
            error_class=error_class,
            kind=kind,
            words=text,
            before=before,
            limit=limit,
        )
    output.rows(found, as_json, TABLE_COLUMNS, nothing="No orders.")


@commands.command()
def show(order: Order, personal: options.Personal = False, as_json: options.Json = False) -> None:
    """One order: its state and error, what it waits for, lines, payments, holds, and what people did to it."""
    from commerce.cli.queries import orders

    with output.headquarters() as hq:
        found = orders.show_order(hq, order, personal=personal)
    output.details(found, as_json)


@commands.command()
def retry(
    reason: options.Reason,
    order: SomeOrders = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All failed orders that the filters let through, instead of keys.")
    ] = False,
    channel: Store = None,
    error_class: ErrorClass = None,
    text: Words = None,
    later: Annotated[bool, typer.Option("--later", help="With the next run, not at once.")] = False,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Synchronize orders that failed or wait, at once. Exit code 1: one has no sales order yet, or was passed over."""
    from commerce.orders import repair

    if bool(order) == everything or (order and (error_class or text)):
        raise typer.BadParameter("give either orders, or --all with filters such as --channel and --text.")
    with output.headquarters() as hq, working("synchronize orders"):
        keys = (
            repair.find_orders(hq, order, channel)
            if order
            else repair.failed_orders(hq, store=channel, error_class=error_class, words=text)
        )
        done = repair.retry(hq, keys, by=options.who(by), reason=reason, now=not later)
    made = done.result.counts["synchronized"] if done.result else 0
    words = "left to the next run" if later else "tried"
    _show(done, as_json, words, ok=later or made == len(done.orders))


@commands.command("begin-edit")
def begin_edit(
    order: Orders,
    reason: options.Reason,
    channel: Store = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Take orders into the Editing state: the job leaves them alone until `end-edit`. Exit code 1: not all are."""
    from commerce.orders import repair

    with output.headquarters() as hq:
        keys = repair.find_orders(hq, order, channel)
        _show(repair.begin_editing(hq, keys, by=options.who(by), reason=reason), as_json, "being edited now")


@commands.command("end-edit")
def end_edit(
    order: Orders,
    reason: options.Reason,
    channel: Store = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Give orders back to the job: its next run looks at them. Exit code 1: one was not being edited."""
    from commerce.orders import repair

    with output.headquarters() as hq:
        keys = repair.find_orders(hq, order, channel)
        _show(repair.end_editing(hq, keys, by=options.who(by), reason=reason), as_json, "given back for the next run")


@commands.command()
def release(
    order: Orders,
    reason: options.Reason,
    channel: Store = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Remove the hold of sales orders that were edited by hand: only then may they be delivered and invoiced.

    Exit code 1: one was not on hold.
    """
    from commerce.orders import repair

    with output.headquarters() as hq:
        keys = repair.find_orders(hq, order, channel)
        _show(repair.release(hq, keys, by=options.who(by), reason=reason), as_json, "released")


@commands.command()
def edit(
    order: Order,
    reason: options.Reason,
    sets: options.Sets = None,
    part: editing.PartOption = "header",
    row: editing.Rows = None,
    channel: Store = None,
    dry_run: options.DryRun = False,
    by: options.By = None,
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """Change values of an order that has no sales order, checked and audited. Exit code 1: refused, nothing is written.

    An edited order gets its sales order with the next run, or `retry`, and is then put on hold.
    """
    from commerce.orders.repair import find_orders

    who = options.who(by)
    done = editing.edit_one(find_orders, "orders", order, channel, part, row, sets, who, reason, dry_run)
    editing.show_edition(done, as_json, personal)


@commands.command()
def export(
    file: editing.NewFile,
    order: SomeOrders = None,
    state: Annotated[
        Literal["pending", "failed", "editing"], typer.Option("--state", help="Without keys: orders in this state.")
    ] = "failed",
    channel: Store = None,
    error_class: ErrorClass = None,
    text: Words = None,
    part: editing.FilePart = None,
    as_json: options.Json = False,
) -> None:
    """Write orders with all values that can be edited into a file for a spreadsheet: `import`."""
    from commerce.cli.queries import orders
    from commerce.orders import repair

    with output.headquarters() as hq, working("write the file"):
        keys = (
            repair.find_orders(hq, order, channel)
            if order
            else orders.keys(hq, state=state, store=channel, error_class=error_class, words=text)
        )
        editing.export_file(hq, file, keys, part, as_json)


@commands.command("import")
def import_(
    file: editing.File,
    reason: options.Reason,
    dry_run: options.DryRun = False,
    by: options.By = None,
    personal: options.Personal = False,
    as_json: options.Json = False,
) -> None:
    """Take the changes of an exported file: all of them or, if one row is refused (exit code 1), none."""
    done = editing.import_file("orders", file, options.who(by), reason, dry_run)
    editing.show_edition(done, as_json, personal)


def _show(done: Repaired, as_json: bool, what: str, *, ok: bool = True) -> None:
    """What was done, and which orders were passed over and why. Exit code 1: some were, or it is not `ok`."""

    def render() -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        from commerce.cli.tables import job_table

        parts: list[RenderableType] = [Text(f"Orders {what}: {len(done.orders)}.")]
        parts += [
            Text(f"{one.store} {one.transaction} was passed over: {one.why}.", "yellow") for one in done.passed_over
        ]
        if done.result is not None:
            parts.append(job_table(done.result.as_dict()))
        return Group(*parts)

    output.show(done.as_dict(), as_json, render)
    output.exit_unless(ok and not done.passed_over)
