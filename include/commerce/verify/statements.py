"""What is posted: real transactions, once, on their business date, with their amounts (design rules 10 to 12)."""

from commerce.schema.enums import (
    CASH_MANAGEMENT_TYPES,
    ORDER_TYPES,
    REAL_ENTRY_STATUSES,
    STATEMENT_TYPES,
    EntryStatus,
    SalesStatus,
    StatementStatus,
    StatementType,
    TransactionType,
    ValidationStatus,
)
from commerce.verify.rules import Check

_REAL = ", ".join(str(int(status)) for status in REAL_ENTRY_STATUSES)
_STATEMENT_TYPES = ", ".join(str(int(type_)) for type_ in STATEMENT_TYPES)
_ORDER_TYPES = ", ".join(str(int(type_)) for type_ in ORDER_TYPES)
_CASH_MANAGEMENT_TYPES = ", ".join(str(int(type_)) for type_ in CASH_MANAGEMENT_TYPES)
_TRANSACTIONAL = int(StatementType.TRANSACTIONAL)
_SALES = int(TransactionType.SALES)
_VOIDED = int(EntryStatus.VOIDED)

_ID = "e.store || ' ' || e.terminal || ' ' || e.transactionid"
_HEADER = "(t.store, t.terminal, t.transactionid) = (e.store, e.terminal, e.transactionid)"

_LINE_SUMS = """sum(l.qty) AS qty, sum(l.netamount) AS netamount, sum(l.taxamount) AS taxamount,
                   sum(l.discamount) AS discamount,
                   sum(hashtext(l.itemid || '|' || l.variantid || '|' || l.unit) * (l.qty + l.netamount)) AS items"""
"""`items` tells sums of the same size over other items apart, however lines were added up."""

CHECKS = (
    Check(
        "transaction_in_two_statements",
        "a transaction is in at most one statement",
        """
        SELECT store || ' ' || terminal || ' ' || transactionid AS id FROM ax.retaileodtransactiontable
        GROUP BY store, terminal, transactionid HAVING count(*) > 1""",
    ),
    Check(
        "transaction_in_statement_and_order",
        "a transaction becomes a sales order or is in a statement, not both",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e
        JOIN ax.retailsalestable AS t ON {_HEADER}""",
    ),
    Check(
        "statement_spans_dates",
        "a statement has transactions of its own store, a transactional one of its own business date only",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e
        JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE e.store <> s.storeid OR (s.statementtype = {_TRANSACTIONAL}
              AND (e.businessdate <> s.businessdate OR t.businessdate <> s.businessdate))""",
    ),
    Check(
        "posting_date_is_nobodys",
        "a statement with another posting date than its business date has transactions of that calendar date only",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e
        JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE s.postingdate IS NOT NULL AND t.transdate IS DISTINCT FROM s.postingdate""",
    ),
    Check(
        "unreal_transaction_posted",
        "voided, cancelled, on-hold, training and suspended transactions are never posted",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE t.entrystatus NOT IN ({_REAL}) OR t.type <> e.type
           OR t.type NOT IN ({_STATEMENT_TYPES}, {_CASH_MANAGEMENT_TYPES})
        UNION ALL
        SELECT {_ID} FROM ax.retailsalestable AS e JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE t.entrystatus NOT IN ({_REAL}) OR t.type NOT IN ({_ORDER_TYPES})""",
    ),
    Check(
        "invalid_transaction_posted",
        "what is posted has passed validation",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE t.validationstatus <> {int(ValidationStatus.SUCCESSFUL)} AND e.type IN ({_STATEMENT_TYPES})""",
    ),
    Check(
        "held_transaction_posted",
        "a transaction on hold is in no statement and no sales order",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE t.held = 1
        UNION ALL
        SELECT {_ID} FROM ax.retailsalestable AS e JOIN ax.retailtransactiontable AS t ON {_HEADER} WHERE t.held = 1""",
    ),
    Check(
        "hold_differs",
        "a transaction is on hold while it has a hold that was not released, which says who and why",
        """
        SELECT store || ' ' || terminal || ' ' || transactionid AS id
        FROM (SELECT store, terminal, transactionid, 1 AS held FROM ax.retailtransactiontable WHERE held = 1) AS t
        FULL JOIN (SELECT store, terminal, transactionid, 1 AS held FROM ax.retailtransactionhold
                   WHERE releaseddatetime IS NULL) AS h USING (store, terminal, transactionid)
        WHERE t.held IS DISTINCT FROM h.held""",
    ),
    Check(
        "posted_amount_differs",
        "a posted transaction has the amounts of the transaction",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e
        LEFT JOIN ax.retailtransactiontable AS t ON {_HEADER}
        WHERE (t.netamount, t.grossamount, t.paymentamount)
              IS DISTINCT FROM (e.netamount, e.grossamount, e.paymentamount)""",
    ),
    Check(
        "posted_customer_differs",
        "a posted transaction keeps its GUID beside the account, and the GUID leads to the account that was posted to",
        f"""
        SELECT {_ID} AS id FROM ax.retaileodtransactiontable AS e
        JOIN ax.retailtransactiontable AS t ON {_HEADER}
        LEFT JOIN ax.custaccountasyncmap AS m
             ON (m.dataareaid, m.custaccountasync) = (t.dataareaid, t.custaccountasync)
        WHERE (t.custaccountasync <> '' AND m.accountnum IS DISTINCT FROM e.custaccount)
           OR (t.custaccount <> '' AND t.custaccount <> e.custaccount)""",
    ),
    Check(
        "statement_totals_differ",
        "a statement's count and amounts are those of its transactions",
        f"""
        SELECT s.dataareaid || ' ' || s.statementid AS id FROM ax.retailstatementtable AS s
        LEFT JOIN (
            SELECT dataareaid, statementid, count(*) AS count,
                   sum(paymentamount) FILTER (WHERE type IN ({_STATEMENT_TYPES})) AS paid,
                   coalesce(sum(grossamount) FILTER (WHERE type = {_SALES}), 0) AS gross,
                   coalesce(sum(grossamount - netamount) FILTER (WHERE type = {_SALES}), 0) AS tax
            FROM ax.retaileodtransactiontable GROUP BY dataareaid, statementid) AS e USING (dataareaid, statementid)
        WHERE (s.transactioncount, s.salesamount, s.taxamount, s.paymentamount)
              IS DISTINCT FROM (coalesce(e.count, 0), coalesce(e.gross, 0), coalesce(e.tax, 0), coalesce(e.paid, 0))""",
    ),
    Check(
        "aggregation_differs",
        "the aggregated transactions of a statement are the sums of the sales in them, of one customer each",
        f"""
        SELECT dataareaid || ' ' || statementid || ' ' || coalesce(aggregation::text, 'none') AS id
        FROM (SELECT e.dataareaid, e.statementid, e.aggregation, e.custaccount, count(*) AS transactioncount,
                     sum(e.netamount) AS netamount, sum(e.grossamount) AS grossamount
              FROM ax.retaileodtransactiontable AS e JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
              WHERE e.type = {_SALES} AND s.postingstatus >= {int(StatementStatus.AGGREGATED)}
              GROUP BY e.dataareaid, e.statementid, e.aggregation, e.custaccount) AS e
        FULL JOIN ax.retaileodstatementaggregation AS a USING (dataareaid, statementid, aggregation, custaccount)
        WHERE (a.transactioncount, a.netamount, a.grossamount)
              IS DISTINCT FROM (e.transactioncount, e.netamount, e.grossamount)""",
    ),
    Check(
        "document_of_posted_statement_missing",
        "every aggregated transaction of a posted statement has its sales order and its invoice",
        f"""
        SELECT a.dataareaid || ' ' || a.statementid || ' ' || a.aggregation AS id
        FROM ax.retaileodstatementaggregation AS a JOIN ax.retailstatementtable AS s USING (dataareaid, statementid)
        LEFT JOIN ax.salestable AS o ON (o.dataareaid, o.salesid) = (a.dataareaid, a.salesid)
        LEFT JOIN ax.custinvoicejour AS j ON (j.dataareaid, j.invoiceid) = (a.dataareaid, a.invoiceid)
        WHERE s.postingstatus = {int(StatementStatus.POSTED)} AND (
              (o.netamount, o.grossamount, o.custaccount, o.defaultdimension)
              IS DISTINCT FROM (a.netamount, a.grossamount, a.custaccount, a.defaultdimension)
              OR (j.netamount, j.invoiceamount, j.invoiceaccount, j.salesid)
                 IS DISTINCT FROM (a.netamount, a.grossamount, a.custaccount, a.salesid))""",
    ),
    Check(
        "order_lines_differ",
        "the lines of a statement's sales order are the sums of its sales' lines by item, variant and unit",
        f"""
        SELECT dataareaid || ' ' || salesid AS id
        FROM (
            SELECT a.dataareaid, a.salesid, {_LINE_SUMS}
            FROM ax.retaileodstatementaggregation AS a
            JOIN ax.retaileodtransactiontable AS e
                 ON (e.dataareaid, e.statementid, e.aggregation) = (a.dataareaid, a.statementid, a.aggregation)
            JOIN ax.retailtransactionsalestrans AS l
                 ON (l.store, l.terminalid, l.transactionid) = (e.store, e.terminal, e.transactionid)
            WHERE e.type = {_SALES} AND l.transactionstatus <> {_VOIDED} AND a.salesid IS NOT NULL
            GROUP BY a.dataareaid, a.salesid) AS t
        FULL JOIN (
            SELECT o.dataareaid, o.salesid, {_LINE_SUMS}
            FROM ax.salestable AS o
            JOIN ax.salesline AS l ON (l.dataareaid, l.salesid) = (o.dataareaid, o.salesid)
            WHERE o.salesorigin = 'statement' AND o.salesstatus <> {int(SalesStatus.CANCELED)}
            GROUP BY o.dataareaid, o.salesid) AS l USING (dataareaid, salesid)
        WHERE (t.qty, t.netamount, t.taxamount, t.discamount, t.items)
              IS DISTINCT FROM (l.qty, l.netamount, l.taxamount, l.discamount, l.items)""",
    ),
    Check(
        "canceled_order_in_use",
        "no aggregated transaction and no invoice belongs to a canceled sales order",
        f"""
        SELECT o.dataareaid || ' ' || o.salesid AS id FROM ax.salestable AS o
        WHERE o.salesstatus = {int(SalesStatus.CANCELED)} AND (
              EXISTS (SELECT FROM ax.retaileodstatementaggregation AS a
                      WHERE (a.dataareaid, a.salesid) = (o.dataareaid, o.salesid))
              OR EXISTS (SELECT FROM ax.custinvoicejour AS j
                         WHERE (j.dataareaid, j.salesid) = (o.dataareaid, o.salesid)))""",
    ),
    Check(
        "order_differs_from_transaction",
        "a sales order from a channel has the amounts of its transaction, and of its lines",
        f"""
        SELECT o.dataareaid || ' ' || o.salesid AS id FROM ax.salestable AS o
        LEFT JOIN ax.retailsalestable AS e ON (e.dataareaid, e.salesid) = (o.dataareaid, o.salesid)
        LEFT JOIN ax.retailtransactiontable AS t ON {_HEADER}
        LEFT JOIN (SELECT dataareaid, salesid, sum(netamount) AS netamount, sum(qty) AS qty FROM ax.salesline
                   GROUP BY dataareaid, salesid) AS l ON (l.dataareaid, l.salesid) = (o.dataareaid, o.salesid)
        LEFT JOIN (SELECT store, terminalid, transactionid, sum(qty) AS qty
                   FROM ax.retailtransactionsalestrans WHERE transactionstatus <> {_VOIDED}
                   GROUP BY store, terminalid, transactionid) AS s
             ON (s.store, s.terminalid, s.transactionid) = (e.store, e.terminal, e.transactionid)
        WHERE o.salesorigin = 'channel' AND (
              (t.netamount, t.grossamount, t.businessdate) IS DISTINCT FROM (o.netamount, o.grossamount, o.businessdate)
              OR coalesce(l.netamount, 0) + o.chargeamount <> o.netamount OR l.qty IS DISTINCT FROM s.qty)""",
    ),
)
