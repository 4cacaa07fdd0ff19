"""Deposits, income and expense that are paid with a customer account tender are validated anew, which refuses them; events
that no run has caused name none."""

from alembic import op

revision = "0050"
down_revision = "0049"

VALIDATE_ANEW = """
UPDATE ax.retailtransactiontable AS t
SET validationstatus = 0, validationdatetime = NULL, gaterun = NULL
WHERE t.type IN (3, 18) AND t.validationstatus = 1
  AND EXISTS (SELECT FROM ax.retailtransactionpaymenttrans AS p
              JOIN ax.retailtendertypetable AS k
                   ON (k.dataareaid, k.tendertypeid) = (p.dataareaid, p.tendertype) AND k.function = 3
              WHERE (p.store, p.terminal, p.transactionid) = (t.store, t.terminal, t.transactionid)
                AND p.voidstatus = 0 AND p.transactionstatus <> 1)
  AND NOT EXISTS (SELECT FROM ax.retaileodtransactiontable AS e
                  JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
                  WHERE (e.store, e.terminal, e.transactionid) = (t.store, t.terminal, t.transactionid)
                    AND s.postingstatus > 3)"""
"""Also those in a statement that is only Calculated: they leave it when it is checked."""


def upgrade() -> None:
    op.execute(VALIDATE_ANEW)
    op.execute("UPDATE ax.retaileodstatementcontrollerlog SET run = NULL WHERE run = 0")
    op.execute("UPDATE ax.retailstatementtable SET run = NULL WHERE run = 0")
