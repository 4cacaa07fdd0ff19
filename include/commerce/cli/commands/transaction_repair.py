"""`commerce transactions hold|release|revalidate|rules|enable-rule|disable-rule`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commerce.cli import options, output
from commerce.cli.commands.documents import transactions as commands

if TYPE_CHECKING:
    from rich.console import RenderableType

    from commerce.transactions.rules import Rule

Transactions = Annotated[list[str], typer.Argument(metavar="TRANSACTION...")]
Company = Annotated[str, typer.Option("--company", metavar="COMPANY", help="In this company.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="As `commerce transactions rules` names it.")]
Part = Annotated[
    Literal["header", "line"] | None, typer.Option("--of", help="Where header and line have a rule of this name.")
]


def add_to(app: typer.Typer) -> None:
    """The commands stand in the group of `transactions`, which is in the tree already."""


@commands.command()
def hold(
    transactions: Transactions,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; reported every day. Name no person.")],
    channel: options.Channel = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Leave single transactions out of validation, gate and statements until they are released."""
    from commerce.transactions import hold_transactions

    with output.headquarters() as hq:
        held = hold_transactions(hq, transactions=transactions, reason=reason, by=options.who(by), store=channel)
    output.done({"held": [one.transaction for one in held]}, as_json, f"On hold: {len(held)}.")


@commands.command()
def release(
    transactions: Transactions,
    reason: options.Reason,
    channel: options.Channel = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Let held transactions go; the next run judges them anew."""
    from commerce.transactions import release_transactions

    with output.headquarters() as hq:
        found = release_transactions(hq, transactions=transactions, reason=reason, by=options.who(by), store=channel)
    output.done({"released": [one.transaction for one in found]}, as_json, f"Released: {len(found)}.")


@commands.command()
def revalidate(transactions: Transactions, channel: options.Channel = None, as_json: options.Json = False) -> None:
    """Validate single transactions anew, valid ones too. Exit code 1: one of them is not valid."""
    from commerce.transactions import revalidate_transactions

    with output.headquarters() as hq:
        result = revalidate_transactions(hq, transactions=transactions, store=channel)
    found = result.as_dict()

    def render() -> RenderableType:
        from commerce.cli.tables import job_table

        return job_table(found)

    output.show(found, as_json, render)
    output.exit_unless(not result.counts["invalid"])


@commands.command("rules")
def list_rules(
    company: Annotated[str | None, typer.Option("--company", metavar="COMPANY", help="Only in this company.")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Who switched which rule off and on, when and why.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Validation rules by company: applied, disabled (by whom and why), or not applicable for want of a master."""
    from commerce import transactions

    if history:
        with output.headquarters() as hq:
            changes = [vars(one) for one in transactions.rule_changes(hq, company=company)]
        told = ("changed_at", "company", "of", "rule", "state", "by", "reason")
        output.rows(changes, as_json, told, nothing="Nobody has switched a rule off or on.")
        return
    with output.headquarters() as hq:
        states = transactions.rule_states(hq, company=company)
    found = [
        {
            "company": one.company,
            "of": one.rule.part,
            "rule": one.rule.name,
            "state": one.state,
            "since_at": one.since,
            "by": one.by,
            "reason": one.reason,
            "can_be_disabled": not one.rule.fixed,
            "says": one.rule.says,
        }
        for one in states
    ]
    columns = ("company", "of", "rule", "state", "since_at", "by", "reason", "says")
    output.rows(found, as_json, columns, nothing="No companies.")


@commands.command()
def disable_rule(
    rule: RuleName,
    company: Company,
    reason: options.Reason,
    of: Part = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Switch a validation rule off in a company; those that money or a foreign key depends on are refused."""
    from commerce.transactions import disable_rule as disable

    with output.headquarters() as hq:
        found = disable(hq, company=company, rule=rule, part=of, by=options.who(by), reason=reason)
    _tell(found, company, rule, "disabled", as_json)


@commands.command()
def enable_rule(
    rule: RuleName,
    company: Company,
    reason: options.Reason,
    of: Part = None,
    by: options.By = None,
    as_json: options.Json = False,
) -> None:
    """Switch a validation rule on again; what was valid without it stays valid unless it is revalidated."""
    from commerce.transactions import enable_rule as enable

    with output.headquarters() as hq:
        found = enable(hq, company=company, rule=rule, part=of, by=options.who(by), reason=reason)
    _tell(found, company, rule, "enabled", as_json)


def _tell(changed: tuple[Rule, ...], company: str, asked: str, what: str, as_json: bool) -> None:
    names = [f"{rule.part} {rule.name}" for rule in changed]
    result: dict[str, Any] = {"company": company, what: names}
    words = f"{what.capitalize()} in {company}: {', '.join(names)}."
    output.done(result, as_json, words if names else f"{asked} is {what} in {company} already; nothing has changed.")
