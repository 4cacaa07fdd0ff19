"""SQL of validation: the transactions to check, and sums and line errors of their rows, one pass over each table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from commerce.schema.enums import STATEMENT_TYPES, TenderFunction, ValidationStatus
from commerce.scope import (
    TRANSACTION_KEY,
    Scope,
    account_sql,
    key_sql,
    live_line_sql,
    live_payment_sql,
    map_sql,
    paid_sql,
)
from commerce.transactions.applicability import Applicability
from commerce.transactions.rule import exemption_broken, exemption_message
from commerce.transactions.rules import LINE_RULES, Master, Rule

TYPES = ", ".join(str(int(kind)) for kind in STATEMENT_TYPES)
_SALE_LINE = ("store", "terminalid", "transactionid")
_SALE_ROW = ("storeid", "terminalid", "transactionid")
_PAID = paid_sql("p", "c.currency")


@dataclass(frozen=True)
class Selection:
    """The transactions to check: a condition on header t, its channel ch and store s, with its bind values."""

    condition: str
    parameters: Mapping[str, Any]

    @property
    def sql(self) -> str:
        """FROM and WHERE."""
        return f"""
            FROM ax.retailtransactiontable AS t
            JOIN ax.retailchanneltable AS ch ON ch.retailchannelid = t.store
            JOIN ax.retailstoretable AS s ON s.recid = ch.recid
            WHERE t.type IN ({TYPES}) AND {self.condition}
        """


def unchecked(scope: Scope) -> Selection:
    """Unposted real sales, deposits, income and expense in scope that are not valid yet."""
    not_valid = f"t.validationstatus <> {int(ValidationStatus.SUCCESSFUL)}"
    return Selection(f"{not_valid} AND {scope.unposted_sql()}", scope.parameters)


def checked_sql(selection: Selection) -> str:
    """The transactions to check, with what their store demands. They are numbered as the primary keys of their rows
    have them, so that what is read in such a key's order need not be sorted by `id`."""
    return f"""
        CREATE TEMP TABLE checked ON COMMIT DROP AS
        SELECT row_number() OVER (ORDER BY t.transactionid, t.store, t.terminal) AS id, t.xmin AS version,
               t.store, t.terminal, t.transactionid, t.dataareaid, t.type, t.businessdate, t.currency,
               t.custaccount, t.custaccountasync, t.netamount, t.grossamount, t.paymentamount, t.discamount,
               t.numberofitems, t.istaxincludedinprice, ch.dataareaid AS company, ch.currency AS store_currency,
               s.maxroundingamount, s.roundingunit
        {selection.sql}
    """


IDS = "SELECT min(transactionid) AS first_id, max(transactionid) AS last_id, count(*) AS transactions FROM checked"
"""Bind values of `passes` and `DENSE`: the ids of all transactions to check are between the first and the last."""

DENSE = """
    SELECT :transactions >= 1000 AND count(*) <= 2 * :transactions
    FROM (SELECT FROM ax.retailtransactiontable WHERE transactionid BETWEEN :first_id AND :last_id
          LIMIT 2 * :transactions + 1) AS t
"""
"""Whether the transactions are many, and at least half of those between the first and the last."""


def _rows(table: str, row: str, key: tuple[str, str, str] = TRANSACTION_KEY) -> str:
    """A join with the rows of transaction c: an index is read from the first id to the last, not from its beginning."""
    return (
        f"JOIN ax.{table} AS {row} ON {key_sql(row, key)} = {key_sql('c')}"
        f" AND {row}.transactionid BETWEEN :first_id AND :last_id"
    )


TAX_LINES = f"""
    CREATE TEMP TABLE tax_line ON COMMIT DROP AS
    SELECT c.id, x.salelinenum AS linenum, ax.sum_of_few(x.amount) AS amount,
           count(*) FILTER (WHERE x.dataareaid <> c.company) AS foreign_rows,
           count(*) FILTER (WHERE x.isincludedinprice <> c.istaxincludedinprice) AS other_pricing
    FROM checked AS c {_rows("retailtransactiontaxtrans", "x", _SALE_ROW)}
    GROUP BY 1, 2
"""

DISCOUNT_LINES = f"""
    CREATE TEMP TABLE discount_line ON COMMIT DROP AS
    SELECT c.id, x.salelinenum AS linenum, ax.sum_of_few(x.amount) AS amount
    FROM checked AS c {_rows("retailtransactiondiscounttrans", "x", _SALE_ROW)}
    GROUP BY 1, 2
"""


@dataclass(frozen=True)
class _Lookup:
    """How a line (alias l, of a transaction c) finds its master: joins, and the columns that rules read."""

    joins: str
    columns: Mapping[str, str]


_ITEM = _Lookup(
    "LEFT JOIN ax.inventtable AS it ON it.dataareaid = c.company AND it.itemid = l.itemid",
    {"item_exists": "it.itemid IS NOT NULL"},
)
_LOOKUPS = {
    Master.ITEMS: _Lookup(
        "LEFT JOIN ax.inventdimcombination AS va ON va.dataareaid = c.company AND va.itemid = l.itemid"
        " AND va.retailvariantid = l.variantid AND l.variantid <> ''",
        {"variantid": "l.variantid", "variant_exists": "va.itemid IS NOT NULL"},
    ),
    Master.BARCODES: _Lookup(
        "LEFT JOIN ax.inventitembarcode AS bc ON bc.dataareaid = c.company AND bc.itembarcode = l.barcode"
        " AND l.barcode <> ''",
        {"barcode": "l.barcode", "barcode_exists": "bc.itembarcode IS NOT NULL"},
    ),
    Master.TRACKING: _Lookup(
        "LEFT JOIN ax.ecorestrackingdimensiongroup AS tr ON tr.name = it.trackingdimensiongroup",
        {
            "inventserialid": "l.inventserialid",
            "serial_active": "COALESCE(tr.isserialnumberactive, 0) = 1",
            "serial_controlled": "COALESCE(tr.isserialnumbercontrolled, 0) = 1",
        },
    ),
    Master.UNITS: _Lookup(
        "",
        {
            "unit": "l.unit",
            "inventory_unit": "it.unitid",
            "unit_converts": "CASE WHEN l.unit IN ('', it.unitid) THEN TRUE ELSE EXISTS ("
            "SELECT FROM ax.unitofmeasureconversion AS u WHERE u.dataareaid = c.company AND u.itemid IN ('', l.itemid)"
            " AND ((u.fromunitofmeasure, u.tounitofmeasure) = (l.unit, it.unitid)"
            " OR (u.fromunitofmeasure, u.tounitofmeasure) = (it.unitid, l.unit))) END",
        },
    ),
    Master.TAX_GROUPS: _Lookup(
        "LEFT JOIN (SELECT DISTINCT g.dataareaid, g.taxgroup, i.taxitemgroup FROM ax.taxgroupdata AS g"
        " JOIN ax.taxonitem AS i ON i.dataareaid = g.dataareaid AND i.taxcode = g.taxcode) AS tg"
        " ON tg.dataareaid = c.company AND tg.taxgroup = l.taxgroup AND tg.taxitemgroup = l.taxitemgroup",
        {"taxgroup": "l.taxgroup", "taxitemgroup": "l.taxitemgroup", "tax_groups_meet": "tg.taxgroup IS NOT NULL"},
    ),
}
_OF_ITEMS = (Master.ITEMS, Master.TRACKING, Master.UNITS)


def _lookups(applied: Applicability) -> list[_Lookup]:
    found = [lookup for master, lookup in _LOOKUPS.items() if applied.has(master)]
    return [_ITEM, *found] if any(applied.has(master) for master in _OF_ITEMS) else found


def charge_rules(applied: Applicability) -> dict[str, Rule]:
    """Column of `charge_sum` -> the rule whose errors it has."""
    return {f"charge_{rule.name}": rule for rule in applied.active(LINE_RULES) if rule.of_charge}


def _columns(parts: Iterable[str]) -> str:
    return "".join(f",\n           {part}" for part in parts)


def _errors(applied: Applicability, rules: Sequence[Rule]) -> str:
    """SQL of the messages of a live line r by rule; null where it breaks none of `rules`."""
    broken = [applied.broken(rule, "r.company") for rule in rules]
    messages = ", ".join(
        f"'{rule.name}', CASE WHEN {condition} THEN {rule.message} END"
        for rule, condition in zip(rules, broken, strict=True)
    )
    return f"CASE WHEN r.live AND ({' OR '.join(broken)}) THEN jsonb_build_object({messages}) END"


def _lines(applied: Applicability) -> str:
    """The lines, each with its amounts and, where it breaks a rule, messages by rule (null: none). A line is judged
    before it meets its discounts and taxes: what is merged then has few columns instead of all that rules read."""
    lookups = _lookups(applied)
    joins = "\n        ".join(lookup.joins for lookup in lookups)
    looked_up = {name: sql for lookup in lookups for name, sql in lookup.columns.items()}
    return f"""
    CREATE TEMP TABLE line ON COMMIT DROP AS
    SELECT r.id, r.company, r.linenum, r.qty, r.netamount, r.taxamount, r.netamountincltax, r.discamount, r.live,
           r.dataareaid <> r.company AS foreign_row,
           CASE WHEN r.live AND r.currency NOT IN ('', r.store_currency) THEN r.currency END AS other_currency,
           {_errors(applied, [rule for rule in _rules_of_lines(applied) if not rule.of_sums])} AS errors
    FROM (
        SELECT c.id, c.company, c.store_currency, c.roundingunit, l.dataareaid, l.linenum, l.itemid, l.qty, l.price,
               l.netamount, l.taxamount, l.netamountincltax, l.discamount, l.custaccount, l.custaccountasync,
               l.currency, l.giftcard, l.taxexemptpriceinclusiveoriginalprice,
               l.taxexemptpriceinclusivereductionamount, {live_line_sql("l")} AS live,
               l.custaccount <> '' AND EXISTS (
                   SELECT FROM ax.custtable AS a WHERE a.dataareaid = c.dataareaid AND a.accountnum = l.custaccount
               ) AS account_exists
               {_columns(f"{sql} AS {name}" for name, sql in looked_up.items())}
        FROM checked AS c
        {_rows("retailtransactionsalestrans", "l", _SALE_LINE)}
        {joins}
    ) AS r
"""


def _line_sums(applied: Applicability) -> str:
    """Sums of the lines; `errors`: the lines that break a rule, each as number and messages by rule (null: none). Tax
    rows without a line take part, too: no line then, so no line rule, but their amount counts."""
    return f"""
    CREATE TEMP TABLE line_sum ON COMMIT DROP AS
    WITH r AS (
        SELECT COALESCE(l.id, x.id) AS id, l.company, l.linenum, l.qty, l.netamount, l.taxamount, l.netamountincltax,
               l.discamount, COALESCE(l.live, FALSE) AS live, l.live IS FALSE AS voided, l.foreign_row,
               l.other_currency, l.errors, COALESCE(d.amount, 0) AS discount_rows, COALESCE(x.amount, 0) AS tax_rows,
               x.foreign_rows AS foreign_tax_rows, x.other_pricing
        FROM line AS l
        LEFT JOIN discount_line AS d ON d.id = l.id AND d.linenum = l.linenum
        FULL JOIN tax_line AS x ON x.id = l.id AND x.linenum = l.linenum
    ), judged AS (
        SELECT r.id, r.linenum, r.qty, r.netamount, r.netamountincltax, r.discamount, r.live, r.voided, r.foreign_row,
               r.other_currency, r.tax_rows, r.foreign_tax_rows, r.other_pricing, r.errors,
               {_errors(applied, [rule for rule in _rules_of_lines(applied) if rule.of_sums])} AS errors_of_sums
        FROM r OFFSET 0
    )
    SELECT r.id, count(*) FILTER (WHERE r.live) AS lines,
           ax.sum_of_few(r.netamount) FILTER (WHERE r.live) AS net,
           ax.sum_of_few(r.netamountincltax) FILTER (WHERE r.live) AS gross,
           ax.sum_of_few(r.discamount) FILTER (WHERE r.live) AS discount,
           ax.sum_of_few(r.qty) FILTER (WHERE r.live) AS items,
           ax.sum_of_few(r.tax_rows) FILTER (WHERE NOT r.voided) AS tax,
           sum(r.other_pricing) FILTER (WHERE NOT r.voided) AS other_pricing,
           count(*) FILTER (WHERE r.foreign_row) + COALESCE(sum(r.foreign_tax_rows), 0) AS foreign_rows,
           min(r.other_currency) AS other_currency,
           jsonb_agg(jsonb_build_array(r.linenum, jsonb_strip_nulls(
               COALESCE(r.errors, jsonb_build_object()) || COALESCE(r.errors_of_sums, jsonb_build_object()))))
               FILTER (WHERE num_nonnulls(r.errors, r.errors_of_sums) > 0) AS errors
    FROM judged AS r GROUP BY r.id
"""


def _rules_of_lines(applied: Applicability) -> list[Rule]:
    return [rule for rule in applied.active(LINE_RULES) if not rule.of_charge]


def _charges(applied: Applicability) -> str:
    """Sums of the charges, and of those that belong to a line the errors by its number."""
    errors = [
        f"jsonb_object_agg(x.salelinenum, {rule.message})"
        f' FILTER (WHERE x.salelinenum <> 0 AND {applied.broken(rule, "c.company")}) AS "{column}"'
        for column, rule in charge_rules(applied).items()
    ]
    exemption = exemption_broken("x.calculatedamount", "x")
    return f"""
    CREATE TEMP TABLE charge_sum ON COMMIT DROP AS
    SELECT c.id, ax.sum_of_few(x.calculatedamount) AS amount, ax.sum_of_few(x.taxamountexclusive) AS tax,
           count(*) FILTER (WHERE x.dataareaid <> c.company) AS foreign_rows,
           min(x.currencycode) FILTER (WHERE x.currencycode <> c.store_currency) AS other_currency,
           min(x.calculatedamount) FILTER (WHERE x.calculatedamount % c.roundingunit <> 0) AS odd_amount,
           min({exemption_message("Charge", "x.calculatedamount", "x")})
               FILTER (WHERE x.salelinenum = 0 AND {exemption}) AS odd_exemption
           {_columns(errors)}
    FROM checked AS c {_rows("retailtransactionmarkuptrans", "x", _SALE_LINE)}
    GROUP BY 1
"""


PAYMENTS = f"""
    CREATE TEMP TABLE payment_sum ON COMMIT DROP AS
    SELECT c.id, ax.sum_of_few({_PAID}) AS paid,
           min(tender.tendertypeid) FILTER (
               WHERE p.giftcardid <> '' AND tender.function <> {int(TenderFunction.GIFT_CARD)}) AS no_gift_card_tender,
           min(p.tendertype) FILTER (
               WHERE tender.function = {int(TenderFunction.CUSTOMER_ACCOUNT)}) AS on_account,
           count(*) FILTER (WHERE p.dataareaid <> c.company) AS foreign_rows,
           min({_PAID}) FILTER (WHERE {_PAID} % c.roundingunit <> 0) AS odd_amount,
           (jsonb_agg(jsonb_build_array(p.currency, p.amountcur, p.exchrate, p.amountmst) ORDER BY p.linenum)
               FILTER (WHERE p.currency <> c.currency AND abs(p.amountcur * p.exchrate - p.amountmst) > c.roundingunit))
               -> 0 AS converted,
           min(p.tendertype) FILTER (WHERE tender.tendertypeid IS NULL) AS unknown_tender
    FROM checked AS c {_rows("retailtransactionpaymenttrans", "p")}
    LEFT JOIN ax.retailtendertypetable AS tender
        ON tender.dataareaid = c.company AND tender.tendertypeid = p.tendertype
    WHERE {live_payment_sql("p")}
    GROUP BY 1
"""

DEPOSITS = f"""
    CREATE TEMP TABLE deposit_sum ON COMMIT DROP AS
    SELECT c.id, count(*) AS rows, ax.sum_of_few(d.amount) AS amount,
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
    SELECT c.id, count(*) AS rows, ax.sum_of_few(i.amount) AS amount,
           count(*) FILTER (WHERE i.dataareaid <> c.company) AS foreign_rows,
           min(i.incomeexepenseaccount) FILTER (WHERE a.accountnum IS NULL) AS unknown
    FROM checked AS c
    JOIN ax.retailtransactionincomeexpensetrans AS i ON {key_sql("i")} = {key_sql("c")} AND {live_line_sql("i")}
    LEFT JOIN ax.retailincomeexpenseaccounttable AS a
        ON a.dataareaid = c.company AND a.accountnum = i.incomeexepenseaccount AND a.accounttype = i.accounttype
    GROUP BY 1
"""

PERIODS = """
    CREATE TEMP TABLE period ON COMMIT DROP AS
    SELECT d.company, d.businessdate, p.status, p.startdate, p.enddate
    FROM (SELECT DISTINCT company, businessdate FROM checked) AS d
    JOIN ax.ledgerfiscalcalendarperiod AS p
        ON p.dataareaid = d.company AND d.businessdate BETWEEN p.startdate AND p.enddate
"""


@dataclass(frozen=True)
class Pass:
    """A statement that fills a temporary table, and the settings that PostgreSQL plans it with."""

    statement: str
    settings: Mapping[str, str] = field(default_factory=dict)


def passes(applied: Applicability, *, dense: bool) -> dict[str, Pass]:
    """Temporary table -> how it is filled, in this order. The statements know a transaction by its `id` in `checked`;
    bind values are the rules' (`Applicability.parameters`) and those of `IDS`.

    PostgreSQL takes the three columns of a transaction's key for independent and expects a few hundredths of the lines.
    Where `dense`, nothing may be looked up line by line. The tables that `line_sum` joins stand in one order: going
    through them side by side is faster than hash tables of so many rows, which no processor's cache holds. It groups by
    hash, and would spill, as 8 kB are reserved for the errors of each transaction, of which mostly there are none.
    """
    looked_up = {"enable_nestloop": "off"} if dense else {}
    summed_up = {"enable_hashjoin": "off", "hash_mem_multiplier": "16"}
    return {
        "tax_line": Pass(TAX_LINES),
        "discount_line": Pass(DISCOUNT_LINES),
        "line": Pass(_lines(applied), looked_up),
        "line_sum": Pass(_line_sums(applied), summed_up),
        "charge_sum": Pass(_charges(applied)),
        "payment_sum": Pass(PAYMENTS),
        "deposit_sum": Pass(DEPOSITS),
        "income_expense_sum": Pass(INCOME_EXPENSES),
        "period": Pass(PERIODS),
    }


HEADERS = """
    SELECT c.*, a.accountnum IS NOT NULL AS account_exists,
           COALESCE(CASE c.type WHEN 2 THEN l.lines WHEN 3 THEN d.rows ELSE i.rows END, 0) AS rows,
           COALESCE(l.net, 0) + COALESCE(g.amount, 0) AS net,
           COALESCE(l.gross, 0) + COALESCE(g.amount, 0) + COALESCE(g.tax, 0) AS gross,
           COALESCE(l.tax, 0) + COALESCE(g.tax, 0) AS tax,
           COALESCE(l.discount, 0) AS discount, COALESCE(l.items, 0) AS items, COALESCE(p.paid, 0) AS paid,
           COALESCE(d.amount, 0) AS deposited, COALESCE(i.amount, 0) AS income_expense,
           COALESCE(l.other_pricing, 0) AS other_pricing, g.odd_exemption,
           COALESCE(l.foreign_rows, 0) + COALESCE(g.foreign_rows, 0)
               + COALESCE(p.foreign_rows, 0) + COALESCE(d.foreign_rows, 0) + COALESCE(i.foreign_rows, 0)
               AS foreign_rows,
           COALESCE(l.other_currency, g.other_currency) AS other_currency,
           COALESCE(g.odd_amount, p.odd_amount) AS odd_amount,
           p.unknown_tender, p.on_account, p.no_gift_card_tender, p.converted, d.unknown AS unknown_depositor,
           d.depositors, d.depositor, d.named,
           i.unknown AS unknown_account, fp.status AS periodstatus, fp.startdate AS periodstart,
           fp.enddate AS periodend
    FROM checked AS c
    LEFT JOIN line_sum AS l USING (id)
    LEFT JOIN charge_sum AS g USING (id)
    LEFT JOIN payment_sum AS p USING (id)
    LEFT JOIN deposit_sum AS d USING (id)
    LEFT JOIN income_expense_sum AS i USING (id)
    LEFT JOIN ax.custtable AS a ON a.dataareaid = c.dataareaid AND a.accountnum = c.custaccount
    LEFT JOIN period AS fp ON fp.company = c.company AND fp.businessdate = c.businessdate
"""
"""Relation h of the header rules."""
