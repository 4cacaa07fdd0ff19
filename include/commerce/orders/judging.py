"""Which asynchronous orders can become sales orders now, and what keeps the others (domain.md B1, errors of the job).

Temporary tables of the session: `candidate`, an order with the sums of its rows and the `version` of its header (who
takes a late row of an order writes its header, so that another version means other sums); `problem`, what is wrong with
it; `ready`, the orders without a problem, numbered within their company in natural-key order.
"""

from sqlalchemy import Connection, text

from commerce.customers.references import unbound_sql
from commerce.schema.enums import ErrorClass, OrderStatus
from commerce.scope import Scope, key_sql, live_line_sql, live_payment_sql

NOT_EDITING = (
    "NOT EXISTS (SELECT FROM ax.retailtransactionorderstatus AS es"
    f" WHERE {key_sql('es')} = {key_sql('t')} AND es.status = {int(OrderStatus.EDITING)})"
)
"""A person works on the order: the job leaves it alone."""


def judge(connection: Connection, scope: Scope, selected: str, chunk: int) -> int:
    """Fill the three tables for the orders that `selected` returns; returns how many are ready."""
    for table in ("candidate", "problem", "ready"):
        connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    connection.execute(text(_CANDIDATE.format(selected=selected)), scope.parameters)
    connection.execute(text("ANALYZE candidate"))
    connection.execute(text(_PROBLEM))
    connection.execute(text(_MISSING.format(unbound=unbound_sql(selected))), scope.parameters)
    connection.execute(text(_UNFILLED))
    connection.execute(text("ANALYZE problem"))
    connection.execute(text(_READY), {"chunk": chunk})
    connection.execute(text("ANALYZE ready"))
    return connection.scalar(text("SELECT count(*) FROM ready")) or 0


def record_problems(connection: Connection) -> None:
    """Write what keeps orders: Failed when a person must act, None while something has yet to arrive. A row that says
    the same already stays as it is, so that doing it again changes nothing."""
    connection.execute(text(_RECORD))


def _amount(expression: str) -> str:
    return f"to_char({expression}, 'FM99999999999999999999999990.009999')"


def _unfilled(row: str) -> str:
    return (
        f"({row}.custaccountasync <> '' AND {row}.custaccount = '')"
        f" OR ({row}.addressidasync <> '' AND {row}.logisticspostaladdress = 0)"
    )


_LINE_KEY = ("store", "terminalid", "transactionid")
_TAX_KEY = ("storeid", "terminalid", "transactionid")
_CANDIDATE = f"""
    CREATE TEMP TABLE candidate AS
    WITH selected AS MATERIALIZED ({{selected}}), line AS (
        SELECT s.store, s.terminal, s.transactionid, count(*) AS lines, sum(l.netamount) AS net,
               sum(l.taxamount) AS tax, sum(l.netamountincltax) AS gross, sum(x.amount) AS tax_rows,
               count(*) FILTER (WHERE l.dataareaid <> s.dataareaid) AS foreign_rows,
               count(*) FILTER (WHERE l.giftcard <> 0) AS gift_cards,
               min(l.custaccount) FILTER (WHERE l.custaccount <> '' AND a.accountnum IS NULL) AS unknown_account,
               min(l.logisticspostaladdress) FILTER (WHERE l.logisticspostaladdress <> 0 AND p.recid IS NULL)
                   AS unknown_address,
               bool_or({_unfilled("l")}) AS unfilled
        FROM selected AS s
        JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _LINE_KEY)} = {key_sql("s")} AND {live_line_sql("l")}
        LEFT JOIN (
            SELECT s.store, s.terminal, s.transactionid, x.salelinenum, sum(x.amount) AS amount
            FROM selected AS s JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _TAX_KEY)} = {key_sql("s")}
            GROUP BY 1, 2, 3, 4
        ) AS x ON {key_sql("x")} = {key_sql("s")} AND x.salelinenum = l.linenum
        LEFT JOIN ax.custtable AS a ON a.dataareaid = s.dataareaid AND a.accountnum = l.custaccount
        LEFT JOIN ax.logisticspostaladdress AS p ON p.recid = l.logisticspostaladdress
        GROUP BY 1, 2, 3
    ), charge AS (
        SELECT s.store, s.terminal, s.transactionid, sum(m.calculatedamount) AS amount, sum(m.taxamountexclusive) AS tax
        FROM selected AS s JOIN ax.retailtransactionmarkuptrans AS m ON {key_sql("m", _LINE_KEY)} = {key_sql("s")}
        GROUP BY 1, 2, 3
    ), payment AS (
        SELECT s.store, s.terminal, s.transactionid, sum(p.amountcur) AS amount
        FROM selected AS s JOIN ax.retailtransactionpaymenttrans AS p
            ON {key_sql("p")} = {key_sql("s")} AND {live_payment_sql("p")}
        GROUP BY 1, 2, 3
    )
    SELECT t.store, t.terminal, t.transactionid, t.xmin AS version, t.dataareaid, t.type, t.currency,
           t.netamount, t.grossamount, t.paymentamount, t.custaccount, t.logisticspostaladdress,
           ch.dataareaid AS company,
           ch.currency AS store_currency, COALESCE(NULLIF(t.custaccount, ''), ch.defaultcustaccount) AS account,
           a.accountnum IS NOT NULL AS account_exists, d.recid IS NOT NULL AS address_exists,
           COALESCE(l.lines, 0) AS lines, COALESCE(l.foreign_rows, 0) AS foreign_rows,
           COALESCE(l.gift_cards, 0) AS gift_cards, l.unknown_account, l.unknown_address,
           COALESCE(l.net, 0) + COALESCE(c.amount, 0) AS net, COALESCE(l.tax, 0) + COALESCE(c.tax, 0) AS tax,
           COALESCE(l.gross, 0) + COALESCE(c.amount, 0) + COALESCE(c.tax, 0) AS gross,
           COALESCE(l.tax, 0) AS line_tax, COALESCE(l.tax_rows, 0) AS tax_rows, COALESCE(c.amount, 0) AS charges,
           p.amount AS paid, {_unfilled("t")} OR COALESCE(l.unfilled, FALSE) AS unfilled
    FROM selected AS s
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("s")}
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    LEFT JOIN line AS l ON {key_sql("l")} = {key_sql("s")}
    LEFT JOIN charge AS c ON {key_sql("c")} = {key_sql("s")}
    LEFT JOIN payment AS p ON {key_sql("p")} = {key_sql("s")}
    LEFT JOIN ax.custtable AS a
        ON a.dataareaid = t.dataareaid AND a.accountnum = COALESCE(NULLIF(t.custaccount, ''), ch.defaultcustaccount)
    LEFT JOIN ax.logisticspostaladdress AS d ON d.recid = t.logisticspostaladdress
"""

PROBLEMS: tuple[tuple[str, str], ...] = (
    (
        "c.dataareaid <> c.company OR c.foreign_rows > 0",
        "'The order or a line of it does not belong to the company of its store, ' || c.company || '.'",
    ),
    (
        "c.currency <> c.store_currency",
        "'Currency ' || c.currency || ' is not the currency of the store, ' || c.store_currency || '.'",
    ),
    ("c.lines = 0", "'The order has no line that is not voided.'"),
    (
        "NOT c.account_exists AND c.custaccount <> ''",
        "'Customer account ' || c.custaccount || ' of the order does not exist.'",
    ),
    (
        "NOT c.account_exists AND c.custaccount = ''",
        "'The default customer of the store, ' || c.account || ', does not exist in company ' || c.dataareaid || '.'",
    ),
    ("c.unknown_account IS NOT NULL", "'Customer account ' || c.unknown_account || ' of a line does not exist.'"),
    (
        "(c.logisticspostaladdress <> 0 AND NOT c.address_exists) OR c.unknown_address IS NOT NULL",
        "'Postal address ' || COALESCE(c.unknown_address, c.logisticspostaladdress) || ' does not exist.'",
    ),
    (
        "c.netamount <> c.net",
        f"'Net amount ' || {_amount('c.netamount')} || ' is not the sum of the lines and charges, '"
        f" || {_amount('c.net')} || '.'",
    ),
    (
        "c.grossamount <> c.gross OR c.gross <> c.net + c.tax",
        f"'Gross amount ' || {_amount('c.grossamount')} || ' is not the sum of the lines and charges with tax, '"
        f" || {_amount('c.net + c.tax')} || '.'",
    ),
    (
        "c.line_tax <> c.tax_rows",
        f"'Tax of the lines, ' || {_amount('c.line_tax')} || ', is not the sum of the tax rows, '"
        f" || {_amount('c.tax_rows')} || '.'",
    ),
    (
        "c.paid IS NOT NULL OR c.paymentamount <> 0",
        f"'The order was paid (' || {_amount('COALESCE(c.paid, c.paymentamount)')}"
        " || '): prepayments of orders are not handled yet.'",
    ),
    ("c.gift_cards > 0", "'The order sells a gift card: gift cards are not handled yet.'"),
)
"""What a person must mend: condition and message over relation c, in the order in which they are told."""

_PROBLEM = f"""
    CREATE TEMP TABLE problem AS
    SELECT c.store, c.terminal, c.transactionid, CAST('{
    ErrorClass.PERMANENT
}' AS text) AS errorclass, p.place, p.message
    FROM candidate AS c
    CROSS JOIN LATERAL (VALUES {
    ", ".join(
        f"({place}, CASE WHEN {broken} THEN {message} END)" for place, (broken, message) in enumerate(PROBLEMS, 1)
    )
}) AS p (place, message)
    WHERE p.message IS NOT NULL
"""

# Why a reference is unknown: its row is in quarantine, failed to convert, waits for conversion, or has not arrived.
_MISSING = f"""
    WITH u AS MATERIALIZED ({{unbound}})
    INSERT INTO problem
    SELECT r.store, r.terminal, r.transactionid, '{ErrorClass.PENDING}', 100,
           r.kind || ' ' || r.reference || ' is not known at headquarters: '
           || CASE WHEN q.quarantineid IS NOT NULL
                   THEN 'its row stands in quarantine as number ' || q.quarantineid || '.'
                   WHEN staged.failed THEN 'its row could not be converted.'
                   WHEN staged.failed IS NOT NULL THEN 'its row waits for conversion.'
                   ELSE 'its row has not arrived.' END
    FROM (
        SELECT DISTINCT store, terminal, transactionid, dataareaid, 'Customer' AS kind, custaccountasync AS reference
        FROM u WHERE NOT customer_known
        UNION
        SELECT DISTINCT store, terminal, transactionid, dataareaid, 'Address', addressidasync
        FROM u WHERE NOT address_known
    ) AS r
    LEFT JOIN LATERAL (
        SELECT min(q.quarantineid) AS quarantineid FROM cdx.quarantine AS q
        WHERE q.status = 0 AND CASE r.kind
            WHEN 'Customer'
            THEN q.tablename = 'retailasynccustomerv2' AND q.rawdata ->> 'custaccountasync' = r.reference
            ELSE q.tablename = 'retailasyncaddressv2' AND q.rawdata ->> 'addressid' = r.reference END
    ) AS q ON TRUE
    LEFT JOIN LATERAL (
        SELECT bool_or(s.syncstatus = 2) AS failed FROM (
            SELECT syncstatus FROM ax.retailasynccustomerv2
            WHERE r.kind = 'Customer' AND dataareaid = r.dataareaid AND custaccountasync = r.reference
            UNION ALL
            SELECT syncstatus FROM ax.retailasyncaddressv2
            WHERE r.kind = 'Address' AND dataareaid = r.dataareaid AND addressid = r.reference
        ) AS s
    ) AS staged ON TRUE
"""

# A conversion that ran beside this job made the reference known after it was looked up: the next run fills it in.
_UNFILLED = f"""
    INSERT INTO problem
    SELECT c.store, c.terminal, c.transactionid, '{ErrorClass.PENDING}', 101,
           'A customer or address of the order has become known and is filled in by the next run.'
    FROM candidate AS c
    WHERE c.unfilled AND NOT EXISTS (SELECT FROM problem AS p WHERE {key_sql("p")} = {key_sql("c")} AND p.place = 100)
"""

_READY = f"""
    CREATE TEMP TABLE ready AS
    SELECT c.*, (row_number() OVER (PARTITION BY c.dataareaid ORDER BY c.store, c.terminal, c.transactionid) - 1)
               / :chunk AS chunk
    FROM candidate AS c
    WHERE NOT EXISTS (SELECT FROM problem AS p WHERE {key_sql("p")} = {key_sql("c")})
"""

_RECORD = f"""
    INSERT INTO ax.retailtransactionorderstatus AS os
        (store, terminal, transactionid, dataareaid, status, errorclass, errordetail, retrycount, modifieddatetime)
    SELECT p.store, p.terminal, p.transactionid, c.dataareaid,
           CASE WHEN bool_or(p.errorclass = '{ErrorClass.PERMANENT}') THEN {int(OrderStatus.FAILED)}
                ELSE {int(OrderStatus.NONE)} END,
           CASE WHEN bool_or(p.errorclass = '{ErrorClass.PERMANENT}') THEN '{ErrorClass.PERMANENT}'
                ELSE '{ErrorClass.PENDING}' END,
           left(string_agg(p.message, ' ' ORDER BY p.place, p.message), 1024), 1, now()
    FROM problem AS p JOIN candidate AS c ON {key_sql("c")} = {key_sql("p")}
    GROUP BY p.store, p.terminal, p.transactionid, c.dataareaid
    ORDER BY 1, 2, 3
    ON CONFLICT (store, terminal, transactionid) DO UPDATE
    SET status = EXCLUDED.status, errorclass = EXCLUDED.errorclass, errordetail = EXCLUDED.errordetail,
        retrycount = os.retrycount + 1, modifieddatetime = now()
    WHERE os.status NOT IN ({int(OrderStatus.SUCCEEDED)}, {int(OrderStatus.EDITING)})
      AND (os.status, os.errorclass, os.errordetail) IS DISTINCT FROM
          (EXCLUDED.status, EXCLUDED.errorclass, EXCLUDED.errordetail)
"""
