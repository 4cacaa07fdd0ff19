"""What people and channels asked for is done and stays done: edits, holds, cancellations, rules that are switched off
(domain B1, B3, B5)."""

from commerce.schema.enums import DocumentOperationStatus, RepairAction, SalesStatus
from commerce.schema.uploaded import TRANSACTION, TRANSACTION_LINES, UploadedTable
from commerce.verify.rules import Check

_FILLED_IN = ("custaccount", "custaccountasync", "logisticspostaladdress")
"""Late binding may write these after a person."""


def _lost(table: UploadedTable) -> str:
    """Rows of `table` that do not have what the last edit of a column gave them."""
    assert table.transaction_key is not None
    store, terminal, transaction = (f"s.{name}" for name in table.transaction_key)
    kinds = {field.name: field.kind for field in table.fields}
    keys = [name for name in table.natural_key if name not in table.transaction_key]
    row = ", ".join(f"'{name}=' || {_plain(f's.{name}', kinds[name])}" for name in keys)
    values = ", ".join(f"'{name}', CAST(s.{name} AS text)" for name in table.column_names if name not in _FILLED_IN)
    return f"""
        SELECT e.store || ' ' || e.terminal || ' ' || e.transactionid || ' ' || e.fieldname AS id
        FROM edit AS e
        LEFT JOIN ax.{table.name} AS s ON ({store}, {terminal}, {transaction}) = (e.store, e.terminal, e.transactionid)
             AND e.refkey = {f"concat_ws(' ', {row})" if row else "''"}
        WHERE e.reftable = '{table.name}' AND e.fieldname <> ALL(ARRAY{list(_FILLED_IN)})
          AND num_nonnulls(e.oldvalue, e.newvalue) > 0
          AND (s.contenthash IS NULL OR jsonb_build_object({values}) ->> e.fieldname IS DISTINCT FROM e.newvalue)"""


def _plain(value: str, kind: str) -> str:
    return f"trim_scale({value})" if kind == "decimal" else value


CHECKS = (
    Check(
        "edit_lost",
        "a transaction has what a person has edited it to",
        f"""
        WITH edit AS (
            SELECT DISTINCT ON (store, terminal, transactionid, reftable, refkey, fieldname)
                   store, terminal, transactionid, reftable, refkey, fieldname, oldvalue, newvalue
            FROM ax.retailtransactionauditlogtable WHERE action = '{RepairAction.EDITED}'
            ORDER BY store, terminal, transactionid, reftable, refkey, fieldname, auditid DESC)
        SELECT lost.id FROM ({" UNION ALL ".join(_lost(table) for table in (TRANSACTION, *TRANSACTION_LINES))}) AS lost
        """,
    ),
    Check(
        "order_hold_differs",
        "a sales order is stopped exactly while it has a hold that nobody has removed",
        """
        SELECT o.dataareaid || ' ' || o.salesid AS id FROM ax.salestable AS o
        FULL JOIN (SELECT dataareaid, salesid, count(*) AS holds FROM ax.mcrholdcodetrans WHERE mcrcleared = 0
                   GROUP BY dataareaid, salesid) AS h USING (dataareaid, salesid)
        WHERE coalesce(o.mcrorderstopped, 0) <> (h.holds IS NOT NULL)::integer""",
    ),
    Check(
        "rule_switched_by_nobody",
        "a validation rule is off exactly if the last who switched it has switched it off",
        """
        SELECT dataareaid || ' ' || classid || ' ' || methodname AS id
        FROM (SELECT DISTINCT ON (dataareaid, classid, methodname) dataareaid, classid, methodname, state
              FROM ax.retailtransactionvalidationrulechange
              ORDER BY dataareaid, classid, methodname, changeid DESC) AS c
        FULL JOIN ax.retailtransactiondisabledvalidationrule AS d USING (dataareaid, classid, methodname)
        WHERE (d.createddatetime IS NULL) <> (coalesce(c.state, 'enabled') = 'enabled')""",
    ),
    Check(
        "cancellation_not_done",
        "an order whose cancellation has succeeded is canceled",
        f"""
        SELECT d.store || ' ' || d.terminal || ' ' || d.transactionid AS id FROM ax.retaildocumentoperation AS d
        LEFT JOIN ax.salestable AS o USING (dataareaid, salesid)
        WHERE d.status = {int(DocumentOperationStatus.SUCCEEDED)}
          AND o.salesstatus IS DISTINCT FROM {int(SalesStatus.CANCELED)}""",
    ),
)
