"""What posted documents say, by store and business date, and what the channel's transactions say they must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, text

from commerce.reconcile.sources import (
    CHARGES,
    DEPOSIT,
    DEPOSITS,
    GIFT_CARD,
    HEADERS,
    INCOME_EXPENSE,
    INCOME_EXPENSES,
    LINES,
    ORDER,
    PAYMENTS,
    PAYMENTS_IN_CURRENCY,
    POSTED,
    SALE,
    TAXES,
    Source,
)
from commerce.schema.enums import SalesStatus, StatementStatus, StatementType, TenderFunction

AMOUNT = pd.ArrowDtype(pa.decimal128(38, 6))
PLACE = ["store", "businessdate", "what", "key"]
PLACES = pa.schema([*((name, pa.string()) for name in PLACE), ("amount", pa.decimal128(38, 6))])
"""An amount of a check: where it is found, and how much it is."""

_STATEMENTS = f"""
    SELECT dataareaid, statementid, storeid AS store, businessdate::text AS businessdate
    FROM ax.retailstatementtable
    WHERE postingstatus = {int(StatementStatus.POSTED)} AND statementtype = {int(StatementType.TRANSACTIONAL)}
      AND storeid = ANY(:stores)
      AND businessdate >= coalesce(:date_from, date '-infinity') AND businessdate <= coalesce(:date_to,
          date 'infinity')"""

_KINDS = "CASE e.type WHEN 2 THEN 'sale' WHEN 3 THEN 'deposit' ELSE 'income/expense' END"

_STATEMENT_ORDERS = f"(SELECT * FROM ax.salestable WHERE salesstatus <> {int(SalesStatus.CANCELED)}) AS o"
"""Orders that were taken back before they were invoiced are canceled, and keep their numbers."""

DOCUMENTS = text(f"""
WITH s AS MATERIALIZED ({_STATEMENTS}),
posting AS MATERIALIZED (
    SELECT s.store, s.businessdate, v.journalcategory, l.postingtype, l.tendertypeid, l.taxcode,
           sum(l.debitamount - l.creditamount) AS amount
    FROM s JOIN ax.retailstatementvoucher AS x USING (dataareaid, statementid)
    JOIN ax.generaljournalentry AS v USING (dataareaid, voucher)
    JOIN ax.generaljournalaccountentry AS l USING (dataareaid, voucher)
    GROUP BY 1, 2, 3, 4, 5, 6),
channel_order AS MATERIALIZED (
    SELECT o.dataareaid, o.salesid, o.store, o.businessdate::text AS businessdate, o.netamount, o.grossamount
    FROM ax.salestable AS o
    WHERE o.salesorigin = 'channel' AND o.store = ANY(:stores)
      AND o.businessdate >= coalesce(:date_from, date '-infinity') AND o.businessdate <= coalesce(:date_to,
          date 'infinity'))
SELECT 'statements: ' || {_KINDS} || ' transactions' AS what, s.store, s.businessdate, '' AS key,
       count(*)::numeric AS amount
FROM s JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid) GROUP BY 1, 2, 3
UNION ALL SELECT 'statements: ' || {_KINDS} || ' payments', s.store, s.businessdate, '', sum(e.paymentamount)
FROM s JOIN ax.retaileodtransactiontable AS e USING (dataareaid, statementid) GROUP BY 1, 2, 3
UNION ALL SELECT part.what, s.store, s.businessdate, '', sum(part.amount)
FROM s JOIN {_STATEMENT_ORDERS} USING (dataareaid, statementid)
CROSS JOIN LATERAL (VALUES ('sales orders: net', o.netamount), ('sales orders: gross', o.grossamount),
    ('sales orders: charges', o.chargeamount)) AS part (what, amount) GROUP BY 1, 2, 3
UNION ALL SELECT part.what, s.store, s.businessdate, '', sum(part.amount)
FROM s JOIN {_STATEMENT_ORDERS} USING (dataareaid, statementid) JOIN ax.salesline AS l USING (dataareaid, salesid)
CROSS JOIN LATERAL (VALUES ('sales order lines: quantity', l.qty), ('sales order lines: net', l.netamount),
    ('sales order lines: tax', l.taxamount), ('sales order lines: discount', l.discamount)) AS part (what, amount)
GROUP BY 1, 2, 3
UNION ALL SELECT part.what, s.store, s.businessdate, '', sum(part.amount)
FROM s JOIN ax.custinvoicejour AS j USING (dataareaid, statementid)
CROSS JOIN LATERAL (VALUES ('invoices: net', j.netamount), ('invoices: gross', j.invoiceamount),
    ('invoices: tax', j.taxamount), ('invoices: charges', j.chargeamount)) AS part (what, amount) GROUP BY 1, 2, 3
UNION ALL SELECT 'invoice taxes', s.store, s.businessdate, t.taxcode, sum(t.taxamount)
FROM s JOIN ax.custinvoicejour AS j USING (dataareaid, statementid) JOIN ax.taxtrans AS t USING (dataareaid, invoiceid)
GROUP BY 2, 3, 4
UNION ALL SELECT 'payment journals', s.store, s.businessdate, l.tendertypeid, sum(l.amountmst)
FROM s JOIN ax.ledgerjournaltable AS j USING (dataareaid, statementid)
JOIN ax.ledgerjournaltrans AS l USING (dataareaid, journalnum) GROUP BY 2, 3, 4
UNION ALL SELECT 'statement lines', s.store, s.businessdate, l.tendertypeid || ' ' || l.currency, sum(l.transamount)
FROM s JOIN ax.retailstatementline AS l USING (dataareaid, statementid) GROUP BY 2, 3, 4
UNION ALL SELECT 'customer transactions: ' || c.transtype, s.store, s.businessdate, '', sum(c.amountcur)
FROM s JOIN ax.retailstatementvoucher AS x USING (dataareaid, statementid)
JOIN ax.custtrans AS c USING (dataareaid, voucher) WHERE c.transtype <> 'rounding' GROUP BY 1, 2, 3
UNION ALL SELECT 'vouchers: tenders', store, businessdate, tendertypeid, sum(amount)
FROM posting WHERE postingtype = 'Tender' AND journalcategory <> 'giftcard' GROUP BY 2, 3, 4
UNION ALL SELECT 'vouchers: sales tax', store, businessdate, taxcode, -sum(amount)
FROM posting WHERE postingtype = 'SalesTax' GROUP BY 2, 3, 4
UNION ALL SELECT 'vouchers: ' || CASE
           WHEN postingtype IN ('Revenue', 'PeriodicDiscount') THEN 'revenue'
           WHEN postingtype = 'ChargeRevenue' THEN 'charges'
           WHEN postingtype = 'GiftCard' THEN 'gift cards'
           WHEN postingtype IN ('RoundingDifference', 'CustomerBalance') THEN 'customer balance and rounding'
           ELSE 'income and expense' END, store, businessdate, '',
       sum(CASE WHEN postingtype IN ('RoundingDifference', 'CustomerBalance') THEN amount ELSE -amount END)
FROM posting WHERE postingtype NOT IN ('Tender', 'SalesTax') GROUP BY 1, 2, 3
UNION ALL SELECT part.what, store, businessdate, '', sum(part.amount)
FROM channel_order AS o
CROSS JOIN LATERAL (VALUES ('orders: transactions', 1), ('orders: net', o.netamount), ('orders: gross', o.grossamount))
     AS part (what, amount) GROUP BY 1, 2, 3
UNION ALL SELECT part.what, o.store, o.businessdate, '', sum(part.amount)
FROM channel_order AS o JOIN ax.salesline AS l USING (dataareaid, salesid)
CROSS JOIN LATERAL (VALUES ('order lines: quantity', l.qty), ('order lines: net', l.netamount),
    ('order lines: tax', l.taxamount), ('order lines: discount', l.discamount)) AS part (what, amount)
GROUP BY 1, 2, 3
UNION ALL SELECT 'order payments', o.store, o.businessdate, l.tendertypeid, sum(l.debitamount - l.creditamount)
FROM channel_order AS o JOIN ax.retailsalestable AS r USING (dataareaid, salesid)
JOIN (SELECT DISTINCT dataareaid, voucher, store, terminal, transactionid FROM ax.mcrcustpaymtable) AS m
     ON (m.store, m.terminal, m.transactionid) = (r.store, r.terminal, r.transactionid)
JOIN ax.generaljournalaccountentry AS l ON (l.dataareaid, l.voucher) = (m.dataareaid, m.voucher)
WHERE l.tendertypeid <> '' GROUP BY 2, 3, 4""")

TENDERS = text("""
SELECT c.retailchannelid AS store, t.tendertypeid, t.function FROM ax.retailtendertypetable AS t
JOIN ax.retailchanneltable AS c USING (dataareaid)
WHERE t.function <> 0 AND c.retailchannelid = ANY(:stores)""")

Tenders = Mapping[tuple[str, str], int]
"""(store, tender) -> function, of tenders that are not normal ones."""


@dataclass(frozen=True)
class Rule:
    """A document's amount is this amount of the channel's posted transactions of one kind; rules of one check add up.

    `column` "rows" counts rows; `keyed`: by tender or tax code; `paid`: without what was put on account, which is no
    payment; `gift_cards`: only what is one (a line that sells it, a payment with it), or only what is none.
    """

    check: str
    kind: str
    source: Source
    column: str
    sign: int = 1
    keyed: bool = False
    paid: bool = False
    gift_cards: bool | None = None


RULES = (
    *(Rule(f"statements: {kind} transactions", kind, HEADERS, "rows") for kind in (SALE, DEPOSIT, INCOME_EXPENSE)),
    *(Rule(f"statements: {kind} payments", kind, HEADERS, "paymentamount") for kind in (SALE, DEPOSIT, INCOME_EXPENSE)),
    Rule("sales orders: net", SALE, HEADERS, "netamount"),
    Rule("sales orders: gross", SALE, HEADERS, "grossamount"),
    Rule("sales orders: charges", SALE, CHARGES, "calculatedamount"),
    Rule("sales order lines: quantity", SALE, LINES, "qty"),
    Rule("sales order lines: net", SALE, LINES, "netamount"),
    Rule("sales order lines: tax", SALE, LINES, "taxamount"),
    Rule("sales order lines: discount", SALE, LINES, "discamount"),
    Rule("invoices: net", SALE, HEADERS, "netamount"),
    Rule("invoices: gross", SALE, HEADERS, "grossamount"),
    Rule("invoices: charges", SALE, CHARGES, "calculatedamount"),
    Rule("invoices: tax", SALE, LINES, "taxamount"),
    Rule("invoices: tax", SALE, CHARGES, "taxamountexclusive"),
    Rule("invoice taxes", SALE, TAXES, "amount", keyed=True),
    Rule("invoice taxes", SALE, CHARGES, "taxamountexclusive"),
    Rule("vouchers: revenue", SALE, LINES, "netamount", gift_cards=False),
    Rule("vouchers: gift cards", SALE, LINES, "netamount", gift_cards=True),
    *(
        Rule("vouchers: gift cards", kind, PAYMENTS, "paid", -1, gift_cards=True)
        for kind in (SALE, DEPOSIT, INCOME_EXPENSE)
    ),
    Rule("vouchers: charges", SALE, CHARGES, "calculatedamount"),
    Rule("vouchers: sales tax", SALE, TAXES, "amount", keyed=True),
    Rule("vouchers: sales tax", SALE, CHARGES, "taxamountexclusive"),
    *(
        Rule("vouchers: tenders", kind, PAYMENTS, "paid", keyed=True, paid=True)
        for kind in (SALE, DEPOSIT, INCOME_EXPENSE)
    ),
    Rule("vouchers: income and expense", INCOME_EXPENSE, INCOME_EXPENSES, "amount"),
    # What was not paid was put on account, or is rounding, which a company may leave in the balance; a deposit is owed
    # to the customer.
    Rule("vouchers: customer balance and rounding", SALE, HEADERS, "grossamount"),
    Rule("vouchers: customer balance and rounding", SALE, PAYMENTS, "paid", -1, paid=True),
    Rule("vouchers: customer balance and rounding", DEPOSIT, DEPOSITS, "amount", -1),
    Rule("customer transactions: invoice", SALE, HEADERS, "grossamount"),
    Rule("customer transactions: payment", SALE, PAYMENTS, "paid", -1, paid=True),
    Rule("customer transactions: payment", DEPOSIT, DEPOSITS, "amount", -1),
    Rule("payment journals", SALE, PAYMENTS, "paid", keyed=True, paid=True),
    *(
        Rule("statement lines", kind, PAYMENTS_IN_CURRENCY, "incurrency", keyed=True)
        for kind in (SALE, DEPOSIT, INCOME_EXPENSE)
    ),
    Rule("orders: transactions", ORDER, HEADERS, "rows"),
    Rule("orders: net", ORDER, HEADERS, "netamount"),
    Rule("orders: gross", ORDER, HEADERS, "grossamount"),
    Rule("order lines: quantity", ORDER, LINES, "qty"),
    Rule("order lines: net", ORDER, LINES, "netamount"),
    Rule("order lines: tax", ORDER, LINES, "taxamount"),
    Rule("order lines: discount", ORDER, LINES, "discamount"),
    Rule("order payments", ORDER, PAYMENTS, "paid", keyed=True),
)


def found(connection: Connection, stores: list[str], date_from: date | None, date_to: date | None) -> pa.Table:
    """What the documents of posted statements, and sales orders of channels, say: `PLACES`."""
    rows = connection.execute(DOCUMENTS, {"stores": stores, "date_from": date_from, "date_to": date_to}).mappings()
    return pa.Table.from_pylist([dict(row) for row in rows], PLACES)


def tenders(connection: Connection, stores: list[str]) -> Tenders:
    """What the tenders of `stores` do."""
    return {(row.store, row.tendertypeid): row.function for row in connection.execute(TENDERS, {"stores": stores})}


def expected(sums: pd.DataFrame, functions: Tenders, *, posted: bool = True) -> pa.Table:
    """What the documents must say (`PLACES`), from the channels' sums of posted transactions (not `posted`: what they
    would say if all of them were); voided rows do not count."""
    live = sums[sums["live"] == "1"]
    if posted:
        live = live[live["disposition"] == POSTED]
    function = pd.Series(
        [functions.get(pair, 0) for pair in zip(live["store"], live["key"], strict=True)], index=live.index, dtype=int
    )
    is_payment = function != TenderFunction.CUSTOMER_ACCOUNT
    is_gift_card = (live["key"] == GIFT_CARD).where(live["table"] == LINES.table, function == TenderFunction.GIFT_CARD)
    parts = []
    for rule in RULES:
        column = rule.source.amounts[0] if rule.column == "rows" else rule.column
        chosen = (live["kind"] == rule.kind) & (live["table"] == rule.source.table) & (live["column"] == column)
        if rule.paid:
            chosen &= is_payment
        if rule.gift_cards is not None:
            chosen &= is_gift_card == rule.gift_cards
        rows = live[chosen]
        amount = rows["rows"].astype(AMOUNT) if rule.column == "rows" else rows["amount"]
        part = pa.table(
            {
                "store": pa.array(rows["store"], pa.string()),
                "businessdate": pa.array(rows["businessdate"], pa.string()),
                "what": pa.array([rule.check] * len(rows), pa.string()),
                "key": pa.array(rows["key"] if rule.keyed else [""] * len(rows), pa.string()),
                "amount": pa.array(-amount if rule.sign < 0 else amount, PLACES.field("amount").type),
            }
        )
        parts.append(part)
    grouped = pa.concat_tables(parts).group_by(PLACE).aggregate([("amount", "sum")])
    return grouped.rename_columns({"amount_sum": "amount"}).select(PLACES.names).cast(PLACES)
