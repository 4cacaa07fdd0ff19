"""SQL of validation: the transactions to check, and sums and line errors of their rows, one pass over each table."""

from commerce.schema.enums import STATEMENT_TYPES, ValidationStatus
from commerce.scope import Scope, account_sql, key_sql, live_line_sql, live_payment_sql, map_sql
from commerce.transactions.rules import LINE_RULES

_TYPES = ", ".join(str(int(kind)) for kind in STATEMENT_TYPES)
_SALE_LINE = ("store", "terminalid", "transactionid")
_SALE_ROW = ("storeid", "terminalid", "transactionid")


def unchecked_sql(scope: Scope) -> str:
    """FROM and WHERE of unposted real sales, deposits, income and expense in scope that are not valid yet."""
    return f"""
        FROM ax.retailtransactiontable AS t
        JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
        JOIN ax.retailstoretable AS s ON s.recid = ch.recid
        WHERE t.type IN ({_TYPES}) AND t.validationstatus <> {int(ValidationStatus.SUCCESSFUL)}
          AND {scope.unposted_sql()}
    """


def checked_sql(scope: Scope) -> str:
    """The transactions to check, with what their store demands."""
    return f"""
        CREATE TEMP TABLE checked ON COMMIT DROP AS
        SELECT row_number() OVER () AS id, t.store, t.terminal, t.transactionid, t.dataareaid, t.type, t.currency,
               t.custaccount, t.custaccountasync, t.netamount, t.grossamount, t.paymentamount, t.discamount,
               t.numberofitems, ch.dataareaid AS company, ch.currency AS store_currency, s.maxroundingamount,
               s.roundingunit
        {unchecked_sql(scope)}
    """


def _line_errors() -> str:
    """One column a line rule: the line numbers and messages of the lines that break it, null when there is none."""
    return ",\n".join(
        f"jsonb_agg(jsonb_build_array(r.linenum, {rule.message}))"
        f" FILTER (WHERE r.live AND ({rule.broken})) AS line_{number}"
        for number, rule in enumerate(LINE_RULES)
    )


LINE_ERROR_COLUMNS = tuple(f"line_{number}" for number in range(len(LINE_RULES)))

TAX_LINES = f"""
    CREATE TEMP TABLE tax_line ON COMMIT DROP AS
    SELECT c.id, x.salelinenum AS linenum, sum(x.amount) AS amount,
           count(*) FILTER (WHERE x.dataareaid <> c.company) AS foreign_rows
    FROM checked AS c JOIN ax.retailtransactiontaxtrans AS x ON {key_sql("x", _SALE_ROW)} = {key_sql("c")}
    GROUP BY 1, 2
"""

DISCOUNT_LINES = f"""
    CREATE TEMP TABLE discount_line ON COMMIT DROP AS
    SELECT c.id, x.salelinenum AS linenum, sum(x.amount) AS amount
    FROM checked AS c JOIN ax.retailtransactiondiscounttrans AS x ON {key_sql("x", _SALE_ROW)} = {key_sql("c")}
    GROUP BY 1, 2
"""

# Tax rows without a line take part, too: no line then, so no line rule, but their amount counts.
LINES = f"""
    CREATE TEMP TABLE line_sum ON COMMIT DROP AS
    WITH l AS (
        SELECT c.id, c.company, c.store_currency, c.roundingunit, l.dataareaid, l.linenum, l.qty, l.netamount,
               l.taxamount, l.netamountincltax, l.discamount, l.custaccount, l.custaccountasync, l.currency, l.giftcard,
               {live_line_sql("l")} AS live, a.accountnum IS NOT NULL AS account_exists,
               COALESCE(d.amount, 0) AS discount_rows
        FROM checked AS c
        JOIN ax.retailtransactionsalestrans AS l ON {key_sql("l", _SALE_LINE)} = {key_sql("c")}
        LEFT JOIN discount_line AS d ON d.id = c.id AND d.linenum = l.linenum
        LEFT JOIN ax.custtable AS a ON a.dataareaid = c.dataareaid AND a.accountnum = l.custaccount
    ), r AS (
        SELECT COALESCE(l.id, x.id) AS id, l.company, l.store_currency, l.roundingunit, l.dataareaid, l.linenum, l.qty,
               l.netamount, l.taxamount, l.netamountincltax, l.discamount, l.custaccount, l.custaccountasync,
               l.currency, l.giftcard, COALESCE(l.live, FALSE) AS live, l.live IS FALSE AS voided, l.account_exists,
               l.discount_rows, COALESCE(x.amount, 0) AS tax_rows, x.foreign_rows AS foreign_tax_rows
        FROM l FULL JOIN tax_line AS x ON x.id = l.id AND x.linenum = l.linenum
    )
    SELECT r.id, count(*) FILTER (WHERE r.live) AS lines,
           sum(r.netamount) FILTER (WHERE r.live) AS net,
           sum(r.netamountincltax) FILTER (WHERE r.live) AS gross,
           sum(r.discamount) FILTER (WHERE r.live) AS discount,
           sum(r.qty) FILTER (WHERE r.live) AS items,
           sum(r.tax_rows) FILTER (WHERE NOT r.voided) AS tax,
           count(*) FILTER (WHERE r.live AND r.giftcard <> 0) AS gift_cards,
           count(*) FILTER (WHERE r.dataareaid <> r.company) + COALESCE(sum(r.foreign_tax_rows), 0) AS foreign_rows,
           min(r.currency) FILTER (WHERE r.live AND r.currency NOT IN ('', r.store_currency)) AS other_currency,
           {_line_errors()}
    FROM r GROUP BY r.id
"""

CHARGES = f"""
    CREATE TEMP TABLE charge_sum ON COMMIT DROP AS
    SELECT c.id, sum(x.calculatedamount) AS amount, sum(x.taxamountexclusive) AS tax,
           count(*) FILTER (WHERE x.dataareaid <> c.company) AS foreign_rows,
           min(x.currencycode) FILTER (WHERE x.currencycode <> c.store_currency) AS other_currency,
           min(x.calculatedamount) FILTER (WHERE x.calculatedamount % c.roundingunit <> 0) AS odd_amount
    FROM checked AS c JOIN ax.retailtransactionmarkuptrans AS x ON {key_sql("x", _SALE_LINE)} = {key_sql("c")}
    GROUP BY 1
"""

PAYMENTS = f"""
    CREATE TEMP TABLE payment_sum ON COMMIT DROP AS
    SELECT c.id, sum(p.amountcur) AS paid,
           count(*) FILTER (WHERE p.giftcardid <> '') AS gift_cards,
           count(*) FILTER (WHERE p.dataareaid <> c.company) AS foreign_rows,
           min(p.currency) FILTER (WHERE p.currency <> c.store_currency) AS other_currency,
           min(p.amountcur) FILTER (WHERE p.amountcur % c.roundingunit <> 0) AS odd_amount,
           min(p.tendertype) FILTER (WHERE tender.tendertypeid IS NULL) AS unknown_tender
    FROM checked AS c JOIN ax.retailtransactionpaymenttrans AS p ON {key_sql("p")} = {key_sql("c")}
    LEFT JOIN ax.retailtendertypetable AS tender
        ON tender.dataareaid = c.company AND tender.tendertypeid = p.tendertype
    WHERE {live_payment_sql("p")}
    GROUP BY 1
"""

DEPOSITS = f"""
    CREATE TEMP TABLE deposit_sum ON COMMIT DROP AS
    SELECT c.id, count(*) AS rows, sum(d.amount) AS amount,
           count(*) FILTER (WHERE d.dataareaid <> c.company) AS foreign_rows,
           min(COALESCE(NULLIF(d.custaccount, ''), d.custaccountasync)) FILTER (WHERE a.accountnum IS NULL) AS unknown,
           count(DISTINCT {account_sql("d", "dm", "NULL")}) AS depositors,
           min({account_sql("d", "dm", "NULL")}) AS depositor, min({account_sql("c", "cm", "NULL")}) AS named
    FROM checked AS c
    JOIN ax.retailtransactioncustomeraccountdeposittrans AS d
        ON {key_sql("d")} = {key_sql("c")} AND {live_line_sql("d")}
    {map_sql("d", "dm")}
    {map_sql("c", "cm")}
    LEFT JOIN ax.custtable AS a ON a.dataareaid = c.dataareaid AND a.accountnum = d.custaccount
    GROUP BY 1
"""

INCOME_EXPENSES = f"""
    CREATE TEMP TABLE income_expense_sum ON COMMIT DROP AS
    SELECT c.id, count(*) AS rows, sum(i.amount) AS amount,
           count(*) FILTER (WHERE i.dataareaid <> c.company) AS foreign_rows,
           min(i.incomeexepenseaccount) FILTER (WHERE a.accountnum IS NULL) AS unknown
    FROM checked AS c
    JOIN ax.retailtransactionincomeexpensetrans AS i ON {key_sql("i")} = {key_sql("c")} AND {live_line_sql("i")}
    LEFT JOIN ax.retailincomeexpenseaccounttable AS a
        ON a.dataareaid = c.company AND a.accountnum = i.incomeexepenseaccount AND a.accounttype = i.accounttype
    GROUP BY 1
"""

PASSES = {
    "tax_line": TAX_LINES,
    "discount_line": DISCOUNT_LINES,
    "line_sum": LINES,
    "charge_sum": CHARGES,
    "payment_sum": PAYMENTS,
    "deposit_sum": DEPOSITS,
    "income_expense_sum": INCOME_EXPENSES,
}
"""Temporary table -> the statement that fills it, in this order. They know a transaction by its `id` in `checked`."""

HEADERS = """
    SELECT c.*, a.accountnum IS NOT NULL AS account_exists,
           COALESCE(CASE c.type WHEN 2 THEN l.lines WHEN 3 THEN d.rows ELSE i.rows END, 0) AS rows,
           COALESCE(l.net, 0) + COALESCE(g.amount, 0) AS net,
           COALESCE(l.gross, 0) + COALESCE(g.amount, 0) + COALESCE(g.tax, 0) AS gross,
           COALESCE(l.tax, 0) + COALESCE(g.tax, 0) AS tax,
           COALESCE(l.discount, 0) AS discount, COALESCE(l.items, 0) AS items, COALESCE(p.paid, 0) AS paid,
           COALESCE(d.amount, 0) AS deposited, COALESCE(i.amount, 0) AS income_expense,
           COALESCE(l.gift_cards, 0) + COALESCE(p.gift_cards, 0) AS gift_cards,
           COALESCE(l.foreign_rows, 0) + COALESCE(g.foreign_rows, 0)
               + COALESCE(p.foreign_rows, 0) + COALESCE(d.foreign_rows, 0) + COALESCE(i.foreign_rows, 0)
               AS foreign_rows,
           COALESCE(l.other_currency, g.other_currency, p.other_currency) AS other_currency,
           COALESCE(g.odd_amount, p.odd_amount) AS odd_amount,
           p.unknown_tender, d.unknown AS unknown_depositor, d.depositors, d.depositor, d.named,
           i.unknown AS unknown_account
    FROM checked AS c
    LEFT JOIN line_sum AS l USING (id)
    LEFT JOIN charge_sum AS g USING (id)
    LEFT JOIN payment_sum AS p USING (id)
    LEFT JOIN deposit_sum AS d USING (id)
    LEFT JOIN income_expense_sum AS i USING (id)
    LEFT JOIN ax.custtable AS a ON a.dataareaid = c.dataareaid AND a.accountnum = c.custaccount
"""
"""Relation h of the transaction rules."""
