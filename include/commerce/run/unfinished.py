"""What a run goes on with though no sale is new: cash management of closed shifts that is in no statement yet, and
statements that are not posted yet."""

from __future__ import annotations

from commerce.schema.enums import CASH_MANAGEMENT_TYPES, ClosingMethod, ShiftStatus, StatementStatus
from commerce.scope import Scope, shift_terminal_sql

_CASH = ", ".join(str(int(kind)) for kind in CASH_MANAGEMENT_TYPES)


def unfinished_sql(scope: Scope) -> str:
    """Query with the parameters of `scope`: store, businessdate and number of transactions, in several rows."""
    return f"""
        SELECT t.store, t.businessdate, count(*) AS transactions
        FROM ax.retailtransactiontable AS t JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
        JOIN ax.retailstoretable AS st ON st.recid = ch.recid
        JOIN ax.retailposbatchtable AS b
             ON (b.storeid, b.terminalid, b.batchid) = (t.store, {shift_terminal_sql("t")}, t.batchid)
        WHERE t.type IN ({_CASH}) AND {scope.unposted_sql("t", "ch")}
          AND b.status = {int(ShiftStatus.CLOSED)} AND st.closingmethod = {int(ClosingMethod.SHIFT)}
          AND t.businessdate >= coalesce(st.financialstatementsfrom, t.businessdate)
        GROUP BY t.store, t.businessdate
        UNION ALL
        SELECT s.store, s.businessdate, s.transactioncount
        FROM (SELECT storeid AS store, businessdate, transactioncount, postingstatus
              FROM ax.retailstatementtable) AS s
        JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = s.store
        WHERE s.postingstatus < {int(StatementStatus.POSTED)} AND {scope.dated_sql("s", "ch")}"""
