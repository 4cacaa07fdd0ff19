"""Nothing is posted into a fiscal period that is not open (domain B4, B5: closed fiscal periods).

Validation refuses transactions of a closed period. Here it is asked once more, in each transaction that may write
vouchers: the period may have been closed meanwhile, and a store that does not post as business day posts what was sold
after midnight on another date than its business date. The periods stay locked until the commit, so nobody closes one
under a voucher. A company without periods does without.
"""

from sqlalchemy import Connection, text

from commerce.schema.enums import FiscalPeriodStatus, StatementStatus
from commerce.statements.transitions import raise_refusals

_PERIOD = "p.dataareaid = b.dataareaid AND b.postingdate BETWEEN p.startdate AND p.enddate"

LOCK = text(f"""
SELECT FROM ax.ledgerfiscalcalendarperiod AS p WHERE EXISTS (SELECT FROM batch AS b WHERE {_PERIOD})
ORDER BY p.dataareaid, p.startdate FOR SHARE""")

CLOSED = f"""
SELECT b.dataareaid, b.statementid, b.postingdate,
       CASE WHEN p.startdate IS NULL THEN 'in no fiscal period of company ' || b.dataareaid
            ELSE 'in the fiscal period ' || p.startdate || ' to ' || p.enddate || ' of company ' || b.dataareaid
                 || ', which is ' || CASE p.status WHEN {int(FiscalPeriodStatus.ON_HOLD)} THEN 'on hold'
                 ELSE 'closed' END END AS found
FROM batch AS b
LEFT JOIN ax.ledgerfiscalcalendarperiod AS p ON {_PERIOD}
WHERE p.status IS DISTINCT FROM {int(FiscalPeriodStatus.OPEN)}
  AND EXISTS (SELECT FROM ax.ledgerfiscalcalendarperiod AS any_one WHERE any_one.dataareaid = b.dataareaid)
  AND (EXISTS (SELECT FROM ax.retaileodtransactiontable AS e
               WHERE (e.dataareaid, e.statementid) = (b.dataareaid, b.statementid))
       OR EXISTS (SELECT FROM ax.retailstatementshiftline AS l
                  WHERE (l.dataareaid, l.statementid) = (b.dataareaid, b.statementid)))"""
"""An emptied statement posts nothing, so no period holds it back."""


def refuse_closed(connection: Connection, source: StatementStatus) -> None:
    """Refuse the statements of the temp table `batch`, which are in state `source`, whose posting date is in no open
    fiscal period."""
    connection.execute(LOCK)
    raise_refusals(
        connection,
        CLOSED,
        "FiscalPeriodClosed",
        "Its posting date {postingdate} is {found}. Nothing is posted there. Open the period (`commerce setup apply`) "
        "and run the day again" + _way_out(source),
    )


def _way_out(source: StatementStatus) -> str:
    """What else can be done with a statement in that state; one that has invoices can only be posted."""
    if source > StatementStatus.CUSTOMER_ORDER_CREATED:
        return "."
    take_back = "take its sales orders back (`commerce statements delete-orders {statementid}`), "
    return (
        ", or "
        + (take_back if source == StatementStatus.CUSTOMER_ORDER_CREATED else "")
        + "empty the statement (`commerce statements clear {statementid}`) and give its transactions another business"
        " date."
    )
