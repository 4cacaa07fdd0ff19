"""Which asynchronous orders can become sales orders now, and what keeps the others (domain.md B1, errors of the job).

Temporary tables of the session: `candidate`, an order with the sums of its rows and the `version` of its header (who
takes a late row of an order, or edits it, writes its header, so that another version means other sums); `problem`, what
is wrong with it; `ready`, the orders without a problem, numbered within their company in natural-key order.
"""

from sqlalchemy import Connection, text

from commerce.customers.references import ACCOUNT_WIDTH
from commerce.customers.waiting import sentence_sql
from commerce.orders import prepayments
from commerce.schema.enums import ErrorClass, OrderStatus, TenderFunction, TransactionType
from commerce.scope import Scope, amount_text_sql, key_sql, live_line_sql, live_payment_sql, paid_sql

DUE = (
    "NOT EXISTS (SELECT FROM ax.retailtransactionorderstatus AS ws"
    f" WHERE {key_sql('ws')} = {key_sql('t')} AND (ws.status = {int(OrderStatus.EDITING)}"
    f" OR ws.errorclass = '{ErrorClass.PERMANENT}' OR ws.nextattempt > now()))"
)
"""An order (header t) that the job works on: no person does or has to, and a transient error has had its time."""


def judge(connection: Connection, scope: Scope, selected: str) -> int:
    """Fill the tables for the orders that `selected` returns; returns how many are ready."""
    for table in (*_SUMS, "candidate", "problem", "ready"):
        connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    for table, query in {**_SUMS, "candidate": _CANDIDATE}.items():
        values = scope.parameters if table == "selected" else {}
        connection.execute(text(f"CREATE TEMP TABLE {table} AS {query.replace('{selected}', selected)}"), values)
        connection.execute(text(f"ANALYZE {table}"))
    for statement in (_PROBLEM, _WAITING, _UNFILLED, "ANALYZE problem", _READY, "ANALYZE ready"):
        connection.execute(text(statement))
    return connection.scalar(text("SELECT count(*) FROM ready")) or 0


def _unfilled(row: str) -> str:
    return (
        f"({row}.custaccountasync <> '' AND {row}.custaccount = '')"
        f" OR ({_is_guid(row)} AND {row}.custaccountasync = '')"
        f" OR ({row}.addressidasync <> '' AND {row}.logisticspostaladdress = 0)"
    )


def _is_guid(row: str) -> str:
    return f"length({row}.custaccount) > {ACCOUNT_WIDTH}"


def _two_customers(row: str) -> str:
    """Nobody knows which one is meant."""
    return f"({_is_guid(row)} AND {row}.custaccountasync NOT IN ('', {row}.custaccount))"


_LINE_KEY = ("store", "terminalid", "transactionid")
_TAX_KEY = ("storeid", "terminalid", "transactionid")
# The version is read first: who changes an order after that is found out before it is created.
_SELECTED = f"""
    SELECT s.*, t.xmin AS version FROM ({{selected}}) AS s JOIN ax.retailtransactiontable AS t
        ON {key_sql("t")} = {key_sql("s")}
"""
_TAX = f"""
    SELECT s.store, s.terminal, s.transactionid, x.salelinenum, sum(x.amount) AS amount
    FROM selected AS s JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _TAX_KEY)} = {key_sql("s")}
    GROUP BY 1, 2, 3, 4
"""
_LINE = f"""
    SELECT s.store, s.terminal, s.transactionid, count(*) AS lines, sum(l.netamount) AS net,
           sum(l.taxamount) AS tax, sum(l.netamountincltax) AS gross, sum(x.amount) AS tax_rows,
           count(*) FILTER (WHERE l.dataareaid <> s.dataareaid) AS foreign_rows,
           min(l.currency) FILTER (WHERE l.currency NOT IN ('', ch.currency)) AS other_currency,
           count(*) FILTER (WHERE l.giftcard <> 0 AND l.qty < 0) AS gift_cards,
           min(l.custaccount) FILTER (
               WHERE l.custaccount <> '' AND NOT {_is_guid("l")} AND a.accountnum IS NULL) AS unknown_account,
           bool_or({_two_customers("l")}) AS two_customers,
           min(l.logisticspostaladdress) FILTER (WHERE l.logisticspostaladdress <> 0 AND p.recid IS NULL)
               AS unknown_address,
           bool_or({_unfilled("l")}) AS unfilled
    FROM selected AS s
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = s.store
    JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _LINE_KEY)} = {key_sql("s")} AND {live_line_sql("l")}
    LEFT JOIN order_tax AS x ON {key_sql("x")} = {key_sql("s")} AND x.salelinenum = l.linenum
    LEFT JOIN ax.custtable AS a ON a.dataareaid = s.dataareaid AND a.accountnum = l.custaccount
    LEFT JOIN ax.logisticspostaladdress AS p ON p.recid = l.logisticspostaladdress
    GROUP BY 1, 2, 3
"""
_CHARGE = f"""
    SELECT s.store, s.terminal, s.transactionid, sum(m.calculatedamount) AS amount, sum(m.taxamountexclusive) AS tax,
           count(*) FILTER (WHERE m.dataareaid <> s.dataareaid) AS foreign_rows,
           min(m.currencycode) FILTER (WHERE m.currencycode <> ch.currency) AS other_currency
    FROM selected AS s
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = s.store
    JOIN ax.retailtransactionmarkuptrans AS m ON {key_sql("m", _LINE_KEY)} = {key_sql("s")}
    GROUP BY 1, 2, 3
"""
_PAYMENT = f"""
    SELECT s.store, s.terminal, s.transactionid, sum({paid_sql("p", "h.currency")}) AS amount,
           min(p.tendertype) FILTER (WHERE k.tendertypeid IS NULL) AS unknown_tender,
           bool_or(k.function = {int(TenderFunction.CUSTOMER_ACCOUNT)}) AS on_account
    FROM selected AS s
    JOIN ax.retailtransactiontable AS h ON {key_sql("h")} = {key_sql("s")}
    JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("s")} AND {live_payment_sql("p")}
    LEFT JOIN ax.retailtendertypetable AS k ON (k.dataareaid, k.tendertypeid) = (s.dataareaid, p.tendertype)
    GROUP BY 1, 2, 3
"""
_CANDIDATE = f"""
    SELECT t.store, t.terminal, t.transactionid, s.version, t.dataareaid, t.type, t.currency,
           t.netamount, t.grossamount, t.paymentamount, t.custaccount, t.logisticspostaladdress,
           ch.dataareaid AS company,
           ch.currency AS store_currency, COALESCE(NULLIF(t.custaccount, ''), ch.defaultcustaccount) AS account,
           a.accountnum IS NOT NULL AS account_exists, d.recid IS NOT NULL AS address_exists,
           COALESCE(l.lines, 0) AS lines, COALESCE(l.foreign_rows, 0) + COALESCE(c.foreign_rows, 0) AS foreign_rows,
           COALESCE(l.other_currency, c.other_currency) AS other_currency,
           COALESCE(l.gift_cards, 0) AS gift_cards, l.unknown_account, l.unknown_address,
           COALESCE(l.net, 0) + COALESCE(c.amount, 0) AS net, COALESCE(l.tax, 0) + COALESCE(c.tax, 0) AS tax,
           COALESCE(l.gross, 0) + COALESCE(c.amount, 0) + COALESCE(c.tax, 0) AS gross,
           COALESCE(l.tax, 0) AS line_tax, COALESCE(l.tax_rows, 0) AS tax_rows, COALESCE(c.amount, 0) AS charges,
           p.amount AS paid, p.unknown_tender, COALESCE(p.on_account, FALSE) AS on_account,
           t.businessdate, {prepayments.open_sql("t.dataareaid", "t.businessdate")} AS period_open,
           {_unfilled("t")} OR COALESCE(l.unfilled, FALSE) AS unfilled,
           {_two_customers("t")} OR COALESCE(l.two_customers, FALSE) AS two_customers
    FROM selected AS s
    JOIN ax.retailtransactiontable AS t ON {key_sql("t")} = {key_sql("s")}
    JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
    LEFT JOIN order_line AS l ON {key_sql("l")} = {key_sql("s")}
    LEFT JOIN order_charge AS c ON {key_sql("c")} = {key_sql("s")}
    LEFT JOIN order_payment AS p ON {key_sql("p")} = {key_sql("s")}
    LEFT JOIN ax.custtable AS a
        ON a.dataareaid = t.dataareaid AND a.accountnum = COALESCE(NULLIF(t.custaccount, ''), ch.defaultcustaccount)
    LEFT JOIN ax.logisticspostaladdress AS d ON d.recid = t.logisticspostaladdress
"""

_SUMS = {
    "selected": _SELECTED,
    "order_tax": _TAX,
    "order_line": _LINE,
    "order_charge": _CHARGE,
    "order_payment": _PAYMENT,
}
"""Tables of their own, with statistics: what a planner cannot know of them it would have to guess."""

PROBLEMS: tuple[tuple[str, str], ...] = (
    (
        "c.dataareaid <> c.company OR c.foreign_rows > 0",
        "'The order, or a line or charge of it, does not belong to the company of its store, ' || c.company || '.'",
    ),
    (
        "c.currency <> c.store_currency",
        "'Currency ' || c.currency || ' is not the currency of the store, ' || c.store_currency || '.'",
    ),
    (
        "c.other_currency IS NOT NULL",
        "'A line or charge is in ' || c.other_currency || ', the currency of the store is ' || c.store_currency || '.'",
    ),
    ("c.lines = 0", "'The order has no line that is not voided.'"),
    (
        f"NOT c.account_exists AND c.custaccount <> '' AND NOT {_is_guid('c')}",
        "'Customer account ' || c.custaccount || ' of the order does not exist.'",
    ),
    (
        "NOT c.account_exists AND c.custaccount = ''",
        "'The default customer of the store, ' || c.account || ', does not exist in company ' || c.dataareaid || '.'",
    ),
    (
        "c.two_customers",
        "'The order or a line of it names two asynchronous customers: a GUID as account, and another one beside it.'",
    ),
    ("c.unknown_account IS NOT NULL", "'Customer account ' || c.unknown_account || ' of a line does not exist.'"),
    (
        "(c.logisticspostaladdress <> 0 AND NOT c.address_exists) OR c.unknown_address IS NOT NULL",
        "'Postal address ' || COALESCE(c.unknown_address, c.logisticspostaladdress) || ' does not exist.'",
    ),
    (
        "c.netamount <> c.net",
        f"'Net amount ' || {amount_text_sql('c.netamount')} || ' is not the sum of the lines and charges, '"
        f" || {amount_text_sql('c.net')} || '.'",
    ),
    (
        "c.grossamount <> c.gross OR c.gross <> c.net + c.tax",
        f"'Gross amount ' || {amount_text_sql('c.grossamount')}"
        " || ' is not the sum of the lines and charges with tax, '"
        f" || {amount_text_sql('c.net + c.tax')} || '.'",
    ),
    (
        "c.line_tax <> c.tax_rows",
        f"'Tax of the lines, ' || {amount_text_sql('c.line_tax')} || ', is not the sum of the tax rows, '"
        f" || {amount_text_sql('c.tax_rows')} || '.'",
    ),
    (
        "c.paymentamount <> COALESCE(c.paid, 0)",
        f"'Payment amount ' || {amount_text_sql('c.paymentamount')} || ' is not the sum of the payments, '"
        f" || {amount_text_sql('COALESCE(c.paid, 0)')} || '.'",
    ),
    (
        f"c.type = {int(TransactionType.ASYNC_CUSTOMER_QUOTE)} AND c.paid <> 0",
        f"'The quotation was paid (' || {amount_text_sql('c.paid')} || '): only orders are paid in advance.'",
    ),
    (
        "c.paid NOT BETWEEN least(c.gross, 0) AND greatest(c.gross, 0)",
        f"'The order was paid with ' || {amount_text_sql('c.paid')}"
        f" || ', and is worth ' || {amount_text_sql('c.gross')} || '.'",
    ),
    ("c.unknown_tender IS NOT NULL", "'Tender ' || c.unknown_tender || ' of a payment does not exist.'"),
    ("c.on_account", "'The order was paid on account: that is no prepayment.'"),
    (
        "c.paid IS NOT NULL AND NOT c.period_open",
        "'Its payments were made on ' || c.businessdate || ', which is in no open fiscal period.'",
    ),
    (
        "c.gift_cards > 0",
        "'The order returns a gift card; what is left on it is not known here. Void that line and take it out of the"
        " totals (`commerce orders edit`).'",
    ),
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

# Late binding has just remembered what the orders wait for.
_WAITING = f"""
    INSERT INTO problem
    SELECT c.store, c.terminal, c.transactionid, '{ErrorClass.PENDING}', 100, {sentence_sql("w", "q")}
    FROM candidate AS c
    JOIN ax.retailtransactionwaitingreference AS w ON {key_sql("w")} = {key_sql("c")}
    LEFT JOIN cdx.quarantine AS q ON q.quarantineid = w.quarantineid
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
    SELECT c.*, row_number() OVER (PARTITION BY c.dataareaid ORDER BY c.store, c.terminal, c.transactionid) AS place
    FROM candidate AS c
    WHERE NOT EXISTS (SELECT FROM problem AS p WHERE {key_sql("p")} = {key_sql("c")})
"""
