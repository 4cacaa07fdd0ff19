"""A person enters what was counted in a shift, where the register's declarations are wrong or missing (domain B4:
counted amounts come from tender declarations or manual entry). Every entry stays, with reason and person; the last one
of a tender and shift holds."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Engine, text

from commerce.database import retry_transient
from commerce.errors import UsageError
from commerce.named_statement import Named, find
from commerce.schema.enums import StatementStatus, StatementType
from commerce.statements.counting import count_again

SHIFTS = text("""
SELECT terminalid, batchid, terminalid || ':' || batchid AS shift FROM ax.retailstatementshift
WHERE (dataareaid, statementid) = (:company, :statement) ORDER BY terminalid, batchid""")

INSERT = text("""
INSERT INTO ax.retailstatementcount (storeid, terminalid, batchid, tendertypeid, currency, countedamount, reason,
    enteredby)
VALUES (:store, :terminal, :batch, :tender, :currency, :amount, :reason, :by)""")

CURRENCIES = text("""
SELECT DISTINCT l.currency FROM ax.retailstatementshiftline AS l
WHERE (l.storeid, l.terminalid, l.batchid, l.tendertypeid) = (:store, :terminal, :batch, :tender) ORDER BY 1""")

SAID = text("""
SELECT coalesce(sum(countedamount), 0), coalesce(sum(countedamount - differenceamount), 0),
       coalesce(sum(differenceamount), 0)
FROM ax.retailstatementshiftline
WHERE (storeid, terminalid, batchid, tendertypeid, currency) = (:store, :terminal, :batch, :tender, :currency)""")
"""A further statement of a shift has only what is new in it, and no line where that is nothing."""


@dataclass(frozen=True)
class Counted:
    """What the statements of a shift say of a tender now; amounts are in the tender's currency."""

    company: str
    statement: str
    store: str
    shift: str
    tender: str
    currency: str
    counted: Decimal
    expected: Decimal
    difference: Decimal


def enter_count(
    hq: Engine,
    *,
    statement: str,
    shift: str,
    tender: str,
    amount: Decimal,
    reason: str,
    by: str,
    currency: str | None = None,
    company: str | None = None,
) -> Counted:
    """Enter `amount` as what was counted of `tender` in `shift` (terminal:batch) of a Calculated financial statement,
    which is counted again at once. `currency`: needed where the shift has the tender in several.

    Raises:
        UsageError: no such statement, shift or tender, it is on its way to the ledger already, or there is no reason.
    """
    if not reason.strip():
        raise UsageError("Say why with --reason.")
    if amount < 0:
        raise UsageError(f"Nobody can count {amount}: enter what lies in the drawer, 0 or more.")

    def enter() -> Counted:
        with hq.begin() as connection:
            found = find(connection, statement, company)
            _refuse(found)
            terminal, batch = _shift(connection, found, shift)
            place = {"store": found.store, "terminal": terminal, "batch": batch, "tender": tender}
            of_tender = _currency(connection, place, currency)
            values = {**place, "currency": of_tender, "amount": amount, "reason": reason.strip(), "by": by}
            connection.execute(INSERT, values)
            count_again(connection, [(found.company, statement)], None)
            said = connection.execute(SAID, values).one()
            return Counted(found.company, statement, found.store, shift, tender, of_tender, *said)

    return retry_transient(enter)


def _refuse(found: Named) -> None:
    if found.type != StatementType.FINANCIAL:
        raise UsageError(f"Statement {found.statement} is a transactional one: only financial ones are counted.")
    if found.state > StatementStatus.CALCULATED:
        raise UsageError(
            f"Statement {found.statement} is on its way to the ledger. What comes late for its shifts makes a further"
            " one."
        )


def _shift(connection: Connection, found: Named, shift: str) -> tuple[str, int]:
    shifts = {row.shift: (row.terminalid, row.batchid) for row in connection.execute(SHIFTS, found.key)}
    if shift not in shifts:
        raise UsageError(f"Statement {found.statement} has no shift {shift}; it has {', '.join(shifts)}.")
    return shifts[shift]


def _currency(connection: Connection, place: dict[str, object], currency: str | None) -> str:
    currencies = list(connection.scalars(CURRENCIES, place))
    if not currencies:
        raise UsageError(f"The shift has no tender {place['tender']}. `commerce statements show` lists what it has.")
    if currency is None and len(currencies) > 1:
        raise UsageError(f"The shift has the tender in {', '.join(currencies)}. Say which with --currency.")
    if currency is not None and currency not in currencies:
        raise UsageError(f"The shift has the tender in {', '.join(currencies)}, not in {currency}.")
    return currency or currencies[0]
