"""Take back what a statement has made of its sales before anything is invoiced (domain B4: Delete customer order,
Re-generate aggregation data).

The product deletes the sales orders. Here they stay, canceled: a number that was used stays on a document, and the next
orders take the next ones, so the sequence has no gap (design rule 8).
"""

from dataclasses import dataclass

from sqlalchemy import Engine, text

from commerce.database import retry_transient
from commerce.errors import UsageError
from commerce.named_statement import find
from commerce.schema.enums import PostingErrorStatus, SalesStatus, StatementStatus
from commerce.statements.events import log_sql

_OF = "(dataareaid, statementid) = (:company, :statement)"

CANCEL = text(f"""
UPDATE ax.salestable SET salesstatus = {int(SalesStatus.CANCELED)}
WHERE {_OF} AND salesorigin = 'statement' AND salesstatus <> {int(SalesStatus.CANCELED)}""")

TAKE_BACK = (
    text(f"UPDATE ax.retaileodtransactiontable SET aggregation = NULL WHERE {_OF} AND aggregation IS NOT NULL"),
    text(f"DELETE FROM ax.retaileodstatementaggregation WHERE {_OF}"),
    text(f"""
UPDATE ax.retailstatementtable
SET postingstatus = {int(StatementStatus.CHECKED)}, postingerrorstatus = {int(PostingErrorStatus.NONE)},
    postingerrorcode = '', postingerrormessage = ''
WHERE {_OF}"""),
)

LOG = log_sql(f"""
SELECT CAST(:company AS text) AS dataareaid, CAST(:statement AS text) AS statementid,
       {int(StatementStatus.CHECKED)} AS status,
       'Aggregation taken back, ' || CAST(:orders AS text) || ' sales orders canceled' AS message""")


@dataclass(frozen=True)
class Canceled:
    """A statement that is Checked again, and how many sales orders were canceled for it."""

    company: str
    statement: str
    store: str
    orders: int


def delete_customer_orders(hq: Engine, *, statement: str, company: str | None = None) -> Canceled:
    """Bring a statement that is Aggregated or has its sales orders back to Checked. It can then be posted again, or
    cleared.

    Raises:
        UsageError: there is no such statement, several companies have one, or it is in another state.
    """
    return retry_transient(lambda: _delete(hq, statement, company))


def _delete(hq: Engine, statement: str, company: str | None) -> Canceled:
    with hq.begin() as connection:
        found = find(connection, statement, company)
        if found.state > StatementStatus.CUSTOMER_ORDER_CREATED:
            raise UsageError(f"Statement {statement} has invoices or is posted. What is posted is never touched.")
        if found.state < StatementStatus.AGGREGATED:
            raise UsageError(f"Statement {statement} has no aggregated transactions and no sales orders yet.")
        orders = connection.execute(CANCEL, found.key).rowcount
        for taking_back in TAKE_BACK:
            connection.execute(taking_back, found.key)
        connection.execute(LOG, {**found.key, "orders": str(orders), "run": None})
    return Canceled(found.company, statement, found.store, orders)
