"""Parameters of companies and stores (domain B4), as the setup file gives them.

A row of the file changes just what it names; what no file has ever named has the default that stands here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import Connection, RowMapping, bindparam, select, text, update

from commerce.errors import UsageError
from commerce.schema.enums import ClosingMethod, CountCalculation, StatementMethod
from commerce.schema.headquarters.organization import COMPANY, COMPANY_PARAMETERS, STORE
from commerce.setup.changes import Change
from commerce.setup.fields import Code10, Company, Model, Optional10
from commerce.setup.writing import Reference, Row, check_reference, put, refuse_repeated

Amount = Annotated[Decimal, Field(ge=0, max_digits=32, decimal_places=6)]
Counted = Literal["sum", "last"]
_COUNTED = {"sum": CountCalculation.SUM, "last": CountCalculation.LAST}
_STATEMENT_METHODS = {
    "staff": StatementMethod.STAFF,
    "terminal": StatementMethod.TERMINAL,
    "total": StatementMethod.TOTAL,
    "shift": StatementMethod.SHIFT,
}
_CLOSING_METHODS = {"date_time": ClosingMethod.DATE_TIME, "shift": ClosingMethod.SHIFT}


class CompanyParameters(Model):
    """Commerce parameters of a company.

    `counting_required`: a financial statement above its store's maximum differences is not posted.
    `post_rounding_differences`: what payments miss goes to RoundingDifference.
    `max_lines_per_aggregation`: an aggregated transaction of more lines is divided, between transactions.
    `aggregate_returns`: off, every return gets a sales order of its own.
    `order_hold_code`: orders that a person has edited are put on hold with it; empty: they are not.
    `pending_reference_hours`: how long a customer or address may be on its way before it is reported.
    `order_try_count`: how often the creation of an order is tried that fails for a passing reason.
    """

    company: Company
    counting_required: bool = True
    post_rounding_differences: bool = True
    max_lines_per_aggregation: Annotated[int, Field(gt=0, le=1_000_000)] = 1_000
    aggregate_returns: bool = True
    order_hold_code: Optional10 = ""
    pending_reference_hours: Annotated[int, Field(gt=0, le=8_760)] = 24
    order_try_count: Annotated[int, Field(gt=0, le=100)] = 5


class StoreParameters(Model):
    """Statement parameters of a store.

    `statement_method`: how the lines of a financial statement are grouped. `one_statement_per_day`: what comes later
    for a date waits for the end of the day. `split_by_method`: a statement for each group instead of a line.
    `tender_declaration`, `start_amount`, `bank_drop`: whether several of a shift are summed or the last one counts.
    `max_statement_difference`, `max_shift_difference`, `max_transaction_difference`: what counted and expected amounts
    may differ by in a statement, a shift and a line.
    `post_as_business_day`: off, a sale after midnight belongs to its calendar day.
    `financial_statements_from`: shifts of earlier business dates get no financial statement; None: no shift is too old.
    """

    store: Code10
    statement_method: Literal["staff", "terminal", "total", "shift"] = "total"
    one_statement_per_day: bool = False
    split_by_method: bool = False
    closing_method: Literal["date_time", "shift"] = "shift"
    tender_declaration: Counted = "last"
    start_amount: Counted = "sum"
    bank_drop: Counted = "sum"
    post_as_business_day: bool = True
    max_statement_difference: Amount = Decimal(0)
    max_shift_difference: Amount = Decimal(0)
    max_transaction_difference: Amount = Decimal(0)
    financial_statements_from: date | None = None


def _negated(value: bool) -> int:
    return int(not value)


Columns = Mapping[str, tuple[str, Callable[[Any], Any]]]
"""Key of the file -> column, and what the value becomes."""

_OF_COMPANY: Columns = {
    "counting_required": ("disablecountingrequired", _negated),
    "post_rounding_differences": ("disableroundingdifferenceposting", _negated),
    "max_lines_per_aggregation": ("maxlinesperaggregation", int),
    "aggregate_returns": ("donotaggregatereturns", _negated),
    "order_hold_code": ("orderholdcode", str),
    "pending_reference_hours": ("pendingreferencehours", int),
    "order_try_count": ("ordertrycount", int),
}
_OF_STORE: Columns = {
    "statement_method": ("statementmethod", lambda method: int(_STATEMENT_METHODS[method])),
    "one_statement_per_day": ("onestatementperday", int),
    "split_by_method": ("separatestmtperstaffterminal", int),
    "closing_method": ("closingmethod", lambda method: int(_CLOSING_METHODS[method])),
    "tender_declaration": ("tenderdeclarationcalculation", lambda counted: int(_COUNTED[counted])),
    "start_amount": ("startamountcalculation", lambda counted: int(_COUNTED[counted])),
    "bank_drop": ("bankdropcalculation", lambda counted: int(_COUNTED[counted])),
    "post_as_business_day": ("stmtpostasbusinessday", int),
    "max_statement_difference": ("maximumpostingdifference", Decimal),
    "max_shift_difference": ("maxshiftdifferenceamount", Decimal),
    "max_transaction_difference": ("maxtransactiondifferenceamount", Decimal),
    "financial_statements_from": ("financialstatementsfrom", lambda day: day),
}
_COMPANY = Reference(("dataareaid",), COMPANY, ("dataareaid",), "companies")
_DEFAULTS = text(
    "INSERT INTO ax.retailparameters (dataareaid) SELECT dataareaid FROM ax.dataarea ON CONFLICT DO NOTHING"
)

_HAS_STATEMENTS = text("SELECT EXISTS (SELECT FROM ax.retailstatementtable WHERE storeid = :store)")


def apply_company_parameters(connection: Connection, parameters: Sequence[CompanyParameters]) -> Iterable[Change]:
    """Change the parameters that the file names; companies without a row get one with the defaults."""
    connection.execute(_DEFAULTS)
    refuse_repeated("parameters", [(row.company,) for row in parameters])
    for index, model in enumerate(parameters):
        row = {"dataareaid": model.company, **_named(model, _OF_COMPANY)}
        check_reference(connection, f"parameters[{index}]", row, _COMPANY)
        yield from put(connection, "parameters", COMPANY_PARAMETERS, ("dataareaid",), row)


def apply_store_parameters(connection: Connection, stores: Sequence[StoreParameters]) -> Iterable[Change]:
    """Change the parameters that the file names, of stores that exist.

    Raises:
        UsageError: a store is not registered, or goes over to the closing method Shift without saying from when.
    """
    refuse_repeated("stores", [(row.store,) for row in stores])
    columns = [STORE.c.storenumber, *(STORE.c[column] for column, _ in _OF_STORE.values())]
    wanted = select(*columns).where(STORE.c.storenumber.in_([row.store for row in stores]))
    known = {row["storenumber"]: row for row in connection.execute(wanted).mappings()}
    for index, model in enumerate(stores):
        if model.store not in known:
            raise UsageError(
                f"stores[{index}] names {model.store}, which is no store. Add it with `commerce channel add`, or"
                " correct its name."
            )
        if _starts_to_state(model, known[model.store]) and connection.scalar(_HAS_STATEMENTS, {"store": model.store}):
            raise UsageError(
                f"stores[{index}]: {model.store} has statements, and is to have financial ones from now on. Say with"
                " financial_statements_from of which business date the first shifts are that get one: the cash of"
                " earlier ones is not posted."
            )
    updates: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for model in stores:
        old = known[model.store]
        changed = {column: value for column, value in _named(model, _OF_STORE).items() if old[column] != value}
        if changed:
            updates[tuple(changed)].append({"store": model.store, **changed})
            yield Change("stores", model.store, "change", {name: (old[name], changed[name]) for name in changed})
    for rows in updates.values():
        connection.execute(update(STORE).where(STORE.c.storenumber == bindparam("store")), rows)


def _starts_to_state(model: StoreParameters, old: RowMapping) -> bool:
    """Whether the store had no financial statements, is to have them, and the file does not say since when."""
    return (
        "closing_method" in model.model_fields_set
        and model.closing_method == "shift"
        and old["closingmethod"] != ClosingMethod.SHIFT
        and "financial_statements_from" not in model.model_fields_set
    )


def _named(model: Model, columns: Columns) -> Row:
    """The columns of what the file names, and of nothing else."""
    return {
        column: convert(getattr(model, name))
        for name, (column, convert) in columns.items()
        if name in model.model_fields_set
    }
